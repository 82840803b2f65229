"""Processes that fork with a store open: what parent and child were told is recorded is there, once."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from turnlog import Session, open_store

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("TURNLOG_ROUNDS", "2"))


def start(address: str) -> str:
    with open_store(address) as store:
        return Session(store=store).id


def run(program: str, *arguments: str) -> str:
    """What a program and all its children print; it returns when the last of them has ended."""
    command = [sys.executable, "-P", "-W", "ignore::DeprecationWarning", str(HERE / program), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def lost(address: str, ledger: Path) -> list[str]:
    """The lines of the ledger that are not on the record."""
    lines = ledger.read_text().splitlines()
    with open_store(address) as store:
        assert store.verify().ok
        sessions = [Session.open(entry.session, store=store) for entry in store.sessions()]
        found = {f"{message.position} {message.text}" for session in sessions for message in session.messages}
    assert len(lines) == len(set(lines))
    return [line for line in lines if line not in found]


@pytest.mark.parametrize(
    ("program", "arguments", "acknowledged"),
    [
        ("fork_daemon.py", [], 23),
        ("fork_pool.py", ["inherited"], 45),
        ("fork_pool.py", ["anew"], 45),
        ("fork_beside_writer.py", [], 24),
    ],
    ids=["daemon", "pool", "pool that opens anew", "beside a writer"],
)
def test_no_acknowledged_append_is_lost_by_a_fork(
    program: str, arguments: list[str], acknowledged: int, tmp_path: Path
) -> None:
    missing: list[str] = []
    count = 0
    assert run("rounds.py", str(HERE / program), str(tmp_path), str(ROUNDS), *arguments) == ""
    for number in range(ROUNDS):
        ledger = tmp_path / f"{number}.ledger"
        count += len(ledger.read_text().splitlines())
        missing += lost(f"sqlite:///{tmp_path}/{number}.db", ledger)
    sys.stdout.write(f"{program} {arguments}: {ROUNDS} rounds, {count} acknowledged, {len(missing)} lost\n")
    assert missing == []
    assert count >= acknowledged * ROUNDS


def test_no_acknowledged_row_or_log_is_lost_by_a_fork(tmp_path: Path) -> None:
    assert run("rounds.py", str(HERE / "fork_attached.py"), str(tmp_path), str(ROUNDS)) == ""
    for number in range(ROUNDS):
        ledger = tmp_path / f"{number}.ledger"
        lines = ledger.read_text().splitlines()
        with closing(sqlite3.connect(f"{ledger}.rows")) as rows, closing(sqlite3.connect(f"{ledger}.logs")) as logs:
            found = {f"row {text}" for (text,) in rows.execute("SELECT text FROM rows")}
            found |= {f"log {text}" for (text,) in logs.execute("SELECT log ->> 'message' FROM logs")}
        assert len(lines) == 40
        assert [line for line in lines if line not in found] == []
    sys.stdout.write(f"fork_attached.py: {ROUNDS} rounds, {40 * ROUNDS} acknowledged, 0 lost\n")


REFUSED = "child: DatabaseError spawn, DatabaseError spawn"


@pytest.mark.parametrize(
    ("case", "said", "texts"),
    [
        ("transaction", f"the interrupted append: DatabaseError\n{REFUSED}\n", ["parent"]),
        ("reader", f"{REFUSED}\n", ["parent"]),
        ("writer", f"{REFUSED}\n", ["parent"]),
        ("connection", f"{REFUSED}\n", ["parent"]),
        ("iteration", "child: appended, appended\n", ["child", "child", "parent"]),
    ],
)
def test_a_child_that_cannot_lock_the_file_is_refused(case: str, said: str, texts: list[str], tmp_path: Path) -> None:
    """A connection that cannot be closed, or is not ours, is inherited; then the child must not write, nor hang."""
    address = f"sqlite:///{tmp_path}/turnlog.db"
    session = start(address)

    assert run("fork_in_use.py", address, session, "no ledger", case) == said

    with open_store(address) as store:
        assert [message.text for message in Session.open(session, store=store).messages] == texts
        assert store.verify().ok
