"""What the page for those who come from elsewhere says is here, is here: every name, and every argument."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turnlog
from turnlog import logs, mail
from turnlog.infrastructure.async_methods import awaited

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "coming-from.md"
ROW = re.compile(r"^\| `.*?` \| (?P<here>.*?) \| .*\|$", re.MULTILINE)
CALL = re.compile(r"^(?P<path>[\w.]+)(?:\((?P<arguments>.*)\))?$")

STANDS_FOR: dict[str, type] = {
    "branch": turnlog.Branch,
    "manager": turnlog.SessionManager,
    "message": turnlog.Message,
    "session": turnlog.Session,
    "branch.logs": logs.SessionLogs,
    "session.mail": mail.SessionMail,
}
"""What a word in lower case is, and what some properties answer with."""


def said() -> Iterator[str]:
    """What the tables say there is here."""
    for row in ROW.finditer(PAGE.read_text("utf-8")):
        yield from re.findall(r"`([^`]+)`", row["here"])


def found(path: str) -> Any:
    """The class, method or property that goes by a path; of an awaited twin, the method it is the twin of."""
    before, _, last = path.rpartition(".")
    owner = STANDS_FOR.get(before) or (getattr(turnlog, before) if before else turnlog)
    there = getattr(owner, last)
    return getattr(owner, last[1:]) if isinstance(there, awaited) else there


def test_the_tables_are_read() -> None:
    assert len(list(said())) > 100


@pytest.mark.parametrize("name", sorted(set(said())))
def test_a_name_that_is_said_to_be_here_is_here(name: str) -> None:
    call = CALL.match(name)
    assert call is not None, "expected a name, or a call with the names of its arguments"
    there = found(call["path"])
    if not call["arguments"]:
        return

    parameters = inspect.signature(there).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    positions = [each for each in parameters if each != "self"]
    for number, argument in enumerate(call["arguments"].split(", ")):
        if argument.endswith("="):
            assert argument[:-1] in parameters or open_ended
        else:
            assert number < len(positions)
