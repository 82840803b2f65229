"""A branch that nobody made a session for: it gets one of its own."""

from collections.abc import Iterable
from uuid import uuid4

from ._arguments import SystemLike, ToolsLike, imported_messages, system_with_timestamp, tool_names
from ._default_store import StoreLike, resolve_store
from ._models.registry import registration_steps
from ._operations.params import ModelLike
from ._session_context import SessionContext
from ._stream import SessionStream
from .domain.decisions import session as sessions
from .domain.decisions.branch import Access
from .domain.decisions.compose import sequence
from .domain.decisions.new_branch import BranchPlan, create_with
from .domain.message import ContentGiven, Message
from .domain.state import State


def standalone_stream(
    *,
    system: SystemLike | None,
    system_datetime: bool | str | None,
    user: str | None,
    name: str | None,
    chat_model: ModelLike,
    parse_model: ModelLike,
    tools: ToolsLike,
    tool_manager: object,
    messages: Iterable[Message | ContentGiven] | None,
    capabilities: Access,
    resources: Access,
    store: StoreLike | None,
) -> SessionContext:
    """A session with this branch as its default one."""
    plan = BranchPlan(
        name=name,
        user=user,
        capabilities=capabilities,
        resources=resources,
        system=system_with_timestamp(system, system_datetime),
        messages=imported_messages(messages),
        tools=tool_names(tools, tool_manager),
    )
    context = SessionContext(SessionStream(resolve_store(store), State(str(uuid4()))))
    fresh = str(uuid4())
    context.registry.add_tools(tools, tool_manager)
    steps = registration_steps(context.registry, chat_model, parse_model, None)
    context.stream.transact(
        lambda state: sequence(
            state,
            lambda state: sessions.start(state, user=user),
            lambda state: create_with(state, plan, id=fresh),
            *steps,
        )
    )
    return context
