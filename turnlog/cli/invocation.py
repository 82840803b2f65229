"""One call of the command line: which store is meant, who acts, and how errors are to be shown."""

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
    """What stands in front of every command; the store is opened by the command that needs it."""

    address: str | None = None
    actor: str | None = None
    debug: bool = False

    @contextmanager
    def reading(self) -> "Iterator[Store]":
        """The store as it is; one that is not there is not made."""
        from ..infrastructure.open_store import open_existing  # here, so that --help needs no store

        self._prepare()
        with open_existing(self.address) as store:
            yield store

    @contextmanager
    def changing(self) -> "Iterator[Store]":
        """The store as it is, to be changed: what is recorded inside is recorded as done by the actor."""
        from ..provenance import acting

        with self.reading() as store, acting(actor=login_name() if self.actor is None else self.actor):
            yield store

    @contextmanager
    def making(self) -> "Iterator[Store]":
        """The store, made if it is not there."""
        from ..infrastructure.open_store import open_store
        from ..provenance import acting

        self._prepare()
        with open_store(self.address) as store, acting(actor=login_name() if self.actor is None else self.actor):
            yield store

    @property
    def most_bytes(self) -> int | None:
        """What a session may weigh in the store at most."""
        from ..infrastructure.settings import settings_from

        return settings_from().most_bytes if self.address is None else None

    def _prepare(self) -> None:
        """Check the address of the settings, where none is given, and have diagnostics go to standard error."""
        from ..infrastructure.settings import settings_from
        from ..infrastructure.store_addresses import MEMORY

        _diagnostics_aside()
        if self.address is None and settings_from().address == MEMORY:
            raise typer.BadParameter(
                "a store in memory ends with the command: name a file or a server with --store",
                param_hint="the settings",
            )


def invocation(ctx: typer.Context) -> Invocation:
    """The call that a command is part of."""
    found = ctx.find_object(Invocation)
    assert found is not None
    return found


def _diagnostics_aside() -> None:
    """Has diagnostics go to standard error: what goes to standard output is the answer."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def login_name() -> str:
    """Who is logged in; a user without a name goes by their number."""
    try:
        return getuser()
    except (KeyError, OSError):  # which of the two depends on the version of Python
        return f"uid:{getuid()}"
