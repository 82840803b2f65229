"""After os.fork the child has its parent's locks and connections, but not its threads: it must begin anew."""

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """Something that must not be shared by two processes."""

    def after_fork(self) -> None:
        """Called in the child: lets go of what is the parent's, without closing it."""


_registered: WeakSet[ForkAware] = WeakSet()


def register(forked: ForkAware) -> None:
    """Has something told when the process has been forked, as long as it lives."""
    _registered.add(forked)


def _call_registered() -> None:
    for forked in list(_registered):
        forked.after_fork()


os.register_at_fork(after_in_child=_call_registered)
