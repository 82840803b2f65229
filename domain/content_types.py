"""Contents of an application's own: the names they are stored under, and how the record keeps and reads them.

Nothing that is stored ever names a class: a process that has not registered a name reads the content as unknown.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec.inspect import StructType, type_info
from msgspec.structs import fields, replace

from .content import KINDS, Content, MessageContent, MessageRole
from .errors import InvalidContentError, InvalidValueError
from .immutable import NO_KEYS
from .json_values import AGAIN, Json, to_json_value

C = TypeVar("C", bound=type[MessageContent])

RESERVED = frozenset({"type", "role"})
"""Keys under which the record keeps what kind of content it is, and who speaks."""

_NAME = re.compile(r"[a-z0-9_.-]{1,255}")
_OF = "letters a to z, digits, _ . -"
_TYPED = "expected values of the types that its fields have"

_ROLES = (MessageRole.USER, MessageRole.ASSISTANT, MessageRole.TOOL)


def _tag(kind: type[MessageContent]) -> str:
    found = type_info(kind)
    assert isinstance(found, StructType)
    return str(found.tag)


OWN: dict[str, type[Content]] = {_tag(kind): kind for kind in KINDS}
"""The contents of Turnlog's own, by the tag they are stored under."""

_classes: dict[str, type[MessageContent]] = {}
_names: dict[type[MessageContent], str] = {}


def is_content_name(name: object) -> bool:
    """Whether a kind of content can be called so."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class UnknownContent(MessageContent, frozen=True):
    """A content that this process has no class for, as it is stored: it can be read, copied and stored again."""

    tag: str
    fields: dict[str, Json] = NO_KEYS

    @property
    def role(self) -> MessageRole:  # type: ignore[override]  # here it follows from what is stored
        """Who speaks, as the process that wrote it has it stored."""
        stored = self.fields.get("role")
        return MessageRole(stored) if stored in _ROLES else MessageRole.UNSET

    @property
    def body(self) -> Json:
        return {key: value for key, value in self.fields.items() if key != "role"} or None


def content_type(name: str) -> Callable[[C], C]:
    """Makes a frozen Struct, a subclass of MessageContent, a content of its own, stored under a name for good.

    The class says its `role` (user, assistant or tool) and has a property `body`. What is stored is its fields by
    name: add to them, with defaults, and never alter them. A name with a dot never meets one of Turnlog's own.
    """
    if not is_content_name(name):
        raise InvalidValueError(
            "the name of a content type", f"is {name!r}: expected one such as 'invoice.shown', of {_OF}"
        )

    def register(kind: C) -> C:
        _check(kind)
        holder = OWN.get(name) or _classes.get(name)
        if holder is not None and not _is_equal(holder, kind):
            raise InvalidValueError("the name of a content type", f"{name!r} is taken by {holder.__name__}")
        if _names.get(kind, name) != name:
            raise InvalidValueError("a content type", f"{kind.__name__} is registered as {_names[kind]!r} already")
        if holder is not None:
            _names.pop(holder)
        _classes[name], _names[kind] = kind, name
        return kind

    return register


def stored_tag(content: MessageContent) -> str | None:
    """The name under which a content that is not one of Turnlog's own is stored; None if it has none."""
    return content.tag if isinstance(content, UnknownContent) else _names.get(type(content))


def is_registered(name: object) -> bool:
    """Whether an application has registered a content under this name."""
    return isinstance(name, str) and name in _classes


def content_to_stored(content: MessageContent) -> dict[str, Json]:
    """What the record keeps of a content, as plain values; refused if it is of no registered kind."""
    if type(content) in KINDS:
        form: dict[str, Json] = msgspec.to_builtins(content)
        return form
    tag = stored_tag(content)
    if tag is None:
        names = ", ".join(kind.__name__ for kind in (*KINDS, *_names))
        raise InvalidContentError(
            f"{type(content).__name__} is no kind of content: expected one of {names}, or one that was registered "
            f"by @content_type(name)"
        )
    if isinstance(content, UnknownContent):
        return {"type": tag, **content.fields}
    values = {field.encode_name: getattr(content, field.name) for field in fields(type(content))}
    if not content.extra:
        del values["extra"]
    return {"type": tag, "role": content.role.value, **msgspec.to_builtins(values)}


def content_from_stored(form: dict[str, Json]) -> MessageContent:
    """The content that the record keeps in a form; one that no class here fits is unknown, and complete."""
    tag = form["type"]
    if not isinstance(tag, str) or tag in OWN:
        own: MessageContent = msgspec.convert(form, Content)
        return own
    rest = {key: value for key, value in form.items() if key != "type"}
    if tag in _classes:
        try:
            return _build(tag, rest)
        except (msgspec.ValidationError, InvalidContentError):
            pass  # its class is another one by now: what was said stays readable
    return UnknownContent(tag=tag, fields=rest)


def parse_registered_content(given: dict[str, Json]) -> MessageContent:
    """The content of an application's own that a dict names by its type, with its fields or as a chat dict."""
    named = {field.encode_name for field in fields(_classes[given["type"]])}
    said = RESERVED if "content" in named or "role" not in given else RESERVED | {"content"}
    try:
        return _build(given["type"], {key: value for key, value in given.items() if key not in said - {"role"}})
    except msgspec.ValidationError as reason:
        raise InvalidContentError(f"this is no {given['type']}: {reason}") from None


def validate_custom_content(content: MessageContent) -> MessageContent:
    """The same content of no kind of Turnlog's own, its values plain and checked."""
    try:
        form = to_json_value(content_to_stored(content), "a message", AGAIN)
    except (TypeError, ValueError) as reason:
        if isinstance(reason, InvalidContentError | InvalidValueError):
            raise
        raise InvalidContentError(f"this {type(content).__name__} cannot be stored: {reason}") from None
    if not isinstance(content, UnknownContent):
        made = parse_registered_content(form)
        if made != content:
            raise InvalidContentError(f"this {type(content).__name__} would be read back as something else: {_TYPED}")
        return made
    if content.tag in OWN or content.tag in _classes or "type" in content.fields:
        raise InvalidContentError(f"the content type {content.tag!r} is known here: expected its own class or keys")
    return replace(content, fields={key: value for key, value in form.items() if key != "type"})


def _build(tag: str, values: dict[str, Json]) -> MessageContent:
    kind = _classes[tag]
    if values.get("role", kind.role) != kind.role:
        raise InvalidContentError(f"the role of {tag} is {kind.role.value}, not {values['role']!r}")
    return msgspec.convert({key: value for key, value in values.items() if key != "role"}, kind)


def _is_equal(one: type, other: type) -> bool:
    """Whether it is the same class defined anew, as when a cell of a notebook is run again."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _check(kind: type[MessageContent]) -> None:
    if not (isinstance(kind, type) and issubclass(kind, MessageContent)) or not kind.__struct_config__.frozen:
        raise InvalidValueError("a content type", f"cannot be {kind!r}: expected a frozen subclass of MessageContent")
    wrong = None
    if kind.role not in _ROLES:
        wrong = f"has the role {kind.role!r}: expected one of {', '.join(_ROLES)}"
    elif kind.body is MessageContent.body:
        wrong = "has no body: expected a property with what it says"
    elif RESERVED & {field.encode_name for field in fields(kind)}:
        wrong = f"has a field of a name that the record needs: expected none of {', '.join(sorted(RESERVED))}"
    elif kind.__struct_config__.array_like:
        wrong = "is stored as an array: expected fields by name"
    if wrong is not None:
        raise InvalidValueError(f"the content type {kind.__name__}", wrong)
    try:
        msgspec.json.Decoder(kind)
    except TypeError as reason:
        raise InvalidValueError(f"the content type {kind.__name__}", f"cannot be read back: {reason}") from None
