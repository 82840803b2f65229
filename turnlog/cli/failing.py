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
    MissingExtra,
    NameTaken,
    PositionConflict,
    Refused,
    SessionNotFoundError,
    TurnlogError,
    UnknownBranch,
    UnknownPosition,
)
from ..domain.projection_errors import LedgerDamagedError, UnknownProjection
from ..domain.reference_errors import AmbiguousSession
from ..domain.store_errors import (
    OutcomeUnknown,
    OutputExistsError,
    SchemaMismatch,
    StoreFailed,
    StoreNotEmpty,
    StoreNotFound,
)
from .invocation import Invocation
from .visible import on_one_line, paragraph, visible

REFUSED = 1
STORE_FAILED = 3

NEXT_STEPS: dict[type[TurnlogError], str] = {
    AmbiguousSession: "say more of the id; `turnlog sessions` shows them",
    SessionNotFoundError: "see `turnlog sessions`, or begin one with `turnlog start`",
    UnknownBranch: "see `turnlog branches SESSION`",
    NameTaken: "see `turnlog branches SESSION`",
    UnknownPosition: "see `turnlog log SESSION`",
    LedgerDamagedError: "rebuild the projection: `turnlog projections rebuild NAME`",
    UnknownProjection: "see `turnlog projections list`",
    PositionConflict: "others went on with the session meanwhile; look at it, and try again",
    MissingExtra: "install what it names",
    StoreNotFound: "make one with `turnlog init`, or name another with --store",
    StoreNotEmpty: "name an empty store",
    OutputExistsError: "name a new file, or overwrite this one with --force",
    SchemaMismatch: "see `turnlog doctor`",
    OutcomeUnknown: "see `turnlog log SESSION` for whether it was recorded",
    StoreFailed: "see `turnlog doctor`",
}
"""What to do about an error, by its class or the nearest above it."""


@contextmanager
def ending(ctx: Any) -> Iterator[None]:
    """Around a command: what is raised in it is told, and ends the command with its number."""
    try:
        yield
        sys.stdout.flush()  # here, where it can be told that nobody reads any more
    except TurnlogError as reason:
        code = REFUSED if isinstance(reason, Refused) else STORE_FAILED
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
