"""LangGraph's `SqliteSaver`, under a graph whose state is a list of messages."""

import json
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from .speaking import TEXT, Driver, serve, sqlite_settings


class LangGraph(Driver):
    """`update_state` of a compiled graph: the cheapest public way to record messages, one checkpoint each time."""

    ways = {
        "append": "`graph.update_state(thread, {'messages': [...]})`: reads the last checkpoint, writes a new one",
        "load": "`graph.get_state(thread)`",
        "last": "`graph.get_state(thread)`, and the end of it: a checkpoint is read as a whole",
        "fork": "`graph.update_state` of the checkpoint in the middle, with one message",
        "nest": "each fork is an update of the checkpoint before the last",
        "view": "`graph.get_state` of the checkpoint in the middle",
        "replay": "`graph.get_state(thread)`: the newest checkpoint is the state",
        "search": "`graph.get_state(thread)`, and a look at each: it has no search",
        "list_sessions": "`saver.list(None)`, each checkpoint of each thread",
    }
    cannot = {
        "frame": "it makes no frames",
        "feed": "it has no feed of changes, and no projections",
        "rebuild": "it has no projections",
    }

    def open(self) -> None:
        self.graph = self._graph(self.saver())

    def saver(self) -> Any:
        self.connection = sqlite3.connect(self.folder / "langgraph.db", check_same_thread=False, timeout=30)
        self.connection.execute("PRAGMA synchronous = FULL")
        return SqliteSaver(self.connection)

    def about(self) -> dict[str, str]:
        self.fill("settings", 1)
        (journal,) = self.connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = self.connection.execute("PRAGMA synchronous").fetchone()
        names = "langgraph", "langgraph-checkpoint-sqlite"
        return {name: version(name) for name in names} | {"durability": sqlite_settings(journal, synchronous)}

    def close(self) -> None:
        self.connection.close()

    def fill(self, session: str, count: int, text: str = TEXT, batch: int = 1000) -> None:
        """Two checkpoints of one half each: one for each thousand would be stored as a whole each time."""
        if session not in self.filled:
            self.filled[session] = len(self.graph.get_state(_thread(session)).values.get("messages", ()))
        if count > 1 and not self.filled[session]:
            super().fill(session, count // 2, text, count)
            self._remember(session, self.graph.get_state(_thread(session)).config)
        super().fill(session, count, text, count)

    def add(self, session: str, texts: Sequence[str]) -> None:
        messages = [HumanMessage(text) for text in texts]
        self.graph.update_state(_thread(session), {"messages": messages}, as_node="note")

    def load(self, session: str) -> int:
        return len(self.graph.get_state(_thread(session)).values["messages"])

    replay = load

    def last(self, session: str, count: int) -> int:
        return len(self.graph.get_state(_thread(session)).values["messages"][-count:])

    def fork(self, session: str) -> None:
        self.graph.update_state(self._middle(session), {"messages": [HumanMessage("a word")]}, as_node="note")

    def nest(self, session: str, depth: int) -> None:
        at = self.graph.get_state(_thread(session)).config
        for _ in range(depth):
            at = self.graph.update_state(at, {"messages": [HumanMessage("a word")]}, as_node="note")
        self.deepest = at

    def last_of_deepest(self, count: int) -> int:
        return len(self.graph.get_state(self.deepest).values["messages"][-count:])

    def view(self, session: str) -> int:
        return len(self.graph.get_state(self._middle(session)).values["messages"])

    def search(self, session: str, word: str) -> int:
        return len([each for each in self.graph.get_state(_thread(session)).values["messages"] if word in each.content])

    def list_sessions(self) -> int:
        return len({each.config["configurable"]["thread_id"] for each in self.graph.checkpointer.list(None)})

    def _middle(self, session: str) -> Any:
        return json.loads((self.folder / "middles.json").read_text())[session]

    def _remember(self, session: str, config: Any) -> None:
        """Keeps where the middle of a session is, for the next process."""
        place = self.folder / "middles.json"
        known = json.loads(place.read_text()) if place.exists() else {}
        place.write_text(json.dumps({**known, session: config}))

    def _graph(self, saver: Any) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("note", lambda state: {})
        builder.add_edge(START, "note")
        return builder.compile(checkpointer=saver)


def _thread(session: str) -> Any:
    return {"configurable": {"thread_id": session}}


if __name__ == "__main__":
    serve(LangGraph)
