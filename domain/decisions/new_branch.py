"""Whole branches decided at once: who they are, their system message, first messages, tools and model."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ..content import SystemContent
from ..events import BranchCreated, Event, ModelSet, SystemSet, ToolRegistered, ToolRemoved
from ..json_values import Json
from ..message import Message
from ..state import State
from .branch import UNCHANGED, Access, Unchanged, create, fork
from .message import first_message_events, message_event


class BranchPlan(msgspec.Struct, frozen=True):
    """What a new branch is to begin with."""

    name: str | None = None
    user: str | None = None
    capabilities: Access = None
    resources: Access = None
    metadata: dict[str, Json] = {}
    system: SystemContent | None = None
    system_sender: str | None = None
    messages: Sequence[Message] = ()
    tools: Sequence[str] = ()
    model: str | None = None
    parse_model: str | None = None


def fork_with(
    state: State,
    source: int,
    *,
    id: str,
    system: SystemContent | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
    tools: Sequence[str] | Literal[Unchanged.UNCHANGED] = UNCHANGED,
    **rest: Any,
) -> list[Event]:
    """Forks a branch as `branch.fork` does, and gives the fork a system message or tools other than it inherits."""
    number = len(state.branches)
    forked = fork(state, source, id=id, **rest)
    created = forked[0]
    if system is not UNCHANGED and isinstance(created, BranchCreated):
        inherits_one = state.showing(source, created.at).system is not None
        if system is not None or inherits_one:
            forked.append(SystemSet(number, system))
    if tools is not UNCHANGED:
        inherited = [tool for tool, owners in state.tools.items() if source in owners]
        forked += [ToolRemoved(tool, number) for tool in inherited if tool not in tools]
        forked += [ToolRegistered(tool, number) for tool in dict.fromkeys(tools) if tool not in inherited]
    return forked


def create_with(state: State, plan: BranchPlan, *, id: str) -> list[Event]:
    """Creates the branch with all that the plan says, or refuses all of it."""
    number = len(state.branches)
    events = create(
        state,
        id=id,
        name=plan.name,
        user=plan.user,
        capabilities=plan.capabilities,
        resources=plan.resources,
        metadata=plan.metadata,
    )
    if plan.system is not None:
        events.append(SystemSet(number, plan.system, plan.system_sender))
    events += [ToolRegistered(tool, number) for tool in dict.fromkeys(plan.tools)]
    models = {"generate": plan.model, "parse": plan.parse_model}
    events += [ModelSet(purpose, model, branch=number) for purpose, model in models.items() if model is not None]
    if plan.system is None:
        return events + first_message_events(number, plan.messages)
    return events + [message_event(number, message) for message in plan.messages]
