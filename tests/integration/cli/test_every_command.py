"""Every command, once in a pipe and once in a terminal: it ends well, and says the same to both."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from turnlog import Session, open_store
from turnlog.cli.app import app
from turnlog.cli.reference import commands

SAID = {
    "demo": ((), "Every digest fits the one before it"),
    "init": ((), "exists already"),
    "verify": ((), "as it was recorded"),
    "export": (("talk.md", "talk"), "1 session written to talk.md"),
    "import": (("talk.jsonl",), "1 unchanged"),
    "copy": (("sqlite:///copy.db",), "21 events"),
    "migrate": ((), "has schema 1 already"),
    "backup": (("backup.db",), "written to backup"),
    "doctor": ((), "sqlite"),
    "list": ((), "support"),
    "show": (("talk",), "Keep facts"),
    "log": (("talk",), "message.appended"),
    "branches": (("talk",), "retry"),
    "diff": (("talk", "main", "retry"), "Never update"),
    "bisect": (("talk", "--contains", "facts"), "5"),
    "search": (("facts",), "Keep facts"),
    "stats": ((), "messages"),
    "sql": (("SELECT count(*) AS said FROM messages",), "said"),
    "tail": (("--last", "3"), "message.appended"),
    "new": (("--name", "another"), "-"),
    "add": (("talk", "And then?"), "of session 5e55-talk"),
    "fork": (("talk",), "is forked at"),
    "merge": (("talk", "retry"), "branch main has 4 messages"),
    "reset": (("talk", "4"), "branch main has 2 messages"),
    "undo": (("spare-first",), "has 1 message"),
    "redact": (("talk", "4", "--yes"), "position 4 is redacted"),
    "rename": (("talk", "help"), "is now named help"),
    "archive": (("spare-first",), "is archived"),
    "restore": (("archived-first",), "is active"),
    "delete": (("spare-first", "--yes"), "is deleted"),
    "sweep": (("--unused", "30d"), "0 sessions deleted"),
    "vacuum": ((), "is vacuumed"),
    "replay": (("talk",), "talk"),
    "projections list": ((), "usage"),
    "projections status": ((), "usage"),
    "projections run": (("activity", "--once"), "activity is at 21"),
    "projections rebuild": (("usage",), "usage"),
    "projections dead-letters": (("usage",), "usage"),
}
"""The arguments of each command, and a word of what it says."""


@pytest.fixture
def folder(turnlog: Any, talk: str) -> None:
    """A folder with what the commands are about: a session, a file of it from another store, rows of a projection."""
    assert turnlog("export", "talk.jsonl", "talk").code == 0
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        for name in ("first", "second"):
            Session(name=name, key=f"archived-{name}", store=store).archive()
            branch = Session(name=name, key=f"spare-{name}", store=store).default_branch
            branch.add("hello")
            branch.clear()
    assert turnlog("projections", "run", "usage", "--once").code == 0


def test_every_command_is_tried() -> None:
    assert sorted(name.removeprefix("turnlog ") for name, _ in commands(typer.main.get_command(app))) == sorted(SAID)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", sorted(SAID.keys() - {"tail", "replay"}))
def test_a_command_in_a_pipe_and_in_a_terminal(turnlog: Any, name: str) -> None:
    arguments, word = SAID[name]

    piped = turnlog(*name.split(), *arguments)
    shown = turnlog.in_terminal(*name.split(), *again(name, arguments), size=(300, 30)).end()

    for ended in (piped, shown):
        said = ended.out + ended.err
        assert (ended.code, word in said, "Traceback" in said) == (0, True, False), said
    assert "\x1b" not in piped.out + piped.err


def again(name: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments for a second time, where the first has made something that is not made twice."""
    others = {"copy": ("sqlite:///copy2.db",), "backup": ("backup2.db",), "export": ("talk.md", "talk", "--force")}
    others |= {
        name: tuple(each.replace("first", "second") for each in arguments)
        for name in ("archive", "restore", "delete", "undo")
    }
    return others.get(name, arguments)


def test_a_follower_says_what_there_is_until_it_is_interrupted(turnlog: Any, talk: str) -> None:
    terminal = turnlog.in_terminal("tail", "--last", "3")
    terminal.until("message.appended")
    terminal.strike(b"\x03")

    assert terminal.end().code == 130


def test_a_walk_needs_a_terminal_and_says_so(turnlog: Any, talk: str) -> None:
    refused = turnlog("replay", talk)
    terminal = turnlog.in_terminal("replay", talk)
    terminal.until("position")
    terminal.strike(b"q")

    assert (refused.code, "terminal" in refused.err) == (1, True)
    assert terminal.end().code == 0
