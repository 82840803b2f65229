"""Google ADK's `DatabaseSessionService`."""

import asyncio
from collections.abc import Coroutine, Sequence
from importlib.metadata import version
from typing import Any

from google.adk.events import Event
from google.adk.sessions import DatabaseSessionService
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from .speaking import Driver, serve, sqlite_settings

WHOSE = {"app_name": "bench", "user_id": "ada"}


class ADK(Driver):
    """One service on one engine; each session is held as a runner would hold it."""

    ways = {
        "append": "`append_event`, one commit for each message: there is no way to add many at once",
        "load": "`get_session`",
        "last": "`get_session` with `num_recent_events=50`",
        "replay": "`get_session`: the events and the state",
        "search": "`get_session`, and a look at each: it has no search",
        "list_sessions": "`list_sessions`",
    }
    cannot = {
        "append_many": "there is no way to add many at once",
        "append_by_threads": "a service belongs to one event loop, and so to one thread",
        "fork": "it has no branches of a session",
        "nest": "it has no branches of a session",
        "view": "it keeps no past of its state: events can be read, and no moment",
        "frame": "it makes no frames",
        "feed": "it has no feed, and no projections",
        "rebuild": "it has no projections",
    }

    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.engine = create_async_engine(self.address or f"sqlite+aiosqlite:///{self.folder}/adk.db")
        if not self.address:
            event.listen(self.engine.sync_engine, "connect", _durable)
        self.service = DatabaseSessionService(db_engine=self.engine)
        self.sessions: dict[str, Any] = {}

    def about(self) -> dict[str, str]:
        return {"google-adk": version("google-adk"), "durability": self._done(self._durability())}

    def close(self) -> None:
        self._done(self.engine.dispose())
        self.loop.close()

    def start(self, session: str) -> None:
        found = self._done(self.service.get_session(**WHOSE, session_id=session))
        self.sessions[session] = found or self._done(self.service.create_session(**WHOSE, session_id=session))
        self.filled[session] = len(self.sessions[session].events)

    def fill(self, session: str, count: int, *how: Any, **more: Any) -> None:
        if session not in self.filled:
            self.start(session)
        super().fill(session, count, *how, **more)

    def add(self, session: str, texts: Sequence[str]) -> None:
        self._done(self._append(session, texts))

    def load(self, session: str) -> int:
        return len(self._done(self.service.get_session(**WHOSE, session_id=session)).events)

    replay = load

    def last(self, session: str, count: int) -> int:
        config = GetSessionConfig(num_recent_events=count)
        return len(self._done(self.service.get_session(**WHOSE, session_id=session, config=config)).events)

    def search(self, session: str, word: str) -> int:
        found = self._done(self.service.get_session(**WHOSE, session_id=session)).events
        return len([each for each in found if word in each.content.parts[0].text])

    def list_sessions(self) -> int:
        return len(self._done(self.service.list_sessions(app_name="bench")).sessions)

    async def _append(self, session: str, texts: Sequence[str]) -> None:
        for said in texts:
            content = types.Content(role="user", parts=[types.Part(text=said)])
            await self.service.append_event(self.sessions[session], Event(author="user", content=content))

    async def _durability(self) -> str:
        async with self.engine.connect() as connection:
            if self.address:
                says = {name: (await connection.execute(text(f"SHOW {name}"))).scalar() for name in SERVER}
                return ", ".join(f"{name}={value}" for name, value in says.items())
            journal = (await connection.execute(text("PRAGMA journal_mode"))).scalar()
            synchronous = (await connection.execute(text("PRAGMA synchronous"))).scalar()
        return sqlite_settings(journal, synchronous)

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)


SERVER = "server_version", "fsync", "synchronous_commit"


def _durable(connection: Any, _: object) -> None:
    """What everybody here has, by the engine that the service takes: it would have a rollback journal else."""
    cursor = connection.cursor()
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


if __name__ == "__main__":
    serve(ADK)
