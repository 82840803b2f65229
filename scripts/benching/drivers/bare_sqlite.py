"""The limit: sqlite3 and nothing else, with the bytes that Turnlog would store."""

import random
import sqlite3
from collections.abc import Sequence

import msgspec

from turnlog.domain.codec import encode
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import MessageAppended

from .speaking import Driver, serve, sqlite_settings


def payload_of(text: str) -> str:
    return encode(MessageAppended(0, InstructionContent(instruction=text))).decode()


class BareSQLite(Driver):
    """One table with one key of two columns, and what it takes to read it."""

    cannot = {
        "append_by_threads": "a connection is one thread's at a time",
        "nest": "it has no branches",
    }
    ways = {
        "fork": "one insert: the least that can make a fork durable",
        "view": "a cursor over every 50th row, half of them on average, and msgspec",
        "replay": "a cursor over all rows, and msgspec",
        "read_events": "a cursor over all rows, and msgspec",
        "list_sessions": "each session's number once, by the key",
        "search": "a LIKE over all rows",
        "feed": "a cursor over all rows, and msgspec",
        "frame": "a cursor over all rows, msgspec, and lists",
    }

    def open(self) -> None:
        self.path = self.folder / "bare.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (a INTEGER, b INTEGER, payload TEXT, PRIMARY KEY (a, b))"
        )
        self.rows = dict(self.connection.execute("SELECT a, max(b) FROM bare GROUP BY a").fetchall())
        self.payloads: dict[str, str] = {}

    def about(self) -> dict[str, str]:
        (journal,) = self.connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = self.connection.execute("PRAGMA synchronous").fetchone()
        return {"sqlite": sqlite3.sqlite_version, "durability": sqlite_settings(journal, synchronous)}

    def close(self) -> None:
        self.connection.close()

    def add(self, session: str, texts: Sequence[str]) -> None:
        place = number_of(session)
        after = self.rows.get(place, 0)
        rows = [(place, after + at, self._payload(text)) for at, text in enumerate(texts, 1)]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT INTO bare VALUES (?, ?, ?)", rows)
        self.connection.execute("COMMIT")
        self.rows[place] = after + len(rows)

    def load(self, session: str) -> int:
        return self._decode("WHERE a = ? ORDER BY b", number_of(session))

    def feed(self) -> int:
        return self._decode("ORDER BY a, b")

    replay = load
    read_events = load

    def last(self, session: str, count: int) -> int:
        return self._decode("WHERE a = ? ORDER BY b DESC LIMIT ?", number_of(session), count)

    def fork(self, session: str) -> None:
        self.append("forks of " + session)

    def view(self, session: str) -> int:
        place = number_of(session)
        until = random.randint(1, self.rows[place])
        return self._decode("WHERE a = ? AND b <= ? AND b % 50 = 0 ORDER BY b", place, until)

    def search(self, session: str, word: str) -> int:
        found = self.connection.execute(
            "SELECT payload FROM bare WHERE a = ? AND payload LIKE ? ORDER BY b", (number_of(session), f"%{word}%")
        )
        return len(found.fetchall())

    def list_sessions(self) -> int:
        return len(self.connection.execute(EACH_ONCE).fetchall())

    def frame(self, session: str) -> int:
        columns: list[list[object]] = [[], []]
        decode = msgspec.json.Decoder(MessageAppended).decode
        for b, payload in self.connection.execute(
            "SELECT b, payload FROM bare WHERE a = ? ORDER BY b", (number_of(session),)
        ):
            columns[0].append(b)
            columns[1].append(decode(payload).content)
        return len(columns[0])

    def _decode(self, which: str, *parameters: int) -> int:
        decode, count = msgspec.json.Decoder(MessageAppended).decode, 0
        for (payload,) in self.connection.execute(f"SELECT payload FROM bare {which}", parameters):
            decode(payload)
            count += 1
        return count

    def _payload(self, text: str) -> str:
        if text not in self.payloads:
            self.payloads[text] = payload_of(text)
        return self.payloads[text]


EACH_ONCE = """
WITH RECURSIVE each(a) AS (
    SELECT min(a) FROM bare UNION ALL SELECT (SELECT min(a) FROM bare WHERE a > each.a)
    FROM each WHERE each.a IS NOT NULL
)
SELECT a FROM each WHERE a IS NOT NULL
"""
"""The first number of each session by the key: it would be found by a look at every row else."""


def number_of(session: str) -> int:
    """The same number for the same name, in every process."""
    return int.from_bytes(session.encode()[-6:], "big") + len(session)


if __name__ == "__main__":
    serve(BareSQLite)
