"""How far long work is, for whoever looks on: a bar on standard error, with its rate and the time that is left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..infrastructure.progress import Progress


@contextmanager
def bar(label: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """Around long work: what it is to tell how far it is; nothing, where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        task = shown.add_task(label, total=None, rate="")

        def progress(done: int, total: int) -> None:
            speed = shown.tasks[0].speed
            shown.update(task, completed=done, total=total, rate=f"{speed:,.0f} events/s" if speed else "")

        yield progress
