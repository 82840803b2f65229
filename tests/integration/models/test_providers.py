"""Models of each provider, through the client that the provider has: by their names, without network till asked."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from tests.integration.models.asking import KEY, Told, calls
from tests.model_server import ModelServer, Reply
from turnlog import Session, Store, iModel
from turnlog.errors import InvalidValueError, MissingExtraError, ModelError
from turnlog.models import Services

MODELS = {
    "openai": "gpt-4o-mini",
    "openrouter": "mistralai/mistral-7b-instruct",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
    "groq": "llama-3.3-70b-versatile",
    "mistral": "mistral-small-latest",
    "ollama": "llama3.2",
}
WITHOUT_VERSION = ("anthropic", "google", "groq", "mistral")
"""Their clients put the version of the interface behind the address themselves."""


def of(provider: str, server: ModelServer, **more: Any) -> iModel:
    """A model of a provider, on the local server."""
    url = server.url.removesuffix("/v1") if provider in WITHOUT_VERSION else server.url
    return iModel(provider, MODELS[provider], base_url=url, api_key=KEY, clock=Told().clock, **more)


@pytest.mark.parametrize("provider", MODELS)
def test_each_provider_answers_through_its_own_client(server: ModelServer, store: Store, provider: str) -> None:
    async def program() -> None:
        async with of(provider, server) as model:
            session = Session("Be terse.", default_generate_model=model, store=store)
            assert await session.chat("Hello!", max_token=20) == "Hi there."
            assert [piece async for piece in session.default_branch.stream("Again!")] == ["one", " two", " three"]
            asked = calls(session)
            assert [(call.provider, call.input_tokens, call.output_tokens) for call in asked] == [(provider, 11, 7)] * 2
            assert [call.service for call in asked] == [f"{provider}/{MODELS[provider]}"] * 2

    server.will("Hi there.", "one two three")
    asyncio.run(program())

    assert [KEY in repr(request.headers) for request in server.requests] == [True, True]


@pytest.mark.parametrize("provider", MODELS)
def test_each_provider_calls_tools_and_is_shown_their_results(server: ModelServer, store: Store, provider: str) -> None:
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    async def program() -> None:
        async with of(provider, server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            assert await session.default_branch.communicate("2 + 2?", tools=["add"]) == "It is 4."

    server.will(Reply(calls=[("call_1", "add", '{"a": 2, "b": 2}')]), "It is 4.")
    asyncio.run(program())

    assert "Adds two numbers." in repr(server.requests[0].body)
    assert "4" in repr(server.requests[1].body)


@pytest.mark.parametrize("provider", MODELS)
def test_each_provider_is_asked_again_after_a_server_error_and_not_for_ever(
    server: ModelServer, store: Store, provider: str
) -> None:
    async def program() -> None:
        async with of(provider, server, max_retries=1) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError) as failure:
                await session.chat("Hello!")
            assert (failure.value.status, failure.value.attempts) == (503, 2)
            assert KEY not in str(failure.value)

    server.will(*[Reply(status=503)] * 2)
    asyncio.run(program())

    assert len(server.requests) == 2


@pytest.mark.parametrize("provider", MODELS)
def test_a_cut_stream_is_a_failure_whoever_sends_it(server: ModelServer, store: Store, provider: str) -> None:
    async def program() -> None:
        async with of(provider, server, max_retries=0) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError):
                [piece async for piece in session.default_branch.stream("Count.")]
            assert calls(session)[0].response["partial"].startswith("one")

    server.will(Reply("one two three four five six seven", cut=True))
    asyncio.run(program())


@pytest.mark.parametrize("provider", ["google", "groq", "mistral"])
def test_a_provider_whose_package_is_missing_is_refused_with_the_extra_that_brings_it(
    server: ModelServer, store: Store, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    package = {"google": "google", "groq": "groq", "mistral": "mistralai"}[provider]
    for name in list(sys.modules):
        if name.split(".")[0] == package or name.startswith(
            (f"pydantic_ai.models.{provider}", f"pydantic_ai.providers.{provider}")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    session = Session(default_generate_model=of(provider, server), store=store)

    with pytest.raises(MissingExtraError, match=rf"turnlog\[{provider}\]"):
        asyncio.run(session.chat("Hello!"))
    assert session.operations[0].error == "MissingExtraError"


def test_a_provider_that_nobody_knows_is_refused_by_name(store: Store) -> None:
    session = Session(default_generate_model=iModel("nonsense/model", api_key=KEY), store=store)

    with pytest.raises(InvalidValueError, match="nonsense"):
        asyncio.run(session.chat("Hello!"))


@pytest.mark.parametrize("name", ["OpenAI", "OpenRouter", "Anthropic", "Google", "Groq", "Mistral", "Ollama"])
def test_each_service_has_a_model_of_its_own_and_any_other(name: str) -> None:
    service = getattr(Services, name)(max_tokens=1000, max_requests=10, interval=60, api_key=KEY)

    assert service.provider == name.lower()
    assert service.sibling("another").throttle is service.throttle
    assert (service.throttle.tokens, service.throttle.requests, service.throttle.interval) == (1000, 10, 60)
    assert KEY not in repr(service)
