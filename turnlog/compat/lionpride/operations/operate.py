"""The operations as functions of a session, a branch and parameters."""

from typing import Any

from ....operations import GenerateParams, OperateParams, OperationResult, ReactParams
from ..session import Branch, Session

__all__ = ["GenerateParams", "OperateParams", "ReactParams", "generate", "operate", "react"]


async def generate(session: Session, branch: Branch | str | None, params: GenerateParams) -> Any:
    """Return the response of the model without adding messages to the branch; the call is recorded."""
    return await session.conduct("generate", branch, params)


async def operate(session: Session, branch: Branch | str | None, params: OperateParams) -> OperationResult:
    """Send an instruction to the model and run the tool calls that it requests."""
    result: OperationResult = await session.conduct("operate", branch, params)
    return result


async def react(session: Session, branch: Branch | str | None, params: ReactParams) -> OperationResult:
    """Alternate model calls and tool calls, for at most `max_steps` steps."""
    result: OperationResult = await session.conduct("react", branch, params)
    return result
