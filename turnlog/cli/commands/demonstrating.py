"""The command that shows what there is to see, for those who have nothing yet."""

import typer

from ..invocation import Invocation, invocation

app = typer.Typer()


@app.command()
def demo(ctx: typer.Context) -> None:
    """Record a team of agents at work, offline, and show what the record says of it.

    It goes to sqlite:///turnlog-demo.db unless --store names another one; each time, one session more.
    """
    from ...demo.story import ADDRESS, tell_story

    given = invocation(ctx)
    address = given.address or ADDRESS
    with Invocation(address, given.actor, given.debug).making() as store:
        tell_story(store, address, typer.echo)
