"""A log is one event, on a branch or on none; what has a place already, or belongs nowhere, is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.decisions import log as logging
from turnlog.domain.errors import BranchNotFoundError, InvalidValueError, SessionNotActiveError, SessionNotFoundError
from turnlog.domain.events import BranchCreated, BranchRemoved, LogRecorded, SessionArchived, SessionStarted
from turnlog.domain.events.work import LogType
from turnlog.domain.log import Log

if TYPE_CHECKING:
    from tests.unit.conftest import Given

BEGUN = (SessionStarted(), BranchCreated(0, "id-main", "main"))


def test_a_log_is_recorded_with_all_it_says(given: Given) -> None:
    log = Log("api_call", "x", "agent", "m", "p", {"q": [1]}, ["a"], 1.5, 3, 4, None, {"d": 1}, "boom", actor="ada")

    given(*BEGUN).when(logging.record, 0, log).then(
        LogRecorded(LogType.API_CALL, "agent", "x", {"d": 1}, 0, "m", "p", {"q": [1]}, ["a"], 1.5, 3, 4, 7, "boom")
    )


def test_a_log_may_belong_to_the_session_alone(given: Given) -> None:
    given(*BEGUN).when(logging.record, None, Log("info", "x")).then(LogRecorded(LogType.INFO, message="x"))


@pytest.mark.parametrize(
    ("before", "branch", "refusal"),
    [
        ((), None, SessionNotFoundError),
        ((*BEGUN, SessionArchived()), None, SessionNotActiveError),
        (BEGUN, 1, BranchNotFoundError),
        ((*BEGUN, BranchRemoved(0)), 0, BranchNotFoundError),
    ],
)
def test_a_log_that_belongs_nowhere_is_refused(given: Given, before: Any, branch: int | None, refusal: Any) -> None:
    given(*before).when(logging.record, branch, Log("info", "x")).refused(refusal)


def test_a_log_that_is_kept_already_is_refused(given: Given) -> None:
    given(*BEGUN).when(logging.record, None, Log("info", "x", id="log-1")).refused(InvalidValueError)
