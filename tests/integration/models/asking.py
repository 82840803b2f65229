"""What the tests of models have in common: a clock that is told the time, and models of the local server."""

from __future__ import annotations

from typing import Any

from tests.model_server import ModelServer
from turnlog import Session, iModel
from turnlog.domain.events import ModelCalled
from turnlog.models import Clock

KEY = "sk-this-is-secret"


class Told:
    """A clock that stands still but when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def openai(server: ModelServer, **more: Any) -> iModel:
    """A model over chat completions."""
    given: dict[str, Any] = {"provider": "openai", "model": "gpt-4o-mini", "clock": Told().clock} | more
    return iModel(base_url=server.url, api_key=KEY, **given)


def anthropic(server: ModelServer, **more: Any) -> iModel:
    """A model over Anthropic's messages."""
    given: dict[str, Any] = {"model": "claude-haiku-4-5", "clock": Told().clock} | more
    return iModel("anthropic", base_url=server.url.removesuffix("/v1"), api_key=KEY, **given)


def calls(session: Session) -> list[ModelCalled]:
    """The calls of models on the record."""
    return [each.event for each in session.events() if isinstance(each.event, ModelCalled)]


def record(session: Session) -> list[str]:
    """The stored names of all that is recorded of work and messages."""
    return [each.name for each in session.events() if each.name.startswith(("work.operation", "work.model_c", "mess"))]


def line(session: Session, branch: str | None = None) -> list[tuple[str, str]]:
    """What a branch shows, as role and text."""
    shown = session.default_branch if branch is None else session.branches[branch]
    return [(message.role.value, message.text) for message in shown.messages]
