"""A projection in memory: its tables, its rows, and what is refused."""

from collections.abc import Sequence

import pytest

from turnlog.domain.content import InstructionContent
from turnlog.domain.errors import InvalidValueError
from turnlog.domain.events import MessageAppended, SessionStarted
from turnlog.domain.recorded_event import RecordedEvent
from turnlog.projections.projection import Projection, fold, validate_projection
from turnlog.projections.rows import MemoryRows, Rows
from turnlog.projections.table_schema import BOOLEAN, INTEGER, JSON, REAL, TEXT, Table, TableCodec
from turnlog.testing import given, history

NOTES = Table(
    "notes",
    {"session": TEXT, "number": INTEGER, "text": TEXT, "weight": REAL, "good": BOOLEAN, "more": JSON},
    key=("session", "number"),
)
COUNTS = Table("counts", {"session": TEXT, "messages": INTEGER}, key=("session",))


class Counts(Projection):
    name = "counts"
    names = ("message.appended",)
    tables: Sequence[Table] = (COUNTS,)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows[COUNTS].add(event.session, messages=1)


def rows() -> Rows:
    return Rows([TableCodec(NOTES), TableCodec(COUNTS)], MemoryRows())


def said(text: str = "hi") -> MessageAppended:
    return MessageAppended(1, InstructionContent(text))


def test_a_projection_sees_only_the_events_it_reads() -> None:
    given(Counts(), SessionStarted(), said(), said()).then(COUNTS, {"session": "s", "messages": 2})


def test_events_of_several_sessions_make_rows_of_each_in_the_order_of_their_keys() -> None:
    events = history(said(), said(), session="b")
    events = history(said(), session="a", after=events)

    given(Counts(), *events).then(COUNTS, {"session": "a", "messages": 1}, {"session": "b", "messages": 2})


def test_other_rows_than_the_expected_ones_are_shown() -> None:
    with pytest.raises(AssertionError, match="'messages': 1"):
        given(Counts(), said()).then(COUNTS, {"session": "s", "messages": 2})
    with pytest.raises(AssertionError, match="and not\n  none"):
        given(Counts(), said()).then(COUNTS)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_the_cut_into_batches_does_not_matter(batch: int) -> None:
    folded = fold(Counts(), history(*[said() for _ in range(7)]), batch)

    assert folded[COUNTS].under() == [{"session": "s", "messages": 7}]


def test_a_row_is_what_was_put() -> None:
    there = rows()
    row = {"session": "s", "number": 1, "text": "ä", "weight": 1.5, "good": False, "more": {"a": [1, None, "b"]}}
    there[NOTES].put(row)

    assert there[NOTES].find("s", 1) == row
    assert there["notes"].find("s", 2) is None


def test_columns_that_are_not_named_are_none() -> None:
    there = rows()
    there[NOTES].put({"session": "s", "number": 1, "text": "a"})
    there[NOTES].put({"session": "s", "number": 1, "weight": 2})

    assert there[NOTES].find("s", 1) == {
        "session": "s",
        "number": 1,
        "text": None,
        "weight": 2.0,
        "good": None,
        "more": None,
    }


def test_a_found_row_is_a_copy() -> None:
    there = rows()
    given_list = [1]
    there[NOTES].put({"session": "s", "number": 1, "more": given_list})
    given_list.append(2)
    found = there[NOTES].find("s", 1)
    assert found is not None
    found["more"].append(3)
    found["text"] = "changed"

    assert there[NOTES].find("s", 1) == {**found, "text": None, "more": [1]}


def test_amounts_add_up_from_nothing_and_onto_what_is_there() -> None:
    there = rows()
    there[NOTES].add("s", 1, weight=0.1)
    there[NOTES].add("s", 1, weight=0.2)
    there[NOTES].put({"session": "s", "number": 2, "weight": 1})
    there[NOTES].add("s", 2, weight=2)
    there[NOTES].delete("s", 1)
    there[NOTES].add("s", 1, weight=5)

    assert [row["weight"] for row in there[NOTES].under("s")] == [5.0, 3.0]


def test_a_deleted_row_is_gone_before_and_after_the_batch() -> None:
    kept = MemoryRows()
    there = Rows([TableCodec(COUNTS)], kept)
    there[COUNTS].put({"session": "a"})
    there[COUNTS].put({"session": "b"})
    kept.write(there.take_changes())
    there[COUNTS].delete("a")
    there[COUNTS].delete("c")

    assert there[COUNTS].find("a") is None
    assert [row["session"] for row in there[COUNTS]] == ["b"]
    kept.write(there.take_changes())
    assert [row["session"] for row in Rows([TableCodec(COUNTS)], kept)[COUNTS]] == ["b"]


def test_rows_are_found_by_the_beginning_of_their_key() -> None:
    there = rows()
    for session, number in [("b", 2), ("a", 10), ("b", 1), ("a", 9)]:
        there[NOTES].put({"session": session, "number": number})

    assert [row["number"] for row in there[NOTES].under("a")] == [9, 10]
    assert [row["number"] for row in there[NOTES].under("b", 2)] == [2]
    assert [row["number"] for row in there[NOTES].under()] == [9, 10, 1, 2]


def test_what_is_forgotten_was_never_written() -> None:
    there = rows()
    there[COUNTS].put({"session": "a"})
    there[COUNTS].add("b", messages=1)
    there.forget()

    assert there[COUNTS].under() == []
    assert there.take_changes() == []


def test_a_nul_character_is_replaced_everywhere() -> None:
    there = rows()
    there[COUNTS].put({"session": "a\0b"})

    assert there[COUNTS].find("a\0b") == {"session": "a\ufffdb", "messages": None}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"session": "s", "number": 1, "colour": "red"}, "has no column colour"),
        ({"session": "s"}, "expected none of it None"),
        ({"session": 1, "number": 1}, "got a int: expected text"),
        ({"session": "s", "number": True}, "expected a whole number"),
        ({"session": "s", "number": 2**63}, "expected a whole number of at most 64 bits"),
        ({"session": "s", "number": 1, "weight": float("nan")}, "expected a finite number"),
        ({"session": "s", "number": 1, "good": 1}, "expected True or False"),
        ({"session": "s", "number": 1, "more": object()}, "column 'more'"),
        ({"session": "\ud800", "number": 1}, "lone surrogate"),
    ],
)
def test_a_row_that_no_database_could_keep_is_refused(row: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        rows()[NOTES].put(row)


def test_a_key_that_no_row_can_have_is_refused() -> None:
    for key in [("s",), ("s", 1, 2), ("s", None), ("s", "1")]:
        with pytest.raises(InvalidValueError):
            rows()[NOTES].find(*key)
    with pytest.raises(InvalidValueError, match="expected a column of numbers"):
        rows()[NOTES].add("s", 1, text=1)
    with pytest.raises(InvalidValueError, match="expected notes, counts"):
        rows()["other"]


@pytest.mark.parametrize(
    ("name", "columns", "key", "more"),
    [
        ("Notes", {"a": TEXT}, ("a",), {}),
        ("no__tes", {"a": TEXT}, ("a",), {}),
        ("n" * 17, {"a": TEXT}, ("a",), {}),
        ("notes", {"a b": TEXT}, ("a b",), {}),
        ("notes", {"a": TEXT}, (), {}),
        ("notes", {"a": TEXT}, ("b",), {}),
        ("notes", {"a": JSON}, ("a",), {}),
        ("notes", {"a": TEXT}, ("a",), {"indexes": (("b",),)}),
        ("notes", {"a": INTEGER}, ("a",), {"search": ("a",)}),
    ],
)
def test_a_table_that_no_database_could_have_is_refused(
    name: str, columns: dict[str, object], key: tuple[str, ...], more: dict[str, object]
) -> None:
    with pytest.raises(InvalidValueError):
        Table(name, columns, key, **more)  # type: ignore[arg-type]  # wrong on purpose


def test_a_projection_that_cannot_be_run_is_refused() -> None:
    class Nameless(Counts):
        name = ""

    class Early(Counts):
        version = 0

    class Deaf(Counts):
        names = ("message.whispered",)

    class Double(Counts):
        tables = (COUNTS, COUNTS)

    for projection in (Nameless(), Early(), Deaf(), Double()):
        with pytest.raises(InvalidValueError):
            validate_projection(projection)
    assert validate_projection(Counts()).reacts is False
