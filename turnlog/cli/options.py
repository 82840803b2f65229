"""Arguments and options that several commands have."""

from typing import Annotated

import typer

from .completion import complete_branches, complete_sessions
from .values import MOMENT, PAIR, choice

SESSION = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        help="The session: its id or the beginning of it, its key, its name, or @last.",
        autocompletion=complete_sessions,
        show_default=False,
    ),
]
BRANCH = Annotated[
    str | None,
    typer.Option(
        "--branch",
        "-b",
        metavar="BRANCH",
        help="The branch: its name, number or id; default: the default branch.",
        autocompletion=complete_branches,
    ),
]
ONLY_BRANCH = Annotated[
    str | None,
    typer.Option(
        "--branch",
        "-b",
        metavar="BRANCH",
        help="Only this branch: its name, or with a session its number or id; default: all branches.",
        autocompletion=complete_branches,
    ),
]
AT = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MOMENT",
        parser=MOMENT,
        help="The session as it was at a position, at a time such as 2026-07-01T12:00 or 2h ago; local without a zone.",
    ),
]
FORMAT = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", parser=choice(("text", "json")), help="text, or json: one document."),
]
RECORDS_FORMAT = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        parser=choice(("text", "json", "jsonl")),
        help="text, json: one document, or jsonl: one document per line.",
    ),
]
LAST = Annotated[int, typer.Option("--last", "-n", min=0, metavar="N", help="Only the last N.")]
ALL = Annotated[bool, typer.Option("--all", help="All, without a limit.")]
METADATA = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="KEY=VALUE",
        parser=PAIR,
        help="Metadata; the value is JSON, or else text. May be repeated.",
    ),
]
QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]
