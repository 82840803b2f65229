"""The limit: psycopg and nothing else, with the bytes that Turnlog would store."""

from collections.abc import Sequence

import msgspec
import psycopg

from turnlog.domain.events import MessageAppended

from .bare_sqlite import number_of, payload_of
from .speaking import Driver, serve


class BarePostgres(Driver):
    """One table with one key of two columns."""

    cannot = {"append_by_threads": "a connection is one thread's at a time"}
    ways = {"feed": "a server-side cursor over all rows, and msgspec"}

    def open(self) -> None:
        self.connection = psycopg.connect(self.address, autocommit=True)
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (a BIGINT, b BIGINT, payload TEXT, PRIMARY KEY (a, b))"
        )
        self.rows: dict[int, int] = dict(self.connection.execute("SELECT a, max(b) FROM bare GROUP BY a").fetchall())
        self.payloads: dict[str, str] = {}

    def about(self) -> dict[str, str]:
        return {"psycopg": psycopg.__version__, "durability": durability(self.connection)}

    def close(self) -> None:
        self.connection.close()

    def add(self, session: str, texts: Sequence[str]) -> None:
        place = number_of(session)
        after = self.rows.get(place, 0)
        rows = [(place, after + at, self._payload(text)) for at, text in enumerate(texts, 1)]
        if len(rows) == 1:
            self.connection.execute("INSERT INTO bare VALUES (%s, %s, %s)", rows[0])
        else:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                cursor.executemany("INSERT INTO bare VALUES (%s, %s, %s)", rows)
        self.rows[place] = after + len(rows)

    def load(self, session: str) -> int:
        decode = msgspec.json.Decoder(MessageAppended).decode
        found = self.connection.execute("SELECT payload FROM bare WHERE a = %s ORDER BY b", (number_of(session),))
        return len([decode(payload) for (payload,) in found])

    def feed(self) -> int:
        decode, count = msgspec.json.Decoder(MessageAppended).decode, 0
        with self.connection.transaction(), self.connection.cursor("all_of_it") as cursor:
            cursor.itersize = 1000
            for (payload,) in cursor.execute("SELECT payload FROM bare ORDER BY a, b"):
                decode(payload)
                count += 1
        return count

    def _payload(self, text: str) -> str:
        if text not in self.payloads:
            self.payloads[text] = payload_of(text)
        return self.payloads[text]


def durability(connection: psycopg.Connection) -> str:
    """What the server says of itself."""
    says = {}
    for name in ("server_version", "fsync", "synchronous_commit"):
        for (value,) in connection.execute(f"SHOW {name}"):
            says[name] = value
    return ", ".join(f"{name}={value}" for name, value in says.items())


if __name__ == "__main__":
    serve(BarePostgres)
