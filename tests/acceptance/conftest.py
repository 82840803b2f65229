"""A store in a file of its own, and other processes to share it with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_server import ModelServer, model_server
from turnlog import Store, open_store


class Elsewhere:
    """Other processes, each running a program of Python in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[str]] = []

    def start(self, program: str, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """A process that is spoken to and listened to."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", program, *arguments],
            cwd=self._folder,
            env={name: value for name, value in os.environ.items() if name != "TURNLOG_STORE"} | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, program: str, *arguments: str, ends_with: int = 0, **settings: str) -> str:
        """What a process says until it ends."""
        process = self.start(program, *arguments, **settings)
        said, _ = process.communicate()
        assert process.returncode == ends_with
        return said

    def end(self) -> None:
        """Ends those that still run."""
        for process in self._started:
            with process:
                process.kill()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """Other processes, in the folder of the store."""
    processes = Elsewhere(tmp_path)
    yield processes
    processes.end()


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Where the store is kept."""
    return f"sqlite:///{tmp_path}/turnlog.db"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """An open store."""
    with open_store(address) as store:
        yield store


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """What answers whoever asks OpenAI; programs run in a folder of their own, with a key."""
    monkeypatch.chdir(tmp_path)
    for name in ("TURNLOG_STORE", "TURNLOG_MODEL"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-for-tests")
        yield server
