"""Imports are killed at random points: all sessions of the file are in the store afterwards, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest

from turnlog import Session, open_store

IMPORTER = Path(__file__).with_name("importer.py")
ROUNDS = int(os.environ.get("TURNLOG_ROUNDS", "3"))
SESSIONS = 60

SERVERS = {"sqlite": None, "postgres": "postgres_server", "redis": "redis_server"}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 60 sessions with 10 messages each."""
    path = tmp_path_factory.mktemp("record") / "all.jsonl"
    with open_store("memory://") as store:
        for number in range(SESSIONS):
            session = Session(session_id=f"session {number}", store=store)
            session.default_branch.add_many(f"message {each} of {number}" for each in range(10))
        store.export_record(path)
    return path


def address_of(kind: str, folder: Path, number: int, server: Any) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/{number}.db"
    if kind == "postgres":
        return f"{server.address('postgres')}&schema=killed{number}"
    return str(server.address(prefix=f"killed{number}"))


class Import:
    """An import in a process of its own; its output, read here, is the ledger of what was acknowledged."""

    def __init__(self, address: str, record: Path) -> None:
        command = [sys.executable, "-P", str(IMPORTER), address, str(record)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def reach(self, line: bytes) -> None:
        """Wait until it prints a line."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == line

    def kill_after(self, seconds: float) -> bool:
        """Kill it unless it ends before; whether it had acknowledged the import."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._process.kill()
        output, _ = self._process.communicate()
        return bool(output.endswith(b"imported\n"))


def seconds_of_an_import(address: str, record: Path) -> dict[bytes, float]:
    """How long an import takes now from each of its lines on, so that the kills fall into the others."""
    whole, reached = Import(address, record), {}
    for line in (b"importing\n", b"writing\n", b"imported\n"):
        whole.reach(line)
        reached[line] = monotonic()
    whole.kill_after(60)
    return {line: reached[b"imported\n"] - start for line, start in reached.items()}


def killed(address: str, record: Path, seconds: dict[bytes, float], chance: Random) -> bool:
    """Kill an import, every other time while it writes; whether it had been acknowledged."""
    process = Import(address, record)
    process.reach(b"importing\n")
    if chance.random() < 0.5:
        return process.kill_after(seconds[b"importing\n"] * chance.uniform(0.2, 1.1))
    process.reach(b"writing\n")
    return process.kill_after(seconds[b"writing\n"] * chance.uniform(0, 1.1))


def check(address: str, record: Path, acknowledged: bool) -> int:
    """All sessions of the file are in the store, or none if it was not acknowledged; how many there are."""
    with open_store(address) as store:
        found = len(list(store.sessions()))
        assert found in ((SESSIONS,) if acknowledged else (0, SESSIONS))
        assert store.verify().ok
        store.import_record(record)
        assert len(list(store.sessions())) == SESSIONS
    return found


@pytest.mark.parametrize("kind", SERVERS)
def test_a_killed_import_leaves_all_sessions_or_none(
    kind: str, record: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fixture = SERVERS[kind]
    server = None if fixture is None else request.getfixturevalue(fixture)
    chance = Random(11)
    seconds = seconds_of_an_import(address_of(kind, tmp_path, 0, server), record)
    for number in range(1, ROUNDS + 1):
        address = address_of(kind, tmp_path, number, server)
        acknowledged = killed(address, record, seconds, chance)
        check(address, record, acknowledged)
