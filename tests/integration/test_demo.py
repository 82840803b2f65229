"""The demo tells its story to the end, as often as it is run, and the page about it shows what it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

from turnlog import Session, open_store

ROOT = Path(__file__).parents[2]
SHOWN = re.search(
    r"^```console\n\$ turnlog demo\n(?P<output>.*?)^```$", (ROOT / "docs" / "demo.md").read_text("utf-8"), re.M | re.S
)


def run(folder: Path) -> str:
    """What scripts/demo prints in a folder."""
    done = subprocess.run(
        [Path(sys.executable).with_name("turnlog"), "demo"],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "error", "TURNLOG_STORE": "memory://"},  # it has a store of its own
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_demo_prints_what_its_page_shows_and_each_run_adds_a_session(tmp_path: Path) -> None:
    assert SHOWN is not None
    first, second = run(tmp_path), run(tmp_path)

    assert first == SHOWN["output"]
    assert second == first.replace("has 1 session now", "has 2 sessions now")
    assert [file.name for file in tmp_path.iterdir()] == ["turnlog-demo.db"]


def test_the_demo_leaves_a_record_that_verifies_and_shows_what_was_mistaken(tmp_path: Path) -> None:
    run(tmp_path)

    with open_store(f"sqlite:///{tmp_path}/turnlog-demo.db") as store:
        verified = store.verify()
        session = Session.open(next(store.sessions()).session, store=store)
        then, now = (view.branches["billing"].messages[-1].text for view in (session.at(26), session))
        actors = {event.actor for event in session.events()}

    assert (verified.ok, verified.events) == (True, 62)
    assert then == "We owe 4200 EUR for the teapot."
    assert now == "We owe 42.00 EUR for the teapot."
    assert actors == {"ada", "billing-agent", "desk-agent", "review-agent", "demo-1", "find_order"}
