"""Messages of a whole store as Arrow batches: each once, as it was written; or what branches show."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ...domain.errors import SessionNotFoundError
from ...domain.record import moment
from ...domain.state import State, Status
from ...projections.frames import record_batch, said_columns
from ...projections.messages import Messages, all_shown, shown_messages
from ...projections.pages import Bodies, FeedBody
from ...projections.record_columns import messages_schema
from ...projections.said import Said, said_in_feed
from ..loading import load
from ..reading import SessionReader, Source
from ..recorder import Recorder
from ..rows import LAST, MESSAGE_APPENDED
from .asked import Asked
from .feeding import body_of, feed_bodies, of_sessions
from .labels import NAMING, Labels, sessions_of
from .withdrawn import Withdrawn, deleted_sessions, withdrawn

if TYPE_CHECKING:
    import pyarrow

SYSTEM_SET = "branch.system_set"
READ = (MESSAGE_APPENDED, SYSTEM_SET, *NAMING)


def message_batches(recorder: Recorder, asked: Asked, until: int, rows: int) -> Iterator["pyarrow.RecordBatch"]:
    """The messages up to a global position, each once, on the branch that it was written on."""
    deleted = deleted_sessions(recorder)
    labels = Labels(recorder)
    for taken_back, page in _pages(recorder, asked, until, rows):
        written = written_of(page, labels, taken_back, asked, deleted)
        if written.bodies and (batch := _batch(written, asked, taken_back)).num_rows:
            yield batch


class Written(NamedTuple):
    """Messages as the feed has them, and beside each the name of its branch and whose it is."""

    bodies: list[FeedBody]
    branches: list[str | None]
    users: list[str | None]


def written_of(
    page: Iterable[FeedBody], labels: Labels, taken_back: Withdrawn, asked: Asked, deleted: frozenset[str] = frozenset()
) -> Written:
    """The messages of a page of the feed; what names branches on the way is taken into the labels."""
    found = Written([], [], [])
    wiping = bool(taken_back.redacted)
    bounded = asked.since is not None or asked.until is not None
    for body in page:
        session, position, _, time, name, branch, payload = body
        if name in NAMING:
            if payload is not None:
                labels.take(session, position, name, payload)
            continue
        if session in deleted or (bounded and not asked.takes_time(time)):
            continue
        if name == SYSTEM_SET and payload is not None and _has_content(payload).content is None:
            continue  # there is no system message from here on
        label = labels.of(session, position)
        found.bodies.append(body._replace(payload=taken_back.left(session, position, payload)) if wiping else body)
        found.branches.append(label.names.get(branch))  # type: ignore[arg-type]  # a message has one
        found.users.append(label.user)
    return found


def columns_of(written: Written, said: list[Said]) -> list[list[object]]:
    """The columns of messages, up to `global_position`."""
    bodies = written.bodies
    words = said_columns(said)
    return [
        [f"{body.session}/{body.position}" for body in bodies],
        [body.position for body in bodies],
        [body.time for body in bodies],
        [body.session for body in bodies],
        list(written.branches),
        *words[:4],
        [each.origin for each in said],
        *words[4:],
        list(written.users),
        [body.global_position for body in bodies],
    ]


def shown_batches(recorder: Recorder, source: Source, asked: Asked, until: int) -> Iterator["pyarrow.RecordBatch"]:
    """What branches of these names show, session by session, inherited messages included; each once in a session."""
    taken_back = withdrawn(recorder, until)
    for session in _live(recorder, asked):
        try:
            state = load(recorder, session)
        except SessionNotFoundError:  # it vanished meanwhile
            continue
        for batch in _shown(source, state, asked, taken_back).batches():
            yield _widened(batch, state.user)


def chosen(recorder: Recorder, asked: Asked) -> Iterator[str]:
    """The sessions that are asked for: those that are named, of the users that are named."""
    if asked.users is None:
        yield from asked.sessions or ()
    else:
        for session in sessions_of(recorder, asked.users):
            if asked.sessions is None or session in asked.sessions:
                yield session


def _pages(recorder: Recorder, asked: Asked, until: int, rows: int) -> Iterator[tuple[Withdrawn, list[FeedBody]]]:
    if not asked.of_some:
        taken_back = withdrawn(recorder, until)
        for page in feed_bodies(recorder, READ, until, rows):
            yield taken_back, page
        return
    for session in chosen(recorder, asked):
        taken_back = Withdrawn(recorder.read_structure(session, until=LAST))
        for some in of_sessions(recorder, [session], READ, until, rows):
            yield taken_back, list(map(body_of, some))


def _batch(written: Written, asked: Asked, taken_back: Withdrawn) -> "pyarrow.RecordBatch":
    said = said_in_feed(written.bodies)
    columns = columns_of(written, said)
    columns.append([taken_back.is_retracted(body.session, body.branch, body.position) for body in written.bodies])
    if asked.roles is not None:
        kept = [each.content.role in asked.roles for each in said]
        columns = [list(compress(column, kept)) for column in columns]
    return record_batch(columns, messages_schema())


def _live(recorder: Recorder, asked: Asked) -> Iterator[str]:
    """The sessions that are asked for and have not been deleted."""
    if not asked.of_some:
        present = (entry for entry in recorder.read_entries() if entry.status != Status.DELETED.value)
        yield from (entry.session for entry in present)
        return
    for session in chosen(recorder, asked):
        entry = recorder.find_entry(session)
        if entry is not None and entry.status != Status.DELETED.value:
            yield session


def _shown(source: Source, state: State, asked: Asked, taken_back: Withdrawn) -> Messages:
    reader = _Wiping(source, state, taken_back)
    live = {branch.name: branch.number for branch in state.live}
    showings = [state.showing(live[name]) for name in asked.branches or () if name in live]
    if len(showings) == 1:
        messages = shown_messages(reader, showings[0], state.written)
    else:
        messages = all_shown(reader, showings, state.written, frozenset())
    return messages.filter(
        role=asked.roles,  # type: ignore[arg-type]  # they were checked
        since=None if asked.since is None else moment(asked.since),
        until=None if asked.until is None else moment(asked.until),
    )


def _widened(batch: "pyarrow.RecordBatch", user: str | None) -> "pyarrow.RecordBatch":
    """The messages of a session in the columns of a store."""
    import pyarrow as pa

    count = batch.num_rows
    more = [pa.repeat(pa.scalar(user, pa.string()), count), pa.nulls(count, pa.int64()), pa.repeat(False, count)]
    return pa.RecordBatch.from_arrays([*batch.columns, *more], schema=messages_schema())


class _Wiping(SessionReader):
    """Reads a session without the words that were redacted, even if their erasure was broken off."""

    def __init__(self, source: Source, state: State, taken_back: Withdrawn) -> None:
        super().__init__(source, state)
        self._taken_back = taken_back

    def read_bodies(self, branch: int, first: int, last: int, *, backwards: bool = False) -> Iterator[Bodies]:
        return map(self._wiped, super().read_bodies(branch, first, last, backwards=backwards))

    def read_bodies_at(self, positions: Sequence[int]) -> Iterator[Bodies]:
        return map(self._wiped, super().read_bodies_at(positions))

    def _wiped(self, read: Bodies) -> Bodies:
        if not self._taken_back.redacted:
            return read
        left = self._taken_back.left
        return read._replace(
            bodies=[(place, time, left(read.session, place, payload)) for place, time, payload in read.bodies]
        )


class _Set(msgspec.Struct):
    content: object = None


_has_content = msgspec.json.Decoder(_Set).decode
