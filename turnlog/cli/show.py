"""The command that shows the messages of a branch, now or at a point in time."""

from typing import Annotated

import msgspec
import typer

from .._session.names import NameLookup, name_lookup
from ..branch_view import BranchView
from ..domain.json_values import Json
from ..domain.message import Message
from ..session_view import SessionView
from .context import invocation
from .escape import quote
from .options import ALL, AT, BRANCH, LAST, SESSION
from .output import Output, count_of, note
from .parse import find_branch, open_session, view_at
from .redactions import RedactionLookup
from .render import clock_time, message_document, print_message
from .values import choice

app = typer.Typer(rich_markup_mode=None)


@app.command()
def show(
    ctx: typer.Context,
    session: SESSION,
    branch: BRANCH = None,
    at: AT = None,
    last: LAST = 50,
    all_: ALL = False,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            parser=choice(("text", "json", "jsonl")),
            help="text, json: the session and its messages, or jsonl: one message per line.",
        ),
    ] = "text",
) -> None:
    """Show the messages of a branch.

    With --at, also what the session was then: its position, status, branches, metadata and state.
    """
    with invocation(ctx).open() as store:
        view = view_at(open_session(store, session), at)
        shown, names = find_branch(view, branch), name_lookup(view)
        messages = [] if shown is None else list(shown.messages if all_ else shown.messages.last(last))
        if format_ == "json":
            Output().document(_document(view, shown, messages, names))
            return
        if format_ == "jsonl":
            Output().records(format_, (message_document(message, names) for message in messages))
            return
        if at is not None:
            _print_head(Output(), view)
        if shown is None:
            note(f"session {view.id} has no branch yet, and so no messages")
            return
        _print_messages(shown, messages, names, RedactionLookup(store))


def _print_messages(
    branch: BranchView, messages: list[Message], names: NameLookup, redactions: RedactionLookup
) -> None:
    earlier = len(branch.messages) - len(messages)
    if earlier:
        note(f"({count_of(earlier, 'message')} before these: --last N or --all)")
    output = Output()
    for message in messages:
        print_message(output, names.message(message), redactions.text(message))


def _print_head(output: Output, view: SessionView) -> None:
    """Print the session without its messages."""
    main = view.find_default_branch()
    output.line((f"session {view.id}", "bold"), f" {view.name or ''}".rstrip())
    output.line(f"at position {view.position}, {clock_time(view.updated_at)}, {view.status}")
    for branch in view.branches:
        default = " (default)" if main is not None and branch.number == main.number else ""
        output.line("branch ", (quote(branch.name), "bold"), f": {count_of(len(branch.messages), 'message')}{default}")
    for what, values in (("metadata", view.metadata), ("state", view.state)):
        for key, value in values.items():
            output.line(f"{what} {quote(key)} = {msgspec.json.encode(value).decode()}")


def _document(
    view: SessionView, shown: BranchView | None, messages: list[Message], names: NameLookup
) -> dict[str, Json]:
    main = view.find_default_branch()
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
        "branches": [
            {"number": branch.number, "name": branch.name, "messages": len(branch.messages)} for branch in view.branches
        ],
        "branch": None if shown is None else shown.name,
        "messages": [message_document(message, names) for message in messages],
    }
