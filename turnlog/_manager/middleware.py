"""What is done to each message on its way into a session, without touching what the caller has."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from typing import TypeAlias

from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from ..infrastructure.async_methods import awaited
from ..session import Session

Step: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]
"""Takes a message as a dict with role and content, and answers with the dict that goes on."""

CHARACTERS_PER_TOKEN = 4


def timestamps(message: dict[str, Json]) -> dict[str, Json]:
    """Adds the local time as `timestamp`, if there is none."""
    return {"timestamp": datetime.now().astimezone().isoformat(), **message}


def token_estimates(message: dict[str, Json]) -> dict[str, Json]:
    """Adds `token_estimate`: a token for every four characters of the content."""
    return {**message, "token_estimate": len(_text(message)) // CHARACTERS_PER_TOKEN}


def code_detection(message: dict[str, Json]) -> dict[str, Json]:
    """Adds `has_code` if the content has a fenced block of code."""
    return {**message, "has_code": True} if "```" in _text(message) else message


class SessionMiddleware:
    """A session whose messages go through some steps, one after the other, before they are added."""

    def __init__(self, session: Session, *steps: Step) -> None:
        self.session = session
        self.steps = steps or (timestamps, token_estimates, code_detection)

    def add(self, message: Mapping[str, Json]) -> Message:
        """Adds what becomes of the message on its way; the caller's dict stays as it is."""
        on_its_way = deepcopy(dict(message))
        for step in self.steps:
            answer: object = step(on_its_way)
            if not isinstance(answer, dict):
                name = getattr(step, "__name__", type(step).__name__)
                raise InvalidValueError("a step", f"{name} answered with a {type(answer).__name__}: expected a dict")
            on_its_way = answer
        return self.session.add(on_its_way)

    aadd = awaited(add)


def _text(message: Mapping[str, Json]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""
