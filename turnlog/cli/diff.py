"""Commands that compare: two branches or points in time, and the position since which a text is there."""

from typing import Annotated

import typer

from .._session.names import NameLookup, name_lookup
from ..branch_view import BranchView
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from ..projections.difference import Difference, SystemMessages
from ..projections.messages import Messages
from ..session import Session
from ..session_view import SessionView
from .context import invocation
from .options import BRANCH, FORMAT, SESSION
from .output import Output, count_of, note
from .parse import find_branch, open_session
from .redactions import RedactionLookup
from .render import displayed_text, event_document, message_document, print_event, print_message
from .times import parse_moment

app = typer.Typer(rich_markup_mode=None)

CONTEXT = 2
"""The last common messages to print."""


@app.command()
def diff(
    ctx: typer.Context,
    session: SESSION,
    left: Annotated[str, typer.Argument(metavar="A", help="A branch, a position, or BRANCH@POSITION.")],
    right: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    format_: FORMAT = "text",
) -> None:
    """Compare two branches, or two points in time.

    What they have in common, and the messages that only one of them has.
    """
    with invocation(ctx).open() as store:
        compared = open_session(store, session)
        difference = compared.diff(_side(compared, left), _side(compared, right))
        names = name_lookup(compared)
        if format_ == "json":
            Output().document({"session": compared.id, **_difference_document(difference, names)})
        elif difference.same:
            note(f"{left} and {right} are the same: {count_of(len(difference.common), 'message')}")
        else:
            _print_difference(Output(), left, right, difference, names, RedactionLookup(store))


@app.command()
def bisect(
    ctx: typer.Context,
    session: SESSION,
    contains: Annotated[str, typer.Option(metavar="TEXT", help="The text to find.")],
    branch: BRANCH = None,
    format_: FORMAT = "text",
) -> None:
    """Find the position since which a branch contains a text."""
    with invocation(ctx).open() as store:
        searched = open_session(store, session)
        number = None if branch is None else _branch(searched, branch).number

        def has_text(view: SessionView) -> bool:
            return any(contains in message.text for messages in _messages(view, number) for message in messages)

        position = searched.bisect(has_text)
        if position is None:
            where = "no branch contains" if branch is None else f"branch {branch!r} does not contain"
            raise InvalidValueError(
                "the search", f"finds nothing: {where} {contains!r} now; use a text that it has now"
            )
        event = next(iter(searched.events(after=position - 1, until=position)))
        names = name_lookup(searched)
        if format_ == "json":
            Output().document({"session": searched.id, "position": position, "event": event_document(event, names)})
        else:
            print_event(Output(), event, names, place=str(position))


def _difference_document(difference: Difference, names: NameLookup) -> dict[str, Json]:
    return {
        "same": difference.same,
        "system": None if difference.system is None else _systems_document(difference.system, names),
        "common": len(difference.common),
        "left": [message_document(message, names) for message in difference.left],
        "right": [message_document(message, names) for message in difference.right],
    }


def _print_difference(
    output: Output, left: str, right: str, difference: Difference, names: NameLookup, redactions: RedactionLookup
) -> None:
    if difference.system is not None:
        output.line("the system messages differ")
        for sign, message, style in ("-", difference.system.left, "red"), ("+", difference.system.right, "green"):
            if message is not None:
                _print_change(output, sign, message, style)
    output.line(f"{count_of(len(difference.common), 'message')} in common")
    for message in difference.common.last(CONTEXT):
        print_message(output, names.message(message), redactions.text(message))
    _print_side(output, "-", left, difference.left, "red")
    _print_side(output, "+", right, difference.right, "green")


def _side(session: Session, reference: str) -> BranchView | SessionView:
    """Parse a branch, a position or time, or BRANCH@POSITION."""
    if reference in session.branches:
        return session.branches[reference]
    name, at, when = reference.rpartition("@")
    if at and name:
        return _branch(session.at(parse_moment(when)), name)
    try:
        return session.at(parse_moment(reference))
    except InvalidValueError:
        return _branch(session, reference)


def _branch(view: SessionView, branch: str) -> BranchView:
    found = find_branch(view, branch)
    assert found is not None  # None is returned for the default branch only
    return found


def _print_side(output: Output, sign: str, name: str, messages: Messages, style: str) -> None:
    output.line((f"{sign} {name}: {count_of(len(messages), 'message')} of its own", f"bold {style}"))
    for message in messages:
        _print_change(output, sign, message, style)


def _print_change(output: Output, sign: str, message: Message, style: str) -> None:
    first, *rest = displayed_text(message).split("\n")
    output.line((f"{sign} {message.role.value}: {first}  [{message.position}]", style))
    for line in rest:
        output.text(line, indent=f"{sign}     ", style=style)


def _systems_document(systems: SystemMessages, names: NameLookup) -> dict[str, Json]:
    sides = systems._asdict().items()
    return {side: None if message is None else message_document(message, names) for side, message in sides}


def _messages(view: SessionView, number: int | None) -> list[Messages]:
    """The messages of one branch, if it exists at that time, or of all."""
    if number is None:
        return [view.concat_messages()]
    found = view.branches.get(number)
    return [] if found is None else [found.messages]
