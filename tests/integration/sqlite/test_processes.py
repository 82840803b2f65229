"""Many processes on one SQLite file: none loses what another wrote."""

import subprocess
import sys
from pathlib import Path

from turnlog import Session, Store, open_store

WRITER = """
import sys
from turnlog import PositionConflictError, Session, open_store

address, session, name, strict = sys.argv[1:]
with open_store(address) as store:
    opened = Session.open(session, store=store)
    main = opened.default_branch
    accepted = refused = 0
    for number in range(200):
        expected = {"expected": opened.position} if strict == "strict" else {}
        try:
            main.add(f"{name} {number}", **expected)
            accepted += 1
        except PositionConflictError:
            refused += 1
print(accepted, refused)
"""


def written(address: str, session: str, strict: str) -> list[tuple[int, int]]:
    """What eight processes that write at once say of their 200 appends each: accepted and refused."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", WRITER, address, session, f"writer-{number}", strict],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    counts = []
    for writer in writers:
        accepted, refused = writer.communicate()[0].split()
        assert writer.returncode == 0
        counts.append((int(accepted), int(refused)))
    return counts


def begun(address: str) -> tuple[Store, Session]:
    store = open_store(address)
    return store, Session("Be brief.", store=store)


def test_strict_appends_of_eight_processes_are_accepted_once_or_refused(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/strict.db"
    store, session = begun(address)

    counts = written(address, session.id, "strict")

    accepted = sum(count for count, _ in counts)
    assert [sum(count) for count in counts] == [200] * 8
    assert session.message_count == 1 + accepted
    assert session.position == 3 + accepted
    assert len({message.text for message in session.messages}) == 1 + accepted
    assert store.verify().ok
    store.close()


def test_appends_of_eight_processes_that_expect_nothing_are_all_there(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/any.db"
    store, session = begun(address)

    assert written(address, session.id, "any") == [(200, 0)] * 8

    assert [message.position for message in session.messages] == list(range(3, 1604))
    assert {message.text for message in session.messages[1:]} == {
        f"writer-{writer} {number}" for writer in range(8) for number in range(200)
    }
    assert store.verify().ok
    store.close()


def test_a_reader_that_follows_the_file_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/followed.db"
    store, session = begun(address)
    command = [sys.executable, "-P", "-c", WRITER, address, session.id]
    writers = [subprocess.Popen([*command, f"writer-{number}", "any"], stdout=subprocess.PIPE) for number in range(3)]

    seen: list[int] = []
    while len(seen) < 3 + 600:
        after = seen[-1] if seen else 0
        if store.recorder.wait(after, timeout=60):  # a reader of the store's own, until subscriptions have a door
            seen += [event.global_position for event in store.read_all(after=after)]

    assert seen == list(range(1, 604))
    assert [writer.communicate()[0].split() for writer in writers] == [[b"200", b"0"]] * 3
    store.close()


def test_of_two_processes_with_one_command_id_one_writes(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/command.db"
    store, session = begun(address)
    program = """
import sys
from turnlog import Session, open_store
with open_store(sys.argv[1]) as store:
    main = Session.open(sys.argv[2], store=store).default_branch
    print([main.add(f"try {number}", command_id=f"c-{number}").position for number in range(100)])
"""
    command = [sys.executable, "-P", "-c", program, address, session.id]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    said = [racer.communicate()[0] for racer in racers]

    assert said[0] == said[1]
    assert session.message_count == 101
    assert [event.command_id for event in session.events(after=3)] == [f"c-{number}" for number in range(100)]
    store.close()


def test_a_forked_process_uses_the_store_of_its_parent(tmp_path: Path) -> None:
    program = """
import os, sys
from turnlog import Session, open_store
with open_store(sys.argv[1]) as store:
    session = Session("Be brief.", store=store)
    pid = os.fork()
    if pid == 0:
        session.add("child")
        with open_store(sys.argv[1]) as own:
            Session.open(session.id, store=own).add("child that opened anew")
        os._exit(0)
    print(os.waitpid(pid, 0)[1])
    session.add("parent")
    print([message.text for message in session.messages], store.verify().ok)
"""
    command = [sys.executable, "-P", "-c", program, f"sqlite:///{tmp_path}/forked.db"]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "0\n['Be brief.', 'child', 'child that opened anew', 'parent'] True\n"
