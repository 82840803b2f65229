"""Asking a model without leaving messages on the branch: what was asked and answered is with the call alone."""

from ..domain.content import InstructionContent, SystemContent
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.message import Message
from .call_record import name_in
from .params import GenerateParams, InterpretParams
from .run_context import RunContext
from .structured_output import parse_response, response_schema


async def generate(work: RunContext, params: GenerateParams) -> object:
    """What a model answers to the branch and one more instruction, which are not written to it."""
    schemas = schemas_of(work, params)
    asked = params.message(schemas)
    new = [] if asked is None else [asked]
    await work.begin(params.recorded() | ({"said": asked.to_dict()["content"]} if asked is not None else {}))
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
    await work.begin(params.recorded() | {"text": params.text})
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


def schemas_of(work: RunContext, params: GenerateParams) -> list[Json]:
    """The schemas of the tools that are offered, if the branch may use them.

    An instruction that offers tools already, as one from the record does, offers just these.
    """
    said = params.instruction.content if isinstance(params.instruction, Message) else None
    if isinstance(said, InstructionContent) and said.tool_schemas:
        work.access.allow("resources", [(str(name_in(schema)),) for schema in said.tool_schemas])
        return list(said.tool_schemas)
    return [tool.schema for tool in work.access.allow_tools(tool_names_of(work, params.tools))]


def tool_names_of(work: RunContext, given: object) -> list[str]:
    """The names of the tools that are meant: all of the branch by True, or those given, which are taken in."""
    if given is None or given is False:
        return []
    if given is True:
        return work.access.tools_in_reach()
    named = [given] if isinstance(given, str) or callable(given) or hasattr(given, "schema") else list(given)  # type: ignore[call-overload]  # it must be a list by now
    taken = work.equipment.add_tools(named)
    names = {
        id(each): tool.name for each, tool in zip([e for e in named if not isinstance(e, str)], taken, strict=True)
    }
    return [each if isinstance(each, str) else names[id(each)] for each in named]
