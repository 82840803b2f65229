"""What a caller gives for a new branch, in the many forms that are understood, as one plan."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias
from uuid import UUID, uuid4, uuid5

from msgspec import json
from msgspec.structs import replace

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


def imported_messages(
    given: Iterable[Message | ContentGiven] | None, order: Sequence[int] | None = None
) -> tuple[Message, ...]:
    """Messages that come from elsewhere; in the order that a list of their indexes gives, if there is one."""
    messages = [
        replace(to_message(each), origin=Origin.LOADED) for each in require_list(() if given is None else given)
    ]
    if order is None:
        return tuple(messages)
    if not all(isinstance(place, int) and 0 <= place < len(messages) for place in order):
        raise InvalidValueError("progress", f"is {list(order)!r}: expected indexes of the {len(messages)} messages")
    return tuple(messages[place] for place in order)


def require_list(given: Iterable[Message | ContentGiven]) -> Iterable[Message | ContentGiven]:
    """Messages that are given as several; one that is given alone is not taken to pieces."""
    one_alone = isinstance(given, str | Mapping | Message | MessageContent) or is_pair(given) or is_client_object(given)
    if one_alone or not isinstance(given, Iterable):
        raise InvalidValueError("the messages", f"are a {type(given).__name__}: expected a list of messages")
    return given


def tool_names(given: ToolsLike, registry: object = None) -> tuple[str, ...]:
    """The names of tools given one by one or as a list, and of those that a registry holds."""
    tools = list(given) if isinstance(given, list | tuple | set | frozenset) else [] if given is None else [given]
    kept = getattr(registry, "registry", registry)
    return tuple(dict.fromkeys([*(kept if isinstance(kept, Mapping) else ()), *map(tool_name, tools)]))


def tool_name(given: object) -> str:
    """The name that something goes by: itself if it is text, or its name."""
    name = given if isinstance(given, str) else getattr(given, "name", None) or getattr(given, "__name__", None)
    if not isinstance(name, str) or not name:
        raise InvalidValueError(
            "a tool or model", f"{given!r} has no name: expected a name, a function or something named"
        )
    return name
