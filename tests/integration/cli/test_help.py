"""The help of `turnlog` fits on one screen, and a misspelt command gets a sensible command_advice."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from turnlog.cli.app import PANELS, app
from turnlog.cli.groups import command_advice

KNOWN = [name for panel in PANELS.values() for name in panel]


def test_the_help_fits_on_one_screen_and_has_every_command(turnlog: Any) -> None:
    done = turnlog.in_terminal("--help", size=(80, 24)).end()

    assert done.code == 0
    assert len(done.lines) <= 23
    assert max(map(len, done.lines)) <= 80
    for name in KNOWN:
        assert any(f" {name} " in line for line in done.lines[1:]), name
    panels = [line.split()[0] for line in done.lines[2:] if line and not line.startswith(" ")]
    assert panels == ["Sessions", "Branches", "Time", "Analysis", "Store", "Projections", "Options", "More"]


def test_every_command_of_the_panels_exists() -> None:
    root: Any = typer.main.get_command(app)

    assert [name for name in root.list_commands(None) if root.get_command(None, name) is None] == []
    assert root.get_command(None, "nothing") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lst", "; did you mean 'list'?"),
        ("shwo", "; did you mean 'show'?"),
        ("bisct", "; did you mean 'bisect'?"),
        ("serach", "; did you mean 'search'?"),
        ("sessions", "; did you mean 'list'?"),
        ("start", "; did you mean 'new'?"),
        ("at", "; did you mean 'show --at'?"),
        ("rewind", "; did you mean 'reset'?"),
        ("nonsense", ""),
        ("fetch", ""),
        ("lists", "; did you mean 'list'?"),
    ],
)
def test_a_misspelt_command_is_suggested(name: str, expected: str) -> None:
    assert command_advice(name, KNOWN) == expected


def test_a_command_advice_is_printed(turnlog: Any) -> None:
    misspelt, nested = turnlog("lst"), turnlog("projections", "stauts")

    assert (misspelt.code, nested.code) == (2, 2)
    assert "there is no command 'lst'; did you mean 'list'?" in misspelt.err
    assert "there is no command 'stauts'; did you mean 'status'?" in nested.err
