"""Messages in a notebook: a table of the first and the last few, in which nothing that was said does anything."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from turnlog import Session, Store

ATTACKS = [
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)' onclick='alert(2)",
    "<!-- <iframe src=//evil.example>",
    "&lt;script&gt; &amp;lt;",
    "\x00\x1b[31m\u202e<b>",
]


class Table(HTMLParser):
    """What a browser makes of a table: its tags, attributes and cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.comments = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in {"td", "th", "caption"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def shown(session: Session) -> Table:
    return Table(session.messages._repr_html_())


@pytest.mark.parametrize("attack", ATTACKS)
def test_content_and_senders_are_shown_as_text(store: Store, attack: str) -> None:
    session = Session(store=store)
    sender = "".join(character for character in attack if character.isprintable())
    session.default_branch.add(attack, sender=sender)
    table = shown(session)

    assert table.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert table.attributes == set()
    assert table.comments == 0
    words = attack.replace("\x00", " ").replace("\x1b", " ").replace("\u202e", " ")
    assert table.cells[-2:] == [sender, words]


def test_few_messages_are_all_shown(store: Store) -> None:
    session = Session("Be brief.", name="<b>", store=store)
    session.default_branch.add_many([str(number) for number in range(10)])
    table = shown(session)

    assert table.cells[0] == f"11 messages of session {session.id}"
    assert table.cells[1:6] == ["position", "created at", "role", "sender", "text"]
    assert table.cells[10::5] == ["Be brief.", *(str(number) for number in range(10))]
    assert (table.cells[6], table.cells[8]) == ("3", "system")


def test_of_many_messages_the_first_and_the_last_are_shown(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add_many([str(number) for number in range(2_000)])
    table = shown(session)

    assert table.cells[10:31:5] == ["0", "1", "2", "3", "4"]
    assert table.cells[31] == "… 1990 more …"
    assert table.cells[36::5] == ["1995", "1996", "1997", "1998", "1999"]


def test_a_table_is_small_whatever_was_said(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add_many(["<" * 1_000_000] * 20)
    html = session.messages._repr_html_()

    assert len(html) < 20_000
    assert Table(html).cells[10] == "<" * 199 + "…"


def test_no_messages_are_a_table_too(store: Store) -> None:
    session = Session(store=store)

    assert shown(session).cells[0] == f"0 messages of session {session.id}"
    assert len(shown(session).cells) == 6
    assert repr(session.messages) == f"<0 messages of session {session.id}>"


def test_what_was_filtered_is_shown_as_well(store: Store) -> None:
    session = Session("Be brief.", store=store)
    session.default_branch.add("a", sender="ada")
    found = session.messages.filter(sender="ada")

    assert repr(found) == f"<some messages of session {session.id}>"
    assert Table(found._repr_html_()).cells[0] == f"1 messages of session {session.id}"
