"""What a payload and a column may hold: kept exactly, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from turnlog import Session, open_store
from turnlog.domain.recorded_event import Provenance
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.postgres import recorder as module
from turnlog.infrastructure.postgres.recorder import PostgresRecorder
from turnlog.infrastructure.stored_event import AppendRequest, AppendResult, EncodedEvent

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def shelf(postgres_server: Any, postgres_template: str) -> Iterator[PostgresRecorder]:
    """A recorder that tests share, each with a session of its own."""
    name = postgres_server.new_database(postgres_template)
    recorder = PostgresRecorder(postgres_server.address(name))
    yield recorder
    recorder.close()
    postgres_server.drop_database(name)


def raw(payload: bytes, session: str = "s", **more: Any) -> AppendRequest:
    return AppendRequest(session, [EncodedEvent("library.event", None, payload, None)], **more)


@pytest.mark.parametrize("tcp", [False, True], ids=["socket", "tcp"])
@pytest.mark.parametrize("size", [5 * MEGABYTE, 20 * MEGABYTE])
def test_a_large_message_passes(place: Any, size: int, tcp: bool) -> None:
    words = 'a\u00e9"\\\n\U0001f600' * (size // 8)
    with open_store(place.address(tcp=tcp)) as store:
        session = Session(store=store)
        session.default_branch.add(words)

    with open_store(place.address(tcp=tcp)) as store:
        (message,) = Session.open(session.id, store=store).messages
        assert message.text == words
        assert store.verify().ok


@pytest.mark.parametrize("tcp", [False, True], ids=["socket", "tcp"])
def test_a_large_batch_passes(place: Any, tcp: bool) -> None:
    """Each of a size that fits the socket's buffer, all together far beyond it."""
    with open_store(place.address(tcp=tcp)) as store:
        session = Session(store=store)
        session.default_branch.add_many([f"{number} {'x' * 20_000}" for number in range(1000)])

        assert [message.text.split()[0] for message in session.messages] == [str(number) for number in range(1000)]
        assert store.verify().ok


def test_a_group_larger_than_one_call_takes_goes_in_several(
    shelf: PostgresRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    session, other = str(uuid4()), str(uuid4())
    group = [raw(bytes([65 + n]) * 400 * (n + 1), other if n == 2 else session, command_id=str(n)) for n in range(6)]
    group[3] = raw(b"{}", session, provenance=Provenance(actor="a\0b"))

    answers = shelf.append(group)
    assert [type(answer) for answer in answers] == [AppendResult] * 3 + [InvalidValueError] + [AppendResult] * 2
    assert [len(row.payload or b"") for row in shelf.read(session)] == [400, 800, 2000, 2400]
    assert [len(row.payload or b"") for row in shelf.read(other)] == [1200]
    assert len(shelf.append_together(group[:3])) == 3


@pytest.mark.parametrize(
    "payload",
    [
        b'{"text":"\\u0000"}',
        b'{"text":"\\ud800"}',
        b'{"text":"\\uD83D\\uDE00 \xf0\x9f\x98\x80 \xef\xbf\xbf"}',
        b'{"n":' + b"9" * 100_000 + b"}",
        b'{"b":1,"a":1.0,"b":1e400, "a" : 2}',
        b"[" * 10_000 + b"]" * 10_000,
        b'"\\x41 \\\\x41 {1,NULL} \'; DROP TABLE"',
        b"",
        b" ",
        b"NULL",
        b"{}",
        b"no json",
        b"\x00",
        b"text with \x00 in it",
        b"\xff\xfe not UTF-8 \xc3\x28",
        b"\xed\xa0\x80",
        bytes(range(256)),
    ],
)
def test_a_payload_is_kept_byte_for_byte(shelf: PostgresRecorder, payload: bytes) -> None:
    session = str(uuid4())
    (answer,) = shelf.append([raw(payload, session)])

    assert isinstance(answer, AppendResult)
    assert [row.payload for row in shelf.read(session)] == [payload]
    assert [row.payload for row in shelf.read_all(after=answer.global_position - 1, limit=9)] == [payload]


def test_what_is_text_is_kept_as_text_and_the_rest_as_bytes(recorder: PostgresRecorder, place: Any) -> None:
    recorder.append([raw(b'{"a":"\xc3\xa9"}'), raw(b"\xff")])

    kept = place.ask("SELECT payload, payload_bytes FROM turnlog_events ORDER BY global_position")
    assert kept == [('{"a":"é"}', None), (None, b"\xff")]


@pytest.mark.parametrize(
    "append",
    [
        raw(b"{}", "a\0b"),
        raw(b"{}", provenance=Provenance(actor="a\0b")),
        raw(b"{}", provenance=Provenance(correlation_id="a\0b")),
        raw(b"{}", command_id="a\0b"),
    ],
    ids=["session", "actor", "correlation", "command"],
)
def test_a_column_with_a_nul_character_is_refused_and_its_neighbours_are_not(
    shelf: PostgresRecorder, append: AppendRequest
) -> None:
    session = str(uuid4())
    answers = shelf.append([raw(b"1", session), append, raw(b"2", session)])

    assert [type(answer) for answer in answers] == [AppendResult, InvalidValueError, AppendResult]
    assert str(answers[1]) == "'a\\x00b' holds a NUL character: expected text that PostgreSQL can keep"
    with pytest.raises(InvalidValueError, match="NUL character"):
        shelf.append_together([raw(b"3", session), append])
    assert [row.payload for row in shelf.read(session)] == [b"1", b"2"]
    assert shelf.find_entry("s") is None


@pytest.mark.parametrize("session", ["a\0b", "\ud800", ""])
def test_a_session_that_cannot_be_is_not_found(shelf: PostgresRecorder, session: str) -> None:
    assert shelf.find_entry(session) is None
    assert shelf.find_command(session, "c") is None
    assert list(shelf.read(session)) == []
    assert list(shelf.read_messages(session, 0, 1, 9)) == []
    assert list(shelf.read_structure(session, until=9)) == []
    assert shelf.read_written(session, until=9) == {}


@pytest.mark.parametrize("text", ["é", "\U0001f600", "a'b\"c\\d", "{a,b}", "NULL", "%s", "\x7f\u2028", "x" * 255])
def test_columns_are_kept_exactly(shelf: PostgresRecorder, text: str) -> None:
    shelf.append([raw(b"{}", text, provenance=Provenance(text, text, 7), command_id=text)])

    (row,) = shelf.read(text)
    assert (row.session, row.actor, row.correlation, row.cause, row.command_id) == (text, text, text, 7, text)
    assert shelf.find_command(text, text) is not None
