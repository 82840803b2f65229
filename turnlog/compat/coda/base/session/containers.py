"""The list of messages and the dict of metadata of a session, whose changes are recorded or raise an error."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from .....errors import ReadOnlyError

__all__ = ["MessageList", "MetadataDict"]


def _refuse(advice: str) -> Callable[..., NoReturn]:
    """A method that raises an error, because its change would be lost."""

    def change(*_: object, **__: object) -> NoReturn:
        raise ReadOnlyError(f"this change would not be recorded; {advice}")

    return change


class MessageList(list[dict[str, Any]]):
    """The messages of a session when it was read; messages that are appended are added to the session."""

    def __init__(self, messages: Iterable[dict[str, Any]], add: Callable[[list[dict[str, Any]]], object]) -> None:
        super().__init__(messages)
        self._add = add

    def append(self, message: dict[str, Any]) -> None:
        """Add a message to the session and to the list."""
        self.extend([message])

    def extend(self, messages: Iterable[dict[str, Any]]) -> None:
        """Add messages to the session and to the list."""
        added = list(messages)
        self._add(added)
        super().extend(added)

    def __reduce__(self) -> tuple[type, tuple[list[dict[str, Any]]]]:
        return list, ([*self],)  # a copy is an ordinary list

    insert = pop = remove = clear = sort = reverse = _refuse("assign a list to messages")
    __setitem__ = __delitem__ = __iadd__ = __imul__ = insert


class MetadataDict(dict[str, Any]):
    """The metadata of a session when it was read; keys that are set are set in the session."""

    def __init__(self, metadata: Mapping[str, Any], record: Callable[[dict[str, Any]], object]) -> None:
        super().__init__(metadata)
        self._record = record

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, *metadata: Any, **more: Any) -> None:
        """Merge metadata into that of the session and into the dict."""
        changes = dict(*metadata, **more)
        self._record(changes)
        super().update(changes)

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, ({**self},)  # a copy is an ordinary dict

    pop = popitem = clear = setdefault = _refuse("metadata can be set, but not removed")
    __delitem__ = __ior__ = pop
