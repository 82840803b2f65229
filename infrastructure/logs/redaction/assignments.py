"""Secrets that a text names: `password=...`, `"api_key": "..."`, `Authorization: ...`, `--token ...`, `<secret>...`.

A text is read once from left to right; what was read as a value is not read again.
"""

import re

from .known_secrets import Mask, looks_secret, names_a_secret

_NAME = re.compile(
    r"""(?<![A-Za-z0-9_-])(?P<dashes>--)?(?P<name>[A-Za-z_][A-Za-z0-9_-]{2,63}+)(?P<close>\\{0,4}["'])?"""
    r"""(?P<by>[ \t]{0,8}+(?:=>|:=|={1,3}+|:)[ \t]{0,8}+|(?(dashes)[ \t]{1,8}+|(?!))|>)"""
)
_OPENING = re.compile(r"""\\{0,4}["']""")
_QUOTED = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\(?s:.))*+") for quote in "\"'"}
_ESCAPED = re.compile(r"""(?:[^"'\\\n]|\\(?!\\*+["']))*+""")
_BARE = re.compile(r"""[^\s,;&"'<>(){}\[\]]++""")
_TO_THE_END = re.compile(r"""[^\n"']++""")
_BEGINNING = re.compile(r"""[^\n"']{1,200}+""")
_TEXT = re.compile(r"[^<\n]++")
_HEADERS = ("authorization", "cookie")
_SCHEMES = frozenset(("basic", "bearer", "digest", "negotiate", "token", "apikey", "aws4-hmac-sha256"))
_MAY_BE_WORDS = ("pass", "pwd")
_BEFORE_A_NAME = ("", *",;{[(&|")
_NOTHING = frozenset(("null", "None", "none", "true", "True", "false", "False", "undefined"))
_END_OF_VALUE = re.compile(r"""[ \t]*+(?:$|[\n,;&<>(){}\[\]]|["'](?![A-Za-z]))""")


def mask_named(text: str, mask: Mask) -> str:
    """Masks the values that stand behind the name of a secret; what is only talked about stays."""
    parts: list[str] = []
    done = place = 0
    while (found := _NAME.search(text, place)) is not None:
        span = _value_of(text, found) if names_a_secret(found["name"]) else None
        if span is None:
            place = found.end("name")
            continue
        start, place = span
        parts += (text[done:start], mask(text[start:place]))
        done = place
    return "".join((*parts, text[done:]))


def _value_of(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """Where the value of a name begins and ends, if there is one that is more than prose."""
    by = found["by"].strip()
    if by == ">":
        return _span(_TEXT, text, found.end()) if text[found.start() - 1 : found.start()] == "<" else None
    opening = _OPENING.match(text, found.end())
    if opening is not None:
        quoted = _ESCAPED if len(opening[0]) > 1 else _QUOTED[opening[0]]
        return _span(quoted, text, opening.end())
    if by == ":" and any(header in found["name"].lower() for header in _HEADERS):
        return _header(text, found)
    value = _span(_BARE, text, found.end())
    if value is None or text[value[0] : value[1]] in _NOTHING or (by == ":" and _is_prose(text, found, *value)):
        return None
    return value


def _header(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """The value of a header, which goes on to the end of its line; whether it is one, its beginning shows."""
    beginning = _BEGINNING.match(text, found.end())
    words = [] if beginning is None else beginning[0].split()
    told = len(words) == 1 or any(word.lower() in _SCHEMES or "=" in word or looks_secret(word) for word in words)
    return _span(_TO_THE_END, text, found.end()) if told else None


def _is_prose(text: str, found: re.Match[str], start: int, end: int) -> bool:
    """Whether a sentence goes on behind the colon: with a word of a language, and more behind it."""
    word = text[start:end]
    if looks_secret(word) or not word.rstrip(".!?").isalpha():
        return word.startswith("//")
    if word[-1] in ".!?" or not any(name in found["name"].lower() for name in _MAY_BE_WORDS):
        return True
    before = text[max(found.start("name") - 200, 0) : found.start("name")].rpartition("\n")[2].rstrip(" \t\"'-")
    follows = _END_OF_VALUE.match(text, end)
    return follows is None or (follows[0].endswith(",") and before[-1:] not in _BEFORE_A_NAME)


def _span(pattern: re.Pattern[str], text: str, start: int) -> tuple[int, int] | None:
    found = pattern.match(text, start)
    return (start, found.end()) if found is not None and found.end() > start else None
