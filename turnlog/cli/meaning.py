"""From what stands on the command line to what it means: sessions, moments, branches, values."""

from collections.abc import Iterable

from ..branch import Branch
from ..branch_view import BranchView
from ..domain.errors import BranchNotFoundError, InvalidValueError
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..session import Session
from ..session_view import SessionView
from .times import moment_of
from .values import usage, value_of


def session_of(store: Store, reference: str) -> Session:
    """The session that is meant."""
    return Session.open(store.resolve(reference).session, store=store)


def view_of(session: Session, at: str | None) -> SessionView:
    """The session as it is, or as it was at a moment."""
    return session if at is None else session.at(moment_of(at))


def branch_of(view: SessionView, reference: str | None) -> BranchView | None:
    """The branch that is meant, by name, id or number; without one, the default one, if there is one."""
    if reference is None:
        return view.find_default_branch()
    try:
        return view.branches[reference]
    except BranchNotFoundError:
        if not reference.isdecimal():
            raise
        return view.branches[int(reference)]


def branch_to_change(session: Session, reference: str | None) -> Branch:
    """The branch that is to be changed; without one the default one, which is made if there is none."""
    found = session.default_branch if reference is None else branch_of(session, reference)
    assert isinstance(found, Branch)
    return found


def pairs_of(given: Iterable[str], what: str) -> dict[str, Json]:
    """What KEY=VALUE says; a value that is no JSON is text."""
    pairs: dict[str, Json] = {}
    with usage("--metadata"):
        for each in given:
            key, is_pair, text = each.partition("=")
            if not (key and is_pair):
                raise InvalidValueError(what, f"{each!r} is not understood: expected KEY=VALUE")
            if key in pairs:
                raise InvalidValueError(what, f"has the key {key!r} twice: expected each key once")
            pairs[key] = value_of(text)
    return pairs
