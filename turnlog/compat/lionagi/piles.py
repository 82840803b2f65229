"""Elements and ids in order, read-only."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload
from uuid import UUID

from ...errors import InvalidValueError, ItemNotFoundError
from ...projections import Messages
from .protocols import ID, Observable

__all__ = ["Pile", "Progression"]

E = TypeVar("E")
T = TypeVar("T", bound=Observable, covariant=True)


class Progression(tuple[str, ...]):
    """The ids of elements, in order."""

    __slots__ = ()

    def __new__(cls, order: Iterable[ID.Ref] = ()) -> Self:
        """Make a progression of ids or elements."""
        return super().__new__(cls, map(ID.get_id, _several(order)))

    def __contains__(self, item: object) -> bool:
        return super().__contains__(item.id if isinstance(item, Observable) else str(item))


class Pile(Generic[T]):
    """Elements in order: `pile[0]`, `pile[id]`, `pile[element]`; of a slice or several ids, a pile."""

    def __init__(self, elements: Iterable[T] = ()) -> None:
        lazy: object = elements
        self._elements: Any = lazy if isinstance(lazy, Messages) else tuple(_several(elements))

    def keys(self) -> list[str]:
        """The ids, in order."""
        return self._elements.ids if isinstance(self._elements, Messages) else [str(each.id) for each in self._elements]

    @property
    def progression(self) -> Progression:
        """The ids, in order."""
        return Progression(self.keys())

    @overload
    def __getitem__(self, key: ID.Ref | int) -> T: ...
    @overload
    def __getitem__(self, key: slice | list[Any] | Progression) -> "Pile[T]": ...
    def __getitem__(self, key: ID.Ref | int | slice | list[Any] | Progression) -> Any:
        if isinstance(key, int | slice):
            found = self._elements[key]
            return found if isinstance(key, int) else Pile(found)
        places = {id: place for place, id in enumerate(self.keys())}
        if isinstance(key, Observable | UUID | str):
            return self._elements[_place(places, key)]
        return Pile([self._elements[_place(places, each)] for each in key])

    def __iter__(self) -> Iterator[T]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    def __contains__(self, item: object) -> bool:
        return item in self.progression

    def __repr__(self) -> str:
        return f"Pile({len(self)})"


def _several(given: Iterable[E]) -> Iterable[E]:
    if isinstance(given, Observable | UUID | str | Mapping) or not isinstance(given, Iterable):
        raise InvalidValueError("the elements", f"cannot be a {type(given).__name__}: pass a list of them")
    return given


def _place(places: dict[str, int], key: ID.Ref) -> int:
    id = ID.get_id(key)
    if id not in places:
        raise ItemNotFoundError("element", repr(id), "the pile")
    return places[id]
