"""Operations on a branch with models and tools, as functions, and their parameters."""

from ....operations import (
    ActParams,
    CommunicateParams,
    GenerateParams,
    InterpretParams,
    OperateParams,
    OperationResult,
    ParseParams,
    ReactParams,
)
from .operate import generate, operate, react

__all__ = [
    "ActParams",
    "CommunicateParams",
    "GenerateParams",
    "InterpretParams",
    "OperateParams",
    "OperationResult",
    "ParseParams",
    "ReactParams",
    "generate",
    "operate",
    "react",
]
