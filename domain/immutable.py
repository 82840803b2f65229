"""Dicts and lists inside a message, which are read like any other and refuse to be changed."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NoReturn, Self, TypeVar

import msgspec
from msgspec.structs import replace

from .errors.base import ReadOnlyError
from .json_values import Json


def _raise_read_only(self: object, *given: object, **named: object) -> NoReturn:
    raise ReadOnlyError("a value inside a message cannot be changed; change a copy.deepcopy() of it")


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; a copy of it can."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _raise_read_only
    clear = pop = popitem = setdefault = update = _raise_read_only

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        return type(self), (dict(self),)


class FrozenList(list[Any]):
    """A list that cannot be changed; a copy of it can."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _raise_read_only
    append = extend = insert = pop = remove = clear = sort = reverse = _raise_read_only

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[type[Self], tuple[list[Any]]]:
        return type(self), (list(self),)


NO_ITEMS: list[Any] = FrozenList()
"""The empty list that stands for a list that was not given."""

NO_KEYS: dict[str, Any] = FrozenDict()
"""The empty dict that stands for a dict that was not given."""


S = TypeVar("S", bound=msgspec.Struct)

_UNCHANGING = frozenset({str, type(None), bool, int, float, FrozenDict, FrozenList})


def freeze(value: Json) -> Json:
    """The value with everything in it frozen; itself if there is nothing in it that could be changed."""
    kind = type(value)
    if kind in _UNCHANGING:  # what was frozen here has frozen parts only
        return value
    if kind is dict or isinstance(value, Mapping):
        return FrozenDict({key: item if type(item) in _UNCHANGING else freeze(item) for key, item in value.items()})
    if kind is list or isinstance(value, list):
        return FrozenList([item if type(item) in _UNCHANGING else freeze(item) for item in value])
    if isinstance(value, msgspec.Struct):
        return freeze_struct(value)
    if isinstance(value, tuple):
        items = [freeze(item) for item in value]
        return value if all(one is other for one, other in zip(value, items, strict=True)) else tuple(items)
    return frozenset(value) if isinstance(value, set) else value


def freeze_struct(struct: S) -> S:
    """The struct with everything in its fields frozen; itself if there is nothing in them that could be changed."""
    changes = {}
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        if type(value) not in _UNCHANGING:
            kept = freeze(value)
            if kept is not value:
                changes[field] = kept
    return replace(struct, **changes) if changes else struct
