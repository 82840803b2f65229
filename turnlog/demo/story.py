"""Tells the demo as it happens, and then what its record has to say: what `turnlog demo` prints."""

import asyncio
from collections.abc import Callable, Iterable
from textwrap import indent

from ..branch_view import BranchView
from ..domain.errors import MissingExtraError
from ..infrastructure.store import Store
from ..projections.usage import TokenUsage, usage_by
from ..provenance import acting
from ..session_view import SessionView
from .scenario import gather, mistake, take_over, try_again, work
from .scripted_model import PRICES

ADDRESS = "sqlite:///turnlog-demo.db"
"""Where the demo is recorded unless another store is named."""

Write = Callable[[str], object]

COLUMNS = ["position", "branch", "role", "origin", "text"]


def tell_story(store: Store, address: str, write: Write = print) -> None:
    """Records a session in the store, and shows what can be asked of it; each time it is called, one session more.

    The address is how the store is called in the commands that are shown at the end.
    """
    asyncio.run(_tell(store, address, write))


async def _tell(store: Store, address: str, write: Write) -> None:
    team = gather(store)
    session = team.session

    write("A customer complains, and three agents settle it. Each has a branch; what they say to each other is mail.")
    await work(team)
    for branch in session.branches:
        _show(branch, write)

    write("\nBilling was mistaken. When was it said, by whom, as part of what?")
    position = mistake(team)
    said = next(each for each in team.billing.messages if each.position == position)
    why = session.blame(said)
    write(f"    position {position}, {why.actor}, {why.correlation_id}, because of position {why.causation}")
    write(f"    What billing showed at position {position - 1}, just before:")
    _show(session.at(position - 1).branches["billing"], write)

    write("\nSo ada forks billing there, tells it what it did not know, and compares.")
    before = session.position
    retry = await try_again(team, position)
    write(f"    The fork is one event at position {before + 1}; nothing was copied.")
    write(indent(session.diff(team.billing, retry).text, "    "))

    write("\nBilling goes back to before the mistake and takes over what the fork says; the desk answers.")
    await take_over(team, retry, position)
    _show(team.billing, write)
    _show(team.desk, write)

    with acting(actor="ada", correlation_id="debug-7"):
        again = await session.rerun("review", name="review-again")
    same = session.compare("review", again).same
    write(f"\nReview is done over on a fork, answered from the record and not by a model. The same again: {same}")

    write("\nThe branches as a tree, with the positions they were forked at:")
    _tree(session, write)

    write("\nNothing is lost: the session as it was at the mistake, and as it is now.")
    for when, view in ((f"at {position}", session.at(position)), ("now", session)):
        write(f"    {when:6} {len(view.branches)} branches, {view.message_count} messages; billing says:")
        write(f"           {view.branches['billing'].messages[-1].text}")

    write("\nThe messages of all branches as a DataFrame:")
    _frame(session, write)
    write("\nWhat the models have used, at prices made up for this demo:")
    _usage(store, session, write)
    write(f"\nEvery digest fits the one before it:\n    {store.verify(session.id)}")
    _where_next(store, address, write)


def _show(branch: BranchView, write: Write) -> None:
    write(f"    {branch.name}")
    for message in branch.messages:
        write(f"      {message.position:3} {message.role.value:9} {message.text}")


def _tree(session: SessionView, write: Write) -> None:
    branches = list(session.branches)

    def below(parent: str | None, before: str) -> None:
        children = [branch for branch in branches if branch.parent == parent]
        for child in children:
            last = child is children[-1]
            forked = "" if child.forked_at is None else f", forked at {child.forked_at}"
            write(f"    {before}{'└─' if last else '├─'} {child.name} ({_count(child)}{forked})")
            below(child.id, before + ("   " if last else "│  "))

    below(None, "")


def _count(branch: BranchView) -> str:
    return f"{len(branch.messages)} messages"


def _frame(session: SessionView, write: Write) -> None:
    try:
        frame = session.to_df()
    except MissingExtraError as missing:
        write(f"    {missing}")
        return
    shown = frame.assign(text=[str(text)[:36].strip() for text in frame["text"]])
    write(indent(shown[COLUMNS].to_string(index=False), "    "))


def _usage(store: Store, session: SessionView, write: Write) -> None:
    names = {number: branch.name for number, branch in _branches_by_number(session)}
    rows = usage_by(store.project(TokenUsage(), session=session.id), ["branch", "model"], prices=PRICES)
    for row in rows:
        write(
            f"    {names[row['branch']]:15} {row['model']}  {row['calls']} calls, {row['input_tokens']:4} tokens in,"
            f" {row['output_tokens']:3} out, {row['cost']:.6f} USD"
        )


def _branches_by_number(session: SessionView) -> Iterable[tuple[int, BranchView]]:
    return ((branch.number, branch) for branch in session.branches)


def _where_next(store: Store, address: str, write: Write) -> None:
    count = sum(1 for _ in store.sessions())
    write(f"\nIt is all in {address}, which has {count} session{'s' if count > 1 else ''} now. Look around:")
    for command in ("list", "show @last --branch desk", "log @last", "branches @last", "replay @last"):
        write(f"    turnlog --store {address} {command}")
    write("docs/tutorial.md goes on from here.")
