"""Several processes on the same managed sessions, and what is there after one of them ended."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import pytest

from turnlog import Session, SessionManager

if TYPE_CHECKING:
    from tests.acceptance.conftest import Elsewhere

APPENDING = """
import sys
from turnlog import SessionManager

with SessionManager({"session": {"storage_path": "sessions", "durability": "normal"}}) as manager:
    print("ready", flush=True)
    sys.stdin.readline()
    session = manager.create_session("shared")
    for number in range(100):
        session.add("user", f"{sys.argv[1]} {number}")
        manager.save(session)
"""

DEFERRED = """
from turnlog import SessionManager

manager = SessionManager({"session": {"storage_path": "sessions", "deferred": True}})
session = manager.create_session("chat")
session.add("user", "never saved by hand")
%s
"""


def test_two_processes_that_append_to_the_same_managed_session_lose_nothing(
    elsewhere: "Elsewhere", tmp_path: Path
) -> None:
    processes = [elsewhere.start(APPENDING, name) for name in ("one", "two")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n")
        assert process.returncode == 0

    with SessionManager({"session": {"storage_path": tmp_path / "sessions"}}) as manager:
        (info,) = manager.list_sessions()
        assert (info.name, info.message_count) == ("shared", 200)
        said = [message.text for message in manager.get("shared").messages]
        for name in ("one", "two"):
            assert [text for text in said if text.startswith(name)] == [f"{name} {number}" for number in range(100)]
        assert manager.store.verify().ok


@pytest.mark.parametrize("ending", ["", "manager.close()", "raise SystemExit(0)", "del manager, session"])
def test_what_is_deferred_is_there_after_a_clean_end(elsewhere: "Elsewhere", tmp_path: Path, ending: str) -> None:
    elsewhere.run(DEFERRED % ending)

    with SessionManager({"session": {"storage_path": tmp_path / "sessions"}}) as manager:
        assert [message.text for message in manager.get("chat").messages] == ["never saved by hand"]


FORKING = """
import os
from turnlog import SessionManager
from turnlog.errors import StoreError

manager = SessionManager({"session": {"storage_path": "sessions", "deferred": True}})
session = manager.create_session("chat")
session.add("user", "parent")
child = os.fork()
try:
    if child == 0:
        session.add("user", "child")
except StoreError as refusal:
    print(type(refusal).__name__, flush=True)
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_forked_child_leaves_to_its_parent_what_is_to_be_saved(elsewhere: "Elsewhere", tmp_path: Path) -> None:
    assert elsewhere.run(FORKING) == "StoreClosedError\n"
    with SessionManager({"session": {"storage_path": tmp_path / "sessions"}}) as manager:
        assert [message.text for message in manager.get("chat").messages] == ["parent"]


def test_what_is_deferred_is_saved_every_so_often(tmp_path: Path) -> None:
    settings = {"storage_path": tmp_path, "deferred": True, "autosave_interval": 0.01}
    with SessionManager({"session": settings}) as manager:
        session = manager.create_session("chat")
        session.add("user", "hello")
        there = Session.open(session.id, store=manager.store)
        for _ in range(1000):
            if there.messages:
                break
            sleep(0.01)
        assert [message.text for message in there.messages] == ["hello"]


def test_a_manager_that_writes_through_starts_no_thread_to_save(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with SessionManager({"session": {"storage_path": tmp_path, "autosave_interval": 300}}):
        assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def test_nothing_is_lost_between_what_is_said_and_what_is_saved_at_the_same_time(tmp_path: Path) -> None:
    settings = {"storage_path": tmp_path, "deferred": True, "autosave_interval": 0.001, "durability": "normal"}
    with SessionManager({"session": settings}) as manager:
        session = manager.create_session("chat")
        written_through = Session.open(session.id, store=manager.store)

        def talk(handle: Session, name: str) -> None:
            for number in range(50):
                handle.add("user", f"{name} {number}")

        speakers = [(session, "one"), (session, "two"), (written_through, "three")]
        with ThreadPoolExecutor(len(speakers)) as pool:
            for speaking in [pool.submit(talk, *speaker) for speaker in speakers]:
                speaking.result()

    with SessionManager({"session": {"storage_path": tmp_path}}) as manager:
        said = [message.text for message in manager.get("chat").messages]
        for _, name in speakers:
            assert [text for text in said if text.startswith(name)] == [f"{name} {number}" for number in range(50)]
        assert len(said) == 150
        assert manager.store.verify().ok
