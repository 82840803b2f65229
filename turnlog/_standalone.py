"""A branch that nobody made a session for: it gets one of its own."""

from collections.abc import Iterable
from uuid import uuid4

from ._default import StoreGiven, store_of
from ._equipment import equip
from ._live import Live
from ._planning import SystemGiven, ToolsGiven, dated_system, loaded_messages, tool_names
from .domain.decisions import session as sessions
from .domain.decisions.branch import Access
from .domain.decisions.plan import BranchPlan, begin
from .domain.decisions.sequence import in_turn
from .domain.message import ContentGiven, Message
from .domain.state import State
from .operations.params import ModelGiven


def alone(
    *,
    system: SystemGiven | None,
    system_datetime: bool | str | None,
    user: str | None,
    name: str | None,
    chat_model: ModelGiven,
    parse_model: ModelGiven,
    tools: ToolsGiven,
    tool_manager: object,
    messages: Iterable[Message | ContentGiven] | None,
    capabilities: Access,
    resources: Access,
    store: StoreGiven | None,
) -> Live:
    """A session with this branch as its default one."""
    plan = BranchPlan(
        name=name,
        user=user,
        capabilities=capabilities,
        resources=resources,
        system=dated_system(system, system_datetime),
        messages=loaded_messages(messages),
        tools=tool_names(tools, tool_manager),
    )
    live, fresh = Live(store_of(store), State(str(uuid4()))), str(uuid4())
    live.equipment.take_tools(tools, tool_manager)
    steps = equip(live, chat_model, parse_model, None)
    live.change(
        lambda state: in_turn(
            state,
            lambda state: sessions.start(state, user=user),
            lambda state: begin(state, plan, id=fresh),
            *steps,
        )
    )
    return live
