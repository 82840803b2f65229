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

    def __init__(self, address: str, record: Path, last_step: int = 0) -> None:
        command = [sys.executable, "-P", str(IMPORTER), address, str(record), str(last_step)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"importing\n"

    def output(self, seconds: float | None = None) -> list[bytes]:
        """What it prints until it ends, or is killed after some seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.communicate(timeout=seconds)[0].splitlines()
        self._process.kill()
        return self._process.communicate()[0].splitlines()


def measured(address: str, record: Path) -> tuple[float, int]:
    """How many seconds and steps an import takes."""
    process, start = Import(address, record), monotonic()
    acknowledged, steps = process.output()
    assert acknowledged == b"imported"
    return monotonic() - start, int(steps)


def killed(address: str, record: Path, whole: tuple[float, int], chance: Random) -> bool:
    """Kill an import after some time, or at one of its steps; whether it had been acknowledged."""
    seconds, steps = whole
    if chance.random() < 0.5:
        return b"imported" in Import(address, record).output(seconds * chance.uniform(0, 1.1))
    return b"imported" in Import(address, record, chance.randint(1, steps)).output()


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
    whole = measured(address_of(kind, tmp_path, 0, server), record)
    for number in range(1, ROUNDS + 1):
        address = address_of(kind, tmp_path, number, server)
        check(address, record, killed(address, record, whole, chance))
