"""The context of one command: the address of the store, the actor, and how errors are shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from os import getuid
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..infrastructure.store import Store


@dataclass(frozen=True)
class Invocation:
    """The options of all commands; the store is opened by the command that needs it."""

    address: str | None = None
    actor: str | None = None
    debug: bool = False

    @contextmanager
    def open(self) -> "Iterator[Store]":
        """Open the store to read it; one that does not exist is not created."""
        from ..infrastructure.open_store import open_existing  # here, so that --help needs no store

        self._prepare()
        with open_existing(self.address) as store:
            yield store

    @contextmanager
    def open_to_write(self) -> "Iterator[Store]":
        """Open the store to change it: events recorded inside have the actor of the command."""
        from ..provenance import acting

        with self.open() as store, acting(actor=login_name() if self.actor is None else self.actor):
            yield store

    @contextmanager
    def create(self) -> "Iterator[Store]":
        """Open the store to change it; create it if it does not exist."""
        from ..infrastructure.open_store import open_store
        from ..provenance import acting

        self._prepare()
        with open_store(self.address) as store, acting(actor=login_name() if self.actor is None else self.actor):
            yield store

    @property
    def most_bytes(self) -> int | None:
        """The largest size of a session, by the settings."""
        from ..infrastructure.settings import settings_from

        return settings_from().most_bytes if self.address is None else None

    def _prepare(self) -> None:
        """Check the address of the settings if the command has none, and send diagnostics to standard error."""
        from ..infrastructure.settings import settings_from
        from ..infrastructure.store_addresses import MEMORY

        _log_to_standard_error()
        if self.address is None and settings_from().address == MEMORY:
            raise typer.BadParameter(
                "a store in memory ends with the command: name a file or a server with --store",
                param_hint="the settings",
            )


def invocation(ctx: typer.Context) -> Invocation:
    """Return the context of a command."""
    current = ctx.find_object(Invocation)
    assert current is not None
    return current


def _log_to_standard_error() -> None:
    """Keep diagnostics out of standard output, which has the result alone."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def login_name() -> str:
    """Return the login name of the user, or the number of a user without a name."""
    try:
        return getuser()
    except (KeyError, OSError):  # which of the two depends on the version of Python
        return f"uid:{getuid()}"
