"""The way of an append to the recorder: checked, committed together with concurrent ones, redactions completed."""

from collections.abc import Sequence

from ..domain.state import State
from .command_ids import check_repeat
from .erasure import Erasure, erasing, first_redaction
from .fold_check import check_decision
from .group_commit import GroupCommit
from .read_models.catch_up import finish_appended
from .recorder import Recorder
from .stored_event import AppendRequest, AppendResult, validate_append


class Appender:
    """Appends to one recorder.

    A caller that decided on the state at the expected position passes it; otherwise the state is loaded where the
    events have to be checked against it.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.commits = GroupCommit(recorder.name, recorder.append)

    def append(self, request: AppendRequest, state: State | None) -> AppendResult:
        """Append to one session; return the first result if the command was recorded before."""
        append = validate_append(request)
        redacts = first_redaction(append) is not None
        record = self._erase if redacts else self.commits.append
        if state is None:
            outcome = self._recorder.folding.append(append, record)
        else:
            check_decision(state, append.drafts)
            outcome = record(append)
        if redacts:
            finish_appended(self._recorder, [append], [outcome])
        return check_repeat(self._recorder, outcome, append.drafts, append.command_id)

    def append_together(self, requests: Sequence[AppendRequest], states: Sequence[State] | None) -> list[AppendResult]:
        """Append to several sessions: to all of them, or to none."""
        appends = [validate_append(each) for each in requests]
        if states is None:
            appends = self._recorder.folding.fold_appends(appends)
        else:
            for state, append in zip(states, appends, strict=True):
                check_decision(state, append.drafts)
        appended = self._recorder.append_together(erasing(self._recorder, appends))
        finish_appended(self._recorder, appends, appended)
        return appended

    def _erase(self, append: AppendRequest) -> AppendResult:
        return self.commits.append(Erasure(self._recorder).add_rows(append))
