"""A provider's model, asked over pydantic-ai; each event loop gets a client of its own."""

import asyncio
import inspect
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from traceback import format_exception
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from ...domain import model_call
from ...domain.errors import InvalidOperationError, InvalidValueError, MissingExtraError, ModelError, ModelTimeoutError
from ...domain.optional_dependencies import require
from .attempts import Failure
from .pydantic_ai_messages import from_pydantic_ai, to_pydantic_ai, to_request_parameters

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

KINDS = {"openai": "openai-chat"}
"""How pydantic-ai calls the way of asking that is meant by a provider's name."""

EXTRAS = {"google": "google", "groq": "groq", "mistral": "mistral"}
"""The providers whose packages come with an extra of their own; what others need comes with `models`, or not at all."""

HERE = {"ollama": "http://localhost:11434/v1"}
"""Where a provider is that runs on one's own machine, if nothing else is said."""

KEY_NAMES = {"google": ("GOOGLE_API_KEY", "GEMINI_API_KEY")}
"""The variables that have a provider's key, where they are not called by its name."""

NO_KEY = "no-key-needed"
"""What is sent to a server of one's own that asks for no key; the clients refuse to have none."""


class Secret:
    """A key that nobody sees by accident."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere: expected it to be given anew")

    def reveal(self) -> str:
        """The key itself."""
        return self._value


class _OpenClient(msgspec.Struct, eq=False):
    """A client that is open, and what holds it so."""

    model: "Model[Any]"
    holding: AsyncGenerator[None, None]


class ProviderModel:
    """One model of one provider."""

    def __init__(self, provider: str, model: str, base_url: str | None, key: Callable[[], str | None]) -> None:
        self._provider, self._model, self._key = provider, model, key
        self._base_url = base_url if base_url is not None or "OLLAMA_BASE_URL" in os.environ else HERE.get(provider)
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _OpenClient] = WeakKeyDictionary()

    async def ask(
        self,
        asked: model_call.ModelRequest,
        settings: "ModelSettings",
        timeout: float,
        heard: Callable[[str], None] | None,
    ) -> model_call.ModelResponse:
        """What the model answers; `heard` gets the text as it comes, and makes the model send it so."""
        said: list[str] = []
        async with self._failures(timeout, said):
            model = await self._here()
            if heard is None:
                return await self._whole(model, asked, settings)
            return await self._stream(model, asked, settings, said, heard)

    async def close(self) -> None:
        """Closes the client of this event loop."""
        opened = self._by_loop.get(asyncio.get_running_loop())
        if opened is not None:
            await opened.holding.aclose()

    async def _whole(
        self, model: "Model[Any]", asked: model_call.ModelRequest, settings: "ModelSettings"
    ) -> model_call.ModelResponse:
        from pydantic_ai.direct import model_request

        response = await model_request(
            model,
            to_pydantic_ai(asked, inline_system=_takes_inline_system(model)),
            model_settings=settings,
            model_request_parameters=to_request_parameters(asked),
            instrument=False,
        )
        return from_pydantic_ai(response, self._model, asked.tools)

    async def _stream(
        self,
        model: "Model[Any]",
        asked: model_call.ModelRequest,
        settings: "ModelSettings",
        said: list[str],
        heard: Callable[[str], None],
    ) -> model_call.ModelResponse:
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        async with model_request_stream(
            model,
            to_pydantic_ai(asked, inline_system=_takes_inline_system(model)),
            model_settings=settings,
            model_request_parameters=to_request_parameters(asked),
            instrument=False,
        ) as stream:
            async for event in stream:
                match event:
                    case PartStartEvent(part=TextPart(content=text)) if text:
                        pass
                    case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                        pass
                    case _:
                        continue
                said.append(text)
                heard(text)
            response = stream.get()
        if _is_cut(response):
            reason = "the stream ended before the answer was complete"
            raise Failure(self._error(reason, partial="".join(said)), again=not said)
        return from_pydantic_ai(response, self._model, asked.tools)

    @asynccontextmanager
    async def _failures(self, timeout: float, said: list[str]) -> AsyncIterator[None]:
        """Whatever goes wrong inside as a failure; what was heard already makes it one that is not tried again."""
        with require("pydantic_ai", "models"):
            from pydantic_ai.exceptions import AgentRunError, ModelAPIError, UserError
        from pydantic import ValidationError

        def partial() -> str | None:
            return "".join(said) or None

        try:
            async with asyncio.timeout(timeout):
                yield
        except InvalidOperationError:
            raise
        except TimeoutError as error:
            late = ModelTimeoutError(self._name, f"no answer within {timeout:g} s", None, partial())
            raise Failure(late, again=False) from self._cause_without_secrets(error)
        except ModelAPIError as error:
            status = getattr(error, "status_code", None)
            again = not said and (status is None or status in (408, 409, 429) or status >= 500)
            raise Failure(
                self._error(_reason(error), status, partial()), again and not _out_of_quota(error), error.retry_after
            ) from self._cause_without_secrets(error)
        except (AgentRunError, ValidationError, ValueError) as error:
            raise Failure(self._error(_reason(error), None, partial()), again=False) from self._cause_without_secrets(
                error
            )
        except UserError as error:
            raise InvalidValueError(f"model {self._name}", f"cannot be asked: {self._clean(str(error))}") from None

    @property
    def _name(self) -> str:
        return f"{self._provider}/{self._model}"

    def _error(self, reason: str, status: int | None = None, partial: str | None = None) -> ModelError:
        return ModelError(self._name, self._clean(reason), status, partial)

    def _find_key(self) -> str | None:
        """The key that was given, or that the environment has for this provider."""
        names = KEY_NAMES.get(self._provider, (f"{self._provider.upper()}_API_KEY",))
        return self._key() or next((os.environ[name] for name in names if os.environ.get(name)), None)

    def _cause_without_secrets(self, error: Exception) -> Exception | None:
        """An error as a cause, unless it or what led to it tells the key or a password."""
        told = "".join(format_exception(error))
        return error if self._clean(told) == told else None

    def _clean(self, text: str) -> str:
        password = re.search(r"//([^/@]*)@", self._base_url or "")
        for secret in (self._find_key(), *(password.groups() if password else ())):
            if secret:
                text = text.replace(secret, "***")
        return text

    async def _here(self) -> "Model[Any]":
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            model = self._make_model()
            self._by_loop[loop] = opened = _OpenClient(model, self._holding(model, loop))
            await anext(opened.holding)
        return self._by_loop[loop].model

    async def _holding(self, model: "Model[Any]", loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        """Holds a client open until it is closed, or the event loop is, which ends its generators before itself."""
        try:
            async with model:
                try:
                    yield
                finally:
                    await self._end(model)
        finally:
            self._by_loop.pop(loop, None)

    async def _end(self, model: "Model[Any]") -> None:
        client: Any = getattr(model, "client", None)
        if self._base_url is not None and hasattr(client, "close"):
            closing = client.close()  # one that was made here is not its provider's to close
            if inspect.isawaitable(closing):
                await closing

    def _make_model(self) -> "Model[Any]":
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.models import infer_model

        try:
            return infer_model(f"{KINDS.get(self._provider, self._provider)}:{self._model}", self._provider_of)
        except ImportError as reason:
            package = getattr(reason.__cause__, "name", None)
            if self._provider not in EXTRAS or package is None:
                raise InvalidValueError(f"model {self._name}", f"cannot be used: {reason}") from None
            raise MissingExtraError(package.partition(".")[0], EXTRAS[self._provider]) from reason
        except (UserError, ValueError) as reason:
            raise InvalidValueError(f"model {self._name}", f"cannot be used: {self._clean(str(reason))}") from None

    def _provider_of(self, kind: str) -> Any:
        from pydantic_ai.providers import infer_provider_class

        found = infer_provider_class(kind)
        takes = inspect.signature(found).parameters
        key = self._find_key() or (NO_KEY if self._base_url is not None else None)
        given = {"api_key": key, "base_url": self._base_url}
        if self._base_url is not None and "base_url" not in takes and "openai_client" in takes:
            from openai import AsyncOpenAI

            found_any: Any = found
            return found_any(openai_client=AsyncOpenAI(api_key=key, base_url=self._base_url))
        return found(**{name: value for name, value in given.items() if value is not None and name in takes})


def _takes_inline_system(model: "Model[Any]") -> bool:
    return bool(model.profile.get("supports_inline_system_prompts", False))


def _is_cut(response: "ModelResponse") -> bool:
    """Whether a stream ended before the provider said that the answer does; pydantic-ai takes an end for "stop"."""
    said = (response.provider_details or {}).get("finish_reason")
    return response.state != "complete" or response.finish_reason is None or (said is None and _is_complete(response))


def _is_complete(response: "ModelResponse") -> bool:
    return response.finish_reason in ("stop", "tool_call")


def key_from(given: "str | Secret | None") -> Callable[[], str | None]:
    """A key by the name of the environment variable that has it, or itself."""
    if given is None:
        return lambda: None
    secret = given.reveal() if isinstance(given, Secret) else given
    if secret.isidentifier() and secret.isupper():

        def from_environment() -> str:
            if secret not in os.environ:
                raise InvalidValueError("api_key", f"names the environment variable {secret}: expected that to be set")
            return os.environ[secret]

        return from_environment
    kept = Secret(secret)
    return lambda: kept.reveal()


def _reason(error: Exception) -> str:
    body = getattr(error, "body", None)
    match body:
        case {"message": str(text)} | {"error": {"message": str(text)}}:
            return text
        case _:
            return f"{type(error).__name__}: {error}"


def _out_of_quota(error: Exception) -> bool:
    from pydantic_ai.exceptions import ModelQuotaExceededError

    return isinstance(error, ModelQuotaExceededError)
