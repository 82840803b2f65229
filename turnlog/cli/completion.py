"""Shell completion: the sessions and branches of the store on the command line."""

import typer

from .context import Invocation
from .escape import escape_line, is_shell_safe

MOST = 50
"""The most suggestions; more are not readable."""


def complete_sessions(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the sessions whose id or key begins with a text, most recently used first."""
    from ..domain.errors import TurnlogError
    from ..projections.selection import Order, Selection

    matches = [("@last", "the session used last")] if "@last".startswith(incomplete) else []
    try:
        with _invocation(ctx).open() as store:
            page = store.select_sessions(Selection(order=Order.UPDATED, descending=True), limit=1000)
            for entry in page.entries:
                for word in filter(None, (entry.key, entry.session)):
                    if word.startswith(incomplete) and is_shell_safe(word) and len(matches) < MOST:
                        matches.append((word, escape_line(entry.name or entry.key or "")))
    except (TurnlogError, typer.BadParameter):
        return matches  # a shell that completes has no place for an error
    return matches


def complete_branches(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the branches of the session on the command line whose name begins with a text."""
    from ..domain.errors import TurnlogError
    from ..session import Session

    try:
        with _invocation(ctx).open() as store:
            session = Session.open(store.resolve(str(ctx.params.get("session") or "@last")).session, store=store)
            names = session.branches.keys()
            return [name for name in names if name.startswith(incomplete) and is_shell_safe(name)]
    except (TurnlogError, typer.BadParameter):
        return []


def _invocation(ctx: typer.Context) -> Invocation:
    return ctx.find_object(Invocation) or Invocation(ctx.find_root().params.get("store"))
