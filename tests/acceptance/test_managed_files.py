"""Sessions to files and back, in the forms that others read and write."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, SessionManager
from turnlog.errors import InvalidContentError, InvalidValueError, KeyTakenError, RecordFileError

HOSTILE = '<script>alert(1)</script> [x](javascript:alert(2)) & "quotes" \'</pre>'


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[SessionManager]:
    with SessionManager({"session": {"storage_path": tmp_path / "sessions"}}) as manager:
        yield manager


@pytest.fixture
def other() -> Iterator[SessionManager]:
    with SessionManager({"session": {"backend": "memory"}}) as manager:
        yield manager


@pytest.fixture
def talk(manager: SessionManager) -> Session:
    session = manager.create_session("talk", system="Be brief.", metadata={"topic": "ä"})
    session.add({"role": "user", "content": "What is 6 x 7?", "n": 1})
    session.add({"function": "multiply", "arguments": {"a": 6, "b": 7}, "request_id": "c1"})
    session.add({"function": "look", "arguments": {}, "request_id": "c2"})
    session.add({"result": 42, "request_id": "c1"})
    session.add({"result": "nothing", "request_id": "c2"})
    session.add({"assistant_response": "42"})
    return session


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_exact_record_goes_into_another_kind_of_store_and_comes_out_the_same(
    manager: SessionManager, other: SessionManager, talk: Session, tmp_path: Path
) -> None:
    branch = manager.create_session("branch", branch_from="talk")
    branch.add("user", "more")
    path = manager.export_sessions(tmp_path / "all.jsonl")
    taken = other.import_sessions(path)

    assert {session.name for session in taken} == {"talk", "branch"}
    assert other.export_sessions(tmp_path / "again.jsonl", overwrite=True).read_bytes() == path.read_bytes()
    assert other.get("branch").get_messages() == branch.get_messages()
    assert {session.id for session in other.import_sessions(path)} == {session.id for session in taken}
    assert other.export_sessions(tmp_path / "again.jsonl", overwrite=True).read_bytes() == path.read_bytes()
    one = other.export_sessions(tmp_path / "one.jsonl", "branch")
    assert one.read_bytes() == manager.export_sessions(tmp_path / "two.jsonl", branch).read_bytes()

    path.write_bytes(path.read_bytes().replace(b"more", b"less"))
    with SessionManager({"session": {"backend": "memory"}}) as empty:
        with pytest.raises(RecordFileError):
            empty.import_sessions(path)
        assert empty.list_sessions() == []


def test_a_json_document_has_the_messages_as_dicts_and_is_read_back(
    manager: SessionManager, other: SessionManager, talk: Session, tmp_path: Path
) -> None:
    path = manager.export_sessions(tmp_path / "talk.json", "talk")
    document = json.loads(path.read_text("utf-8"))
    assert list(document) == ["id", "key", "name", "user", "status", "messages", "metadata", "created_at", "updated_at"]
    assert document["messages"][:2] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 6 x 7?", "n": 1},
    ]
    assert document["messages"] == talk.get_messages()

    (imported,) = other.import_sessions(path)
    assert imported.get_messages() == talk.get_messages()
    assert [message.role for message in imported.messages] == [message.role for message in talk.messages]
    assert imported.metadata["topic"] == "ä"
    assert imported.metadata["imported"] == {key: document[key] for key in ("created_at", "updated_at")}
    assert other.get("talk") == imported
    assert {message.origin for message in imported.messages[1:]} == {"loaded"}


def test_a_name_that_is_taken_is_refused_or_its_messages_are_replaced_on_the_record(
    manager: SessionManager, talk: Session, tmp_path: Path
) -> None:
    manager.create_session("second")
    path = manager.export_sessions(tmp_path / "both.json")
    documents = json.loads(path.read_text("utf-8"))
    documents[0]["name"] = "new"
    path.write_text(json.dumps(documents), "utf-8")
    position = talk.position
    with pytest.raises(KeyTakenError):
        manager.import_sessions(path)
    assert len(manager.list_sessions()) == 2

    path.write_text(json.dumps([{"role": "user", "content": "only this"}]), "utf-8")
    with pytest.raises(KeyTakenError):
        manager.import_sessions(path, name="talk")
    manager.import_sessions(path, name="talk", replace=True)
    assert talk.get_messages() == [{"role": "user", "content": "only this"}]
    assert len(talk.at(position).messages) == 7


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("nonsense", "is no JSON"),
        ("# Hello", "export the session as `record` or `json`"),
        ('{"hello": 1}', "has no messages: expected a list of dicts under 'messages'"),
        ("[" * 100_000, "nested too deep"),
        ('{"messages": [{"role": "user", "content": "one", "content": "two"}]}', "the key 'content' twice"),
        ('{"messages": [], "messages": []}', "the key 'messages' twice"),
        ('[{"id": "c", "mapping": {"a": {"id": "a", "id": "b"}}}]', "the key 'id' twice"),
        ('{"messages": [], "metadata": {"a": 1e400}}', "out of range"),
        ('[{"name": "a", "messages": []}, {"name": "a", "messages": []}]', "taken by another session of the file"),
        ("7", "has no messages"),
        ('{"name": "x"}', "has no messages"),
        ('{"messages": {}}', "has no messages"),
        ('[{"messages": [{"role": "user", "content": "x"}]}, {"messages": [7]}]', "a int"),
        ('{"messages": [], "metadata": []}', "are a list: expected a dict"),
        ('[{"messages": []}, 7]', "session 1 of the file"),
        ('[{"role": "nobody", "content": "x"}]', "the role 'nobody' is unknown"),
        ('{"messages": ["x", 7]}', "a int is no message|a int"),
        ('[{"mapping": 7}]', "conversation 0 has no mapping"),
    ],
)
def test_what_is_no_document_is_refused_and_nothing_is_taken_over(
    other: SessionManager, tmp_path: Path, text: str, refusal: str
) -> None:
    (tmp_path / "file.json").write_text(text, "utf-8")
    with pytest.raises((InvalidValueError, InvalidContentError, KeyTakenError), match=refusal):
        other.import_sessions(tmp_path / "file.json")
    assert other.list_sessions() == []


def test_a_file_that_is_not_there_or_cannot_be_written_is_refused(manager: SessionManager, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="cannot be read"):
        manager.import_sessions(tmp_path / "nowhere.json")
    with pytest.raises(InvalidValueError, match="cannot be written"):
        manager.export_sessions(tmp_path / "nowhere" / "all.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InvalidValueError, match="cannot be written"):
        manager.export_sessions(tmp_path / "folder.jsonl")
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(InvalidValueError, match="not told by the file"):
        manager.export_sessions(tmp_path / "all.txt")


def test_markdown_is_a_transcript_in_which_what_was_said_stays_text(manager: SessionManager, tmp_path: Path) -> None:
    session = manager.create_session("a # name")
    session.add("user", "# no heading")
    session.add("assistant", "plain\n\n```\ncode\n```\nand <b>more</b>")
    session.default_branch.add("hello", sender="ada")
    text = manager.export_sessions(tmp_path / "talk.md", session).read_text("utf-8")

    assert text.startswith("# a # name\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        f"## {who}{message.created_at.isoformat()})"
        for who, message in zip(("User (", "Assistant (", "User (ada, "), session.messages, strict=True)
        if message.created_at is not None
    ]
    assert "\n```\n# no heading\n```\n" in text
    assert "\n````\nplain\n\n```\ncode\n```\nand <b>more</b>\n````\n" in text


def test_names_in_headings_of_markdown_stay_text(manager: SessionManager, tmp_path: Path) -> None:
    session = manager.create_session("<img src=x onerror=alert(1)> [x](javascript:alert(2))")
    session.default_branch.add("hello", sender="<script>alert(1)</script>")
    headings = [
        line
        for line in manager.export_sessions(tmp_path / "talk.md", session).read_text("utf-8").splitlines()
        if line.startswith("#")
    ]

    assert headings[0] == r"# \<img src=x onerror=alert(1)> \[x\](javascript:alert(2))"
    assert headings[1].startswith(r"## User (\<script>alert(1)\</script>, ")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_page_that_runs_nothing(manager: SessionManager, tmp_path: Path) -> None:
    session = manager.create_session(HOSTILE[:60])
    session.default_branch.add(HOSTILE, sender='"><img onerror=x>')
    page = _Page()
    page.feed(manager.export_sessions(tmp_path / "talk.html", session).read_text("utf-8"))

    assert set(page.tags) == {
        *("html", "head", "meta", "title", "style", "body"),
        *("h1", "p", "article", "header", "pre"),
    }
    assert page.attributes == {"lang", "charset", "http-equiv", "content", "class"}
    assert HOSTILE in page.text
    assert '"><img onerror=x>' in page.text
    manager.create_session("another")
    with pytest.raises(InvalidValueError, match="holds one session"):
        manager.export_sessions(tmp_path / "both.html")


def test_lines_to_train_a_model_with(manager: SessionManager, talk: Session, tmp_path: Path) -> None:
    manager.create_session("short").add("user", "hi")
    one, other = lines(manager.export_sessions(tmp_path / "openai.jsonl", form="openai"))
    call = {"type": "function", "function": {"name": "multiply", "arguments": '{"a":6,"b":7}'}, "id": "c1"}
    look = {"type": "function", "function": {"name": "look", "arguments": "{}"}, "id": "c2"}
    assert one == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 6 x 7?"},
            {"role": "assistant", "tool_calls": [call, look]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
            {"role": "tool", "tool_call_id": "c2", "content": "nothing"},
            {"role": "assistant", "content": "42"},
        ]
    }
    assert other == {"messages": [{"role": "user", "content": "hi"}]}

    assert one["messages"] == talk.to_chat("openai")
    first, _ = lines(manager.export_sessions(tmp_path / "sharegpt.jsonl", form="sharegpt"))
    assert first["id"] == talk.id
    assert [turn["from"] for turn in first["conversations"]] == ["system", "human", "gpt", "gpt", "tool", "tool", "gpt"]
    assert first["conversations"][1]["value"] == "What is 6 x 7?"


def test_a_line_to_train_a_model_with_names_the_tools_that_were_offered(
    manager: SessionManager, tmp_path: Path
) -> None:
    session = manager.create_session("tools")
    old, new, look = (
        {"type": "function", "function": {"name": name, "description": text, "parameters": {"type": "object"}}}
        for name, text in (("add", "old"), ("add", "new"), ("look", ""))
    )
    session.add({"instruction": "1 + 1?", "tool_schemas": [old, look]})
    session.add({"function": "add", "arguments": {"a": 1, "b": 1}, "request_id": "c1"})
    session.add({"error": "no such number", "request_id": "c1"})
    session.add({"instruction": "Again?", "tool_schemas": [new]})
    session.add({"assistant_response": "2"})
    (line,) = lines(manager.export_sessions(tmp_path / "openai.jsonl", form="openai"))

    assert line == {"messages": session.to_chat("openai"), "tools": [new, look]}
    assert line["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "Error: no such number"}


# ChatGPT


def node(
    id: str, parent: str | None, children: list[str], role: str = "", text: str = "", **more: Any
) -> dict[str, Any]:
    content = more.pop("content", {"content_type": "text", "parts": [text]})
    message = {"id": id, "author": {"role": role}, "create_time": 1700000000.5, "content": content, **more}
    return {"id": id, "parent": parent, "children": children, "message": message if role else None}


CONVERSATION: dict[str, Any] = {
    "title": "Trip\nto Rome",
    "conversation_id": "c-1",
    "create_time": 1700000000.25,
    "current_node": "a3",
    "mapping": {
        "root": node("root", None, ["sys"]),
        "sys": node("sys", "root", ["u1"], "system"),
        "u1": node("u1", "sys", ["a1", "a2"], "user", "Where to?"),
        "a1": node("a1", "u1", ["u2", "u3"], "assistant", "Rome.", metadata={"model_slug": "gpt-4"}),
        "u2": node("u2", "a1", [], "user", "How long?"),
        "u3": node("u3", "a1", ["a3", "a4"], "user", "When?"),
        "a3": node("a3", "u3", [], "assistant", "In May."),
        "a4": node("a4", "u3", ["t1"], "assistant", "In June."),
        "t1": node("t1", "a4", [], "tool", content={"content_type": "execution_output", "text": "ok"}),
        "a2": node(
            "a2",
            "u1",
            [],
            "assistant",
            content={"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "Paris."]},
        ),
    },
}


def test_the_conversations_of_chatgpt_come_with_their_branches(other: SessionManager, tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    second = {**CONVERSATION, "conversation_id": "c-2", "title": None, "current_node": None}
    path.write_text(json.dumps([CONVERSATION, second]), "utf-8")
    session, no_title = other.import_sessions(path)

    assert (session.name, no_title.name) == ("Trip to Rome", None)
    assert session.metadata["conversation"] == "c-1"
    assert {
        branch.messages[-1]["node"]: [message.text for message in branch.messages] for branch in session.branches
    } == {
        "a3": ["Where to?", "Rome.", "When?", "In May."],
        "t1": ["Where to?", "Rome.", "When?", "In June.", "ok"],
        "u2": ["Where to?", "Rome.", "How long?"],
        "a2": ["Where to?", "[image_asset_pointer]\nParis."],
    }
    assert [message.text for message in session.messages] == ["Where to?", "Rome.", "When?", "In May."]
    assert session.messages[1]["model"] == "gpt-4"
    assert session.message_count == 8
    assert [message.role for message in session.messages] == ["user", "assistant", "user", "assistant"]
    assert other.store.verify().ok

    before = other.store.record_of()
    assert {each.id for each in other.import_sessions(path)} == {session.id, no_title.id}
    assert other.store.record_of() == before


def test_a_long_conversation_of_chatgpt_is_no_deep_one(other: SessionManager, tmp_path: Path) -> None:
    ids = [f"n{number}" for number in range(5000)]
    behind = dict(pairwise(ids))
    before = {child: parent for parent, child in behind.items()}
    mapping = {id: node(id, before.get(id), [behind[id]] if id in behind else [], "user", "hi") for id in ids}
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([{"id": "long", "mapping": mapping, "current_node": "n4999"}]), "utf-8")

    (session,) = other.import_sessions(path)
    assert session.message_count == 5000
    assert len(session.branches) == 1


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"conversation_id": None}, "conversation 0 has no id"),
        ({"mapping": {"a": node("a", None, ["b"])}}, "names node 'b', which is not there"),
        ({"mapping": {"a": node("a", "b", ["b"]), "b": node("b", "a", ["a"])}}, "has nodes that no root leads to"),
        ({"mapping": {"a": node("a", None, ["b", "b"]), "b": node("b", "a", [])}}, "has node 'b' twice"),
        ({"mapping": {"a": 7}}, "names node 'a'"),
    ],
)
def test_what_is_no_tree_is_refused(
    other: SessionManager, tmp_path: Path, change: dict[str, Any], refusal: str
) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([{**CONVERSATION, **change}, CONVERSATION]), "utf-8")
    with pytest.raises(InvalidValueError, match=refusal):
        other.import_sessions(path)
    assert other.list_sessions() == []
