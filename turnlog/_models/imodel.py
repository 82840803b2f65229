"""A model of some provider, by name: how it is asked, how fast, how patiently."""

import os
import re
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from msgspec.structs import replace

from ..domain.errors import InvalidValueError
from ..domain.json_values import Json, to_json_value
from ..domain.model_call import ModelRequest, ModelResponse
from ..domain.validation import validate_name
from ..infrastructure.models.attempts import ask_with_retries
from ..infrastructure.models.provider import ProviderModel, Secret, key_from
from ..infrastructure.models.rate_limit import Clock, RateLimit
from ..infrastructure.retry import RetryPolicy
from ..projections.prompts.tokens import estimate, messages_tokens

DEFAULT_MODEL = "openai/gpt-4o-mini"
"""What is asked by whoever names no model and has a key for it."""


SETTINGS = frozenset(
    {
        *("max_token", "max_tokens", "temperature", "top_p", "top_k", "seed", "stop_sequences", "presence_penalty"),
        *("frequency_penalty", "logit_bias", "parallel_tool_calls", "tool_choice", "extra_headers", "extra_body"),
        *("thinking", "service_tier"),
    }
)
"""What a model may be told with a request; what else is named must belong to a provider, as openai_user does."""

PROVIDERS = frozenset(
    {"openai", "openrouter", "anthropic", "google", "groq", "mistral", "cohere", "bedrock", "xai", "ollama", "cerebras"}
)


@runtime_checkable
class LanguageModel(Protocol):
    """What operations ask: anything that answers."""

    @property
    def name(self) -> str:
        """The name it goes by, as a service."""
        ...

    @property
    def model(self) -> str:
        """What its provider calls it."""
        ...

    @property
    def provider(self) -> str | None:
        """Whose model it is."""
        ...

    async def ask(self, asked: ModelRequest, heard: Callable[[str], None] | None = None) -> ModelResponse:
        """The answer; `heard` gets its text as it comes."""
        ...


class iModel:  # noqa: N801 the name that people know from LionAGI
    """A model of a provider: `iModel("openai/gpt-4o-mini")`, or with `provider` and `model` apart.

    It goes by `name`, which is "provider/model" unless given. `api_key` is the name of an environment variable or the
    key itself, which is shown and recorded nowhere; without one the provider's own variable is looked up. No more than
    `limit_requests` and `limit_tokens` are used in any `interval` of seconds: whoever comes later waits. Errors 429
    and 5xx are tried again `max_retries` times. Anything else named goes to the model with every request, as
    `temperature` or `max_tokens`.
    """

    def __init__(
        self,
        provider: str | None = None,
        model: str | None = None,
        *,
        name: str | None = None,
        base_url: str | None = None,
        api_key: str | Secret | None = None,
        limit_requests: int | None = None,
        limit_tokens: int | None = None,
        interval: float = 60,
        timeout: float = 300,
        max_retries: int = 3,
        throttle: RateLimit | None = None,
        patience: RetryPolicy | None = None,
        clock: Clock | None = None,
        **settings: Json,
    ) -> None:
        if model is None or provider is None:
            given = provider if model is None else model
            provider, slash, model = (given or "").partition("/")
            if not slash or not provider or not model:
                raise InvalidValueError("a model", f"cannot be {given!r}: expected one such as {DEFAULT_MODEL}")
        self.provider = validate_name(provider, "a provider")
        self.model = validate_name(model, "a model")
        self.name = validate_name(name or f"{provider}/{model}", "a model")
        self.base_url = base_url
        self.timeout = timeout
        self.settings = settings_from(settings)
        self._clock = clock or (throttle.clock if throttle else Clock())
        self.throttle = throttle or RateLimit(limit_requests, limit_tokens, interval, self._clock)
        self.patience = patience or RetryPolicy(attempts=max_retries + 1, longest_pause=30, longest_requested=600)
        self._key = key_from(api_key)
        self._api_key = Secret(api_key) if isinstance(api_key, str) else api_key
        self._siblings: list[iModel] = []
        self._asked = ProviderModel(provider, model, base_url, self._key)

    def __repr__(self) -> str:
        named = "" if self.name == f"{self.provider}/{self.model}" else f", name={self.name!r}"
        where = "" if self.base_url is None else f", base_url={without_password(self.base_url)!r}"
        return f"iModel({self.provider + '/' + self.model!r}{named}{where})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections that were opened in this event loop; it can be asked again."""
        await self._asked.close()
        for sibling in self._siblings:
            await sibling.close()

    async def ask(self, asked: ModelRequest, heard: Callable[[str], None] | None = None) -> ModelResponse:
        """The answer, when it is this request's turn, and after as many tries as it takes and is allowed."""
        settings = {**self.settings, **settings_from(asked.settings)}
        reckoned = messages_tokens(asked.messages, estimate) + int(settings.get("max_tokens") or 0)

        async def attempt(number: int) -> ModelResponse:
            async with self.throttle.turn(reckoned) as used:
                # The clients' own retries would go past the throttle and the record.
                sent = {"timeout": self.timeout, **settings, "max_retries": 0}
                answer = await self._asked.ask(asked, sent, self.timeout, heard)  # type: ignore[arg-type]  # what providers take is a TypedDict
                if answer.usage is not None:
                    used((answer.usage.input_tokens or 0) + (answer.usage.output_tokens or 0))
                return answer if number == 1 else _after(answer, number)

        return await ask_with_retries(attempt, self.patience, self._clock)

    def sibling(self, model: str) -> "iModel":
        """Another model of the same provider, key and throttle."""
        provider = self.provider
        if model.startswith(f"{provider}/"):
            model = model.removeprefix(f"{provider}/")
        found = iModel(
            provider,
            model,
            base_url=self.base_url,
            api_key=self._api_key,
            timeout=self.timeout,
            throttle=self.throttle,
            patience=self.patience,
            clock=self._clock,
            **self.settings,
        )
        self._siblings.append(found)
        return found


def settings_from(given: dict[str, Json]) -> dict[str, Json]:
    """The settings of a request as providers have them; `max_token` is understood."""
    for key in given:
        if key not in SETTINGS and key.partition("_")[0] not in PROVIDERS:
            raise InvalidValueError("a model", f"has no setting {key!r}: expected one of {', '.join(sorted(SETTINGS))}")
    settings = to_json_value(given, "the settings of a model")
    alias = settings.pop("max_token", None)
    if alias is not None:
        if settings.get("max_tokens") not in (None, alias):
            raise InvalidValueError(
                "max_token", f"is {alias!r}, and max_tokens is {settings['max_tokens']!r}: expected one"
            )
        settings["max_tokens"] = alias
    return {key: value for key, value in settings.items() if value is not None}


def without_password(url: str) -> str:
    """An address as it can be shown."""
    return re.sub(r"//[^/@]*@", "//***@", url)


def default_model() -> iModel | None:
    """The model that the environment names, or the default one if there is a key for it."""
    named = os.environ.get("TURNLOG_MODEL")
    if named:
        return iModel(named)
    return iModel(DEFAULT_MODEL) if "OPENAI_API_KEY" in os.environ else None


def _after(answer: ModelResponse, attempts: int) -> ModelResponse:
    return replace(answer, attempts=attempts)
