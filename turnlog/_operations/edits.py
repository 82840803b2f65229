"""Whether the edits of a rerun have an effect: each must be of a message that is done over, and not asked anew."""

from collections.abc import Collection, Iterable, Sequence

from ..domain.content import ActionRequestContent
from ..domain.errors import InvalidValueError
from ..domain.events import MessageAppended, ModelCalled
from ..domain.recorded_event import RecordedEvent
from ..projections.operations import OperationTrace


def validate_edits(
    edited: Collection[int],
    start: int,
    over: Sequence[OperationTrace | RecordedEvent],
    systems: Collection[int | None],
    *,
    answers: bool,
    results: bool,
) -> None:
    """Raise InvalidValueError for the first edit that would have no effect on what is done over after `start`.

    `systems` are the system messages that are shown meanwhile. `answers` and `results` say whether the answers of
    models and the results of tools are taken from the record.
    """
    said = dict(_messages(over))
    for position in sorted(edited):
        if position in said:
            reason = said[position].reason(position, edited, answers=answers, results=results)
        else:
            reason = None if position in systems else _not_replayable(position, start)
        if reason is not None:
            raise InvalidValueError("an edit", f"of position {position} would have no effect: {reason}")


class _Place:
    """Where a message that is done over comes from: the call of a model or of a tool, or a caller."""

    def __init__(self, *, call: int | None = None, request: int | None = None, calls: Sequence[int] = ()) -> None:
        self.call, self.request, self.calls = call, request, calls

    def reason(self, position: int, edited: Collection[int], *, answers: bool, results: bool) -> str | None:
        """Why an edit of the message would have no effect."""
        if self.call is not None and not answers:
            return "it is an answer, and the model is asked anew; expected no other model, or no edit of an answer"
        if self.request is not None and not results:
            return 'it is a result, and the tool is called anew; expected tools="recorded"'
        if self.request in edited:
            return f"it is the result of the call at position {self.request}, which is edited; expected one of the two"
        earlier = self._earlier(position, edited)
        if earlier is not None:
            return (
                f"it follows from the edit of position {earlier}, after which the model is asked anew; "
                "expected the edits of one turn"
            )
        return None

    def _earlier(self, position: int, edited: Collection[int]) -> int | None:
        """An edit after which a model was called before this message was its answer, or the result of its call."""
        if self.call is None and self.request is None:
            return None
        return next((each for each in sorted(edited) if any(each < call < position for call in self.calls)), None)


def _messages(over: Iterable[OperationTrace | RecordedEvent]) -> Iterable[tuple[int, _Place]]:
    calls: list[int] = []
    for each in over:
        if isinstance(each, RecordedEvent):
            yield each.position, _Place()
            continue
        requests = set()
        for event in each.events:
            if isinstance(event.event, ModelCalled):
                calls.append(event.position)
            if not isinstance(event.event, MessageAppended):
                continue
            if isinstance(event.event.content, ActionRequestContent):
                requests.add(event.position)
            call = event.causation if event.causation in calls else None
            request = event.causation if event.causation in requests else None
            yield event.position, _Place(call=call, request=request, calls=calls)


def _not_replayable(position: int, start: int) -> str:
    if position <= start:
        return f"what is done over begins after {start}; expected a later position, or an earlier `at`"
    return "it is no message that the branch shows and that is done over; expected one of those"
