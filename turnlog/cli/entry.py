"""Where the command `turnlog` begins, and the one place that knows how it may end."""

import sys
from collections.abc import Sequence
from traceback import format_exception

from ..domain.errors import MissingExtraError
from ..domain.optional_dependencies import require
from .visible import paragraph, visible

MISSING = 3
"""How it ends when what the command line itself needs is not installed."""

FAULT = 70
"""How it ends when what happened is nobody's mistake but Turnlog's."""

EVERYWHERE = {"--store": True, "--actor": True, "--debug": False}
"""The options of all commands, which may stand before or behind the command, and whether they take a value."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command that the arguments name, and ends the process as the command ends."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # of a process of its own, they can
    try:
        with require("typer", extra="cli"), require("rich", extra="cli"):
            from .app import app
    except MissingExtraError as missing:
        print(f"turnlog: {missing}", file=sys.stderr)
        sys.exit(MISSING)
    try:
        app(args=in_front(given), prog_name="turnlog")
    except Exception as fault:  # noqa: BLE001 (whatever it is, it is told and ends the process)
        if "--debug" in given:
            print(visible("".join(format_exception(fault))), end="", file=sys.stderr)
        print(f"turnlog: this is a fault in Turnlog: {type(fault).__name__}: {paragraph(str(fault))}", file=sys.stderr)
        print("  next: run it again with --debug, and report what that shows", file=sys.stderr)
        sys.exit(FAULT)


def in_front(arguments: Sequence[str]) -> list[str]:
    """The arguments with the options of all commands in front of the command, wherever they stood."""
    options, rest = [], list[str]()
    waiting = iter(arguments)
    for argument in waiting:
        name, has_value, _ = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif name in EVERYWHERE:
            options.append(argument)
            if EVERYWHERE[name] and not has_value:
                options += [value for value in [next(waiting, None)] if value is not None]
        else:
            rest.append(argument)
    return [*options, *rest]
