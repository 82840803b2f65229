"""What is changed from the command line: sessions started and forked, messages added, branches forked and merged."""

import sys
from dataclasses import dataclass

import typer

from .._session.names import name_lookup
from ..branch import Branch
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..session import Session
from .meaning import branch_to_change, pairs_of, session_of
from .showing import Showing
from .telling import message_told
from .times import moment_of


@dataclass(frozen=True)
class Said:
    """A message as it stands on the command line."""

    text: str | None
    role: str
    sender: str | None
    recipient: str | None
    metadata: list[str]
    command_id: str | None


def start_session(
    store: Store,
    *,
    name: str | None,
    key: str | None,
    user: str | None,
    system: str | None,
    metadata: list[str],
    json: bool,
) -> None:
    """A new session, with its default branch."""
    kept = pairs_of(metadata, "the metadata")
    session = Session(system, name=name, key=key, user=user, metadata=kept, default_branch="main", store=store)
    _told({"session": session.id, "position": session.position}, session.id, json)


def add_message(store: Store, reference: str, branch: str | None, said: Said, *, json: bool) -> None:
    """A message at the end of a branch."""
    session = session_of(store, reference)
    text = text_given(said.text)
    message = branch_to_change(session, branch).add(
        text,
        role=said.role,
        sender=said.sender,
        recipient=said.recipient,
        metadata=pairs_of(said.metadata, "the metadata") or None,
        command_id=said.command_id,
    )
    _told(message_told(message, name_lookup(session)), f"position {message.position} of session {session.id}", json)


def fork_branch(
    store: Store,
    reference: str,
    branch: str | None,
    at: str | None,
    name: str | None,
    command_id: str | None,
    *,
    json: bool,
) -> None:
    """A new branch that goes on from a moment of another."""
    session = session_of(store, reference)
    moment = None if at is None else moment_of(at)
    source = branch if branch is None or not _is_number(session, branch) else int(branch)
    forked = session.fork(source, at=moment, name=name, command_id=command_id)
    _branch_told(session, forked, f"branch {forked.name} goes on from position {forked.forked_at}", json)


def fork_session(store: Store, reference: str, at: str | None, name: str | None, *, json: bool) -> None:
    """A new session that goes on from a moment of another."""
    session = session_of(store, reference)
    forked = session.fork_session(at=None if at is None else moment_of(at), name=name)
    _told({"session": forked.id, "position": forked.position}, forked.id, json)


def merge_branches(
    store: Store, reference: str, source: str, into: str | None, since: str | None, strategy: str, *, json: bool
) -> None:
    """Messages of one branch, taken over into another."""
    session = session_of(store, reference)
    theirs, ours = branch_to_change(session, source), branch_to_change(session, into)
    moment = None if since is None else moment_of(since)
    session.merge(theirs, into=ours, since=moment, strategy=strategy)
    _branch_told(session, ours, f"branch {ours.name} shows {len(ours.messages)} messages", json)


def rewind_branch(store: Store, reference: str, branch: str | None, to: str, *, json: bool) -> None:
    """A branch as it was at a moment, from here on."""
    session = session_of(store, reference)
    moment = moment_of(to)
    rewound = branch_to_change(session, branch)
    rewound.rewind(moment)
    _branch_told(session, rewound, f"branch {rewound.name} shows {len(rewound.messages)} messages", json)


def text_given(text: str | None) -> str:
    """The text of the command line, or what comes from standard input; a line feed at its end is the shell's."""
    if text is not None and text != "-":
        return text
    if text is None and sys.stdin.isatty():
        raise typer.BadParameter("is missing: expected it behind the session, or on standard input", param_hint="TEXT")
    try:
        found = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as reason:
        raise InvalidValueError(
            "standard input", f"is no UTF-8 at byte {reason.start}: expected text in UTF-8"
        ) from None
    if not found:
        raise InvalidValueError("standard input", "is empty: expected the text; give an empty one as ''")
    return found


def _branch_told(session: Session, branch: Branch, sentence: str, json: bool) -> None:
    told: dict[str, Json] = {
        "session": session.id,
        "position": session.position,
        "branch": branch.name,
        "number": branch.number,
        "forked_at": branch.forked_at,
        "messages": len(branch.messages),
    }
    _told(told, sentence, json)


def _is_number(session: Session, branch: str) -> bool:
    return branch.isdecimal() and branch not in session.branches


def _told(document: dict[str, Json], sentence: str, json: bool) -> None:
    showing = Showing()
    if json:
        showing.document(document)
    else:
        showing.line(sentence)
