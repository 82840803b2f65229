"""Providers as services: where models come from, and how fast they may be asked."""

from functools import partial

from ..domain.json_values import Json
from ..infrastructure.models.provider import Secret
from ..infrastructure.models.rate_limit import Clock, RateLimit
from .imodel import iModel


class Service(iModel):
    """A provider whose models are asked at one throttle; it is its default model, and `sibling` any other."""


class Services:
    """Services by the names of their providers: `Services.OpenRouter(max_tokens=1000, max_requests=10, interval=60)`.

    `max_tokens` and `max_requests` are what may be used in any `interval` of seconds.
    """

    @staticmethod
    def of(
        provider: str,
        default: str,
        /,
        *,
        model: str | None = None,
        max_tokens: int | None = None,
        max_requests: int | None = None,
        interval: float = 60,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        clock: Clock | None = None,
        **settings: Json,
    ) -> Service:
        """A service of any provider, and the model that is asked if none is named."""
        throttle = RateLimit(max_requests, max_tokens, interval, clock)
        return Service(
            provider, model or default, api_key=api_key, base_url=base_url, throttle=throttle, clock=clock, **settings
        )

    OpenAI = staticmethod(partial(of, "openai", "gpt-4o-mini"))
    OpenRouter = staticmethod(partial(of, "openrouter", "openai/gpt-4o-mini"))
    Anthropic = staticmethod(partial(of, "anthropic", "claude-haiku-4-5"))
    Google = staticmethod(partial(of, "google", "gemini-2.5-flash"))
    Groq = staticmethod(partial(of, "groq", "llama-3.3-70b-versatile"))
    Mistral = staticmethod(partial(of, "mistral", "mistral-small-latest"))
    Ollama = staticmethod(partial(of, "ollama", "llama3.2"))
