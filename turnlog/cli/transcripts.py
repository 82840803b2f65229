"""What a branch says, now or at a moment, and all that a session was at one."""

import msgspec

from .._session.names import NameLookup, name_lookup
from ..branch_view import BranchView
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..projections.messages import Messages
from ..session_view import SessionView
from .meaning import branch_of, session_of, view_of
from .showing import Showing, note
from .telling import clock_time, message_told, show_message
from .times import moment_of
from .visible import quoted

LATELY = 10
"""Messages that are shown of a moment."""


def show_messages(
    store: Store, reference: str, branch: str | None, at: str | None, last: int | None, *, json: bool
) -> None:
    """The messages of a branch, the last ones or all."""
    view = view_of(session_of(store, reference), at)
    found = branch_of(view, branch)
    if found is None:
        note(f"session {view.id} has no branch yet, and so no messages")
        return
    _show(Showing(), found.messages, name_lookup(view), last, json)


def show_moment(store: Store, reference: str, moment: str, *, json: bool) -> None:
    """A session as it was at a moment."""
    view = session_of(store, reference).at(moment_of(moment))
    showing = Showing()
    if json:
        showing.document(_moment_told(view))
        return
    main = branch_of(view, None)
    showing.line((f"session {view.id}", "bold"), f" {view.name or ''}".rstrip())
    showing.line(f"at position {view.position}, {clock_time(view.updated_at)}, {view.status}")
    for branch in view.branches:
        default = " (default)" if main is not None and branch.number == main.number else ""
        showing.line("branch ", (quoted(branch.name), "bold"), f": {len(branch.messages)} messages{default}")
    for what, values in (("metadata", view.metadata), ("state", view.state)):
        for key, value in values.items():
            showing.line(f"{what} {quoted(key)} = {msgspec.json.encode(value).decode()}")
    if main is not None:
        _show(showing, main.messages, name_lookup(view), LATELY, json)


def _moment_told(view: SessionView) -> dict[str, Json]:
    main, names = branch_of(view, None), name_lookup(view)
    return {
        "session": view.id,
        "position": view.position,
        "time": view.updated_at.isoformat(),
        "status": view.status,
        "name": view.name,
        "key": view.key,
        "user": view.user,
        "metadata": view.metadata,
        "state": view.state,
        "default_branch": None if main is None else main.name,
        "branches": [_branch_told(branch, names) for branch in view.branches],
    }


def _branch_told(branch: BranchView, names: NameLookup) -> dict[str, Json]:
    return {
        "number": branch.number,
        "name": branch.name,
        "messages": [message_told(message, names) for message in branch.messages],
    }


def _show(showing: Showing, messages: Messages, names: NameLookup, last: int | None, json: bool) -> None:
    shown = messages if last is None else messages.last(last)
    left_out = len(messages) - len(shown)
    if left_out and not json:
        note(f"({left_out} messages come before these: --last N or --all)")
    for message in shown:
        if json:
            showing.json_line(message_told(message, names))
        else:
            show_message(showing, names.message(message))
