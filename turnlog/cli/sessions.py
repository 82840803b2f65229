"""Commands for whole sessions: start, list, rename, archive, restore and delete them."""

import sys
from typing import Annotated

import typer

from ..domain.json_values import Json
from ..domain.recorded_event import to_datetime, to_microseconds
from ..projections.catalogue import CatalogueEntry
from ..projections.selection import PRESENT, STATUSES, Order, Selection, parse_order
from ..session import Session
from .context import Invocation, invocation
from .escape import quote
from .options import FORMAT, METADATA, SESSION
from .output import Output, count_of, note, print_result
from .parse import open_session, parse_pairs
from .render import clock_time, iso_time
from .times import parse_time
from .values import NAME, PAIR, TIME, choice, usage_errors

app = typer.Typer(rich_markup_mode=None)

HEADS = ("SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME")

REASON = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="The reason, recorded with the event.")]


@app.command()
def new(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="TEXT", parser=NAME, help="The name of the session.")] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", parser=NAME, help="A key that no other session of the store has.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", parser=NAME, help="The user of the session.")] = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="The system message.")] = None,
    metadata: METADATA = None,
    format_: FORMAT = "text",
) -> None:
    """Start a session, and print its id."""
    pairs = parse_pairs(metadata or [], "the metadata")
    with invocation(ctx).open_to_write() as store:
        session = Session(system, name=name, key=key, user=user, metadata=pairs, store=store)
        print_result({"session": session.id, "position": session.position}, session.id, format_)


@app.command(name="list")
def list_(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only sessions of a user.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            parser=choice((*STATUSES, "all")),
            help="active, archived, deleted or all; default: active and archived.",
        ),
    ] = None,
    contains: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only sessions with this text in their name.")
    ] = None,
    key_prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only sessions whose key begins with this text.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", parser=PAIR, help="Only sessions with this metadata. May be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", parser=TIME, help="Only sessions used at that time or later, such as 1d or 2h."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", parser=TIME, help="Only sessions not used after that time.")
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="ORDER", parser=choice(Order), help="created, updated, name or position.")
    ] = "updated",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="Reverse the order.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="The most sessions to list.")] = 20,
    after: Annotated[
        str | None, typer.Option(metavar="MARK", help="The next page, by the mark of the page before.")
    ] = None,
    format_: FORMAT = "text",
) -> None:
    """List sessions, most recently used first."""
    order = parse_order(sort)
    selection = Selection(
        user=user,
        statuses=_statuses(status),
        contains=contains,
        key_prefix=key_prefix,
        metadata=parse_pairs(metadata or [], "the metadata"),
        updated_since=None if since is None else to_microseconds(parse_time(since, "--since")[0]),
        updated_until=None if until is None else to_microseconds(parse_time(until, "--until")[1]),
        order=order,
        descending=(order in (Order.CREATED, Order.UPDATED)) != reverse,
    )
    with invocation(ctx).open() as store, usage_errors("--after"):
        page = store.select_sessions(selection, after=after, limit=limit)
    if format_ == "json":
        Output().document({"sessions": list(map(_entry_document, page.entries)), "next": page.mark})
    elif not page.entries:
        note("no sessions" if after is None else "no more sessions")
    else:
        Output().table(HEADS, map(_cells, page.entries))
        if page.mark is not None:
            note(f"(there are more: --after {page.mark})")


@app.command()
def rename(
    ctx: typer.Context,
    session: SESSION,
    name: Annotated[str, typer.Argument(metavar="NAME", parser=NAME, help="The new name.")],
    format_: FORMAT = "text",
) -> None:
    """Change the name of a session."""
    with invocation(ctx).open_to_write() as store:
        renamed = open_session(store, session)
        renamed.rename(name)
        _print_session(renamed, f"session {renamed.id} is now named {quote(name)}", format_)


@app.command()
def archive(ctx: typer.Context, session: SESSION, reason: REASON = None, format_: FORMAT = "text") -> None:
    """Archive a session: it can be read and restored, but not changed."""
    with invocation(ctx).open_to_write() as store:
        archived = open_session(store, session)
        archived.archive(reason)
        _print_session(archived, f"session {_title(archived)} is archived", format_)


@app.command()
def restore(ctx: typer.Context, session: SESSION, reason: REASON = None, format_: FORMAT = "text") -> None:
    """Make an archived session active again."""
    with invocation(ctx).open_to_write() as store:
        restored = open_session(store, session)
        restored.restore(reason)
        _print_session(restored, f"session {_title(restored)} is active", format_)


@app.command()
def delete(
    ctx: typer.Context,
    session: SESSION,
    reason: REASON = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    format_: FORMAT = "text",
) -> None:
    """Delete a session for good.

    Its events stay in the store, readable by position; to erase content, redact it. A session that was forked cannot
    be deleted before its forks.
    """
    with invocation(ctx).open_to_write() as store:
        deleted = open_session(store, session)
        confirm(f"delete session {_title(deleted)} with {count_of(deleted.message_count, 'message')}", yes=yes)
        deleted.delete(reason)
        _print_session(deleted, f"session {_title(deleted)} is deleted", format_)


@app.command()
def demo(ctx: typer.Context) -> None:
    """Record a team of agents, offline, and show what the record contains.

    The store is sqlite:///turnlog-demo.db unless --store names another; each run adds a session.
    """
    from ..demo.story import ADDRESS, tell_story

    current = invocation(ctx)
    address = current.address or ADDRESS
    with Invocation(address, current.actor, current.debug).create() as store:
        tell_story(store, address, typer.echo)


def confirm(action: str, *, yes: bool) -> None:
    """Ask for confirmation in a terminal; without one, require --yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"there is no terminal to ask in: add --yes to {action}", param_hint="--yes")
    if not typer.confirm(f"{action[0].upper()}{action[1:]}?", err=True):
        raise typer.Exit(1)


def _print_session(session: Session, sentence: str, format_: str) -> None:
    document: dict[str, Json] = {
        "session": session.id,
        "position": session.position,
        "name": session.name,
        "status": session.status,
    }
    print_result(document, sentence, format_)


def _title(session: Session) -> str:
    """The name of a session, its key, or its id if it has neither."""
    return quote(session.name or session.key or session.id)


def _entry_document(entry: CatalogueEntry) -> dict[str, Json]:
    """A session of the catalogue for programs."""
    return {
        "session": entry.session,
        "key": entry.key,
        "name": entry.name,
        "user": entry.user,
        "status": entry.status,
        "position": entry.position,
        "messages": entry.messages,
        "bytes": entry.bytes,
        "created_at": iso_time(entry.created),
        "updated_at": iso_time(entry.updated),
        "forked_from": entry.forked_from,
        "forked_at": entry.forked_at,
        "digest": entry.digest.hex(),
        "metadata": entry.metadata,
    }


def _statuses(status: str | None) -> tuple[str, ...]:
    if status is None:
        return PRESENT
    return STATUSES if status == "all" else (status,)


def _cells(entry: CatalogueEntry) -> tuple[str, ...]:
    return (
        entry.session,
        clock_time(to_datetime(entry.updated)),
        str(entry.messages),
        entry.status,
        entry.user or "",
        entry.key or "",
        entry.name or "",
    )
