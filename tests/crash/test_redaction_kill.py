"""Processes that redact are killed: what is redacted on the record is gone, and what was acknowledged is redacted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

from turnlog import Session, open_store, search
from turnlog.projections import Transcript

REDACTOR = Path(__file__).with_name("redactor.py")
ROUNDS = int(os.environ.get("TURNLOG_ROUNDS", "5"))
MESSAGES = 6
LONGEST = 0.25
"""Seconds after which the process is killed at the latest, once it has begun a redaction; one takes less."""


def prepared(address: str, marked: Any, round: int) -> str:
    """A session whose messages have a marker each, at positions 3 and on."""
    with open_store(address, inline=[Transcript()]) as store:
        session = Session(store=store, session_id=f"s-{round}")
        session.default_branch.add_many([marked.marker(100 * round + n) for n in range(MESSAGES)])
        return session.id


def killed(address: str, session: str, chance: Random) -> set[int]:
    """The positions whose redaction was acknowledged by a process before it was killed."""
    positions = [str(3 + n) for n in range(MESSAGES)]
    command = [sys.executable, str(REDACTOR), address, session, *positions]
    acknowledged = set()
    begun = chance.randrange(MESSAGES)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == f"redacting {3 + begun}\n":
                sleep(chance.random() * LONGEST)
                process.kill()
            if line.startswith("redacted"):
                acknowledged.add(int(line.split()[1]))
    return acknowledged


def check(address: str, marked: Any, session: str, round: int, acknowledged: set[int]) -> list[str]:
    """The markers of what is redacted on the record; none of it is stored or shown, and all else is."""
    gone = []
    with open_store(address, inline=[Transcript()]) as store:
        rows = {row.position: row for row in store.recorder.read(session)}
        redactions = [each.event for each in store.read(session) if each.name == "message.redacted"]
        redacted = {event.message for event in redactions}  # type: ignore[attr-defined]  # it is a redaction
        assert acknowledged <= redacted
        for n in range(MESSAGES):
            marker, row = marked.marker(100 * round + n), rows[3 + n]
            assert (3 + n in redacted) is (row.payload_hash is not None)
            assert (3 + n in redacted) is (marker.encode() not in (row.payload or b""))
            assert (3 + n in redacted) is (search(marker, store=store) == [])
            gone += [marker] * (3 + n in redacted)
        assert store.verify().ok
    return gone


def test_a_redaction_that_was_killed_is_complete_at_the_next_open(tmp_path: Path, marked: Any) -> None:
    address, chance, gone = f"sqlite:///{tmp_path}/turnlog.db", Random(16), []
    for round in range(ROUNDS):
        session = prepared(address, marked, round)
        acknowledged = killed(address, session, chance)
        gone += check(address, marked, session, round, acknowledged)

        assert marked.found(gone, tmp_path) == {}
        with open_store(address) as store:
            assert not store.verify().unscrubbed


def test_a_client_of_postgresql_that_was_killed_leaves_no_half_redaction(postgres_database: Any, marked: Any) -> None:
    address, chance = postgres_database.address(), Random(16)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    for round in range(ROUNDS):
        session = prepared(address, marked, round)
        acknowledged = killed(address, session, chance)
        with postgres_database.connect() as connection:
            while connection.execute(others).fetchone() != (0,):
                pass  # the server may still do what it was asked for
        check(address, marked, session, round, acknowledged)
