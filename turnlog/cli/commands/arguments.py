"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from ..values import MOMENT, PAIR
from .completing import branches_beginning, sessions_beginning

SESSION = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        help="The session: its id or the beginning of it, its key, its label, or @last.",
        autocompletion=sessions_beginning,
        show_default=False,
    ),
]
BRANCH = Annotated[
    str | None,
    typer.Option(
        "--branch",
        "-b",
        metavar="BRANCH",
        help="The branch, by its name, number or id; else the default one.",
        autocompletion=branches_beginning,
    ),
]
AT = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="MOMENT", parser=MOMENT, help="As it was at a position, or at a time such as 2026-07-01T12:00."
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="One JSON document.")]
JSON_LINES = Annotated[bool, typer.Option("--json", help="A JSON document per line.")]
LAST = Annotated[int, typer.Option("--last", "-n", min=0, metavar="N", help="Only the last so many.")]
ALL = Annotated[bool, typer.Option("--all", help="All, however many there are.")]
METADATA = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="KEY=VALUE",
        parser=PAIR,
        help="Metadata; the value is JSON, or else text. May be repeated.",
    ),
]
QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show how far it is.")]
