"""Operations on a branch with models and tools, and what is recorded of them."""

from ._operations.flow import Flow
from ._operations.params import (
    ActParams,
    CommunicateParams,
    GenerateParams,
    InterpretParams,
    OperateParams,
    OperationResult,
    ParseParams,
    ReactParams,
)
from ._operations.rerun import BranchComparison
from ._operations.run_context import RunContext
from ._session.operations import SessionOperations
from .projections.operations import OperationRecord

__all__ = [
    "ActParams",
    "BranchComparison",
    "CommunicateParams",
    "Flow",
    "GenerateParams",
    "InterpretParams",
    "OperateParams",
    "OperationRecord",
    "OperationResult",
    "ParseParams",
    "ReactParams",
    "RunContext",
    "SessionOperations",
]
