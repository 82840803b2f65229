"""Messages of a whole store as Arrow batches: each once, as it was written; or what branches show."""

from collections.abc import Iterator, Sequence
from itertools import chain, compress
from typing import TYPE_CHECKING, NamedTuple

from ...domain.codec import decode
from ...domain.errors import SessionNotFoundError, UnreadableEventError
from ...domain.events import SystemSet
from ...domain.recorded_event import to_datetime
from ...domain.state import State, Status
from ...projections.frames import message_columns, record_batch
from ...projections.message_pages import FeedBody
from ...projections.messages import Messages, branch_messages, messages_of_branches
from ...projections.record_columns import messages_schema
from ...projections.stored_messages import StoredMessages, decode_feed
from ..recorder import Recorder, stored_body
from ..session_reader import SessionReader
from ..state_loader import load_state
from ..stored_event import LAST, MESSAGE_APPENDED
from .filters import FrameFilter
from .retractions import RETRACTIONS, Retractions, deleted_sessions
from .row_pages import feed_bodies, feed_rows, filtered_sessions, rows_of_sessions
from .session_labels import NAMING, Labels

if TYPE_CHECKING:
    import pyarrow

SYSTEM_SET = "branch.system_set"
READ = (MESSAGE_APPENDED, SYSTEM_SET, *NAMING)


def message_batches(recorder: Recorder, asked: FrameFilter, until: int, rows: int) -> Iterator["pyarrow.RecordBatch"]:
    """The messages up to a global position, each once, on the branch that it was written on."""
    deleted = deleted_sessions(recorder)
    labels = Labels(recorder)
    for taken_back, page in _pages(recorder, asked, until, rows):
        written = feed_messages(filter_events(page, asked, deleted), labels)
        if written.bodies and (batch := _batch(written, asked, taken_back)).num_rows:
            yield batch


class FeedMessages(NamedTuple):
    """Messages as the feed has them, and beside each the name and the id of its branch and the user of its session."""

    bodies: list[FeedBody]
    branches: list[str | None]
    branch_ids: list[str | None]
    users: list[str | None]


def feed_messages(page: Sequence[FeedBody], labels: Labels) -> FeedMessages:
    """The messages of a page of the feed; what names branches on the way is taken into the labels."""
    found = FeedMessages([], [], [], [])
    start = 0
    for place in [place for place, body in enumerate(page) if body[4] != MESSAGE_APPENDED]:
        _add(found, page[start:place], labels)
        start = place + 1
        session, position, _, _, name, _, payload, *_ = page[place]
        if name != SYSTEM_SET:
            labels.take(session, position, name, payload)
        elif payload is None or not _takes_away(session, position, payload):
            _add(found, [page[place]], labels)
    _add(found, page[start:], labels)
    return found


def feed_columns(written: FeedMessages, stored: StoredMessages, retracted: Sequence[bool]) -> list[Sequence[object]]:
    """The columns of messages of the feed."""
    bodies = written.bodies
    return message_columns(
        stored,
        id=[f"{body[0]}/{body[1]}" for body in bodies],
        session=[body[0] for body in bodies],
        position=[body[1] for body in bodies],
        global_position=[body[2] for body in bodies],
        created_at=[body[3] for body in bodies],
        user=written.users,
        branch=written.branches,
        branch_id=written.branch_ids,
        origin=[message.origin for message in stored.messages],
        actor=[body[7] for body in bodies],
        correlation_id=[body[8] for body in bodies],
        retracted=retracted,
    )


def filter_events(page: list[FeedBody], asked: FrameFilter, deleted: frozenset[str] = frozenset()) -> list[FeedBody]:
    """The events of a page that the filter takes, and those that name branches."""
    if deleted or asked.since is not None or asked.until is not None:
        page = [body for body in page if body[4] in NAMING or (body[0] not in deleted and asked.takes_time(body[3]))]
    return page


def _takes_away(session: str, position: int, payload: bytes) -> bool:
    """Whether there is no system message from here on."""
    try:
        event = decode(SYSTEM_SET, payload, session, position)
    except UnreadableEventError:
        return False
    return isinstance(event, SystemSet) and event.content is None


def _add(found: FeedMessages, bodies: Sequence[FeedBody], labels: Labels) -> None:
    """Adds messages between which no branch was named."""
    if not bodies:
        return
    known = {
        session: labels.of(session, position) for session, position in {body[0]: body[1] for body in bodies}.items()
    }
    found.bodies.extend(bodies)
    found.branches.extend([known[body[0]].names.get(body[5]) for body in bodies])  # type: ignore[arg-type]  # they have one
    found.branch_ids.extend([known[body[0]].ids.get(body[5]) for body in bodies])  # type: ignore[arg-type]  # they have one
    found.users.extend([known[body[0]].user for body in bodies])


def branch_message_batches(recorder: Recorder, asked: FrameFilter) -> Iterator["pyarrow.RecordBatch"]:
    """What branches of these names show, session by session, inherited messages included; each once in a session."""
    for session in _live(recorder, asked):
        try:
            state = load_state(recorder, session)
            yield from _of_branches(recorder, state, asked).batches()
        except SessionNotFoundError:  # it vanished meanwhile
            continue
        except UnreadableEventError:
            if asked.sessions is not None:  # it is the one that was asked for
                raise


def _pages(
    recorder: Recorder, asked: FrameFilter, until: int, rows: int
) -> Iterator[tuple[Retractions, list[FeedBody]]]:
    if not asked.of_some:
        taken_back = Retractions(chain.from_iterable(feed_rows(recorder, RETRACTIONS, until)))
        for page in feed_bodies(recorder, READ, until, rows):
            yield taken_back, page
        return
    for session in filtered_sessions(recorder, asked):
        taken_back = Retractions(recorder.read_structure(session, until=LAST))
        for some in rows_of_sessions(recorder, [session], READ, until, rows):
            yield taken_back, list(map(stored_body, some))


def _batch(written: FeedMessages, asked: FrameFilter, taken_back: Retractions) -> "pyarrow.RecordBatch":
    stored = decode_feed(written.bodies)
    columns = feed_columns(written, stored, taken_back.are_retracted(written.bodies))
    if asked.roles is not None:
        kept = [content.role in asked.roles for content in stored.contents]
        columns = [list(compress(column, kept)) for column in columns]
    return record_batch(columns, messages_schema())


def _live(recorder: Recorder, asked: FrameFilter) -> Iterator[str]:
    """The sessions that are asked for and have not been deleted."""
    if not asked.of_some:
        present = (entry for entry in recorder.read_entries() if entry.status != Status.DELETED.value)
        yield from (entry.session for entry in present)
        return
    for session in filtered_sessions(recorder, asked):
        entry = recorder.find_entry(session)
        if entry is not None and entry.status != Status.DELETED.value:
            yield session


def _of_branches(recorder: Recorder, state: State, asked: FrameFilter) -> Messages:
    reader = SessionReader(recorder, state)
    live = {branch.name: branch.number for branch in state.live}
    showings = [state.showing(live[name]) for name in asked.branches or () if name in live]
    if len(showings) == 1:
        messages = branch_messages(reader, showings[0], state.written)
    else:
        messages = messages_of_branches(reader, showings, state.written, frozenset())
    return messages.filter(
        role=asked.roles,  # type: ignore[arg-type]  # they were checked
        since=None if asked.since is None else to_datetime(asked.since),
        until=None if asked.until is None else to_datetime(asked.until),
    )
