"""The stock `eventsourcing` application with its own SQLite recorder."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Notification
from eventsourcing.utils import Environment

from .speaking import TEXT, Driver, serve, sqlite_settings


class Conversation(Aggregate):
    """An aggregate as one would write it: a list of messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: list[str] = []

    @staticmethod
    def create_id(name: str) -> UUID:
        return uuid5(NAMESPACE_URL, name)

    @event("MessageAppended")
    def append(self, text: str) -> None:
        self.messages.append(text)


class Conversations(Application[UUID]):
    """Kept by the library's own recorder."""

    log_section_size = 1000


class Stock(Driver):
    """The aggregate is held and saved: to get it for every append would replay it each time."""

    ways = {
        "append": "`conversation.append(text)` so many times, then `application.save(conversation)`",
        "load": "`repository.get(id)`",
        "last": "`repository.get(id)`, and its end: an aggregate is replayed as a whole",
        "view": "`repository.get(id, version=n)`",
        "replay": "`repository.get(id)`",
        "search": "`repository.get(id)`, and a look at each: it has no search",
        "list_sessions": "every notification, for the ids in it: there is no list of aggregates",
        "feed": "the notifications, section by section, each made an event",
    }
    cannot: ClassVar[Mapping[str, str]] = {
        "fork": "an aggregate cannot be forked",
        "nest": "an aggregate cannot be forked",
        "frame": "it makes no frames",
        "rebuild": "on SQLite it has no subscription that a projection could run on",
    }

    def environment(self) -> dict[str, str]:
        path = str(self.folder / "stock.db")
        return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": path, "SQLITE_LOCK_TIMEOUT": "30"}

    def open(self) -> None:
        self.application = Conversations(env=Environment(env=self.environment()))
        self.held: dict[str, Conversation] = {}

    def about(self) -> dict[str, str]:
        return {"eventsourcing": version("eventsourcing"), "durability": self.durability()}

    def durability(self) -> str:
        recorder: Any = self.application.recorder  # SQLite's, which has a datastore
        with recorder.datastore.get_connection(commit=False) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode")
            (journal,) = cursor.fetchone()
            cursor.execute("PRAGMA synchronous")
            (synchronous,) = cursor.fetchone()
        return f"sqlite {sqlite3.sqlite_version}, " + sqlite_settings(journal, synchronous)

    def close(self) -> None:
        self.application.close()

    def start(self, session: str) -> None:
        try:
            self.held[session] = self.application.repository.get(Conversation.create_id(session))
        except AggregateNotFoundError:
            self.held[session] = Conversation(session)
        self.filled[session] = len(self.held[session].messages)

    def fill(self, session: str, count: int, text: str = TEXT, batch: int = 1000) -> None:
        if session not in self.filled:
            self.start(session)
        super().fill(session, count, text, batch)

    def add(self, session: str, texts: Sequence[str]) -> None:
        conversation = self.held[session]
        for text in texts:
            conversation.append(text)
        self.application.save(conversation)

    def load(self, session: str) -> int:
        return len(self._read(session).messages)

    replay = load

    def last(self, session: str, count: int) -> int:
        return len(self._read(session).messages[-count:])

    def view(self, session: str) -> int:
        half = self.filled[session] // 2
        found: Conversation = self.application.repository.get(Conversation.create_id(session), version=half)
        return len(found.messages)

    def search(self, session: str, word: str) -> int:
        return len([text for text in self._read(session).messages if word in text])

    def list_sessions(self) -> int:
        return len({each.originator_id for each in self._notifications()})

    def feed(self) -> int:
        mapper = self.application.mapper
        return len([mapper.to_domain_event(each) for each in self._notifications()])

    def _notifications(self) -> Iterator[Notification]:
        start: int | None = 1
        while True:
            page = self.application.notification_log.select(start=start, limit=1000)
            yield from page
            if len(page) < 1000:
                return
            start = page[-1].id + 1

    def _read(self, session: str) -> Conversation:
        found: Conversation = self.application.repository.get(Conversation.create_id(session))
        return found


if __name__ == "__main__":
    serve(Stock)
