"""Model providers on this machine, and a folder of its own for each program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_server import ModelServer, model_server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """OpenAI and OpenRouter on this machine; the program runs in a folder of its own, which is its home as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("TURNLOG_STORE", "TURNLOG_MODEL"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-for-tests")
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-of-the-router")
        monkeypatch.setattr(
            "pydantic_ai.providers.openrouter.OpenRouterProvider.base_url", property(lambda _: server.url)
        )
        yield server
