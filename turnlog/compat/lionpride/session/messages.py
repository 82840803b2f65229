"""The messages and branches of a session, by id, place or name."""

from collections.abc import Iterator
from typing import overload

from .... import Message
from .... import Session as OrdinarySession
from ....errors import ItemNotFoundError
from ....projections import Messages
from .branch import Branch

__all__ = ["SessionBranches", "SessionMessages"]


class SessionMessages:
    """The messages of all branches of a session, each once, in the order they were recorded."""

    def __init__(self, session: OrdinarySession) -> None:
        self._session = session

    @overload
    def __getitem__(self, key: str | int) -> Message: ...
    @overload
    def __getitem__(self, key: Branch | slice) -> Messages: ...
    def __getitem__(self, key: str | int | Branch | slice) -> Message | Messages:
        """The message with an id or at a place, or the messages of a branch."""
        if isinstance(key, Branch):
            return self._session.get_branch(key.turnlog).messages
        found = self._session.concat_messages()
        if not isinstance(key, str):
            return found[key]
        ids = found.ids
        if key not in ids:
            raise ItemNotFoundError("message", repr(key), f"session {self._session.id}")
        return found[ids.index(key)]

    def __iter__(self) -> Iterator[Message]:
        return iter(self._session.concat_messages())

    def __len__(self) -> int:
        return len(self._session.concat_messages())

    def __contains__(self, message: object) -> bool:
        key = message.id if isinstance(message, Message) else message
        return key in self._session.concat_messages().ids


class SessionBranches:
    """The branches of a session, by name, id or place; iterating yields the branches."""

    def __init__(self, session: OrdinarySession) -> None:
        self._session = session

    def __getitem__(self, key: str | int) -> Branch:
        return Branch(self._session.branches[key] if isinstance(key, str) else self._session.branches.values()[key])

    def __iter__(self) -> Iterator[Branch]:
        return map(Branch, self._session.branches)

    def __len__(self) -> int:
        return len(self._session.branches)

    def __contains__(self, branch: object) -> bool:
        return (branch.turnlog if isinstance(branch, Branch) else branch) in self._session.branches
