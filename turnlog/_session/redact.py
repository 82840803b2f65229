"""Redacting events of a session through a handle: those that are named, and where else their content is."""

from collections.abc import Sequence

from ..domain.decisions import message
from ..domain.errors import InheritedHistoryError, InvalidValueError, ItemNotFoundError
from ..domain.errors.base import position_not_found
from ..domain.events import Event, MailSent, MessageAppended, ModelCalled
from ..domain.log import Log
from ..domain.mail import Mail
from ..domain.message import Message
from ..domain.recorded_event import RecordedEvent
from ..domain.redaction import CONTENT_FIELDS, REDACTIONS
from ..domain.state import State
from ..infrastructure.read_models.catch_up import finish_redactions
from ..infrastructure.session_reader import read_structure
from ..infrastructure.stored_event import Row, event_of, parse_redaction, redact_row
from ..projections.operations import OperationRecord, OperationTrace, operation_traces
from .as_of import resolve_position
from .stream import SessionStream


def redact_event(stream: SessionStream, event: Message | RecordedEvent | int, reason: str | None) -> int:
    """Redact an event; the position of its redaction. Mail and the messages that it brought are redacted together."""
    point = own_position(stream, event)
    return redact(stream, [point, *_same_mail(stream, point)], reason)[0]


def redact_mail(stream: SessionStream, mail: Mail | str, reason: str | None) -> int:
    """Redact a mail, named by itself or its id, and the messages that it brought."""
    point = _sending_position(stream, mail)
    return redact(stream, [point, *_delivery_of(stream, point)], reason)[0]


def redact_log(stream: SessionStream, log: Log, reason: str | None) -> int:
    """Redact the event that a log is read from."""
    if log.session != stream.id or log.position is None:
        raise InvalidValueError(
            "the log", f"is not one of session {stream.id}: expected one that was read from its logs"
        )
    return redact(stream, [log.position], reason)[0]


def redact_operation(stream: SessionStream, operation: OperationRecord | str, reason: str | None) -> list[int]:
    """Redact the parameters of an operation, what came of it, and the calls of models that it led to."""
    steps = _steps(stream, operation if isinstance(operation, str) else operation.id)
    calls = [each for each in steps.events if isinstance(each.event, ModelCalled)]
    ended = [] if steps.ended is None else [steps.ended]
    return redact(stream, [own_position(stream, each) for each in (steps.started, *calls, *ended)], reason)


def redact(stream: SessionStream, positions: Sequence[int], reason: str | None) -> list[int]:
    """Record redactions of events in one commit, which also removes their content; the positions of the redactions.

    What is redacted already is not again; if something of it is left in the files of the store, it is removed.
    """
    rows = [_row(stream, position) for position in positions]
    recorded = stream.transact(lambda state: [each for row in rows for each in _redaction_events(state, row, reason)])
    places = _redactions(stream, rows)
    if not recorded:
        finish_redactions(stream.store.recorder, stream.id, places[0])
    return places


def own_position(stream: SessionStream, event: Message | RecordedEvent | int) -> int:
    """The position of an event that the session itself has recorded."""
    if isinstance(event, RecordedEvent):
        if event.session != stream.id:
            raise InheritedHistoryError(stream.id, event.position, event.session)
        return event.position
    point = resolve_position(stream, event)
    if point < 1:
        source = event.id.rpartition("/")[0] if isinstance(event, Message) and event.id else ""
        raise InheritedHistoryError(stream.id, point, source)
    return point


def _row(stream: SessionStream, position: int) -> Row:
    row = stream.store.recorder.find_row(stream.id, position)
    if row is None:
        with stream.state() as state:
            raise position_not_found(stream.id, position, 1, state.position)
    return row


def _redaction_events(state: State, row: Row, reason: str | None) -> Sequence[Event]:
    if row.payload_hash is not None:
        return []
    left = (redact_row(row).payload or b"").decode() if row.name in CONTENT_FIELDS else ""
    return message.redact(state, row.position, row.name, left, reason)


def _redactions(stream: SessionStream, rows: Sequence[Row]) -> list[int]:
    wanted = {row.position for row in rows}
    found: dict[int, int] = {}
    for each in read_structure(stream.store.recorder, stream.id, REDACTIONS, after=min(wanted)):
        found.setdefault(parse_redaction(each.event)[0], each.position)
    return [found[row.position] for row in rows]


def _same_mail(stream: SessionStream, position: int) -> list[int]:
    """The mail that brought a message, and the messages that it brought, without the event at the position itself."""
    event = event_of(_row(stream, position))
    if isinstance(event, MailSent):
        return _delivery_of(stream, position)
    mail = event.mail if isinstance(event, MessageAppended) else None
    sent = None if mail is None or mail < 1 else stream.store.recorder.find_row(stream.id, mail)
    if sent is None or not isinstance(event_of(sent), MailSent):
        return []
    return [sent.position, *(other for other in _delivery_of(stream, sent.position) if other != position)]


def _delivery_of(stream: SessionStream, mail: int) -> list[int]:
    events = stream.store.read(stream.id, after=mail)
    return [each.position for each in events if isinstance(each.event, MessageAppended) and each.event.mail == mail]


def _sending_position(stream: SessionStream, mail: Mail | str) -> int:
    if isinstance(mail, Mail):
        if mail.session != stream.id:
            raise InvalidValueError("the mail", f"is of session {mail.session}: expected one of session {stream.id}")
        return own_position(stream, mail.sent_at)
    for each in read_structure(stream.store.recorder, stream.id, ("mail.sent",)):
        if getattr(each.event, "mail", None) == mail:
            return each.position
    raise InvalidValueError("the mail", f"{mail!r} was not sent in session {stream.id}")


def _steps(stream: SessionStream, operation: str) -> OperationTrace:
    found = {steps.start.operation: steps for steps in operation_traces(stream.events())}
    if operation not in found:
        raise ItemNotFoundError("operation", repr(operation), f"session {stream.id}", tuple(found))
    return found[operation]
