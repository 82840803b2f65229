"""A whole branch decided at once: who it is, its system message, its first messages, its tools and its model."""

from collections.abc import Sequence

import msgspec

from ..content import SystemContent
from ..events import Event, ModelSet, ToolRegistered
from ..message import Message
from ..plain import Json
from ..state import State
from .branch import Access, create, set_system
from .message import append
from .sequence import in_turn


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


def begin(state: State, plan: BranchPlan, *, id: str) -> list[Event]:
    """Creates the branch with all that the plan says, or refuses all of it."""
    number = len(state.branches)
    return in_turn(
        state,
        lambda state: create(
            state,
            id=id,
            name=plan.name,
            user=plan.user,
            capabilities=plan.capabilities,
            resources=plan.resources,
            metadata=plan.metadata,
        ),
        lambda state: set_system(state, number, plan.system, sender=plan.system_sender),
        lambda state: [ToolRegistered(tool, number) for tool in dict.fromkeys(plan.tools)],
        lambda state: [] if plan.model is None else [ModelSet("generate", plan.model, branch=number)],
        lambda state: append(state, number, plan.messages),
    )
