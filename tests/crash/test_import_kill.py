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


def seconds_of_an_import(address: str, record: Path) -> float:
    """How long an import takes now, so that the kills fall into the others."""
    with subprocess.Popen([sys.executable, "-P", str(IMPORTER), address, str(record)], stdout=subprocess.PIPE) as whole:
        assert whole.stdout is not None
        assert whole.stdout.readline() == b"importing\n"
        start = monotonic()
        assert whole.stdout.readline() == b"imported\n"
        return monotonic() - start


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
        command = [sys.executable, "-P", str(IMPORTER), address, str(record)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"importing\n"
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds * chance.uniform(0.4, 1.1))
            process.kill()
            acknowledged = process.stdout.read() == b"imported\n"
        with open_store(address) as store:
            found = len(list(store.sessions()))
            assert found in ((SESSIONS,) if acknowledged else (0, SESSIONS))
            assert store.verify().ok
            store.import_record(record)
            assert len(list(store.sessions())) == SESSIONS
