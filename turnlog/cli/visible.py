"""Text of the record made safe for a terminal: it steers nothing, and cannot pass for what the command itself says."""

import re

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of what follows
    "\u2028\u2029\ud800-\udfff]"  # ends of lines that are none to most, and halves of characters
)
INVISIBLE = re.compile(
    "[\u00ad\u115f\u1160\u180e\u200b\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What makes two names look the same: no width, no ink."""

PLAIN_NAME = re.compile(r"[\w.@+/:#-]+")
SHELL_SAFE = re.compile(r"[\w.@+/:=,-]+")

INDENT = "    "
"""In front of the lines of a text, and of what does not fit on a line: nothing of the record begins at the edge."""


def visible(text: str) -> str:
    """The text with everything in it that a terminal would act on spelled out; line feeds and tabs stay."""
    return STEERING.sub(_spelled, text)


def on_one_line(text: str) -> str:
    """The same on one line: line feeds and tabs are spelled out, too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def cell(text: str) -> str:
    """The same for a cell of a table, where names that look the same stand below each other."""
    return INVISIBLE.sub(_spelled, on_one_line(text))


def quoted(name: str) -> str:
    """A name among other words of a line: in quotes unless it is a plain one, so that it is seen where it ends."""
    if PLAIN_NAME.fullmatch(name) and not INVISIBLE.search(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{INVISIBLE.sub(_spelled, on_one_line(escaped))}"'


def paragraph(text: str) -> str:
    """A text of several lines behind what is said of it: the lines after the first are indented."""
    return visible(text).replace("\n", f"\n{INDENT}")


def visible_json(document: str) -> str:
    """The same JSON, with everything that a terminal would act on as escapes of JSON."""
    return STEERING.sub(_escaped, document)


def is_shell_safe(word: str) -> bool:
    """Whether a shell takes a word as it is: completion puts it on the line that is run."""
    return SHELL_SAFE.fullmatch(word) is not None


def _spelled(found: re.Match[str]) -> str:
    point = ord(found[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0] in "\r\n\t" else f"\\u{ord(found[0]):04x}"
