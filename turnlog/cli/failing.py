"""How a command ends that did not get on: a sentence, a next step, and a number; a traceback on request only."""

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
    LedgerDamagedError,
    MissingExtraError,
    NameTakenError,
    OutcomeUnknownError,
    OutputExistsError,
    PositionConflictError,
    SchemaMismatchError,
    SessionNotFoundError,
    StoreNotFoundError,
    TurnlogError,
)
from .invocation import Invocation
from .visible import on_one_line, paragraph, visible

REFUSED = 1
STORE_FAILED = 3

NEXT_STEPS: dict[type[TurnlogError], str] = {
    AmbiguousSessionError: "say more of the id; `turnlog sessions` shows them",
    SessionNotFoundError: "see `turnlog sessions`, or begin one with `turnlog start`",
    BranchNotFoundError: "see `turnlog branches SESSION`",
    NameTakenError: "see `turnlog branches SESSION`",
    LedgerDamagedError: "rebuild the projection: `turnlog projections rebuild NAME`",
    PositionConflictError: "others went on with the session meanwhile; look at it, and try again",
    MissingExtraError: "install what it names",
    StoreNotFoundError: "make one with `turnlog init`, or name another with --store",
    OutputExistsError: "name a new file, or overwrite this one with --force",
    SchemaMismatchError: "see `turnlog doctor`",
    OutcomeUnknownError: "see `turnlog log SESSION` for whether it was recorded",
    DatabaseError: "see `turnlog doctor`",
}
"""What to do about an error, by its class or the nearest above it."""
LISTED_BY = {"position": "see `turnlog log SESSION`", "projection": "see `turnlog projections list`"}


@contextmanager
def ending(ctx: Any) -> Iterator[None]:
    """Around a command: what is raised in it is told, and ends the command with its number."""
    try:
        yield
        sys.stdout.flush()  # here, where it can be told that nobody reads any more
    except TurnlogError as reason:
        code = REFUSED if isinstance(reason, InvalidOperationError) else STORE_FAILED
        _tell(ctx, reason, sentence_of(reason), next_step(reason, ctx), code)
    except BrokenPipeError:
        let_go_of_output()
        raise typer.Exit(128 + signal.SIGPIPE) from None
    except OSError as reason:
        named = f"{reason.strerror or reason}{f': {reason.filename}' if reason.filename else ''}"
        _tell(ctx, reason, named, "check the path and who may write there", REFUSED)


def let_go_of_output() -> None:
    """Has what was not written yet go nowhere: the interpreter would complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def sentence_of(reason: TurnlogError) -> str:
    """What an error says, with the options of the command line in place of the arguments of Python."""
    if isinstance(reason, OutputExistsError):
        return f"{reason.path} exists"
    return str(reason)


def next_step(reason: TurnlogError, ctx: Any) -> str:
    """What to do about an error."""
    if isinstance(reason, ItemNotFoundError) and reason.kind in LISTED_BY:
        return LISTED_BY[reason.kind]
    for kind in type(reason).__mro__:
        if kind in NEXT_STEPS:
            return NEXT_STEPS[kind]
    command = " ".join(filter(None, [ctx.command_path, ctx.invoked_subcommand]))
    return f"see `{command} --help`"


def _tell(ctx: Any, reason: Exception, sentence: str, step: str, code: int) -> None:
    invocation = ctx.find_object(Invocation)
    if invocation is not None and invocation.debug:
        print(visible("".join(format_exception(reason))), end="", file=sys.stderr)
    print(f"turnlog: {paragraph(sentence)}", file=sys.stderr)
    print(f"  next: {on_one_line(step)}", file=sys.stderr)
    raise typer.Exit(code)
