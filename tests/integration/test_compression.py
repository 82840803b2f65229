"""What is said can be kept compressed: the record stays the same, and whoever reads it needs not ask for that."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from turnlog import Session, open_store
from turnlog.domain.codec import remove_salt
from turnlog.domain.events import MessageRedacted
from turnlog.errors import MissingExtraError, UnreadableEventError
from turnlog.infrastructure import payload_compression
from turnlog.infrastructure.payload_compression import MAX_SIZE, compress_payload, decompress_payload
from turnlog.infrastructure.redis.address import parse_address
from turnlog.infrastructure.redis.recorder import RedisRecorder
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder
from turnlog.infrastructure.store import Store
from turnlog.infrastructure.stored_event import AppendRequest, encode_events

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = "Explain event sourcing to me, and why it keeps every change as one immutable event. " * 20


class Kept:
    """One place on each kind of store that compresses, opened again and again."""

    def __init__(self, kind: str, folder: Path, server: Any) -> None:
        self.kind, self._folder, self._server = kind, folder, server
        self._open: list[Store] = []

    def store(self, *, compress: bool) -> Store:
        recorder = (
            SQLiteRecorder(self._folder / "turnlog.db", "normal", compress=compress)
            if self.kind == "sqlite"
            else RedisRecorder(parse_address(self._server.address(prefix=self._folder.name)), compress=compress)
        )
        self._open.append(Store(recorder))
        return self._open[-1]

    def stored(self, session: str) -> dict[int, tuple[str | None, bytes]]:
        """The mark and the bytes of each payload, by position."""
        if self.kind == "sqlite":
            query = """
                SELECT position, encoding, CAST(payload AS BLOB) FROM events
                WHERE session = (SELECT number FROM catalogue WHERE session = ?)
            """
            with closing(sqlite3.connect(self._folder / "turnlog.db")) as connection:
                return {row[0]: row[1:] for row in connection.execute(query, (session,))}
        with self._server.client() as client:
            payloads = client.hgetall(f"{{{self._folder.name}}}:payloads:{session}")
            columns = client.hgetall(f"{{{self._folder.name}}}:events:{session}")
        marked = {place for place, found in columns.items() if b',"zstd1",' in found}
        return {int(place): ("zstd1" if place in marked else None, payload) for place, payload in payloads.items()}

    def plant(self, session: str, position: int, payload: bytes) -> None:
        """Puts other bytes under the mark of a payload."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self._folder / "turnlog.db")) as connection, connection:
                trigger = "SELECT sql FROM sqlite_schema WHERE name = 'events_are_not_changed'"
                ((kept,),) = connection.execute(trigger).fetchall()
                connection.execute("DROP TRIGGER events_are_not_changed")
                which = "session = (SELECT number FROM catalogue WHERE session = ?) AND position = ?"
                connection.execute(f"UPDATE events SET payload = ? WHERE {which}", (payload, session, position))
                connection.execute(kept)
            return
        with self._server.client() as client:
            client.hset(f"{{{self._folder.name}}}:payloads:{session}", str(position), cast("Any", payload))

    def close(self) -> None:
        for store in self._open:
            store.close()


@pytest.fixture(params=["sqlite", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None
    place = Kept(request.param, tmp_path, server)
    yield place
    place.close()


def talk(store: Store) -> Session:
    session = Session("You are terse.", session_id="s", store=store)
    session.add("user", TEXT)
    session.add("assistant", "Yes.")
    session.add("assistant", TEXT, command_id="c")
    return session


def test_long_words_are_compressed_and_all_else_stays_text(kept: Kept) -> None:
    session = talk(kept.store(compress=True))
    session.set_state("notes", TEXT)
    stored = kept.stored("s")

    assert {position: mark for position, (mark, _) in stored.items() if mark} == {4: "zstd1", 6: "zstd1"}
    assert stored[5][0] is None
    assert (
        remove_salt(stored[5][1]) == b'{"branch":0,"content":{"type":"assistant_response","assistant_response":"Yes."}}'
    )
    assert len(stored[4][1]) < len(TEXT) // 5


def test_whoever_reads_needs_not_ask_for_it(kept: Kept) -> None:
    talk(kept.store(compress=True))
    store = kept.store(compress=False)
    session = Session.open("s", store=store)

    assert [message.text for message in session.messages][1:] == [TEXT, "Yes.", TEXT]
    assert [message.text for message in session.default_branch.messages.last(1)] == [TEXT]
    assert [message.text for message in session.messages.filter(contains="immutable")] == [TEXT, TEXT]
    assert session.at(4).messages[-1].text == TEXT
    assert [event.position for event in store.read_all() if event.name == "message.appended"] == [4, 5, 6]
    session.add("user", TEXT)
    assert kept.stored("s")[7][0] is None
    assert store.verify().ok


def test_the_record_is_the_same_as_without(kept: Kept, tmp_path: Path) -> None:
    store = kept.store(compress=True)
    talk(store)
    with open_store("memory://") as memory, open_store(f"sqlite:///{tmp_path}/other.db", compress=True) as other:
        store.copy_to(memory)
        assert memory.read_all() == store.read_all()
        assert memory.verify().ok
        memory.copy_to(other)
        assert other.read_all() == store.read_all()
        assert other.verify().ok
        for each, name in ((store, "a.jsonl"), (memory, "b.jsonl"), (other, "c.jsonl")):
            each.export_record(tmp_path / name)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "c.jsonl").read_bytes()
    assert TEXT.encode() in (tmp_path / "a.jsonl").read_bytes()


def test_a_command_that_comes_again_is_known(kept: Kept) -> None:
    session = talk(kept.store(compress=True))

    assert session.add("assistant", TEXT, command_id="c").position == 6
    assert session.position == 6


def test_words_are_taken_out_of_a_compressed_message(kept: Kept) -> None:
    store = kept.store(compress=True)
    session = talk(store)
    session.redact(session.messages[1])

    assert kept.stored("s")[4] == (None, b'{"branch":0,"content":{"type":"instruction"}}')
    assert session.messages[1].text == ""
    assert store.verify().ok


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored[:-4],
        lambda stored: stored + b"x",
        lambda stored: stored + stored,
        lambda stored: b"",
        lambda stored: b"{}",
        lambda stored: bytes(8) + stored[8:],
        lambda stored: zstd.compress(b"\0" * (300 << 20)),
        lambda stored: bytes(
            zstd.compress(
                b"\0" * (MAX_SIZE + 1), zstd_dict=zstd.ZstdDict(payload_compression._zstd1()._dictionary.dict_content)
            )
        ),
    ],
    ids=["cut off", "longer", "twice", "empty", "plain", "changed", "a bomb", "a bomb by the dictionary"],
)
def test_a_damaged_payload_is_a_fault_with_a_place(kept: Kept, damage: Callable[[bytes], bytes]) -> None:
    store = kept.store(compress=True)
    session = talk(store)
    kept.plant("s", 4, damage(kept.stored("s")[4][1]))

    assert {(fault.session, fault.position) for fault in store.verify().faults} == {("s", 4)}
    with pytest.raises(UnreadableEventError, match="position 4 of session s cannot be read"):
        list(session.messages)
    assert session.messages[-1].text == TEXT


def test_without_the_package_both_writing_and_reading_say_which_extra_brings_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept.store(compress=True)
    talk(store)
    plain_one = Session(session_id="plain", store=store)
    plain_one.add("user", "Hi.")
    payload_compression._zstd1.cache_clear()
    monkeypatch.setitem(sys.modules, "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd", None)

    with pytest.raises(MissingExtraError, match="compression"):
        kept.store(compress=True)
    with pytest.raises(MissingExtraError, match="compression"):
        list(store.read("s"))
    reader = kept.store(compress=False)
    with pytest.raises(MissingExtraError, match="compression"):
        [message.text for message in Session.open("s", store=reader).messages]
    assert [message.text for message in Session.open("plain", store=reader).messages] == ["Hi."]


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("branch.system_set", b'{"branch":0,"content":"%s"}' % (b"a" * 1000)),
        ("message.appended", b'"%s"' % (b"a" * 100)),
        ("message.appended", bytes(range(256))),
        ("message.appended", b" " * (MAX_SIZE + 1)),
        ("a name of the library's", b"a" * 1000),
        ("message.appended", None),
    ],
    ids=["structure", "short", "does not shrink", "too large", "no name of ours", "nothing"],
)
def test_what_would_gain_nothing_or_is_looked_into_stays_as_it_is(name: str, payload: bytes | None) -> None:
    assert compress_payload(name, payload) == (None, payload)


def test_the_largest_payload_comes_back_as_it_was() -> None:
    payload = b'"%s"' % (b"\xc3\xa4bc" * (MAX_SIZE // 4 - 1))
    mark, stored = compress_payload("message.appended", payload)

    assert mark == "zstd1"
    assert decompress_payload(mark, stored) == payload


def test_the_dictionary_is_what_it_always_was() -> None:
    """It is storage format: with another one, no row that has the mark could be read."""
    stored = bytes.fromhex(
        "28b52ffd2339fbcd0ef4ad020083c2065d074dfe9c63d2ea05559a70cb32a8dc503f18a73e156ed458720414fc2d99009fda"
        "cc46437e92c8358218f2de133059c283b923c3d68d6db627454a9d576499770dd92ba7442a9b366f416c3e14c44acdb0"
    )
    payload = decompress_payload("zstd1", stored)
    assert payload is not None
    assert payload.startswith(b'{"branch":0,"content":{"type":"instruction","instruction":"Explain event sourcing')
    assert payload.endswith(b'for how long it does so."}}')
    assert sha256(payload).hexdigest() == "49b4a2467d51aa73fbf3a572748f4ae42189ddca7678702d7f28d4dfa5f8b166"


def test_sql_shows_a_compressed_message_without_its_words(tmp_path: Path) -> None:
    path = tmp_path / "turnlog.db"
    with open_store(f"sqlite:///{path}", compress=True) as store:
        talk(store)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT position, branch, type, role, text, content, metadata FROM messages"
        ).fetchall()

    content = '{"type":"assistant_response","assistant_response":"Yes."}'
    assert rows[1:] == [
        (4, "main", None, None, None, None, None),
        (5, "main", "assistant_response", "assistant", "Yes.", content, "{}"),
        (6, "main", None, None, None, None, None),
    ]


HASH = "payload_hash = zeroblob(32)"
LEFT = '{"branch":0,"content":{"type":"instruction"}}'


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(
    "payload",
    [
        '{"branch":0,"content":{"type":"Goodbye, all!"}}',
        '{"branch":0,"content":{"type":"instruction","instruction":"Goodbye"}}',
        '{"branch":1,"content":{"type":"instruction"}}',
        b"\0",
        None,
    ],
    ids=str,
)
def test_the_database_lets_nothing_but_an_erasure_happen_to_a_message(
    tmp_path: Path, payload: str | None, compress: bool
) -> None:
    refused_by_the_database(tmp_path, compress, f"encoding = NULL, payload = :payload, {HASH}", payload)


@pytest.mark.parametrize(
    "change", [HASH, f"{HASH}, payload = :payload", f"{HASH}, encoding = NULL", "encoding = NULL, payload = :payload"]
)
def test_the_database_lets_no_half_of_an_erasure_happen(tmp_path: Path, change: str) -> None:
    refused_by_the_database(tmp_path, True, change, LEFT)


def refused_by_the_database(tmp_path: Path, compress: bool, change: str, payload: object) -> None:
    """A change of a message whose redaction is on the record, and whose words are still there."""
    path = tmp_path / "turnlog.db"
    with open_store(f"sqlite:///{path}", compress=compress) as store:
        session = talk(store)
        store.recorder.append([AppendRequest("s", encode_events([MessageRedacted(4, LEFT)]))])
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.Error, match=r"not changed|malformed JSON"),
    ):
        connection.execute(f"UPDATE events SET {change} WHERE position = 4", {"payload": payload})

    with open_store(f"sqlite:///{path}") as store:
        session = Session.open("s", store=store)
        assert session.messages[1].text == TEXT
        session.redact(session.messages[1])
        assert store.verify().ok


def test_other_stores_keep_text_whatever_they_are_asked(postgres_server: Any, tmp_path: Path) -> None:
    """PostgreSQL compresses long values by itself, and memory keeps nothing."""
    address = f"{postgres_server.address('postgres')}&schema=uncompressed"
    for each in ("memory://", address):
        with open_store(each, compress=True) as store:
            assert [message.text for message in talk(store).messages][1:] == [TEXT, "Yes.", TEXT]
            assert store.verify().ok
    with psycopg.connect(postgres_server.address("postgres")) as connection:
        query = "SELECT DISTINCT encoding, payload_bytes IS NULL FROM uncompressed.turnlog_events"
        assert connection.execute(query).fetchall() == [(None, True)]
