"""What messages are made of, before it is said in the words of a provider: text, images, calls and their results."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import TypeAlias

import msgspec

from ...domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
    MessageRole,
    ResponseFormat,
    SystemContent,
)
from ...domain.message import Message
from ...domain.plain import Json

UNSAID = "(no text)"
"""Stands for the text of a message that has none, where a provider refuses empty ones."""


class Image(msgspec.Struct, frozen=True):
    """An image by its URL, which may hold the image itself."""

    url: str
    detail: str | None = None


class Native(msgspec.Struct, frozen=True):
    """A part that only some provider understands, as it was given."""

    kind: str
    value: dict[str, Json]


Part: TypeAlias = str | Image | Native


class Said(msgspec.Struct, frozen=True):
    """What somebody says; `developer` if a system message has the role that OpenAI calls so."""

    role: MessageRole
    parts: tuple[Part, ...]
    developer: bool = False


class Call(msgspec.Struct, frozen=True):
    """A tool that is to be called; arguments are text only if they came as text."""

    name: str
    arguments: dict[str, Json] | str
    id: str | None
    position: int | None = None


class Result(msgspec.Struct, frozen=True):
    """What came of a call."""

    id: str | None
    text: str
    failed: bool = False


Item: TypeAlias = Said | Call | Result


def items_of(message: Message, newest: bool = False) -> list[Item]:
    """What a message is made of, in order; `newest` says that it is the newest instruction."""
    content: MessageContent = message.content
    match content:
        case SystemContent():
            return [Said(MessageRole.SYSTEM, (_system(content),), content.developer)]
        case InstructionContent():
            return _instruction(content, newest)
        case AssistantResponseContent():
            return _answer(content, message.position)
        case ActionRequestContent():
            return [Call(content.function, deepcopy(content.arguments), content.request_id, message.position)]
        case ActionResponseContent():
            id = content.request_id or _text_or_none(content.extra.get("tool_call_id"))
            return [Result(id, result_text(content.body), not content.success)]
        case _:
            return _other(content)


def plain_text(parts: tuple[Part, ...]) -> str:
    """The parts as text alone."""
    return "\n\n".join(text for part in parts if (text := part_text(part)))


def part_text(part: Part) -> str:
    """One part as text alone."""
    match part:
        case str():
            return part
        case Image():
            return f"(image: {shortened(part.url)})"
        case Native():
            return compact(part.value)


def shortened(url: str) -> str:
    """A URL for reading: of one that holds its data, the kind and size alone."""
    head, comma, data = url.partition(",")
    return f"{head}, {len(data)} characters" if comma and head.startswith("data:") else url


def compact(value: Json) -> str:
    """A value as JSON text without spaces."""
    return msgspec.json.encode(value).decode()


def result_text(body: Json) -> str:
    """What a tool gave back as text: itself, its text parts, or JSON."""
    if isinstance(body, str):
        return body
    if _is_list_of_parts(body):
        return plain_text(tuple(_part(part) for part in body))
    return compact(body)


def _system(content: SystemContent) -> str:
    dated = "" if content.system_datetime is None else f"Date and time: {content.system_datetime}"
    return "\n\n".join(text for text in (content.system_message, dated) if text)


def _instruction(content: InstructionContent, newest: bool) -> list[Item]:
    own, results = _spoken(content.instruction)
    sections: list[tuple[str, tuple[Part, ...]]] = []
    if content.guidance is not None:
        sections.append(("Guidance", _spoken(content.guidance)[0]))
    if content.context:
        sections.append(("Context", tuple(f"- {result_text(item)}" for item in content.context)))
    if sections or content.response_format is not None:
        sections += [("Instruction", own)] if own else []
    if content.response_format is not None:
        sections.append(("Response format", (_format(content.response_format, newest),)))
    parts = tuple(_headed(sections)) if sections else own
    parts += tuple(Image(url, content.image_detail) for url in content.images)
    return [*results, *([Said(MessageRole.USER, parts)] if parts or not results else [])]


def _headed(sections: list[tuple[str, tuple[Part, ...]]]) -> Iterator[Part]:
    """The sections, their heads and texts drawn together where nothing else comes between."""
    text: list[str] = []
    for head, parts in sections:
        text.append(f"## {head}")
        for part in parts:
            if isinstance(part, str):
                text.append(part)
            else:
                yield "\n".join(text)
                yield part
                text = []
        text.append("")
    if said := "\n".join(text).strip("\n"):
        yield said


def _format(wanted: ResponseFormat, newest: bool) -> str:
    if not newest:
        return wanted.name
    return f"Answer with JSON of the schema {wanted.name}:\n{compact(wanted.schema)}"


def _answer(content: AssistantResponseContent, position: int | None) -> list[Item]:
    parts: list[Part] = []
    calls: list[Item] = []
    body = content.assistant_response
    listed = _is_list_of_parts(body)
    for part in body if listed else [body]:
        match part:
            case {"type": "tool_use", "name": str(name), "input": dict(given)} if listed:
                calls.append(Call(name, deepcopy(given), _text_or_none(part.get("id")), position))
            case {"type": "refusal", "refusal": str(words)} if listed:
                parts.append(words)
            case _:
                parts += [_part(part)] if listed else _spoken(part)[0]
    refusal = content.extra.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(refusal)
    tool_calls = content.extra.get("tool_calls")
    asked = tool_calls if isinstance(tool_calls, list) else [] if tool_calls is None else [tool_calls]
    older = content.extra.get("function_call")
    for each in asked if older is None else [*asked, {"function": older}]:
        call = _tool_call(each, position)
        if call is None:
            parts.append(compact(each))
        else:
            calls.append(call)
    return [*([Said(MessageRole.ASSISTANT, tuple(parts))] if any(parts) or not calls else []), *calls]


def _tool_call(given: Json, position: int | None) -> Call | None:
    match given:
        case {"function": {"name": str(name), "arguments": dict() | str() as arguments}}:
            return Call(name, deepcopy(arguments), _text_or_none(given.get("id")), position)
        case {"custom": {"name": str(name), "input": words}}:
            return Call(name, {"input": deepcopy(words)}, _text_or_none(given.get("id")), position)
        case _:
            return None


def _other(content: MessageContent) -> list[Item]:
    """A content of a kind that is not known here: by its role and its text."""
    if content.role is MessageRole.TOOL:
        return [Result(_text_or_none(getattr(content, "request_id", None)), content.text)]
    role = MessageRole.USER if content.role is MessageRole.UNSET else content.role
    return [Said(role, (content.text,) if content.text else ())]


def _spoken(body: Json) -> tuple[tuple[Part, ...], list[Item]]:
    """What was said as parts, and the results of calls that were given among them."""
    if body is None or body == "":
        return (), []
    if isinstance(body, str):
        return (body,), []
    if not _is_list_of_parts(body):
        return (compact(body),), []
    parts: list[Part] = []
    results: list[Item] = []
    for part in body:
        match part:
            case {"type": "tool_result", "tool_use_id": str(id)}:
                results.append(Result(id, result_text(part.get("content", "")), bool(part.get("is_error"))))
            case _:
                parts.append(_part(part))
    return tuple(part for part in parts if part != ""), results


def _part(part: Json) -> Part:
    match part:
        case str():
            return part
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            return Image(url, _text_or_none(image.get("detail")))
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return Image(url)
        case {"type": "image", "source": {"type": "base64", "media_type": str(kind), "data": str(data)}}:
            return Image(f"data:{kind};base64,{data}")
        case {"type": "input_audio" | "file" | "document" | "search_result" as kind}:
            return Native(kind, deepcopy(part))
        case _:
            return compact(part)


def _is_list_of_parts(body: Json) -> bool:
    return (
        isinstance(body, list)
        and any(isinstance(part, Mapping) for part in body)
        and all(
            isinstance(part, str) or (isinstance(part, Mapping) and isinstance(part.get("type"), str)) for part in body
        )
    )


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
