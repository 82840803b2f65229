"""Asking a model without leaving messages on the branch: what was asked and answered is with the call alone."""

from ..domain.content import InstructionContent, SystemContent
from ..domain.errors import InvalidValueError
from ..domain.message import Message
from .params import GenerateParams, InterpretParams
from .run_context import RunContext
from .structured_output import parse_response, response_schema


async def generate(work: RunContext, params: GenerateParams) -> object:
    """What a model answers to the branch and one more instruction, which are not written to it."""
    schemas = work.access.tool_schemas(params.instruction, params.tools)
    asked = params.message(schemas)
    new = [] if asked is None else [asked]
    await work.begin(params.to_record() | ({"said": asked.to_dict()["content"]} if asked is not None else {}))
    work.access.allow_shape(response_schema(params.shape))
    if all(isinstance(message.content, SystemContent) for message in [*work.shown, *new]):
        raise InvalidValueError("an instruction", "is missing, and the branch shows none: expected something to ask")
    answer, _ = await work.ask(
        model=params.imodel,
        new=new,
        kept=False,
        tools=schemas,
        settings=dict(params.imodel_kwargs),
        heard=params.heard,
    )
    if params.return_as == "message":
        return Message(answer.contents()[0])
    if params.return_as == "raw":
        return answer
    return answer.text if params.shape is None else parse_response(answer.text, params.shape)


async def interpret(work: RunContext, params: InterpretParams) -> str:
    """A text said again so that a model understands it better."""
    await work.begin(params.to_record() | {"text": params.text})
    wish = InstructionContent(
        instruction="Rewrite the text as a clear instruction for a language model. Answer with that alone.",
        guidance=f"Domain: {params.domain}. Style: {params.style}.",
        context=[{"text": params.text}],
    )
    answer, _ = await work.ask(
        purpose="interpret",
        model=params.imodel,
        new=[Message(wish)],
        kept=False,
        alone=True,
        settings=dict(params.imodel_kwargs),
    )
    return answer.text
