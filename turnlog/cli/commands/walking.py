"""The command that walks through a session."""

import typer

from ..invocation import invocation
from .arguments import AT, BRANCH, SESSION

app = typer.Typer()


@app.command()
def replay(ctx: typer.Context, session: SESSION, branch: BRANCH = None, at: AT = None) -> None:
    """Walk through a session with the arrow keys.

    Right and left are a step, up and down ten, home and end the beginning and the end. d shows what changed, f forks
    where you stand if you confirm it with y, q ends it. It needs a terminal.
    """
    from ..walking import walk

    with invocation(ctx).changing() as store:
        walk(store, session, branch, at)
