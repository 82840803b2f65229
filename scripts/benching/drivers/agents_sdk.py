"""The OpenAI Agents SDK's `SQLiteSession`."""

import asyncio
from collections.abc import Coroutine, Sequence
from importlib.metadata import version
from typing import Any

from agents import SQLiteSession

from .speaking import TEXT, Driver, serve, sqlite_settings


class AgentsSDK(Driver):
    """One `SQLiteSession` for each session, all in one file."""

    ways = {
        "load": "`get_items()`",
        "last": "`get_items(limit=50)`",
        "replay": "`get_items()`: the history is all the state there is",
        "search": "`get_items()`, and a look at each: it has no search",
        "append_by_threads": "one event loop for each thread",
    }
    cannot = {
        "fork": "it has no branches",
        "nest": "it has no branches",
        "view": "it keeps no past: what was changed is gone",
        "list_sessions": "it lists no sessions",
        "frame": "it makes no frames",
        "feed": "it has no feed, and no projections",
        "rebuild": "it has no projections",
    }

    def open(self) -> None:
        self.path = self.folder / "agents.db"
        self.loop = asyncio.new_event_loop()
        self.sessions: dict[str, SQLiteSession] = {}

    def made(self, session: str) -> SQLiteSession:
        return SQLiteSession(session, self.path)

    def about(self) -> dict[str, str]:
        session = self._session("settings")
        with session._locked_connection() as connection:  # only to ask: nothing else says it
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        durability = sqlite_settings(journal, synchronous)
        return {"openai-agents": version("openai-agents"), "durability": durability}

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def start(self, session: str) -> None:
        self.filled[session] = len(self._done(self._session(session).get_items()))

    def fill(self, session: str, count: int, *how: Any, **more: Any) -> None:
        if session not in self.filled:
            self.start(session)
        super().fill(session, count, *how, **more)

    def add(self, session: str, texts: Sequence[str]) -> None:
        self._done(self._session(session).add_items([{"role": "user", "content": text} for text in texts]))

    def append_each(self, session: str, each: int) -> None:
        async def append() -> None:
            for _ in range(each):
                await self.sessions[session].add_items([{"role": "user", "content": TEXT}])

        asyncio.run(append())

    def load(self, session: str) -> int:
        return len(self._done(self._session(session).get_items()))

    replay = load

    def last(self, session: str, count: int) -> int:
        return len(self._done(self._session(session).get_items(limit=count)))

    def search(self, session: str, word: str) -> int:
        return len([item for item in self._done(self._session(session).get_items()) if word in item["content"]])

    def _session(self, session: str) -> SQLiteSession:
        if session not in self.sessions:
            self.sessions[session] = self.made(session)
        return self.sessions[session]

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)


if __name__ == "__main__":
    serve(AgentsSDK)
