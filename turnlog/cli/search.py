"""The command that searches the messages of one session or of all."""

from typing import Annotated

import typer

from .._session.names import CachedNameLookup
from .._session.search import SearchHit, search
from ..domain.content import MessageRole
from ..domain.json_values import Json
from ..projections.full_text import parse_query
from ..session import Session
from .context import invocation
from .escape import quote
from .options import ONLY_BRANCH, RECORDS_FORMAT
from .output import Output, note
from .parse import find_branch, open_session
from .render import message_document, print_message
from .values import checked, choice

app = typer.Typer(rich_markup_mode=None)


@app.command(name="search")
def search_messages(
    ctx: typer.Context,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", parser=checked(parse_query), help='Words, "phrases in quotes" and beginnings*.'),
    ],
    session: Annotated[str | None, typer.Option("--session", "-s", metavar="SESSION", help="In one session.")] = None,
    branch: ONLY_BRANCH = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", parser=choice(MessageRole), help="Only messages of system, user, assistant or tool."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="In the sessions of a user.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most messages to print.")] = 20,
    format_: RECORDS_FORMAT = "text",
) -> None:
    """Search messages, newest first."""
    with invocation(ctx).open() as store:
        if session is None:
            hits = search(text, store=store, user=user, branch=branch, role=role, limit=limit)
        else:
            where = open_session(store, session)
            hits = where.search(text, branch=find_branch(where, branch) if branch else None, role=role, limit=limit)
        names = CachedNameLookup(store)
        if format_ != "text":
            Output().records(format_, (_document(hit, names) for hit in hits))
            return
        if not hits:
            note("nothing found")
        titles = dict[str, str]()
        for hit in hits:
            id = hit.message.session or ""
            if id not in titles:
                titles[id] = Session.open(id, store=store).name or ""
            _print_hit(Output(), hit, titles[id], names)


def _print_hit(output: Output, hit: SearchHit, title: str, names: CachedNameLookup) -> None:
    session = hit.message.session or ""
    name = f"  {quote(title)}" if title else ""
    output.line((f"{quote(session)}{name}  on {', '.join(map(quote, hit.branches))}", "bold"))
    print_message(output, names.of(session).message(hit.message))


def _document(hit: SearchHit, names: CachedNameLookup) -> dict[str, Json]:
    session = hit.message.session
    message = message_document(hit.message, names.of(session or ""))
    return {**message, "session": session, "branches": list(hit.branches), "excerpt": hit.excerpt}
