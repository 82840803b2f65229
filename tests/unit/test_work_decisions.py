"""Decisions on models, tools, operations and access: made twice, they yield nothing the second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.domain.decisions import work
from turnlog.domain.errors import (
    BranchNotFoundError,
    InvalidValueError,
    OperationEndedError,
    SessionNotActiveError,
)
from turnlog.domain.events import (
    BranchCreated,
    Event,
    MessageAppended,
    ModelCalled,
    ModelSet,
    OperationFailed,
    OperationResumed,
    OperationStarted,
    SessionArchived,
    SessionStarted,
    ToolRegistered,
)
from turnlog.domain.message import Message

if TYPE_CHECKING:
    from tests.unit.conftest import Given

BEGUN: list[Event] = [SessionStarted(), BranchCreated(0, "id-main", "main", resources=["gpt", "add"])]
OPEN: list[Event] = [*BEGUN, OperationStarted("o-1", "chat", 0)]


def test_a_tool_is_registered_once_for_a_branch_and_once_for_all(given: Given) -> None:
    begun = given(*BEGUN)

    begun.when(lambda state: work.register_tool(state, "add", branch=0)).then(ToolRegistered("add", 0))
    given(*BEGUN, ToolRegistered("add", 0)).when(lambda state: work.register_tool(state, "add", branch=0)).nothing()


def test_a_model_is_set_once(given: Given) -> None:
    wanted = ModelSet("generate", "gpt", "openai", 0, {"model": "gpt"})

    def decide(state: Any) -> list[Event]:
        return work.set_model(state, "generate", "gpt", provider="openai", branch=0, settings={"model": "gpt"})

    given(*BEGUN).when(decide).then(wanted)
    given(*BEGUN, wanted).when(decide).nothing()
    given(*BEGUN, wanted).when(lambda state: work.set_model(state, "generate", None, branch=0)).then(
        ModelSet("generate", None, branch=0)
    )
    given(*BEGUN).when(lambda state: work.set_model(state, "generate", None)).nothing()


def test_a_branch_uses_its_own_model_then_that_of_the_session_then_the_one_it_talks_to(given: Given) -> None:
    state = given(*BEGUN, ModelSet("generate", "gpt"), ModelSet("parse", "small", branch=0)).state

    assert work.model_of(state, 0, "parse") == "small"
    assert work.model_of(state, 0, "generate") == "gpt"
    assert work.model_of(state, 0, "interpret") == "gpt"
    assert work.model_of(given(*BEGUN).state, 0, "generate") is None


def test_what_a_branch_may_not_use_is_denied_with_what_it_may(given: Given) -> None:
    state = given(*BEGUN).state

    assert work.find_denial(state, 0, "resources", [("openai/gpt", "gpt")]) is None
    assert work.find_denial(state, 0, "capabilities", [("Report",)]) is None
    found = work.find_denial(state, 0, "resources", [("openai/gpt", "gpt"), ("subtract",)])
    assert found is not None
    assert (found.kind, found.requested, found.available) == ("resources", ["subtract"], ["add", "gpt"])


def test_an_operation_begins_with_what_it_says(given: Given) -> None:
    said = Message("Hello!")

    given(*BEGUN).when(lambda state: work.start(state, "o-1", "chat", 0, {"a": 1}, [said])).then(
        OperationStarted("o-1", "chat", 0, {"a": 1}),
        MessageAppended(0, said.content),  # type: ignore[arg-type]  # an instruction
    )
    given(*OPEN).when(lambda state: work.start(state, "o-1", "chat", 0, {})).refused(InvalidValueError)
    given(*BEGUN).when(lambda state: work.start(state, "o-1", "chat", 7, {})).refused(BranchNotFoundError)
    given(*BEGUN, SessionArchived()).when(lambda state: work.start(state, "o", "chat", 0, {})).refused(
        SessionNotActiveError
    )


def test_only_who_is_at_an_operation_goes_on_with_it(given: Given) -> None:
    called = ModelCalled("gpt", operation="o-1")

    given(*OPEN).when(lambda state: work.record_step(state, "o-1", 0, 0, called)).then(called)
    resumed = given(*OPEN, OperationResumed("o-1"))
    resumed.when(lambda state: work.record_step(state, "o-1", 0, 0, called)).refused(OperationEndedError)
    resumed.when(lambda state: work.record_step(state, "o-1", 1, 0, called)).then(called)
    resumed.when(lambda state: work.complete(state, "o-1", 0, None)).refused(OperationEndedError)
    ended = given(*OPEN, OperationFailed("o-1", "Abandoned", "late"))
    ended.when(lambda state: work.resume(state, "o-1")).refused(OperationEndedError)
    ended.when(lambda state: work.abandon(state, "o-1", None)).refused(OperationEndedError)
    given(*OPEN).when(lambda state: work.resume(state, "o-1")).then(OperationResumed("o-1"))
