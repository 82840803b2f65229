"""A server on this machine that speaks what providers speak, and a store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.model_server import ModelServer, model_server
from turnlog import Store, open_store


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server that answers what the test says."""
    with model_server() as server:
        yield server


@pytest.fixture
def store() -> Iterator[Store]:
    """An open store."""
    with open_store("memory://") as store:
        yield store
