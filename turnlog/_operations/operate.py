"""Talking to a model on a branch: with tools that it may call, and answers in the shape that is asked for."""

from dataclasses import replace
from typing import Any

from ..domain.content import ActionRequestContent, ActionResponseContent, InstructionContent
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.model_call import ModelResponse
from .params import CommunicateParams, GenerateParams, OperateParams, OperationResult, ReactParams
from .run_context import RunContext
from .structured_output import parse_or_repair, response_schema, validate_options


async def communicate(work: RunContext, params: CommunicateParams) -> object:
    """What the model answers: its text, or a value of the shape that was asked for; both turns are on the branch."""
    done = await _run_steps(work, _as_operate(params), calls=bool(params.tools))
    return done.text if params.shape is None else done.value


async def operate(work: RunContext, params: OperateParams) -> OperationResult:
    """What came of asking: calls are made and their results shown to the model until it answers, or `max_steps`."""
    return await _run_steps(work, _flatten(params), calls=params.invoke_actions)


async def react(work: RunContext, params: ReactParams) -> OperationResult:
    """What was worked out step by step, with all tools of the branch unless some are named."""
    flat = _flatten(params)
    return await _run_steps(work, flat if flat.tools is not None else replace(flat, tools=True), calls=True)


async def _run_steps(work: RunContext, params: OperateParams, *, calls: bool) -> OperationResult:
    validate_options(params.num_parse_retries, params.handle_validation)
    if isinstance(params.max_steps, bool) or not isinstance(params.max_steps, int) or params.max_steps < 1:
        raise InvalidValueError("max_steps", f"is {params.max_steps!r}: expected a number from 1 on")
    schemas = work.access.tool_schemas(params.instruction, params.tools)
    work.access.allow_shape(response_schema(params.shape))
    work.allow_model("generate", params.imodel)
    said = params.message(schemas)
    await work.begin(params.to_record(), [] if said is None else [said])
    if not any(isinstance(message.content, InstructionContent) or message.role == "user" for message in work.shown):
        raise InvalidValueError("an instruction", "is missing, and the branch shows none: expected something to ask")
    responses: list[ActionResponseContent] = []
    for step in range(1, params.max_steps + 1):
        answer, messages = await _ask_model(work, params, schemas)
        requests = [each for each in messages if isinstance(each.content, ActionRequestContent)]
        if not requests:
            value = await _value(work, params, answer.text)
            return OperationResult(answer.text, value, [], responses, step)
        if not calls:
            return OperationResult(answer.text, None, requests, responses, step, "calls are left to be made")
        responses += await work.act(
            requests,
            timeout=params.tool_timeout,
            concurrent=params.tool_concurrent,
            suppress_errors=params.suppress_errors,
        )
    return OperationResult(answer.text, None, [], responses, step, "max_steps")


async def _ask_model(
    work: RunContext, params: OperateParams, schemas: list[Json]
) -> tuple[ModelResponse, list[Message]]:
    return await work.ask(model=params.imodel, tools=schemas, settings=dict(params.imodel_kwargs), heard=params.heard)


async def _value(work: RunContext, params: OperateParams, text: str) -> object:
    if params.shape is None:
        return None
    model = None if params.parse is None else params.parse.imodel
    return await parse_or_repair(
        work.ask, text, params.shape, params.num_parse_retries, params.handle_validation, model
    )


def _as_operate(params: CommunicateParams) -> OperateParams:
    return OperateParams(**{name: getattr(params, name) for name in CommunicateParams.__dataclass_fields__})


def _flatten(params: OperateParams) -> OperateParams:
    """The parameters with what is inside `generate` and `parse` among their own."""
    given: dict[str, Any] = {}
    if params.generate is not None:
        unset = GenerateParams()
        for name in GenerateParams.__dataclass_fields__:
            value = getattr(params.generate, name)
            if value != getattr(unset, name):
                given[name] = value
    if params.parse is not None:
        given |= {"handle_validation": params.parse.handle_validation, "num_parse_retries": params.parse.max_retries}
        wanted = params.parse.request_type or params.parse.response_format
        if wanted is not None and params.shape is None:
            given["response_format"] = wanted
    return replace(params, generate=None, **given)
