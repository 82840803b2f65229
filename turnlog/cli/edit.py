"""Commands that change a session: add, fork, merge, reset, undo and redact."""

import sys
from typing import Annotated

import typer

from .._session.names import name_lookup
from ..branch import Branch
from ..domain.chat import ROLES
from ..domain.decisions.history import Strategy
from ..domain.errors import InvalidValueError
from ..domain.events import BranchCreated, BranchRenamed, SessionRenamed, SessionStarted
from ..domain.json_values import Json
from ..domain.recorded_event import RecordedEvent
from ..domain.redaction import reserved_name
from ..session import Session
from .completion import complete_branches
from .context import invocation
from .escape import quote
from .options import BRANCH, FORMAT, METADATA, SESSION
from .output import count_of, print_result
from .parse import open_session, parse_pairs, writable_branch
from .render import message_document
from .sessions import REASON, confirm
from .times import parse_moment
from .values import MOMENT, NAME, choice, parse_position

app = typer.Typer(rich_markup_mode=None)

COMMAND_ID = Annotated[
    str | None,
    typer.Option(
        "--command-id", metavar="ID", parser=NAME, help="An idempotency key: a second command with it writes nothing."
    ),
]


@app.command()
def add(
    ctx: typer.Context,
    session: SESSION,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text; - or nothing reads standard input.")
    ] = None,
    branch: BRANCH = None,
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE", parser=choice(ROLES), help="system, developer, user, assistant, tool or function."
        ),
    ] = "user",
    sender: Annotated[str | None, typer.Option(metavar="NAME", parser=NAME, help="The sender.")] = None,
    recipient: Annotated[str | None, typer.Option(metavar="NAME", parser=NAME, help="The recipient.")] = None,
    metadata: METADATA = None,
    command_id: COMMAND_ID = None,
    format_: FORMAT = "text",
) -> None:
    """Add a message at the end of a branch."""
    with invocation(ctx).open_to_write() as store:
        changed = open_session(store, session)
        content = read_text(text)
        message = writable_branch(changed, branch).add(
            content,
            role=role,
            sender=sender,
            recipient=recipient,
            metadata=parse_pairs(metadata or [], "the metadata") or None,
            command_id=command_id,
        )
        document = message_document(message, name_lookup(changed))
        print_result(document, f"position {message.position} of session {changed.id}", format_)


@app.command()
def fork(
    ctx: typer.Context,
    session: SESSION,
    branch: BRANCH = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="MOMENT", parser=MOMENT, help="A position or a time; default: now."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", parser=NAME, help="The name of the new branch or session.")
    ] = None,
    new_session: Annotated[
        bool, typer.Option("--new-session", help="Fork the whole session into a new session.")
    ] = False,
    command_id: COMMAND_ID = None,
    format_: FORMAT = "text",
) -> None:
    """Fork a branch at a position or time.

    The new branch, or the new session, refers to the messages before that point; nothing is copied.
    """
    with invocation(ctx).open_to_write() as store:
        source = open_session(store, session)
        point = None if at is None else parse_moment(at)
        if new_session:
            fork = source.fork_session(at=point, name=name)
            print_result({"session": fork.id, "position": fork.position}, fork.id, format_)
            return
        is_number = branch is not None and branch.isdecimal() and branch not in source.branches
        reference = int(branch) if branch is not None and is_number else branch
        forked = source.fork(reference, at=point, name=name, command_id=command_id)
        _print_branch(source, forked, f"branch {quote(forked.name)} is forked at {forked.forked_at}", format_)


@app.command()
def merge(
    ctx: typer.Context,
    session: SESSION,
    source: Annotated[
        str,
        typer.Argument(metavar="BRANCH", help="The branch to merge.", autocompletion=complete_branches),
    ],
    into: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="The branch to change; default: the default branch.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only messages after a position or time.")
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(metavar="STRATEGY", parser=choice(Strategy), help="append: at the end; interleave: by position."),
    ] = "append",
    format_: FORMAT = "text",
) -> None:
    """Add the messages that only another branch has to a branch."""
    with invocation(ctx).open_to_write() as store:
        changed = open_session(store, session)
        theirs, ours = writable_branch(changed, source), writable_branch(changed, into)
        changed.merge(theirs, into=ours, since=None if since is None else parse_moment(since), strategy=strategy)
        _print_branch(changed, ours, _message_count(ours), format_)


@app.command()
def reset(
    ctx: typer.Context,
    session: SESSION,
    to: Annotated[str, typer.Argument(metavar="MOMENT", parser=MOMENT, help="A position or a time.")],
    branch: BRANCH = None,
    format_: FORMAT = "text",
) -> None:
    """Reset a branch to the messages that it had at a position or time.

    The messages after it stay in the record; `undo` shows them again.
    """
    with invocation(ctx).open_to_write() as store:
        changed = open_session(store, session)
        rewound = writable_branch(changed, branch)
        rewound.rewind(parse_moment(to))
        _print_branch(changed, rewound, _message_count(rewound), format_)


@app.command()
def undo(ctx: typer.Context, session: SESSION, branch: BRANCH = None, format_: FORMAT = "text") -> None:
    """Undo the last reset, retraction, truncation or clearing of a branch."""
    with invocation(ctx).open_to_write() as store:
        changed = open_session(store, session)
        undone = writable_branch(changed, branch)
        undone.undo()
        _print_branch(changed, undone, _message_count(undone), format_)


@app.command()
def redact(
    ctx: typer.Context,
    session: SESSION,
    position: Annotated[
        int,
        typer.Argument(
            metavar="POSITION", parser=parse_position, help="The position of the message or other event to redact."
        ),
    ],
    reason: REASON = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    format_: FORMAT = "text",
) -> None:
    """Erase the content of a message or another event from the store for good.

    The event stays, with its time, branch and actor, and so does the proof of the record. `vacuum` removes what is left
    in the free pages of the database. Redacting the event that names the session or a branch erases that name: the
    session has no name then, and the branch is named redacted- and its number.
    """
    with invocation(ctx).open_to_write() as store:
        changed = open_session(store, session)
        changed.at(position)  # which raises for a position that does not exist
        effect = _lost_name(changed, position)
        confirm(f"erase the content of position {position} for good{effect and f'; {effect}'}", yes=yes)
        redaction = changed.redact(position, reason)
        document: dict[str, Json] = {"session": changed.id, "redacted": position, "position": redaction}
        print_result(
            document, f"position {position} is redacted, by position {redaction}{effect and f'; {effect}'}", format_
        )


def _lost_name(session: Session, position: int) -> str:
    """What the redaction of an event does to the name of the session or of a branch; empty if nothing."""
    own = session.events(after=position - 1, until=position) if position > 0 else iter(())
    match next((each for each in own if not each.redacted), None):
        case RecordedEvent(event=SessionStarted(name=str()) | SessionRenamed(name=str())):
            return "the name that it gave the session is erased too"
        case RecordedEvent(event=BranchCreated(branch=number) | BranchRenamed(branch=number)):
            return f"the name that it gave the branch becomes {reserved_name(number)}"
        case _:
            return ""


def read_text(text: str | None) -> str:
    """Return the argument, or standard input without the line feed at its end, which is the shell's."""
    if text is not None and text != "-":
        return text
    if text is None and sys.stdin.isatty():
        raise typer.BadParameter("is missing: give it as an argument or on standard input", param_hint="TEXT")
    try:
        content = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InvalidValueError(
            "standard input", f"is not UTF-8 at byte {error.start}: expected text in UTF-8"
        ) from None
    if not content:
        raise InvalidValueError("standard input", "is empty: expected the text; give an empty one as ''")
    return content


def _message_count(branch: Branch) -> str:
    return f"branch {quote(branch.name)} has {count_of(len(branch.messages), 'message')}"


def _print_branch(session: Session, branch: Branch, sentence: str, format_: str) -> None:
    document: dict[str, Json] = {
        "session": session.id,
        "position": session.position,
        "branch": branch.name,
        "number": branch.number,
        "forked_at": branch.forked_at,
        "messages": len(branch.messages),
    }
    print_result(document, sentence, format_)
