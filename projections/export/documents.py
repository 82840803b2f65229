"""Sessions as documents that others read: JSON, Markdown, a page of HTML, and lines to train a model with. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from ...domain.json_values import Json
from ...domain.message import REDACTED

HEADINGS = {"system": "System", "developer": "Developer", "user": "User", "assistant": "Assistant", "tool": "Tool"}
SHAREGPT = {"system": "system", "developer": "system", "user": "human", "assistant": "gpt", "tool": "tool"}

MORE = "turnlog"
"""The key, in a message of a JSON document, of its sender, recipient and metadata, and of whether it was redacted."""

_STYLE = (
    "body{font-family:sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;line-height:1.5}"
    "article{border-left:.25rem solid #999;margin:1rem 0;padding:.1rem 1rem}"
    ".user{border-color:#2563eb}.assistant{border-color:#16a34a}.tool{border-color:#d97706}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}header{color:#666;font-size:.9rem}"
)


@dataclass(frozen=True)
class DocumentMessage:
    """One message as a document shows it: its chat dict, its text, and when and by whom."""

    chat: Mapping[str, Any]
    text: str
    at: datetime | None = None
    sender: str | None = None
    recipient: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    redacted: bool = False

    @property
    def role(self) -> str:
        """Who speaks, as text."""
        return str(self.chat["role"])


@dataclass(frozen=True)
class SessionDocument:
    """A session as a document tells it."""

    name: str | None
    messages: Sequence[DocumentMessage]
    metadata: Mapping[str, Json]
    created_at: datetime
    updated_at: datetime
    session_id: str
    key: str | None = None
    user: str | None = None
    status: str = "active"

    @property
    def title(self) -> str:
        """What the document is called."""
        return self.name or self.session_id


def to_json(told: SessionDocument) -> dict[str, Json]:
    """The session as a JSON document: what it is called, its messages, metadata and times."""
    return {
        "id": told.session_id,
        "key": told.key,
        "name": told.name,
        "user": told.user,
        "status": told.status,
        "messages": [_chat_and_more(said) for said in told.messages],
        "metadata": dict(told.metadata),
        "created_at": told.created_at.isoformat(),
        "updated_at": told.updated_at.isoformat(),
    }


def _chat_and_more(said: DocumentMessage) -> dict[str, Json]:
    """The chat dict of a message, with what a chat dict has no key for under one of its own."""
    more = {
        "sender": said.sender,
        "recipient": said.recipient,
        "metadata": dict(said.metadata),
        "redacted": said.redacted,
    }
    known = {name: value for name, value in more.items() if value}
    return {**said.chat, **({MORE: known} if known else {})}


def to_markdown(told: SessionDocument) -> str:
    """The session as a transcript to read; what was said is fenced where Markdown would take it for more than text."""
    lines = [f"# {_heading(told.title)}", "", f"{told.created_at.isoformat()} to {told.updated_at.isoformat()}", ""]
    for said in told.messages:
        lines += [f"## {_heading(_speaker(said))}", "", _fence(_text(said)), ""]
    return "\n".join(lines)


def to_html(told: SessionDocument) -> str:
    """The session as one page that needs nothing else, runs nothing, and shows what was said as text."""
    articles = "\n".join(
        f'<article class="{escape(said.role)}"><header>{escape(_speaker(said))}</header>'
        f"<pre>{escape(_text(said))}</pre></article>"
        for said in told.messages
    )
    title = escape(told.title)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{escape(told.created_at.isoformat())} to {escape(told.updated_at.isoformat())}</p>\n{articles}\n"
        f"</body>\n</html>\n"
    )


def to_openai_line(messages: list[dict[str, Json]], tools: list[Json]) -> bytes:
    """A line for the fine-tuning of a chat model: `{"messages": [{"role": ..., "content": ...}]}`, and the tools."""
    return _line({"messages": messages, **({"tools": tools} if tools else {})})


def to_sharegpt_line(told: SessionDocument) -> bytes:
    """The session as a line in the shape of ShareGPT: `{"conversations": [{"from": ..., "value": ...}]}`."""
    turns = [{"from": SHAREGPT.get(said.role, said.role), "value": said.text} for said in told.messages]
    return _line({"id": told.session_id, "conversations": turns})


def _text(said: DocumentMessage) -> str:
    return REDACTED if said.redacted else said.text


def _speaker(said: DocumentMessage) -> str:
    who = HEADINGS.get(said.role, said.role)
    more = [part for part in (said.sender, None if said.at is None else said.at.isoformat()) if part]
    return _one_line(f"{who} ({', '.join(more)})" if more else who)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _heading(text: str) -> str:
    """A name as one line of text, in which Markdown sees no tag, link or code."""
    return re.sub(r"([\\`<\[\]])", r"\\\1", _one_line(text))


def _fence(text: str) -> str:
    """The text, in a fence that it cannot end if Markdown would take a part of it for a heading, a link or a tag."""
    headings = any(line.lstrip().startswith(("#", "---", "===")) for line in text.splitlines())
    if not (headings or "<" in text or "](" in text):
        return text
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _line(value: Json) -> bytes:
    return msgspec.json.encode(value) + b"\n"
