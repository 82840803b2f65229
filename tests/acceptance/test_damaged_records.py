"""A file of the record that is not as it was written: the line is named, and nothing of it is taken over."""

import re
from collections.abc import Callable
from random import Random

import pytest

from turnlog import Session, open_store
from turnlog.errors import RecordFileError, SessionExistsError


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """A record of two sessions, the second of which goes on from the first: 11 lines."""
    with open_store("memory://") as store:
        session = Session("Be terse.", session_id="a", store=store)
        session.default_branch.add_many(["one", "two"])
        session.fork_session(session_id="b", metadata={"x": 1}).default_branch.add_many(["three", "four"])
        found = store.record_of().splitlines(keepends=True)
        assert len(found) == 11
        return found


def swapped(lines: list[bytes], one: int, other: int) -> list[bytes]:
    changed = list(lines)
    changed[one], changed[other] = lines[other], lines[one]
    return changed


def edited(lines: list[bytes], line: int, old: bytes, new: bytes) -> list[bytes]:
    assert old in lines[line]
    return [*lines[:line], lines[line].replace(old, new), *lines[line + 1 :]]


DAMAGES: list[tuple[str, Callable[[list[bytes]], list[bytes]], int, str]] = [
    ("nothing", lambda lines: [], 1, "no first line"),
    ("no first line", lambda lines: lines[1:], 1, "no first line"),
    ("another format", lambda lines: edited(lines, 0, b":1}", b":2}"), 1, "of format 2: expected 1"),
    ("no last line", lambda lines: lines[:-1], 11, "its last line is missing"),
    ("half of it", lambda lines: lines[:5], 6, "its last line is missing"),
    ("half a line", lambda lines: [*lines[:4], lines[4][:40]], 5, "breaks off"),
    ("half the last line", lambda lines: [*lines[:-1], lines[-1][:-2]], 11, "no last line"),
    ("no end of the last line", lambda lines: [*lines[:-1], lines[-1][:-1]], 11, "breaks off"),
    ("more behind it", lambda lines: [*lines, lines[1]], 12, "behind the last line"),
    ("two events swapped", lambda lines: swapped(lines, 4, 5), 5, "has position 5 of session a: expected position 4"),
    ("an event left out", lambda lines: lines[:4] + lines[5:], 5, "has position 5 of session a: expected position 4"),
    ("the first left out", lambda lines: lines[:1] + lines[2:], 2, "has position 2: expected 1"),
    ("an event twice", lambda lines: [*lines[:5], *lines[4:]], 6, "expected position 5"),
    ("a word changed", lambda lines: edited(lines, 4, b'"one"', b'"two"'), 5, "digest does not fit"),
    ("a space more", lambda lines: edited(lines, 4, b'"branch":0,"content"', b'"branch":0, "content"'), 5, "digest"),
    ("a time changed", lambda lines: edited(lines, 1, b'"time":1', b'"time":0'), 2, "is no event"),
    ("a name changed", lambda lines: edited(lines, 1, b"session.started", b"session.begun"), 2, "digest"),
    ("a digest changed", lambda lines: edited(lines, 4, b'"digest":"', b'"digest":"zz'), 5, "is no event"),
    ("an actor added", lambda lines: edited(lines, 4, b'"name"', b'"actor":"eve","name"'), 5, "digest"),
    ("a field too many", lambda lines: edited(lines, 4, b'"name"', b'"nothing":1,"name"'), 5, "is no event"),
    ("no JSON", lambda lines: [*lines[:4], b"nonsense\n", *lines[5:]], 5, "is no event"),
    ("too deep", lambda lines: [*lines[:4], b'{"session":' + b"[" * 5000 + b"\n", *lines[5:]], 5, "is no event"),
    ("no UTF-8", lambda lines: [*lines[:4], b'{"session":"\xff"}\n', *lines[5:]], 5, "is no event"),
    (
        "a session in two parts",
        lambda lines: [*lines[:6], *lines[7:9], lines[6], *lines[9:]],
        9,
        "whose events ended before",
    ),
    (
        "the fork in front",
        lambda lines: [lines[0], *lines[7:10], *lines[1:7], lines[10]],
        2,
        "which is neither in front of it nor in the store",
    ),
    ("fewer said", lambda lines: edited(lines, 10, b'"events":6', b'"events":5'), 11, "other sessions or events"),
]


@pytest.mark.parametrize(
    ("damage", "line", "reason"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES]
)
def test_damage_is_named_by_its_line_and_nothing_is_taken_over(
    lines: list[bytes], damage: Callable[[list[bytes]], list[bytes]], line: int, reason: str
) -> None:
    with open_store("memory://") as store:
        with pytest.raises(RecordFileError) as refused:
            store.import_record(b"".join(damage(lines)))

        assert re.search(reason, refused.value.reason), refused.value
        assert refused.value.line == line
        assert list(store.sessions()) == []


def test_a_fork_is_refused_without_the_session_it_goes_on_from(lines: list[bytes]) -> None:
    footer = b'{"turnlog":"end","events":3,"sessions":[' + lines[10].partition(b"},{")[2].join([b"{", b""])
    alone = [lines[0], *lines[7:10], footer]
    with open_store("memory://") as store:
        with pytest.raises(RecordFileError, match="session b goes on from a at 5, which is neither in front of it nor"):
            store.import_record(b"".join(alone))
        Session(session_id="a", store=store).default_branch.add_many(["1", "2", "3", "4"])
        with pytest.raises(RecordFileError, match="and that is not what it was"):
            store.import_record(b"".join(alone))
    with open_store("memory://") as store:
        opening_of_a = lines[10].partition(b"},{")[0].replace(b'"events":9', b'"events":6') + b"}]}\n"
        store.import_record(b"".join([*lines[:7], opening_of_a]))
        assert store.import_record(b"".join(alone)).sessions == ("b",)


ERASED = b'"payload":{"branch":0,"content":{"type":"instruction"}},'


@pytest.mark.parametrize(
    "left",
    [
        b'{"branch":0,"content":{"type":"Goodbye, all!"}}',
        b'{"branch":1,"content":{"type":"instruction"}}',
        b'{"branch":0,"content":{"type":"instruction","instruction":"Goodbye"}}',
        b'{"branch":0,"content":{"type":"\xff"}}',
        b'{"branch":0,"content":{"type":7}}',
        b'{"branch":0,"content":["type"]}',
        b"[]",
        b'"\xff"',
    ],
)
def test_of_words_that_were_taken_out_nothing_else_is_left(left: bytes) -> None:
    with open_store("memory://") as store:
        session = Session(session_id="s", store=store)
        session.redact(session.default_branch.add("hello"))
        record = session.record()
    assert ERASED in record

    with open_store("memory://") as store, pytest.raises(RecordFileError) as refused:
        store.import_record(record.replace(ERASED, b'"payload":' + left + b","))
    assert refused.value.line == 4


def test_a_file_that_was_changed_anywhere_is_refused_by_name(lines: list[bytes]) -> None:
    record, chance = b"".join(lines), Random(11)
    for _ in range(500):
        place, changed = chance.randrange(len(record)), bytearray(record)
        others = bytes(chance.choices(b'0aZ"{}[],:\\ \n\xff', k=chance.randrange(3)))
        changed[place : place + chance.randrange(3)] = others
        with open_store("memory://") as store:
            try:
                store.import_record(bytes(changed))
            except (RecordFileError, SessionExistsError):
                assert list(store.sessions()) == []
            else:
                assert store.record_of() == record
