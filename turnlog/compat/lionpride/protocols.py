"""Protocols of elements, for `isinstance` and for annotations."""

from collections.abc import Container as Containable
from collections.abc import Hashable
from typing import Any, Protocol, Self, runtime_checkable

__all__ = ["Containable", "Deserializable", "Hashable", "Observable", "Serializable"]


@runtime_checkable
class Observable(Protocol):
    """Has an id."""

    @property
    def id(self) -> str | None:
        """The id on the record; None before that."""
        ...


@runtime_checkable
class Serializable(Protocol):
    """Can be written as a dict."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, which `from_dict` reads."""
        ...


@runtime_checkable
class Deserializable(Protocol):
    """Can be read from a dict."""

    @classmethod
    def from_dict(cls, given: Any, /) -> Self:
        """Return what `to_dict` wrote."""
        ...
