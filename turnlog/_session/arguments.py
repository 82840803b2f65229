"""What a caller gives for a new branch, in the many forms that are understood, as one plan."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID, uuid4, uuid5

from msgspec import json
from msgspec.structs import replace

from .._models.tools import each_tool
from ..domain.content import MessageContent, SystemContent
from ..domain.content_parsing import is_pair, parse_content
from ..domain.errors import InvalidContentError, InvalidValueError
from ..domain.json_values import Json
from ..domain.message import ContentGiven, Message, to_message
from ..domain.provider_messages import is_client_object
from ..domain.ranges import Origin

SystemLike: TypeAlias = str | Mapping[str, Json] | SystemContent
"""What a system message can be made of."""

ToolLike: TypeAlias = str | Callable[..., object] | object
"""A tool by its name, a function, or anything that has a name."""


ToolsLike: TypeAlias = ToolLike | Iterable[ToolLike] | None
"""One tool, or several."""


class Missing(Enum):
    """Stands for a body or content that was not given, where None is one."""

    UNSAID = "unsaid"


MISSING = Missing.UNSAID

_OF_COMMANDS = UUID("a6c3d9c5-3a52-4d3e-9a0f-6a8f0c1f7a55")


def derived_id(session: str, command_id: str | None, purpose: str) -> str:
    """A new id; of a command it is the same each time, so that a repeated command has the same content."""
    if command_id is None:
        return str(uuid4())
    return str(uuid5(_OF_COMMANDS, json.encode([session, command_id, purpose]).decode()))


def message_argument(content: Message | ContentGiven | Missing, body: Json, role: str | None) -> Message | ContentGiven:
    """The message meant by one thing, or by a role and a body, in this order or by name."""
    if role is not None and body is MISSING and content is not MISSING:
        return {"role": role, "content": content}
    if role is None and content is not MISSING:
        return content if body is MISSING else {"role": content, "content": body}
    given = "nothing" if content is MISSING else "a role twice"
    raise InvalidValueError(
        "the message", f"is {given}: expected a text, a dict or a content, or a role and what it says"
    )


def system_content(given: SystemLike) -> SystemContent:
    """The system message that a text, a dict or a content stands for."""
    content = SystemContent(system_message=given) if isinstance(given, str) else given
    system = parse_content(content)
    if not isinstance(system, SystemContent):
        raise InvalidContentError(
            f"{type(system).__name__} is no system message", ("system_message", "role and content")
        )
    return system


def system_with_timestamp(given: SystemLike | None, dated: bool | str | None) -> SystemContent | None:
    """The system message with a date if it is to have one: a text as it is, True for now, to the minute, in UTC."""
    content = None if given is None else system_content(given)
    if not dated:
        return content
    when = dated if isinstance(dated, str) else datetime.now(UTC).isoformat(timespec="minutes")
    return replace(content or SystemContent(), system_datetime=when)


def imported_messages(given: Iterable[Message | ContentGiven] | None) -> tuple[Message, ...]:
    """Messages that a caller brings along; they count as loaded."""
    return tuple(
        replace(to_message(each), origin=Origin.LOADED) for each in require_list(() if given is None else given)
    )


def require_list(given: Iterable[Message | ContentGiven]) -> Iterable[Message | ContentGiven]:
    """Messages that are given as several; one that is given alone is not taken to pieces."""
    one_alone = isinstance(given, str | Mapping | Message | MessageContent) or is_pair(given) or is_client_object(given)
    if one_alone or not isinstance(given, Iterable):
        raise InvalidValueError("the messages", f"are a {type(given).__name__}: expected a list of messages")
    return given


def require_messages(given: Iterable[Message]) -> Iterable[Message]:
    """Recorded messages, of which one alone is not taken for several."""
    one_alone: object = given
    if isinstance(one_alone, str | Message) or not isinstance(given, Iterable):
        raise InvalidValueError("the messages", f"are a {type(given).__name__}: expected a list of messages")
    return given


def tool_names(given: ToolsLike) -> tuple[str, ...]:
    """The names of the tools that a caller gave, each once."""
    return tuple(dict.fromkeys(map(tool_name, each_tool(given))))


def tool_name(given: object) -> str:
    """The name that something goes by: itself if it is text, or its name."""
    name = given if isinstance(given, str) else getattr(given, "name", None) or getattr(given, "__name__", None)
    if not isinstance(name, str) or not name:
        raise InvalidValueError(
            "a tool or model", f"{given!r} has no name: expected a name, a function or something named"
        )
    return name
