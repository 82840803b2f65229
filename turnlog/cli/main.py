"""The entry point of `turnlog`: run a command and end the process with its exit code."""

import sys
from collections.abc import Sequence
from traceback import format_exception

from ..domain.errors import MissingExtraError
from ..domain.optional_dependencies import require
from .escape import escape, escape_paragraph

MISSING_EXTRA = 3
"""The exit code if a package that the command line itself needs is not installed."""

FAULT = 70
"""The exit code of a fault in Turnlog."""

EVERYWHERE = {"--store": True, "--actor": True, "--debug": False}
"""The options of all commands, accepted before and after the command, and whether they have a value."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in the arguments, and exit with its code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # streams of a process can
    try:
        with require("typer", extra="cli"), require("rich", extra="cli"):
            from .app import app
    except MissingExtraError as missing:
        print(f"turnlog: {missing}", file=sys.stderr)
        sys.exit(MISSING_EXTRA)
    try:
        app(args=global_options_first(argv), prog_name="turnlog")
    except Exception as fault:  # noqa: BLE001 (any other exception is a fault of the program)
        if "--debug" in argv:
            print(escape("".join(format_exception(fault))), end="", file=sys.stderr)
        sentence = escape_paragraph(str(fault))
        print(f"turnlog: this is a fault in Turnlog: {type(fault).__name__}: {sentence}", file=sys.stderr)
        print("  next: run it again with --debug, and report what that shows", file=sys.stderr)
        sys.exit(FAULT)


def global_options_first(arguments: Sequence[str]) -> list[str]:
    """Move the options of all commands in front of the command."""
    options, rest = [], list[str]()
    remaining = iter(arguments)
    for argument in remaining:
        name, has_value, _ = argument.partition("=")
        if argument == "--":
            rest += [argument, *remaining]
        elif name in EVERYWHERE:
            options.append(argument)
            if EVERYWHERE[name] and not has_value:
                options += [value for value in [next(remaining, None)] if value is not None]
        else:
            rest.append(argument)
    return [*options, *rest]
