"""Turnlog itself, on SQLite or PostgreSQL, through the door."""

import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.metadata import version

import psycopg

from turnlog import Branch, Projection, Runner, Session, SessionManager, open_store
from turnlog.errors import SessionNotFoundError
from turnlog.projections import ColumnType, Rows, Table
from turnlog.stores import RecordedEvent

from .bare_postgres import durability
from .speaking import TEXT, Driver, anywhere, serve, sqlite_settings


class Counted(Projection):
    """Counts the messages of each session, without reading a row."""

    name = "counted"
    names = ("message.appended",)
    tables = (Table("counted", {"session": ColumnType.TEXT, "messages": ColumnType.INTEGER}, key=("session",)),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows["counted"].add(event.session, messages=1)


class Changed(Counted):
    """The same, and the last position: finds a row and puts it for every event."""

    name = "changed"
    columns: Mapping[str, ColumnType] = {
        "session": ColumnType.TEXT,
        "messages": ColumnType.INTEGER,
        "last": ColumnType.INTEGER,
    }
    tables = (Table("changed", dict(columns), key=("session",)),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows["changed"].find(event.session) or {"session": event.session, "messages": 0}
            rows["changed"].put({**row, "messages": row["messages"] + 1, "last": event.position})


class Listed(Counted):
    """A row for every message."""

    name = "listed"
    columns: Mapping[str, ColumnType] = {
        "session": ColumnType.TEXT,
        "position": ColumnType.INTEGER,
        "time": ColumnType.INTEGER,
    }
    tables = (Table("listed", dict(columns), key=("session", "position")),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows["listed"].put({"session": event.session, "position": event.position, "time": event.time})


PROJECTIONS = {each.name: each for each in (Counted, Changed, Listed)}


class Turnlog(Driver):
    """Sessions of one store; a branch is written on as an application would hold it."""

    ways = {
        "fork": "`session.fork(main, at=position)`: one event, whatever the length",
        "nested": "`branch.fork()` so many times with a message on each, then `messages.last(50)` of the deepest",
        "view": "`session.at(position)`, and the length of every branch",
        "replay": "`Session.open(id)`: the state, folded from the file",
        "read_events": "`session.events()`, each decoded and with its columns",
        "search": "`word in message.text for message in session.messages`",
        "list_sessions": "`store.sessions()`, the catalogue",
        "frame": "`session.messages.to_arrow()`",
        "catch_up": "a `Runner` over a projection that finds and puts a row for every message",
        "rebuild": "`runner.rebuild(name)` of the same, until it has caught up",
    }

    def open(self) -> None:
        self.place = self.address or f"sqlite:///{self.folder}/turnlog.db"
        self.store = open_store(self.place)
        self.mains: dict[str, Branch] = {}
        self.sessions: dict[str, Session] = {}
        self.ends: list[Branch] = []

    def about(self) -> dict[str, str]:
        return {"turnlog": version("turnlog"), "sqlite": sqlite3.sqlite_version, "durability": self._durability()}

    def close(self) -> None:
        self.store.close()

    def start(self, session: str) -> None:
        if session not in self.mains:
            try:
                opened = Session.open(session, store=self.store)
            except SessionNotFoundError:
                opened = Session(session_id=session, store=self.store)
            self.sessions[session], self.mains[session] = opened, opened.default_branch
            self.filled[session] = len(opened.default_branch.messages)

    def fill(self, session: str, count: int, text: str = TEXT, batch: int = 1000) -> None:
        self.start(session)
        super().fill(session, count, text, batch)

    def fill_many(self, sessions: int) -> None:
        if self.store.last_global_position() < sessions:
            for number in range(sessions):
                Session(name=f"other {number}", store=self.store)

    def add(self, session: str, texts: Sequence[str]) -> None:
        if len(texts) == 1:
            self.mains[session].add(texts[0])
        else:
            self.mains[session].add_many(list(texts))

    def load(self, session: str) -> int:
        opened = Session.open(session, store=self.store)
        return len([message.text for message in opened.default_branch.messages])

    def last(self, session: str, count: int) -> int:
        return len([message.text for message in self.mains[session].messages.last(count)])

    def fork(self, session: str) -> None:
        opened = self.sessions[session]
        opened.fork(self.mains[session], at=anywhere(opened.position))

    def nest(self, session: str, depth: int) -> None:
        branch = self.mains[session]
        for _ in range(depth):
            branch = branch.fork()
            branch.add("a word")
        self.deepest = branch

    def last_of_deepest(self, count: int) -> int:
        return len([message.text for message in self.deepest.messages.last(count)])

    def structured(self, session: str, count: int) -> None:
        """A session of so many messages in which a branch is forked or renamed after every fifty."""
        self.start(session)
        if self.filled[session]:
            return
        opened, branch = self.sessions[session], self.mains[session]
        for number in range(count // 50):
            branch.add_many([TEXT] * 50)
            if number % 2:
                branch.rename(f"tree {number}")
            else:
                branch = random.choice(list(opened.branches)).fork()

    def view(self, session: str) -> int:
        opened = self.sessions[session]
        return sum(len(branch.messages) for branch in opened.at(random.randint(2, opened.position)).branches)

    def replay(self, session: str) -> None:
        Session.open(session, store=self.store)

    def read_events(self, session: str) -> int:
        return sum(1 for _ in self.sessions[session].events())

    def goto(self, session: str) -> None:
        replay = self.sessions[session].replay()
        replay.goto(self.sessions[session].position // 2)
        self.stepping = replay

    def step(self) -> None:
        self.stepping.step()

    def list_sessions(self) -> int:
        return len([entry.session for entry in self.store.sessions()])

    def search(self, session: str, word: str) -> int:
        return len([message for message in self.mains[session].messages if word in message.text])

    def frame(self, session: str) -> dict[str, int]:
        table = self.mains[session].messages.to_arrow()
        return {"rows": table.num_rows, "bytes": table.nbytes}

    def catch_up(self, projection: str = "changed") -> None:
        runner = Runner(self.store, [PROJECTIONS[projection]()])
        runner.catch_up()
        runner.close()

    def forget(self, projection: str = "changed") -> None:
        runner = Runner(self.store, [PROJECTIONS[projection]()])
        runner.rebuild(projection)
        runner.close()

    def rebuild(self, projection: str = "changed") -> None:
        runner = Runner(self.store, [PROJECTIONS[projection]()])
        runner.rebuild(projection)
        runner.catch_up()
        runner.close()

    def feed(self) -> int:
        after = count = 0
        while page := self.store.read_all(after=after):
            count, after = count + len(page), page[-1].global_position
        return count

    def attach(self, projection: str = "changed") -> None:
        self.store.attach(PROJECTIONS[projection]())

    def widen(self, session: str, branches: int) -> None:
        self.fill(session, 10, "a word")
        for _ in range(branches):
            self.sessions[session].fork()

    def posted(self, session: str, count: int) -> None:
        """A session with so many mails under way, and one who sends among them."""
        opened = self.sessions[session] = Session(session_id=session, store=self.store)
        sender = opened.create_branch("sender")
        opened.mail.register("busy")
        for _ in range(count // 1000):
            sender.mail.send_many("busy", [TEXT] * 1000)
        opened.mail.route()

    def mail(self, session: str) -> None:
        """One mail sent, moved and taken out."""
        exchange = self.sessions[session].mail
        exchange.send("sender", "busy", TEXT)
        exchange.route()
        exchange.pop("busy")

    def mail_through(self, session: str, count: int) -> None:
        """So many mails through their whole life."""
        opened = Session(store=self.store)
        sender, recipient = opened.create_branch("sender"), opened.create_branch("recipient")
        for _ in range(count // 1000):
            sender.mail.send_many(recipient, [TEXT] * 1000, category="message")
        opened.mail.collect()
        opened.mail.deliver()
        recipient.mail.receive()

    def managed(self, count: int) -> None:
        settings = {"storage_path": str(self.folder / "managed.db"), "durability": "normal"}
        self.manager = SessionManager({"session": settings})
        for number in range(len(self.manager.list_sessions()), count):
            self.manager.create_session(f"session {number}", user=f"user {number % 100}")

    def first_page(self) -> int:
        return len(self.manager.list_sessions(limit=50))

    def last_used(self) -> int:
        return len(self.manager.list_sessions(limit=50, order="updated", descending=True))

    def one_of_many(self) -> None:
        self.manager.get_session_info("session 77")

    def vacuum(self) -> None:
        self.store.vacuum()

    def weigh(self) -> dict[str, float]:
        """How many bytes the file has for each byte of a payload."""
        self.store.vacuum()
        payloads = sum(entry.bytes for entry in self.store.sessions())
        return {"seconds": (self.folder / "turnlog.db").stat().st_size / payloads}

    def _durability(self) -> str:
        if self.place.startswith("postgres"):
            with psycopg.connect(self.place) as connection:
                return durability(connection)
        with closing(sqlite3.connect(f"{self.folder}/turnlog.db")) as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        writer = self.store.recorder.connections  # type: ignore[attr-defined]  # the recorder of SQLite has them
        with writer.alone() as connection:
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return sqlite_settings(journal, synchronous)


if __name__ == "__main__":
    serve(Turnlog)
