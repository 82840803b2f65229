"""A whole branch decided at once: who it is, its system message, its first messages, its tools and its model."""

from collections.abc import Sequence

import msgspec

from ..content import SystemContent
from ..events import Event, ModelSet, SystemSet, ToolRegistered
from ..message import Message
from ..plain import Json
from ..state import State
from .branch import Access, create
from .message import appended


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
    begun = create(
        state,
        id=id,
        name=plan.name,
        user=plan.user,
        capabilities=plan.capabilities,
        resources=plan.resources,
        metadata=plan.metadata,
    )
    if plan.system is not None:
        begun.append(SystemSet(number, plan.system, plan.system_sender))
    begun += [ToolRegistered(tool, number) for tool in dict.fromkeys(plan.tools)]
    if plan.model is not None:
        begun.append(ModelSet("generate", plan.model, branch=number))
    return begun + [appended(number, message) for message in plan.messages]
