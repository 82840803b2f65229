"""Branches by their names, where the record has their numbers and ids."""

from msgspec.structs import replace

from ..domain.errors import SessionNotFoundError
from ..domain.message import Message
from ..domain.state import State
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store
from ..session_view import SessionView

NUMBERS = ("parent", "source")
"""Fields of events that hold the number of a branch, beside `branch`."""

PARTICIPANTS = ("sender", "recipient", "addressed")
"""Fields of events that may hold the id of a branch."""


class NameLookup:
    """The names of the branches of one session, removed ones included."""

    def __init__(self, state: State) -> None:
        self.numbers = {branch.number: branch.name for branch in state.branches}
        self._ids = {branch.id: branch.name for branch in state.branches}

    def branch(self, number: int) -> str:
        """The name of the branch that has a number."""
        return self.numbers.get(number, f"#{number}")

    def message(self, message: Message) -> Message:
        """The message, with the names of branches as its sender and recipient."""
        sender, recipient = self._participant(message.sender), self._participant(message.recipient)
        return replace(message, sender=sender, recipient=recipient)

    def field(self, name: str, value: object) -> object:
        """The value of a field of an event, with the name of a branch in the place of its number or id."""
        if name in NUMBERS and isinstance(value, int):
            return self.branch(value)
        if name in PARTICIPANTS and isinstance(value, str):
            return self._participant(value)
        return value

    def _participant(self, name: str | None) -> str | None:
        return None if name is None else self._ids.get(name, name)


def name_lookup(view: SessionView) -> NameLookup:
    """The names of the branches of a session, as they were at the moment of a view."""
    with view._source.state() as state:
        return NameLookup(state)


class CachedNameLookup:
    """The names of the branches of all sessions of a store; a session is loaded when it is first asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, NameLookup] = {}

    def of(self, session: str, branch: int | None = None) -> NameLookup:
        """The names in a session; loaded anew if they lack the branch of a number."""
        names = self._known.get(session)
        if names is None or (branch is not None and branch not in names.numbers):
            try:
                names = NameLookup(load_state(self._store.recorder, session))
            except SessionNotFoundError:  # it has expired
                names = NameLookup(State(session))
            self._known[session] = names
        return names
