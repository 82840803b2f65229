"""The conversations that ChatGPT exports: each a tree of messages, told as lines that fork from one another. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import InvalidValueError
from ...domain.json_values import Json

ROLES = frozenset({"system", "user", "assistant", "tool"})


@dataclass
class Thread:
    """Messages one after the other; a fork goes on behind a message, by its node, of another line before it."""

    parent: int | None = None
    after: str | None = None
    messages: list[dict[str, Json]] = field(default_factory=list)


@dataclass
class Conversation:
    """One conversation; the first line is the one that was shown last."""

    id: str
    title: str | None
    metadata: dict[str, Json]
    lines: list[Thread]


def parse_conversations(exported: Json) -> Iterator[Conversation]:
    """The conversations of a file; what is not one is refused by its place in it."""
    for place, each in enumerate(exported if isinstance(exported, list) else [exported]):
        what = f"conversation {place}"
        if not isinstance(each, Mapping) or not isinstance(each.get("mapping"), Mapping):
            raise InvalidValueError(what, "has no mapping: expected one as ChatGPT exports it")
        yield _conversation(each, what)


def _conversation(exported: Mapping[str, Any], what: str) -> Conversation:
    nodes = exported["mapping"]
    id = exported.get("conversation_id") or exported.get("id")
    if not isinstance(id, str) or not id:
        raise InvalidValueError(what, "has no id: expected one as ChatGPT exports it")
    title = exported.get("title")
    kept = ("create_time", "update_time", "default_model_slug", "gizmo_id")
    metadata = {"imported_from": "chatgpt", **{key: exported[key] for key in kept if exported.get(key) is not None}}
    shown = _path_to(exported.get("current_node"), nodes, what)
    return Conversation(id, title if isinstance(title, str) else None, metadata, _lines(nodes, shown, what))


def _lines(nodes: Mapping[str, Any], shown: frozenset[str], what: str) -> list[Thread]:
    """Every node once, the lines in the order in which they fork from one another."""
    lines: list[Thread] = []
    seen: set[str] = set()
    roots = [id for id, node in nodes.items() if _node(nodes, id, what).get("parent") not in nodes]
    waiting: list[tuple[str, int | None, str | None]] = [(root, None, None) for root in _current_node(roots, shown)]
    while waiting:
        start, parent, after = waiting.pop()
        place, line = len(lines), Thread(parent, after)
        owner, last, current = parent, after, start
        while True:
            if current in seen:
                raise InvalidValueError(what, f"has node {current!r} twice in its tree: expected each once")
            seen.add(current)
            message = _message(_node(nodes, current, what), current)
            if message is not None:
                line.messages.append(message)
                owner, last = place, current
            children = _current_node(_node(nodes, current, what).get("children") or [], shown)
            if not children:
                break
            waiting += [(child, owner, last) for child in children[:-1]]
            current = children[-1]
        lines.append(line)
    if len(seen) != len(nodes):
        raise InvalidValueError(what, "has nodes that no root leads to: expected a tree")
    return _without_empty(lines)


def _without_empty(lines: list[Thread]) -> list[Thread]:
    """The lines that say something; nothing forks from one that does not."""
    kept = [place for place, line in enumerate(lines) if line.messages]
    places = {old: new for new, old in enumerate(kept)}
    return [
        Thread(
            None if lines[place].parent is None else places[lines[place].parent or 0],
            lines[place].after,
            lines[place].messages,
        )
        for place in kept
    ]


def _current_node(ids: list[str], shown: frozenset[str]) -> list[str]:
    """The same ids, the one that was shown last at the end; else the newest is there already."""
    return sorted(ids, key=lambda id: id in shown)


def _path_to(current: Any, nodes: Mapping[str, Any], what: str) -> frozenset[str]:
    path: set[str] = set()
    while isinstance(current, str) and current in nodes and current not in path:
        path.add(current)
        current = _node(nodes, current, what).get("parent")
    return frozenset(path)


def _node(nodes: Mapping[str, Any], id: Any, what: str) -> Mapping[str, Any]:
    node = nodes.get(id) if isinstance(id, str) else None
    if not isinstance(node, Mapping):
        raise InvalidValueError(what, f"names node {id!r}, which is not there: expected one of its mapping")
    return node


def _message(node: Mapping[str, Any], id: str) -> dict[str, Json] | None:
    """The chat dict of a node, or nothing if nothing was said."""
    message = node.get("message")
    if not isinstance(message, Mapping):
        return None
    author, content, about = (_dict(message, key) for key in ("author", "content", "metadata"))
    role = author.get("role")
    text = _text(content)
    if role not in ROLES or not text:
        return None
    more = {
        "node": id,
        "create_time": message.get("create_time"),
        "model": about.get("model_slug"),
        "author": author.get("name"),
        "content_type": None if content.get("content_type") == "text" else content.get("content_type"),
        "original": None if _is_plain(content) else dict(content),
    }
    return {"role": role, "content": text, **{key: value for key, value in more.items() if value is not None}}


def _text(content: Mapping[str, Any]) -> str:
    parts = content.get("parts")
    found = parts if isinstance(parts, list) else [content.get("text") or content.get("result") or ""]
    texts = [part if isinstance(part, str) else _title_of(part) for part in found]
    return "\n".join(text for text in texts if text)


def _title_of(part: Any) -> str:
    if not isinstance(part, Mapping):
        return ""
    text = part.get("text")
    return text if isinstance(text, str) else f"[{part.get('content_type', 'something that is no text')}]"


def _is_plain(content: Mapping[str, Any]) -> bool:
    return content.get("content_type") == "text" and all(isinstance(part, str) for part in content.get("parts") or ())


def _dict(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = message.get(key)
    return found if isinstance(found, Mapping) else {}
