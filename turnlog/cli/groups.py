"""Groups of commands: suggestions for misspelt names, and commands that are imported when they are run."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from ..domain.errors.base import nearest
from .errors import report_errors

OTHER_NAMES = {
    "at": "show --at",
    "cat": "show",
    "create": "new",
    "events": "log",
    "find": "search",
    "grep": "search",
    "history": "log",
    "ls": "list",
    "query": "sql",
    "remove": "delete",
    "rewind": "reset",
    "rm": "delete",
    "sessions": "list",
    "start": "new",
    "unarchive": "restore",
}
"""Names that commands have in other programs."""

CLOSENESS = 0.7
"""How similar a name must be to be suggested: 0.75 is one letter of four."""


class LazyCommand(NamedTuple):
    """A command in a module of this package, and its summary in the help."""

    module: str
    summary: str


class CommandGroup(TyperGroup):
    """A group that suggests names for a command that it does not have."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Return the command that the first argument names, or report the names that were probably meant."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"there is no command {name!r}{command_advice(name, known)}")
        return super().resolve_command(ctx, args)


class LazyGroup(CommandGroup):
    """The commands of `turnlog`, in panels; a module is imported when one of its commands is used."""

    panels: Mapping[str, Mapping[str, LazyCommand]] = {}
    """By panel of the help and name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, in the order of the help."""
        return [name for panel in self.panels.values() for name in panel]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command, or return None."""
        for panel in self.panels.values():
            if cmd_name in panel:
                module = import_module(f".{panel[cmd_name].module}", __package__)
                return typer.main.get_group(module.app).commands[cmd_name]
        return None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help: every command with its summary on one screen of 80 x 24."""
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        for title, panel in self.panels.items():
            for line in panel_lines(title, panel):
                formatter.write(f"{line}\n")
        formatter.write_paragraph()
        formatter.write("Options     --store ADDRESS   --actor NAME   --debug   --version   -h, --help\n")
        formatter.write("More        turnlog COMMAND -h; a SESSION is an id, a key, a name, or @last\n")

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and report its errors."""
        with report_errors(ctx):
            return super().invoke(ctx)


def panel_lines(title: str, panel: Mapping[str, LazyCommand]) -> list[str]:
    """Return the commands of a panel, two on each line, behind its title."""
    if len(panel) == 1:
        ((name, command),) = panel.items()
        return [f"{title:<12}{name}  {command.summary}"]
    cells = [f"{name:<9}{command.summary}" for name, command in panel.items()]
    rows = [cells[place : place + 2] for place in range(0, len(cells), 2)]
    return [
        f"{title if place == 0 else '':<12}" + "".join(f"{cell:<36}" for cell in row).rstrip()
        for place, row in enumerate(rows)
    ]


def command_advice(name: str, known: list[str]) -> str:
    """Return the end of the sentence about an unknown command: the names that were probably meant."""
    other = OTHER_NAMES.get(name, "")
    near = f"did you mean {other!r}?" if other.partition(" ")[0] in known else nearest(name, known, 2, CLOSENESS)
    return near and f"; {near}"
