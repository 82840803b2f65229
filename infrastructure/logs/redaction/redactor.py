"""What takes the secrets out of logs before they leave the process."""

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from msgspec.structs import asdict
from structlog.processors import format_exc_info

from ....domain.errors import InvalidValueError
from ....domain.json_values import Json
from ....domain.log import Log
from .assignments import mask_named
from .custom_patterns import CustomPattern, custom_pattern
from .known_secrets import CARD, EMAIL, is_card, mask_known, names_a_secret

T = TypeVar("T")

REDACTED = "[REDACTED]"

_KEPT = ("type", "id", "created_at", "session", "branch", "position", "global_position", "duration_ms")
_COUNTED = ("input_tokens", "output_tokens", "total_tokens")
_NAMES_OF_HEADERS = ("name", "key", "header", "field")


class LogRedactor:
    """Puts `[REDACTED]` in the place of secrets: by the names they go by, at any depth, and by how they look.

    `keys` are more names of secrets, `patterns` regular expressions as RE2 has them (extra `logs`): what they match is
    removed, or their first group if they have one. E-mail addresses and numbers of cards are removed on request.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] = (),
        patterns: Iterable[str] = (),
        emails: bool = False,
        cards: bool = False,
        replacement: str = REDACTED,
    ) -> None:
        self._keys = tuple(_squeeze(key) for key in _list(keys, "keys"))
        self._patterns: tuple[CustomPattern, ...] = tuple(map(custom_pattern, _list(patterns, "patterns")))
        self._emails = emails
        self._cards = cards
        self._replacement = replacement

    def redact(self, value: Json) -> Json:
        """A copy of plain JSON without the secrets in it."""
        return self._redact_value(value)

    def redact_text(self, text: str) -> str:
        """The text without the secrets in it."""
        masked = mask_named(mask_known(text, self._mask), self._mask)
        if self._emails:
            masked = EMAIL.sub(self._replace, masked)
        if self._cards:
            masked = CARD.sub(lambda found: self._replacement if is_card(found[0]) else found[0], masked)
        for pattern in self._patterns:
            masked = pattern.mask(masked, self._replacement)
        return masked

    def redact_log(self, log: Log) -> Log:
        """The log without the secrets in it; which log it is, when and where, stays."""
        fields = asdict(log)
        kept = {name: fields.pop(name) for name in (*_KEPT, *_COUNTED)}
        return Log(**kept, **{name: self._redact_value(value) for name, value in fields.items()})

    def __call__(self, _: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A step for structlog's chain: takes the secrets out of a line, also of what will be turned into text."""
        told = format_exc_info(None, "", dict(line))  # else whoever renders the line writes the exception by himself
        return _unlike(self._items({key: _to_json(value) for key, value in told.items()}))

    def _redact_value(self, value: Json) -> Json:
        match value:
            case str():
                return self.redact_text(value)
            case Mapping():
                return _unlike(self._items(value))
            case list() | tuple():
                return self._list(value)
            case _:
                return value

    def _items(self, value: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
        pair = next((key for key in _NAMES_OF_HEADERS if "value" in value and self._is_secret(value.get(key))), None)
        for key, item in value.items():
            secret = self._is_secret(key) or (pair is not None and key == "value")
            yield self.redact_text(key), self._mask_value(item) if secret else self._redact_value(item)

    def _list(self, value: "list[Json] | tuple[Json, ...]") -> list[Json]:
        if len(value) == 2 and self._is_secret(value[0]) and isinstance(value[1], str):
            return [value[0], self._mask_value(value[1])]  # a header, as a pair
        return [self._redact_value(item) for item in value]

    def _is_secret(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return names_a_secret(name) or any(key in _squeeze(name) for key in self._keys)

    def _mask_value(self, value: Json) -> Json:
        return value if value is None or value == "" else self._replacement

    def _mask(self, _: str) -> str:
        return self._replacement

    def _replace(self, _: re.Match[str]) -> str:
        return self._replacement


def _unlike(items: Iterator[tuple[str, Json]]) -> dict[str, Json]:
    """A dict of the items, in which keys that have become the same are told apart."""
    found: dict[str, Json] = {}
    for key, item in items:
        name, number = key, 2
        while name in found:
            name, number = f"{key} {number}", number + 1
        found[name] = item
    return found


def _to_json(value: object) -> Json:
    """Plain JSON, or the text that others make of what is not."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)


def _squeeze(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def _list(given: Iterable[T], what: str) -> Iterable[T]:
    if isinstance(given, str | bytes):
        raise InvalidValueError(what, "are one text: expected a list of them")
    return given


STANDARD = LogRedactor()
"""What is taken out if nothing else is said."""
