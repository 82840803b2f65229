"""Operations by their names: those of the house, and any of one's own."""

from .._models.registry import OperationFunction
from .act import act
from .generate import generate, interpret
from .operate import communicate, operate, react
from .params import (
    ActParams,
    CommunicateParams,
    GenerateParams,
    InterpretParams,
    OperateParams,
    Params,
    ParseParams,
    ReactParams,
)
from .parse import parse

OPERATIONS: dict[str, tuple[OperationFunction, type[Params]]] = {
    "generate": (generate, GenerateParams),
    "communicate": (communicate, CommunicateParams),
    "chat": (communicate, CommunicateParams),
    "operate": (operate, OperateParams),
    "react": (react, ReactParams),
    "act": (act, ActParams),
    "parse": (parse, ParseParams),
    "interpret": (interpret, InterpretParams),
}
