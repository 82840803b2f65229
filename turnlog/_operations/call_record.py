"""What is recorded of a call of a model: what is in no message."""

from collections.abc import Sequence

from msgspec.structs import replace

from .._models.imodel import LanguageModel
from ..domain.errors import ModelError
from ..domain.events import ModelCalled
from ..domain.json_values import Json
from ..domain.message import Message
from ..domain.model_call import ModelRequest, ModelResponse, recorded_settings


def model_request(asked: ModelRequest, began: int, own: Sequence[int], new: Sequence[Message]) -> Json:
    """What a model was asked: where that stands, and what of it stands nowhere else."""
    settings = recorded_settings(asked.settings)
    return {
        "digest": asked.digest,
        "at": began,
        "own": list(own),
        **({"new": [message.to_dict()["content"] for message in new]} if new else {}),
        **({"tools": [name_in(schema) for schema in asked.tools]} if asked.tools else {}),
        **({"settings": settings} if settings else {}),
    }


def model_called(
    model: LanguageModel, operation: str, branch: int, request: Json, answer: ModelResponse, spent: float, *, kept: bool
) -> ModelCalled:
    """A call that was answered, after so many milliseconds."""
    usage = answer.usage
    return ModelCalled(
        model=answer.model or model.model,
        provider=model.provider,
        operation=operation,
        branch=branch,
        request=request,
        response=_response(answer, kept),
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        duration_ms=round(spent, 3),
        service=model.name,
        attempts=answer.attempts,
    )


def failed_model_call(
    model: LanguageModel, operation: str, branch: int, request: Json, error: BaseException, reason: str, spent: float
) -> ModelCalled:
    """A call that was not answered, with what was heard till then."""
    partial = error.partial if isinstance(error, ModelError) else None
    return ModelCalled(
        model=model.model,
        provider=model.provider,
        operation=operation,
        branch=branch,
        request=request,
        response=None if partial is None else {"partial": partial},
        error=reason,
        duration_ms=round(spent, 3),
        service=model.name,
        attempts=error.attempts if isinstance(error, ModelError) else 1,
    )


def is_same_call(called: ModelCalled, operation: str, branch: int, request: Json) -> ModelCalled:
    """A call that was answered from the record: nobody was asked, so neither tokens nor time are counted again."""
    return replace(
        called,
        operation=operation,
        branch=branch,
        request=request,
        input_tokens=None,
        output_tokens=None,
        duration_ms=None,
        attempts=0,
    )


def name_in(schema: Json) -> Json:
    """The name of a tool, from its schema."""
    match schema:
        case {"function": {"name": name}} | {"name": name}:
            return name
        case _:
            return None


def _response(answer: ModelResponse, kept: bool) -> Json:
    """What of an answer is in no message."""
    said: dict[str, Json] = {"finish_reason": answer.finish_reason, "id": answer.id}
    if not kept:
        said |= {"text": answer.text}
        if answer.usage is not None:
            said |= {"usage": {"input_tokens": answer.usage.input_tokens, "output_tokens": answer.usage.output_tokens}}
    return {key: value for key, value in said.items() if value is not None}
