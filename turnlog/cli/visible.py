"""Text that somebody else wrote, made safe to show: what would steer a terminal is spelled out instead."""

import re

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of what follows
    "\u2028\u2029\ud800-\udfff]"  # ends of lines that are none to most, and halves of characters
)


def visible(text: str) -> str:
    """The text with everything in it that a terminal would act on spelled out."""
    return STEERING.sub(_spelled, text)


def on_one_line(text: str) -> str:
    """The same on one line."""
    return visible(text.replace("\n", " ").replace("\t", " "))


def _spelled(found: re.Match[str]) -> str:
    point = ord(found[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
