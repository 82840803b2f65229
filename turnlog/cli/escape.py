"""Text of the record, escaped for a terminal: it controls nothing and cannot pass for output of the command."""

import re

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters except tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029\ud800-\udfff]"  # line separators that few programs know, and lone surrogates
)
INVISIBLE = re.compile(
    "[\u00ad\u115f\u1160\u180e\u200b\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that make two names look the same: no width, no ink."""

PLAIN_NAME = re.compile(r"[\w.@+/:#-]+")
SHELL_SAFE = re.compile(r"[\w.@+/:=,-]+")

INDENT = "    "
"""In front of lines of content and of folded lines: no line of the record starts in the first column."""


def escape(text: str) -> str:
    """Escape every character that a terminal would act on, except line feeds and tabs."""
    return CONTROL.sub(_escape_sequence, text)


def escape_line(text: str) -> str:
    """Escape a text for one line: line feeds and tabs too."""
    return escape(text).replace("\n", "\\n").replace("\t", "\\t")


def escape_cell(text: str) -> str:
    """Escape a text for a cell of a table: invisible characters too, so that equal names are equal."""
    return INVISIBLE.sub(_escape_sequence, escape_line(text))


def quote(name: str) -> str:
    """Quote a name within a line unless it is plain, so that its end is visible."""
    if PLAIN_NAME.fullmatch(name) and not INVISIBLE.search(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{INVISIBLE.sub(_escape_sequence, escape_line(escaped))}"'


def escape_paragraph(text: str) -> str:
    """Escape a text of several lines, and indent the lines after the first."""
    return escape(text).replace("\n", f"\n{INDENT}")


def escape_json(document: str) -> str:
    """Escape every character of a JSON document that a terminal would act on, as JSON does."""
    return CONTROL.sub(_json_escape, document)


def is_shell_safe(word: str) -> bool:
    """Return whether a shell takes a word as it is: completion puts it on the command line."""
    return SHELL_SAFE.fullmatch(word) is not None


def _escape_sequence(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _json_escape(match: re.Match[str]) -> str:
    return match[0] if match[0] in "\r\n\t" else f"\\u{ord(match[0]):04x}"
