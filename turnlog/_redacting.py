"""Redacting events of a session through a handle: those that are named, and where else their content is."""

from collections.abc import Sequence

from ._live import Live
from ._moments import position_of
from ._operations import Operation, Steps, steps_of
from .domain.decisions import message
from .domain.errors import InheritedHistoryError, InvalidValueError, ItemNotFoundError
from .domain.errors.base import position_not_found
from .domain.events import Event, MailSent, MessageAppended, ModelCalled
from .domain.log import Log
from .domain.mail import Mail
from .domain.message import Message
from .domain.record import RecordedEvent
from .domain.redaction import CONTENT_FIELDS, REDACTIONS
from .domain.state import State
from .infrastructure.projecting.catching_up import finish_redactions
from .infrastructure.rows import Row, event_of, redacted, redaction_in


def redact_event(live: Live, event: Message | RecordedEvent | int, reason: str | None) -> int:
    """Redact an event; the position of its redaction. Mail and the messages that it brought are redacted together."""
    point = own_position(live, event)
    return redact(live, [point, *_same_mail(live, point)], reason)[0]


def redact_mail(live: Live, mail: Mail | str, reason: str | None) -> int:
    """Redact a mail, named by itself or its id, and the messages that it brought."""
    point = _sent_at(live, mail)
    return redact(live, [point, *_brought_by(live, point)], reason)[0]


def redact_log(live: Live, log: Log, reason: str | None) -> int:
    """Redact the event that a log is read from."""
    if log.session != live.id or log.position is None:
        raise InvalidValueError("the log", f"is not one of session {live.id}: expected one that was read from its logs")
    return redact(live, [log.position], reason)[0]


def redact_operation(live: Live, operation: Operation | str, reason: str | None) -> list[int]:
    """Redact the parameters of an operation, what came of it, and the calls of models that it led to."""
    steps = _steps(live, operation if isinstance(operation, str) else operation.id)
    calls = [each for each in steps.events if isinstance(each.event, ModelCalled)]
    ended = [] if steps.ended is None else [steps.ended]
    return redact(live, [own_position(live, each) for each in (steps.started, *calls, *ended)], reason)


def redact(live: Live, positions: Sequence[int], reason: str | None) -> list[int]:
    """Record redactions of events in one commit, which also removes their content; the positions of the redactions.

    What is redacted already is not again; if something of it is left in the files of the store, it is removed.
    """
    rows = [_row(live, position) for position in positions]
    recorded = live.change(lambda state: [each for row in rows for each in _decided(state, row, reason)])
    places = _redactions(live, rows)
    if not recorded:
        finish_redactions(live.store.recorder, live.id, places[0])
    return places


def own_position(live: Live, event: Message | RecordedEvent | int) -> int:
    """The position of an event that the session itself has recorded."""
    if isinstance(event, RecordedEvent):
        if event.session != live.id:
            raise InheritedHistoryError(live.id, event.position, event.session)
        return event.position
    point = position_of(live, event)
    if point < 1:
        source = event.id.rpartition("/")[0] if isinstance(event, Message) and event.id else ""
        raise InheritedHistoryError(live.id, point, source)
    return point


def _row(live: Live, position: int) -> Row:
    row = live.store.find_row(live.id, position)
    if row is None:
        with live.current() as state:
            raise position_not_found(live.id, position, 1, state.position)
    return row


def _decided(state: State, row: Row, reason: str | None) -> Sequence[Event]:
    if row.payload_hash is not None:
        return []
    left = (redacted(row).payload or b"").decode() if row.name in CONTENT_FIELDS else ""
    return message.redact(state, row.position, row.name, left, reason)


def _redactions(live: Live, rows: Sequence[Row]) -> list[int]:
    wanted = {row.position for row in rows}
    found: dict[int, int] = {}
    for each in live.store.read_structure(live.id, REDACTIONS, after=min(wanted)):
        found.setdefault(redaction_in(each.event)[0], each.position)
    return [found[row.position] for row in rows]


def _same_mail(live: Live, position: int) -> list[int]:
    """The mail that brought a message, and the messages that it brought, without the event at the position itself."""
    event = event_of(_row(live, position))
    if isinstance(event, MailSent):
        return _brought_by(live, position)
    mail = event.mail if isinstance(event, MessageAppended) else None
    sent = None if mail is None or mail < 1 else live.store.find_row(live.id, mail)
    if sent is None or not isinstance(event_of(sent), MailSent):
        return []
    return [sent.position, *(other for other in _brought_by(live, sent.position) if other != position)]


def _brought_by(live: Live, mail: int) -> list[int]:
    events = live.store.read(live.id, after=mail)
    return [each.position for each in events if isinstance(each.event, MessageAppended) and each.event.mail == mail]


def _sent_at(live: Live, mail: Mail | str) -> int:
    if isinstance(mail, Mail):
        if mail.session != live.id:
            raise InvalidValueError("the mail", f"is of session {mail.session}: expected one of session {live.id}")
        return own_position(live, mail.sent_at)
    for each in live.store.read_structure(live.id, ("mail.sent",)):
        if getattr(each.event, "mail", None) == mail:
            return each.position
    raise InvalidValueError("the mail", f"{mail!r} was not sent in session {live.id}")


def _steps(live: Live, operation: str) -> Steps:
    found = {steps.start.operation: steps for steps in steps_of(live)}
    if operation not in found:
        raise ItemNotFoundError("operation", repr(operation), f"session {live.id}", tuple(found))
    return found[operation]
