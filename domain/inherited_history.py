"""A session that goes on from another: it inherits the other's state, and counts its past backwards from 0.

Position 0 of a fork is the position it was forked at, -1 the one before, and so on; its own events start at 1. So every
position of its life has one number, and nothing that the other session recorded is recorded again.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from .mail_state import MailState
from .ranges import Positions
from .state import Ancestor, BranchState, State, Status, Visibility


class Segment(NamedTuple):
    """Positions of a session, both included, and the session that recorded them, whose numbers are `ahead` of these."""

    session: str
    ahead: int
    first: int
    last: int


def inherit(source: State, session: str, ahead: int) -> State:
    """The state that a session starts with when it goes on from another at position `ahead` of that one.

    The source is given as it was there; or earlier, for a look at the time before the fork.

    Its words and branches, metadata, values, tools, models, participants and channels are those of the source. Not
    inherited is what belongs to the one session alone: its name, key, mail under way and operations under way.
    """
    by = -ahead
    return State(
        session=session,
        position=source.position + by,
        time=source.time,
        status=Status.UNSTARTED,
        user=source.user,
        metadata=dict(source.metadata),
        values=dict(source.values),
        branches=[_branch(branch, by) for branch in source.branches],
        names=dict(source.names),
        ids=dict(source.ids),
        default=source.default,
        written={branch: _shift(places, by) for branch, places in source.written.items()},
        redacted={position + by for position in source.redacted},
        tools={tool: list(branches) for tool, branches in source.tools.items()},
        models=dict(source.models),
        participants={name: position + by for name, position in source.participants.items()},
        post=MailState(channels={channel: _shift(mails, by) for channel, mails in source.post.channels.items()}),
        ancestors=[
            Ancestor(source.session, ahead),
            *(Ancestor(each.session, each.ahead + ahead) for each in source.ancestors),
        ],
    )


def segments(session: str, ancestors: Sequence[Ancestor], first: int, last: int) -> list[Segment]:
    """Where the events between two positions of a session are recorded, the oldest first."""
    found = [Segment(session, 0, max(first, 1), last)] if last >= 1 else []
    newest = 0
    for ancestor in ancestors:
        oldest = 1 - ancestor.ahead
        if oldest <= last and first <= newest:
            found.append(Segment(ancestor.session, ancestor.ahead, max(first, oldest), min(last, newest)))
        newest = oldest - 1
    return found[::-1]


def local_position(state: State, session: str, position: int) -> int | None:
    """The position that an event of this session, or of one it goes on from, has in this session."""
    if session == state.session:
        return position
    newest = 0
    for ancestor in state.ancestors:
        oldest = 1 - ancestor.ahead
        if ancestor.session == session and oldest <= position - ancestor.ahead <= newest:
            return position - ancestor.ahead
        newest = oldest - 1
    return None


def _branch(branch: BranchState, by: int) -> BranchState:
    return replace(
        branch,
        created_at=branch.created_at + by,
        forked_at=None if branch.forked_at is None else branch.forked_at + by,
        removed_at=None if branch.removed_at is None else branch.removed_at + by,
        retracted=[(position + by, message + by) for position, message in branch.retracted],
        undoable=[position + by for position in branch.undoable],
        showings=[_showing(showing, by) for showing in branch.showings],
    )


def _showing(showing: Visibility, by: int) -> Visibility:
    system = None if showing.system is None else showing.system + by
    ranges = tuple(replace(piece, first=piece.first + by, last=piece.last + by) for piece in showing.ranges)
    return Visibility(showing.since + by, ranges, system)


def _shift(places: Positions, by: int) -> Positions:
    return array("q", [place + by for place in places])
