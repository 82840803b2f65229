"""The command that walks through a session."""

import typer

from ..invocation import invocation
from .arguments import AT, BRANCH, SESSION

app = typer.Typer()


@app.command()
def replay(ctx: typer.Context, session: SESSION, branch: BRANCH = None, at: AT = None) -> None:
    """Walk through a session with the arrow keys, event by event; f forks it where you stand."""
    from ..walking import walk

    with invocation(ctx).changing() as store:
        walk(store, session, branch, at)
