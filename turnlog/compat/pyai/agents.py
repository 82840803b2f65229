"""Agents, and running them on a message."""

from asyncio import to_thread
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ... import Session, Store, Tool, open_store
from ...models import LanguageModel

__all__ = ["Agent", "RunResult", "Runner"]


@dataclass(frozen=True)
class Agent:
    """A model with instructions and tools; without a model, that of the environment."""

    name: str
    instructions: str | None = None
    model: LanguageModel | str | None = None
    tools: Iterable[Tool | Callable[..., object]] = ()


@dataclass(frozen=True)
class RunResult:
    """The text of the last response; `turnlog` is an ordinary session with all that was sent and called."""

    final_output: str
    turnlog: Session


class Runner:
    """Runs agents."""

    @staticmethod
    async def run_async(
        agent: Agent,
        message: str,
        history: Iterable[Mapping[str, Any]] | None = None,
        *,
        store: Store | str | None = None,
    ) -> RunResult:
        """Send a message to the model of an agent, after a history, and run the tool calls that it requests.

        The run is a session in memory; with `store`, one on the record of a store.
        """

        def started() -> Session:
            place = open_store("memory://") if store is None else store
            return Session(agent.instructions, name=agent.name, messages=_messages(history), store=place)

        session = await to_thread(started)
        text = await session.chat(message, imodel=agent.model, tools=list(agent.tools) or None)
        return RunResult(text, session)


def _messages(history: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    return [dict(message) for message in history or ()]
