"""Runners are killed while others append: the rows miss nothing and count nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Runner, Session, open_store

if TYPE_CHECKING:
    from tests.servers import PostgresDatabase

PROJECTOR = Path(__file__).with_name("projector.py")


def projector() -> Any:
    """The module that the processes run."""
    spec = spec_from_file_location("projector", PROJECTOR)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def running(address: str, target: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a runner, killed at the end if it is there still."""
    command = [sys.executable, "-P", str(PROJECTOR), address, target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "at work\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(params=["sqlite, beside", "sqlite, in one file", "postgres into sqlite", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of a store and of a target."""
    rows = f"sqlite:///{tmp_path}/rows.db"
    if request.param.startswith("sqlite"):
        store = f"sqlite:///{tmp_path}/turnlog.db"
        return store, rows if "beside" in request.param else store
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return database.address(), rows if "sqlite" in request.param else database.address()


def test_killed_runners_leave_rows_that_the_next_one_completes(places: tuple[str, str]) -> None:
    address, target = places
    chance, module = Random(5), projector()
    with open_store(address) as store:
        branches = [Session(store=store).default_branch for _ in range(5)]
        watcher = Runner(store, [module.Words()], target, shards=2)
        for _ in range(6):
            with running(*places) as process:
                for _ in range(chance.randint(1, 12)):
                    chance.choice(branches).add_many(["hello"] * chance.randint(1, 5))
                watcher.await_position("words", store.last_global_position() - chance.randint(0, 20), timeout=600)
                process.kill()
        with running(*places):
            watcher.await_position("words", store.last_global_position(), timeout=600)
            found = watcher.rows(module.Words())["words"].under()
            live = store.project(module.Words())["words"].under()
        assert found == live
        watcher.close()


def test_a_runner_that_is_told_to_end_gives_back_its_leases(tmp_path: Path) -> None:
    address, target = f"sqlite:///{tmp_path}/turnlog.db", f"sqlite:///{tmp_path}/rows.db"
    with open_store(address) as store:
        Session(store=store).default_branch.add("hello")
        watcher = Runner(store, [projector().Words()], target, shards=2)
        with running(address, target) as process:
            watcher.await_position("words", store.last_global_position(), timeout=600)
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate()

        assert (said, process.returncode) == ("stopped\n", 0)
        assert [shard.owner for shard in watcher.status("words")[0].shards] == [None, None]
        watcher.close()
