"""The built-in operations, by name."""

from .._models.registry import Operation
from .act import act
from .generate import generate, interpret
from .operate import communicate, operate, react
from .params import (
    ActParams,
    CommunicateParams,
    GenerateParams,
    InterpretParams,
    OperateParams,
    ParseParams,
    ReactParams,
)
from .parse import parse

OPERATIONS = {
    "generate": Operation(generate, GenerateParams),
    "communicate": Operation(communicate, CommunicateParams),
    "chat": Operation(communicate, CommunicateParams),
    "operate": Operation(operate, OperateParams),
    "react": Operation(react, ReactParams),
    "act": Operation(act, ActParams),
    "parse": Operation(parse, ParseParams),
    "interpret": Operation(interpret, InterpretParams),
}
