"""Two branches or moments beside each other, and the moment since which something is so."""

from .._session.names import NameLookup, name_lookup
from ..branch_view import BranchView
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from ..infrastructure.store import Store
from ..projections.difference import SystemMessages
from ..projections.messages import Messages
from ..session import Session
from ..session_view import SessionView
from .meaning import branch_of, session_of
from .showing import Showing, note
from .telling import event_line, event_told, message_told, show_message
from .times import moment_of

CONTEXT = 2
"""Messages that are shown of what both have in common."""


def show_difference(store: Store, reference: str, left: str, right: str, *, json: bool) -> None:
    """How two lines of messages go on from what they have in common."""
    session = session_of(store, reference)
    found = session.diff(_side(session, left), _side(session, right))
    names = name_lookup(session)
    showing = Showing()
    if json:
        told: dict[str, Json] = {
            "session": session.id,
            "same": found.same,
            "system": None if found.system is None else _systems_told(found.system, names),
            "common": len(found.common),
            "left": [message_told(message, names) for message in found.left],
            "right": [message_told(message, names) for message in found.right],
        }
        showing.document(told)
        return
    if found.same:
        note(f"{left} and {right} say the same: {len(found.common)} messages")
        return
    if found.system is not None:
        showing.line("another system message in front")
        for sign, message, style in ("-", found.system.left, "red"), ("+", found.system.right, "green"):
            if message is not None:
                _changed(showing, sign, message, style)
    showing.line(f"{len(found.common)} messages in common")
    for message in found.common.last(CONTEXT):
        show_message(showing, names.message(message))
    _one_side(showing, "-", left, found.left, "red")
    _one_side(showing, "+", right, found.right, "green")


def find_beginning(store: Store, reference: str, branch: str | None, text: str, *, json: bool) -> None:
    """The position since which a branch says a text, and the event that stands there."""
    session = session_of(store, reference)
    number = None if branch is None else _named(session, branch).number

    def says(view: SessionView) -> bool:
        return any(text in message.text for shown in _lines(view, number) for message in shown)

    position = session.bisect(says)
    if position is None:
        where = "no branch says" if branch is None else f"the branch {branch!r} does not say"
        raise InvalidValueError("the search", f"finds nothing: {where} {text!r} now; expected what is said there now")
    event = next(iter(session.events(after=position - 1, until=position)))
    names = name_lookup(session)
    if json:
        Showing().document({"session": session.id, "position": position, "event": event_told(event, names)})
        return
    event_line(Showing(), event, names, place=str(position))


def _side(session: Session, reference: str) -> BranchView | SessionView:
    """A branch, a moment, or a branch at a moment."""
    if reference in session.branches:
        return session.branches[reference]
    name, at, moment = reference.rpartition("@")
    if at and name:
        return _named(session.at(moment_of(moment)), name)
    try:
        return session.at(moment_of(reference))
    except InvalidValueError:
        return _named(session, reference)


def _named(view: SessionView, branch: str) -> BranchView:
    found = branch_of(view, branch)
    assert found is not None  # which it is for the default one alone
    return found


def _one_side(showing: Showing, sign: str, name: str, messages: Messages, style: str) -> None:
    showing.line((f"{sign} {name}: {len(messages)} messages of its own", f"bold {style}"))
    for message in messages:
        _changed(showing, sign, message, style)


def _changed(showing: Showing, sign: str, message: Message, style: str) -> None:
    first, *rest = (message.text or "(nothing)").split("\n")
    showing.line((f"{sign} {message.role.value}: {first}  [{message.position}]", style))
    for line in rest:
        showing.text(line, indent=f"{sign}     ", style=style)


def _systems_told(systems: SystemMessages, names: NameLookup) -> dict[str, Json]:
    sides = systems._asdict().items()
    return {side: None if message is None else message_told(message, names) for side, message in sides}


def _lines(view: SessionView, number: int | None) -> list[Messages]:
    """What is looked at of a view: one branch, if it is there by then, or all."""
    if number is None:
        return [view.concat_messages()]
    found = view.branches.get(number)
    return [] if found is None else [found.messages]
