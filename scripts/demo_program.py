"""What scripts/demo shows: record, fork, look back, verify, and what verify says to a forged file."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hansard import BranchView, HansardError, Session, Store, acting, open_store

ELSEWHERE = """
import sys
from hansard import Session, open_store

with open_store(sys.argv[1]) as store:
    for branch in Session.open(sys.argv[2], store=store).branches:
        print(f"    {branch.name:6}", [message.text for message in branch.messages])
"""

FORGERIES = {
    "a word is changed": [
        "DROP TRIGGER events_are_not_changed",
        "UPDATE events SET payload = replace(payload, 'derive', 'forget') WHERE position = 5",
    ],
    "a time is changed": [
        "DROP TRIGGER events_are_not_changed",
        "UPDATE events SET time = time + 1 WHERE position = 4",
    ],
    "a message is taken out": [
        "DROP TRIGGER events_are_not_deleted",
        "DELETE FROM events WHERE position = 5",
    ],
    "a message is put in": [
        "INSERT INTO events (session, position, time, name, branch, payload, digest)"
        " SELECT session, position + 1, time, name, branch, payload, digest FROM events"
        " WHERE position = (SELECT max(position) FROM events)",
    ],
}
"""What somebody with access to the file might do, in SQL."""


def main() -> None:
    with TemporaryDirectory(prefix="hansard-demo-") as folder:
        file = Path(folder, "demo.db")
        with open_store(f"sqlite:///{file}") as store:
            session = record(store)
            fork(session)
            look_back(session)
            refuse(session)
            read_the_record(session)
            merge(session)
            verify(store)
        reopen(file, session.id)
        tamper(file)


def record(store: Store) -> Session:
    say("Record: two messages, and who said them as part of what")
    session = Session("You are terse.", name="support", user="ada", session_id="demo", store=store)
    main = session.default_branch
    with acting(actor="ada", correlation="ticket-7"):
        main.add("Explain event sourcing")
    with acting(actor="assistant", correlation="ticket-7", cause=session.position):
        main.add({"assistant_response": "Keep facts, derive state."})
    show(main)
    return session


def fork(session: Session) -> None:
    say("Fork: go back one position, and answer otherwise")
    main, before = session.default_branch, session.position
    retry = session.fork(main, at=before - 1, name="retry")
    print(f"    the fork is {session.position - before} event, however long the history")
    with acting(actor="assistant", correlation="ticket-8"):
        retry.add({"assistant_response": "Never update, only append."})
    show(main)
    show(retry)
    found = session.diff(main, retry)
    print("    in both      ", [message.text for message in found.common])
    print("    only in main ", [message.text for message in found.left])
    print("    only in retry", [message.text for message in found.right])


def look_back(session: Session) -> None:
    say("Look back: the whole session as it was at position 4")
    past = session.at(4)
    print("    branches then:", past.branches.keys(), " now:", session.branches.keys())
    show(past.branches["main"])


def refuse(session: Session) -> None:
    say("Refuse: what contradicts the record is not recorded")
    before = session.position
    main = session.default_branch
    for attempt in (
        lambda: session.at(4).add_message("rewrite the past"),  # type: ignore[attr-defined]  # mypy refuses it as well
        lambda: session.branches["draft"],
        lambda: session.fork(main, at=99),
        lambda: main.add({"assistent_response": "a slip of the pen"}),
        lambda: main.add("too late", expected=before - 1),
    ):
        try:
            attempt()
        except HansardError as refusal:
            print(f"    {type(refusal).__name__}: {refusal}")
    print(f"    events written meanwhile: {session.position - before}")


def read_the_record(session: Session) -> None:
    say("Read the record itself")
    for recorded in session.events():
        who = f"{recorded.actor or '-':10} {recorded.correlation or '-':9} {recorded.cause or '-':>2}"
        print(f"    {recorded.position:2} {recorded.name:17} {who}  {recorded.digest.hex()[:12]}")


def merge(session: Session) -> None:
    say("Merge: take over what only the other branch shows")
    main = session.default_branch
    session.merge("retry", into=main)
    for message in main.messages:
        print(f"    {message.position:2} {message.role:9} {message.origin:9} {message.text}")


def verify(store: Store) -> None:
    say("Verify: every digest fits the one before it")
    print(f"    {store.verify()}")


def reopen(file: Path, session_id: str) -> None:
    say("Open it in another process, after this one has closed it")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-P", "-c", ELSEWHERE, f"sqlite:///{file}", session_id], check=True)


def tamper(file: Path) -> None:
    say("Tamper: the database refuses")
    connection = sqlite3.connect(file)
    for statement in ("UPDATE events SET payload = '{}' WHERE position = 5", "DELETE FROM events WHERE position = 5"):
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError as refusal:
            print(f"    {statement}: {refusal}")
    connection.close()
    say("Tamper by force: drop the trigger in a copy of the file, and verify the copy")
    for what, statements in FORGERIES.items():
        forged = file.with_name("forged.db")
        shutil.copy(file, forged)
        with sqlite3.connect(forged) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        with open_store(f"sqlite:///{forged}") as store:
            print(f"    {what}:")
            for fault in store.verify().faults:
                place = "the store" if fault.position is None else f"position {fault.position}"
                print(f"        {place}: {fault.reason}")


def say(what: str) -> None:
    print(f"\n{what}")


def show(branch: BranchView) -> None:
    print(f"    {branch.name:6}", [message.text for message in branch.messages])


if __name__ == "__main__":
    main()
