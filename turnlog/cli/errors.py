"""How a command that failed ends: one sentence, a next step and an exit code; a traceback with --debug only."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception
from typing import Any

import typer

from ..domain.errors import (
    AmbiguousSessionError,
    BranchNotFoundError,
    DatabaseError,
    InvalidOperationError,
    ItemNotFoundError,
    KeyTakenError,
    LedgerDamagedError,
    MissingExtraError,
    NameTakenError,
    OutcomeUnknownError,
    OutputExistsError,
    PositionConflictError,
    SchemaMismatchError,
    SessionExistsError,
    SessionNotFoundError,
    StoreNotFoundError,
    TurnlogError,
)
from .context import Invocation
from .escape import escape, escape_line, escape_paragraph

INVALID_REQUEST = 1
STORE_FAILED = 3

NEXT_STEPS: dict[type[TurnlogError], str] = {
    AmbiguousSessionError: "use a longer beginning of the id; `turnlog list` shows the ids",
    SessionNotFoundError: "see `turnlog list`, or start a session with `turnlog new`",
    BranchNotFoundError: "see `turnlog branches SESSION`",
    NameTakenError: "see `turnlog branches SESSION`",
    LedgerDamagedError: "rebuild the projection: `turnlog projections rebuild NAME`",
    PositionConflictError: "the session was changed at the same time; look at it, and try again",
    MissingExtraError: "install the package that is named",
    StoreNotFoundError: "create it with `turnlog init`, or name another with --store",
    OutputExistsError: "name a new file, or overwrite this one with --force",
    SchemaMismatchError: "see `turnlog doctor`",
    OutcomeUnknownError: "see `turnlog log SESSION` for whether it was recorded",
    DatabaseError: "see `turnlog doctor`",
}
"""The next step after an error, by its class or the nearest base class."""
LISTED_BY = {"position": "see `turnlog log SESSION`", "projection": "see `turnlog projections list`"}


@contextmanager
def report_errors(ctx: Any) -> Iterator[None]:
    """Report an error of the command run inside, and exit with the code of the error."""
    try:
        yield
        sys.stdout.flush()  # here, where a closed pipe can still be reported
    except TurnlogError as error:
        code = INVALID_REQUEST if isinstance(error, InvalidOperationError) else STORE_FAILED
        _report(ctx, error, describe(error), next_step(error, ctx), code)
    except BrokenPipeError:
        discard_output()
        raise typer.Exit(128 + signal.SIGPIPE) from None
    except OSError as error:
        sentence = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        _report(ctx, error, sentence, "check the path and its permissions", INVALID_REQUEST)


def discard_output() -> None:
    """Discard output that is not written yet: the interpreter would report a closed pipe when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())


def describe(error: TurnlogError) -> str:
    """Return the sentence of an error, with options of the command line instead of arguments of Python."""
    if isinstance(error, OutputExistsError):
        return f"{error.path} exists"
    return str(error)


def next_step(error: TurnlogError, ctx: Any) -> str:
    """Return what to do about an error."""
    if isinstance(error, ItemNotFoundError) and error.kind in LISTED_BY:
        return LISTED_BY[error.kind]
    if ctx.invoked_subcommand == "import" and _is_existing(error):
        return "replace the session with --replace, or import it as a new one with --name NAME"
    for kind in type(error).__mro__:
        if kind in NEXT_STEPS:
            return NEXT_STEPS[kind]
    command = " ".join(filter(None, [ctx.command_path, ctx.invoked_subcommand]))
    return f"see `{command} --help`"


def _is_existing(error: TurnlogError) -> bool:
    """Whether a file has a session whose id or key a session of the store has."""
    match error:
        case SessionExistsError():
            return error.position is None
        case KeyTakenError():
            return error.session is None and error.by == "another session"
        case _:
            return False


def _report(ctx: Any, error: Exception, sentence: str, step: str, code: int) -> None:
    invocation = ctx.find_object(Invocation)
    if invocation is not None and invocation.debug:
        print(escape("".join(format_exception(error))), end="", file=sys.stderr)
    print(f"turnlog: {escape_paragraph(sentence)}", file=sys.stderr)
    print(f"  next: {escape_line(step)}", file=sys.stderr)
    raise typer.Exit(code)
