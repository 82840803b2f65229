"""Each name and argument in the tables for users of other libraries exists: in `turnlog` or in a public module."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import turnlog
from turnlog import logs, mail, operations
from turnlog.infrastructure.async_methods import awaited

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "docs" / "how-to" / "coming-from.md",
    *sorted((ROOT / "docs" / "how-to" / "coming-from").glob("*.md")),
]
ROW = re.compile(r"^\| `.*?` \| (?P<here>.*?) \| .*\|$", re.MULTILINE)
PUBLIC_MODULES = {
    "turnlog",
    "turnlog.projections",
    "turnlog.testing",
    *(f"turnlog.{path.stem}" for path in (ROOT / "turnlog").glob("[a-z]*.py")),
}
CALL = re.compile(r"^(?P<path>[\w.]+)(?:\((?P<arguments>.*)\))?$")

TYPES: dict[str, type] = {
    "branch": turnlog.Branch,
    "manager": turnlog.SessionManager,
    "message": turnlog.Message,
    "session": turnlog.Session,
    "branch.logs": logs.SessionLogs,
    "branch.mail": mail.BranchMail,
    "session.default_branch": turnlog.Branch,
    "session.mail": mail.SessionMail,
    "session.operations": operations.SessionOperations,
}
"""The class of the object that a variable or property in the tables stands for."""


def names() -> Iterator[str]:
    """Every name in the columns "here", with its arguments."""
    for page in PAGES:
        for row in ROW.finditer(page.read_text("utf-8")):
            yield from re.findall(r"`([^`]+)`", row["here"])


def resolve(path: str) -> Any:
    """Return what a public module publishes, or a method or property of it; for an awaited twin, the method itself."""
    parent, _, name = path.rpartition(".")
    if (parent or "turnlog") in PUBLIC_MODULES:
        module = import_module(parent or "turnlog")
        assert name in module.__all__
        return getattr(module, name)
    owner = TYPES.get(parent) or resolve(parent)
    value = getattr(owner, name)
    return getattr(owner, name[1:]) if isinstance(value, awaited) else value


def test_the_tables_are_read() -> None:
    assert len(list(names())) > 100


@pytest.mark.parametrize("name", sorted(set(names())))
def test_a_name_in_the_tables_exists_with_its_arguments(name: str) -> None:
    call = CALL.match(name)
    assert call is not None, "expected a name, or a call with the names of its arguments"
    there = resolve(call["path"])
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
