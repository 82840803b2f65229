"""The frames of a store: messages, events, usage, sessions."""

from collections.abc import Mapping
from datetime import datetime

from ...domain.errors import SessionNotFoundError
from ...projections.message_filter import OneOrMore
from ...projections.prices import PRICES, Price
from ...projections.record_columns import events_schema, messages_schema, sessions_schema, usage_schema
from ..recorder import Recorder
from .events import event_batches
from .filters import ROWS, FrameFilter, frame_filter, validate_batch_size
from .frame import Frame
from .messages import branch_message_batches, message_batches
from .sessions import session_batches
from .usage import usage_batches


class Frames:
    """What a store holds as frames, all of it or what is asked for; a frame is read when somebody iterates over it.

    `sessions` are ids, `users` those whose sessions they are; where several are given, any of them will do. `since`
    and `until` are both included; a naive time is local. A batch has at most `batch_size` rows.
    """

    def __init__(self, recorder: Recorder, until: int | None = None) -> None:
        self._recorder = recorder
        self._until = until

    def messages(
        self,
        *,
        sessions: OneOrMore[str] | None = None,
        users: OneOrMore[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        roles: OneOrMore[str] | None = None,
        branches: OneOrMore[str] | None = None,
        batch_size: int = ROWS,
    ) -> Frame:
        """Every message once, as it was written, under the session that recorded it; `retracted` if it was taken back.

        With names of branches, what these show now instead: in each session that has them, what it inherited included,
        a message once in a session. Sessions that were deleted are not in it.
        """
        wanted = self._check_sessions(frame_filter(sessions, users, since, until, roles=roles, branches=branches))
        if wanted.branches is None:
            return Frame(
                "messages",
                messages_schema,
                lambda rows: message_batches(self._recorder, wanted, self._end(), rows),
                validate_batch_size(batch_size),
            )
        return Frame(
            "messages",
            messages_schema,
            lambda _: branch_message_batches(self._recorder, wanted),
            validate_batch_size(batch_size),
        )

    def events(
        self,
        *,
        sessions: OneOrMore[str] | None = None,
        users: OneOrMore[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        branches: OneOrMore[str] | None = None,
        names: OneOrMore[str] | None = None,
        batch_size: int = ROWS,
    ) -> Frame:
        """Every event once, as it is on the record; with names of branches or stored names, only those events."""
        wanted = self._check_sessions(frame_filter(sessions, users, since, until, branches=branches, names=names))
        return Frame(
            "events",
            events_schema,
            lambda rows: event_batches(self._recorder, wanted, self._end(), rows),
            validate_batch_size(batch_size),
        )

    def usage(
        self,
        *,
        sessions: OneOrMore[str] | None = None,
        users: OneOrMore[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        branches: OneOrMore[str] | None = None,
        prices: Mapping[str, Price] = PRICES,
        batch_size: int = ROWS,
    ) -> Frame:
        """What models used: each call, and each answer that says what it cost and that no recorded call led to.

        `cost` is in US dollars, by these prices; null without a price.
        """
        wanted = self._check_sessions(frame_filter(sessions, users, since, until, branches=branches))
        return Frame(
            "usage",
            usage_schema,
            lambda rows: usage_batches(self._recorder, wanted, self._end(), rows, prices),
            validate_batch_size(batch_size),
        )

    def sessions(self, *, batch_size: int = ROWS) -> Frame:
        """The catalogue, in the order the sessions were started, those that were archived or deleted too."""
        return Frame(
            "sessions",
            sessions_schema,
            lambda rows: session_batches(self._recorder, rows),
            validate_batch_size(batch_size),
        )

    def tables(self) -> list[Frame]:
        """All that there is of messages, events, usage and sessions, as of now."""
        now = Frames(self._recorder, self._end())
        return [now.messages(), now.events(), now.usage(), now.sessions()]

    def _check_sessions(self, wanted: FrameFilter) -> FrameFilter:
        for session in wanted.sessions or ():
            if self._recorder.find_entry(session) is None:
                raise SessionNotFoundError(session)
        return wanted

    def _end(self) -> int:
        return self._recorder.last_global_position() if self._until is None else self._until
