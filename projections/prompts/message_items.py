"""What a recorded message is made of, in order: what is said, calls, and results."""

from collections.abc import Iterator, Mapping
from copy import deepcopy

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
from ...domain.content_parts import compact, is_list_of_parts, parse_tool_call
from ...domain.json_values import Json
from ...domain.message import Message
from ...domain.provider_messages import OUTPUTS
from .message_parts import (
    ANTHROPIC,
    OPENAI,
    RESPONSES,
    Image,
    Item,
    NativePart,
    Part,
    TextItem,
    ToolCallItem,
    ToolResultItem,
    native_part,
    parse_body,
    parse_part,
    provider_of,
    result_text,
    text_or_none,
)

_CLIENT_CALLS = frozenset({"tool_use", "function_call", "custom_tool_call"})
"""Calls that the caller answers; those of the provider's own tools are answered in the same message."""

_OF_MESSAGE_ITEM = ("id", "type", "status", "phase")


def message_items(message: Message, newest: bool = False) -> list[Item]:
    """What a message is made of, in order; `newest` says that it is the newest instruction."""
    content: MessageContent = message.content
    match content:
        case SystemContent():
            return [TextItem(MessageRole.SYSTEM, (_system(content),), content.developer)]
        case InstructionContent():
            return _instruction(content, newest)
        case AssistantResponseContent():
            return _answer(content, message.position)
        case ActionRequestContent():
            return [ToolCallItem(content.function, deepcopy(content.arguments), content.request_id, message.position)]
        case ActionResponseContent():
            return [_result(content)]
        case _:
            return _other(content)


def _system(content: SystemContent) -> str:
    dated = "" if content.system_datetime is None else f"Date and time: {content.system_datetime}"
    return "\n\n".join(text for text in (content.system_message, dated) if text)


def _instruction(content: InstructionContent, newest: bool) -> list[Item]:
    own, results = parse_body(content.instruction)
    sections: list[tuple[str, tuple[Part, ...]]] = []
    if content.guidance is not None:
        sections.append(("Guidance", parse_body(content.guidance)[0]))
    if content.context:
        sections.append(("Context", tuple(f"- {result_text(item)}" for item in content.context)))
    if sections or content.response_format is not None:
        sections += [("Instruction", own)] if own else []
    if content.response_format is not None:
        sections.append(("Response format", (_format(content.response_format, newest),)))
    parts = tuple(_with_heading(sections)) if sections else own
    parts += tuple(Image(url, content.image_detail) for url in content.images)
    return [*results, *([TextItem(MessageRole.USER, parts)] if parts or not results else [])]


def _with_heading(sections: list[tuple[str, tuple[Part, ...]]]) -> Iterator[Part]:
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
    """What a model answered, in its order: text and parts of its provider, and its calls."""
    found: list[Part | ToolCallItem] = [*_body(content, position)]
    if content.refusal:
        found.append(NativePart(OPENAI, "refusal", {"refusal": content.refusal}, content.refusal))
    match content.extra.get("audio"):
        case {"id": str(id), "transcript": str(transcript)}:
            found.append(NativePart(OPENAI, "audio", {"audio": {"id": id}}, transcript))
    older = content.extra.get("function_call")
    calls = content.tool_calls if older is None else [*content.tool_calls, {"function": older}]
    found += [_call(each, position) or compact(each) for each in calls]
    return _group(found) or [TextItem(MessageRole.ASSISTANT, ())]


def _body(content: AssistantResponseContent, position: int | None) -> Iterator[Part | ToolCallItem]:
    body = content.assistant_response
    if not is_list_of_parts(body) or not any(isinstance(part, Mapping) for part in body):
        yield from parse_body(body)[0]
        return
    if content.extra.get("type") == "message" and all(_kind(part) in ("output_text", "refusal") for part in body):
        item = {key: deepcopy(content.extra[key]) for key in _OF_MESSAGE_ITEM if key in content.extra}
        yield native_part(RESPONSES, {**item, "role": "assistant", "content": deepcopy(body)})
        return
    provider = _provider(content)
    for part in body:
        call = _call(part, position) if _kind(part) in _CLIENT_CALLS else None
        if call is not None:
            yield call
        elif provider is not None and _is_native(part, provider):
            yield native_part(provider, deepcopy(part))
        elif (made := parse_part(part)) != "":
            yield made


def _is_native(part: Json, provider: str) -> bool:
    """Whether a part says more than its text."""
    if _kind(part) in ("text", "output_text", "refusal"):
        return provider == ANTHROPIC and part.keys() > {"type", "text"}
    return _kind(part) is not None


def _provider(content: AssistantResponseContent) -> str | None:
    """Whose parts they are, as far as they tell; then also those whose type is not known here are sent back to it."""
    if content.extra.get("object") == "response":
        return RESPONSES
    if content.extra.get("type") == "message" and "stop_reason" in content.extra:
        return ANTHROPIC
    return next((found for part in content.assistant_response if (found := provider_of(part)) is not None), None)


def _group(found: list[Part | ToolCallItem]) -> list[Item]:
    """Parts that follow each other as one thing said, calls by themselves."""
    items: list[Item] = []
    parts: list[Part] = []
    for each in found:
        if not isinstance(each, ToolCallItem):
            parts.append(each)
            continue
        if parts:
            items.append(TextItem(MessageRole.ASSISTANT, tuple(parts)))
            parts = []
        items.append(each)
    return [*items, *([TextItem(MessageRole.ASSISTANT, tuple(parts))] if parts else [])]


def _call(given: Json, position: int | None) -> ToolCallItem | None:
    call = parse_tool_call(given)
    if call is None:
        return None
    arguments = {} if call.arguments is None else deepcopy(call.arguments)
    custom = given.get("type") in ("custom", "custom_tool_call") or ("custom" in given and "function" not in given)
    return ToolCallItem(
        call.name,
        arguments if isinstance(arguments, dict | str) else compact(arguments),
        call.id,
        position,
        custom=custom,
        given=deepcopy(given),
    )


def _result(content: ActionResponseContent) -> ToolResultItem:
    id = content.request_id or text_or_none(content.extra.get("tool_call_id"))
    given = None
    if content.extra.get("type") in OUTPUTS and content.error is None:
        given = deepcopy({**content.extra, "output": content.result})
    return ToolResultItem(id, result_text(content.body), not content.success, given)


def _other(content: MessageContent) -> list[Item]:
    """A content of a kind that is not known here: by its role and its text."""
    if content.role is MessageRole.TOOL:
        return [ToolResultItem(text_or_none(getattr(content, "request_id", None)), content.text)]
    role = MessageRole.USER if content.role is MessageRole.UNSET else content.role
    return [TextItem(role, (content.text,) if content.text else ())]


def _kind(part: Json) -> Json:
    return part.get("type") if isinstance(part, Mapping) else None
