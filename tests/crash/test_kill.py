"""Processes that append are killed, again and again: what they were told is recorded is there, once and whole."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from turnlog import Session, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.redis_server import NewServer
    from tests.servers import PostgresDatabase

APPENDER = Path(__file__).with_name("appender.py")


class Place(NamedTuple):
    """A store for processes that are killed: after how many lines each time, and who waits for what they had begun."""

    address: str
    turns: list[int]
    settle: Callable[[], None]


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """A file. What a process had begun ends with it."""
    return Place(f"sqlite:///{tmp_path}/turnlog.db", [0, 1, 40, 2, 17, 0, 33, 5, 80, 3], lambda: None)


@pytest.fixture
def postgres(postgres_database: PostgresDatabase) -> Place:
    """A database on a server. What it was asked for it may do after the asker was killed."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    def settle() -> None:
        with postgres_database.connect() as connection:
            while connection.execute(others).fetchone() != (0,):
                pass

    return Place(postgres_database.address(), [0, 1, 40, 2, 33], settle)


@pytest.fixture
def redis(new_redis_server: NewServer) -> Place:
    """A server that speaks Redis. What it was sent it may do after the sender was killed."""
    server = new_redis_server()

    def settle() -> None:
        with server.client() as client:
            while len(client.client_list()) > 1:
                pass

    return Place(server.address(), [0, 1, 40, 2, 33], settle)


@contextmanager
def appending(address: str, session: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that appends, and is killed at the end."""
    command = [sys.executable, "-P", str(APPENDER), address, session, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def hear(process: subprocess.Popen[str], count: int) -> list[str]:
    """So many lines, as soon as they are said."""
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kills it, and answers with what it had said by then; of the last line perhaps the beginning only."""
    process.kill()
    said, _ = process.communicate()
    return said.splitlines(keepends=True)


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
def test_whatever_was_acknowledged_is_there_once_and_whole_after_every_kill(
    kind: str, request: pytest.FixtureRequest
) -> None:
    address, turns, settle = request.getfixturevalue(kind)
    with open_store(address) as store:
        session = Session(store=store)
        branch = session.default_branch.id
    heard: list[str] = []

    for turn, lines in enumerate(turns):
        with ExitStack() as processes:
            one, other = (
                processes.enter_context(appending(address, session.id, f"{turn}{name}")) for name in ("a", "b")
            )
            heard += hear(one, lines) + kill(one)
            heard += hear(other, lines + 5) + kill(other)
        settle()

        acknowledged = dict(line.split(maxsplit=1) for line in heard if line.endswith("\n"))
        with open_store(address) as store:
            found = Session.open(session.id, store=store)
            texts = {str(message.position): message.text for message in found.branches[branch].messages}
            assert {position: texts.get(position) for position in acknowledged} == {
                position: text.strip() for position, text in acknowledged.items()
            }
            assert list(texts) == [str(position) for position in range(3, found.position + 1)]
            assert len(set(texts.values())) == len(texts)
            batches = Counter(text.rsplit(maxsplit=1)[0] for text in texts.values())
            assert {size for name, size in batches.items() if int(name.split()[1]) % 3 == 0} <= {3}
            assert {size for name, size in batches.items() if int(name.split()[1]) % 3} <= {1}
            assert len(batches) - len(acknowledged) <= 2 * (turn + 1)
            assert store.verify().ok
            assert found.branches[branch].add(f"{turn}c 1 0").position == len(texts) + 3
            acknowledged[str(len(texts) + 3)] = f"{turn}c 1 0\n"
            heard.append(f"{len(texts) + 3} {turn}c 1 0\n")
