"""What the shell offers behind the cursor: sessions and branches of the store that the line names."""

import typer

from ..invocation import Invocation
from ..visible import is_shell_safe, on_one_line

MOST = 50
"""Suggestions; more than that nobody reads."""


def sessions_beginning(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The sessions whose id or key begins so, those used last first."""
    from ...domain.errors import TurnlogError
    from ...projections.selection import Order, Selection

    found = [("@last", "the session used last")] if "@last".startswith(incomplete) else []
    try:
        with _store(ctx).reading() as store:
            page = store.select_sessions(Selection(order=Order.UPDATED, descending=True), limit=1000)
            for entry in page.entries:
                for word in filter(None, (entry.key, entry.session)):
                    if word.startswith(incomplete) and is_shell_safe(word) and len(found) < MOST:
                        found.append((word, on_one_line(entry.name or entry.key or "")))
    except (TurnlogError, typer.BadParameter):
        return found  # a shell that completes is no place for an error
    return found


def branches_beginning(ctx: typer.Context, incomplete: str) -> list[str]:
    """The branches of the session on the line whose name begins so."""
    from ...domain.errors import TurnlogError
    from ...session import Session

    try:
        with _store(ctx).reading() as store:
            session = Session.open(store.resolve(str(ctx.params.get("session") or "@last")).session, store=store)
            names = session.branches.keys()
            return [name for name in names if name.startswith(incomplete) and is_shell_safe(name)]
    except (TurnlogError, typer.BadParameter):
        return []


def _store(ctx: typer.Context) -> Invocation:
    found = ctx.find_object(Invocation)
    return found or Invocation(ctx.find_root().params.get("store"))
