"""Arguments of the command line to objects: sessions, branches, points in time and metadata."""

from collections.abc import Iterable

from ..branch import Branch
from ..branch_view import BranchView
from ..domain.errors import BranchNotFoundError, InvalidValueError
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..session import Session
from ..session_view import SessionView
from .times import parse_moment
from .values import usage_errors, value_of


def open_session(store: Store, reference: str) -> Session:
    """Open a session by its id, the beginning of its id, its key, its name, or @last."""
    return Session.open(store.resolve(reference).session, store=store)


def view_at(session: Session, at: str | None) -> SessionView:
    """Return the session as it is, or as it was at a position or time."""
    return session if at is None else session.at(parse_moment(at))


def find_branch(view: SessionView, reference: str | None) -> BranchView | None:
    """Return a branch by name, id or number; without a reference, the default branch, if there is one."""
    if reference is None:
        return view.find_default_branch()
    try:
        return view.branches[reference]
    except BranchNotFoundError:
        if not reference.isdecimal():
            raise
        return view.branches[int(reference)]


def writable_branch(session: Session, reference: str | None) -> Branch:
    """Return a branch to change; without a reference, the default branch, created if there is none."""
    branch = session.default_branch if reference is None else find_branch(session, reference)
    assert isinstance(branch, Branch)
    return branch


def parse_pairs(texts: Iterable[str], what: str) -> dict[str, Json]:
    """Parse KEY=VALUE arguments; a value that is not JSON is text."""
    pairs: dict[str, Json] = {}
    with usage_errors("--metadata"):
        for each in texts:
            key, is_pair, text = each.partition("=")
            if not (key and is_pair):
                raise InvalidValueError(what, f"{each!r} is not understood: expected KEY=VALUE")
            if key in pairs:
                raise InvalidValueError(what, f"has the key {key!r} twice: expected each key once")
            pairs[key] = value_of(text)
    return pairs
