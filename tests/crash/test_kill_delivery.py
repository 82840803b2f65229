"""Processes that deliver logs are killed in the middle of it: everything arrives, and each batch under one key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnlog import Session, open_store

if TYPE_CHECKING:
    from tests.hooks import Hooks

DELIVERER = Path(__file__).with_name("deliverer.py")


def test_after_every_kill_all_logs_arrive_and_each_key_brings_the_same(tmp_path: Path, hooks: Hooks) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address) as store:
        session = Session(store=store, session_id="s")
        written = [session.logs.log(f"{number}").id for number in range(20)]
        running: list[subprocess.Popen[bytes]] = []

        def kill_unanswered(handler: Any) -> None:
            running[-1].kill()
            written.append(session.logs.log("meanwhile").id)

        def kill_answered(handler: Any) -> None:
            handler.send_response(204)
            handler.end_headers()
            running[-1].kill()
            written.append(session.logs.log("meanwhile").id)

        for kill in (kill_unanswered, kill_answered) * 3:
            hooks.answer(500)
            hooks.answers.append(kill)
            running.append(deliverer(address, hooks))
            assert running[-1].wait() < 0
        running.append(deliverer(address, hooks))
        assert running[-1].wait() == 0

    kept: dict[str, list[str]] = {}
    for request in hooks.requests:
        assert kept.setdefault(request.headers["Idempotency-Key"], request.ids) == request.ids
    assert len(kept) < len(hooks.requests), "some came again"
    assert sorted(id for ids in kept.values() for id in ids) == sorted(map(str, written))


def deliverer(address: str, hooks: Hooks) -> subprocess.Popen[bytes]:
    """A process that delivers."""
    command = [sys.executable, "-P", str(DELIVERER), address, hooks.url, str(hooks.certificate)]
    return subprocess.Popen(command)
