"""Every command and every option is documented, and the page of the commands is that of the commands there are."""

from pathlib import Path

import typer

from turnlog.cli.app import app
from turnlog.cli.reference import commands, parameters, reference

ROOT = Path(__file__).parents[3]


def test_every_command_and_every_option_says_what_it_does() -> None:
    root = typer.main.get_command(app)
    silent = [name for name, command in commands(root) if not (command.help or "").strip()]
    for name, command in [("turnlog", root), *commands(root)]:
        silent += [f"{name} {written}" for written, words in parameters(command) if not words.strip()]

    assert silent == []


def test_an_option_without_words_is_found() -> None:
    undocumented = typer.Typer()

    @undocumented.command()
    def command(silent: str = "") -> None:
        """Words."""

    assert parameters(typer.main.get_command(undocumented)) == [("--silent SILENT", "")]


def test_the_page_of_the_commands_is_made_of_the_commands() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")

    assert page == reference(), "make it anew: python -m turnlog.cli.reference > docs/commands.md"


def test_every_command_of_the_design_is_there() -> None:
    names = {name.removeprefix("turnlog ") for name, _ in commands(typer.main.get_command(app))}

    expected = {
        *("new", "tail", "delete", "archive", "restore", "redact", "undo", "rename", "sweep", "vacuum"),
        *("init", "list", "show", "log", "branches", "diff", "bisect", "fork", "merge", "reset", "add"),
        *(
            "search",
            "stats",
            "sql",
            "tail",
            "export",
            "import",
            "verify",
            "copy",
            "migrate",
            "backup",
            "replay",
            "doctor",
        ),
        *(f"projections {name}" for name in ("list", "run", "rebuild", "status", "dead-letters")),
    }
    assert expected - names == set()
