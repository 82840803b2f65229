"""Prints docs/events.md, made of domain/events.py; scripts/reference writes it."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from turnlog.domain.content import SystemContent
from turnlog.domain.events import STORED_NAMES, Event
from turnlog.domain.events.work import LogType
from turnlog.domain.ranges import Origin, Range

FIRST = "0.1.0"
"""The release in which all events and fields came that SINCE does not name."""

SINCE: dict[str, str] = {}
"""The release in which a stored name ("branch.merged") or a field ("branch.merged.since") came, if a later one."""

OPENING = """\
# The events

What can happen in a session, and what of it is stored. Each event is a row of the record: its stored name and its
payload are shown here; session, position, time, actor, correlation id and causation are columns beside them
([record-format.md](record-format.md)). Once released, an event and its fields stay as they are; others may be added.
The first release will be 0.1.0.

A payload is a JSON object. A field without a default is always there; a field that has its default is left out. "JSON"
is any plain JSON, a "content" is what a message says and names its type, and a "range" is an array of five.

This page is made of `domain/events/`, by `scripts/reference`.
"""

WORDS: dict[object, str] = {
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
    NoneType: "null",
    Any: "JSON",
    Origin: "origin: " + ", ".join(Origin),
    LogType: "type: " + ", ".join(LogType),
    SystemContent: "system content",
    Range: "range",
}


def main() -> None:
    print(page(STORED_NAMES, SINCE), end="")


def page(stored: Mapping[str, type[Event]], since: Mapping[str, str]) -> str:
    """The reference of events, group by group."""
    parts = [OPENING]
    for group, names in groupby(stored, key=lambda name: name.partition(".")[0]):
        parts.append(f"\n## {group}\n")
        parts += [entry(name, stored[name], since) for name in names]
    return "".join(parts)


def entry(name: str, kind: type[Event], since: Mapping[str, str]) -> str:
    """One event: what it says of itself, and its fields."""
    words = re.sub(r"\s*\n\s*", " ", vars(kind).get("__doc__") or "").strip()
    first = since.get(name, FIRST)
    lines = [f"\n### {name}\n", f"`{kind.__name__}`, since {first}. {words}\n"]
    fields = msgspec.structs.fields(kind)
    if fields:
        lines += ["| field | type | default | since |", "|---|---|---|---|"]
        types = get_type_hints(kind)
        for field in fields:
            came = since.get(f"{name}.{field.name}", first)
            lines.append(f"| `{field.encode_name}` | {in_words(types[field.name])} | {default(field)} | {came} |")
    return "\n".join(lines).rstrip() + "\n"


def in_words(kind: object) -> str:
    """A type in words that need no Python."""
    if kind in WORDS:
        return WORDS[kind]
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin in (UnionType, Union):
            return "content" if all(is_content(each) for each in arguments) else " or ".join(map(in_words, arguments))
        case origin if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"object of {in_words(arguments[1])}"
        case origin if isinstance(origin, type) and issubclass(origin, Sequence):
            return f"list of {plural(in_words(arguments[0]))}"
    raise TypeError(f"no words for {kind!r}: expected an entry in WORDS")


def is_content(kind: object) -> bool:
    """Whether it is what a message says: contents have a tag."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and bool(kind.__struct_config__.tag)


def plural(words: str) -> str:
    return words if words in ("text", "JSON") else f"{words}s"


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default as JSON, or nothing if the field must be there."""
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{json.dumps(field.default_factory())}`"
    if field.default is msgspec.NODEFAULT:
        return ""
    value = dict(field.default) if isinstance(field.default, Mapping) else field.default
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    main()
