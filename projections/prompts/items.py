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
from ...domain.message import Message
from ...domain.parts import call_of, compact, is_list_of_parts
from ...domain.plain import Json
from ...domain.provider_messages import OUTPUTS
from .parts import (
    ANTHROPIC,
    OPENAI,
    RESPONSES,
    Call,
    Image,
    Item,
    Native,
    Part,
    Result,
    Said,
    native,
    part_of,
    provider_of,
    result_text,
    spoken,
    text_or_none,
)

_CLIENT_CALLS = frozenset({"tool_use", "function_call", "custom_tool_call"})
"""Calls that the caller answers; those of the provider's own tools are answered in the same message."""

_OF_MESSAGE_ITEM = ("id", "type", "status", "phase")


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
            return [_result(content)]
        case _:
            return _other(content)


def _system(content: SystemContent) -> str:
    dated = "" if content.system_datetime is None else f"Date and time: {content.system_datetime}"
    return "\n\n".join(text for text in (content.system_message, dated) if text)


def _instruction(content: InstructionContent, newest: bool) -> list[Item]:
    own, results = spoken(content.instruction)
    sections: list[tuple[str, tuple[Part, ...]]] = []
    if content.guidance is not None:
        sections.append(("Guidance", spoken(content.guidance)[0]))
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
    """What a model answered, in its order: text and parts of its provider, and its calls."""
    found: list[Part | Call] = [*_body(content, position)]
    if content.refusal:
        found.append(Native(OPENAI, "refusal", {"refusal": content.refusal}, content.refusal))
    match content.extra.get("audio"):
        case {"id": str(id), "transcript": str(transcript)}:
            found.append(Native(OPENAI, "audio", {"audio": {"id": id}}, transcript))
    older = content.extra.get("function_call")
    calls = content.tool_calls if older is None else [*content.tool_calls, {"function": older}]
    found += [_call(each, position) or compact(each) for each in calls]
    return _grouped(found) or [Said(MessageRole.ASSISTANT, ())]


def _body(content: AssistantResponseContent, position: int | None) -> Iterator[Part | Call]:
    body = content.assistant_response
    if not is_list_of_parts(body) or not any(isinstance(part, Mapping) for part in body):
        yield from spoken(body)[0]
        return
    if content.extra.get("type") == "message" and all(_kind(part) in ("output_text", "refusal") for part in body):
        item = {key: deepcopy(content.extra[key]) for key in _OF_MESSAGE_ITEM if key in content.extra}
        yield native(RESPONSES, {**item, "role": "assistant", "content": deepcopy(body)})
        return
    provider = _provider(content)
    for part in body:
        call = _call(part, position) if _kind(part) in _CLIENT_CALLS else None
        if call is not None:
            yield call
        elif provider is not None and _is_native(part, provider):
            yield native(provider, deepcopy(part))
        elif (made := part_of(part)) != "":
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


def _grouped(found: list[Part | Call]) -> list[Item]:
    """Parts that follow each other as one thing said, calls by themselves."""
    items: list[Item] = []
    parts: list[Part] = []
    for each in found:
        if not isinstance(each, Call):
            parts.append(each)
            continue
        if parts:
            items.append(Said(MessageRole.ASSISTANT, tuple(parts)))
            parts = []
        items.append(each)
    return [*items, *([Said(MessageRole.ASSISTANT, tuple(parts))] if parts else [])]


def _call(given: Json, position: int | None) -> Call | None:
    call = call_of(given)
    if call is None:
        return None
    arguments = {} if call.arguments is None else deepcopy(call.arguments)
    custom = given.get("type") in ("custom", "custom_tool_call") or ("custom" in given and "function" not in given)
    return Call(
        call.name,
        arguments if isinstance(arguments, dict | str) else compact(arguments),
        call.id,
        position,
        custom=custom,
        given=deepcopy(given),
    )


def _result(content: ActionResponseContent) -> Result:
    id = content.request_id or text_or_none(content.extra.get("tool_call_id"))
    given = None
    if content.extra.get("type") in OUTPUTS and content.error is None:
        given = deepcopy({**content.extra, "output": content.result})
    return Result(id, result_text(content.body), not content.success, given)


def _other(content: MessageContent) -> list[Item]:
    """A content of a kind that is not known here: by its role and its text."""
    if content.role is MessageRole.TOOL:
        return [Result(text_or_none(getattr(content, "request_id", None)), content.text)]
    role = MessageRole.USER if content.role is MessageRole.UNSET else content.role
    return [Said(role, (content.text,) if content.text else ())]


def _kind(part: Json) -> Json:
    return part.get("type") if isinstance(part, Mapping) else None
