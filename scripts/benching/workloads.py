"""The work: what is prepared, what is timed, at which sizes: for a full run, a quick one, a tiny one in tests."""

from collections.abc import Iterator
from typing import Any

from .contestants import OURS
from .drivers.speaking import RARE
from .work import Ask, Scale, Unit, Workload

TURNLOG_ONLY = frozenset({OURS})


def workloads(scale: Scale) -> list[Workload]:
    """All of it, in the order it is measured."""
    parts = appends, sharing, reading, forking, looking_back, lists, frames, projected, sizes, our_own, on_postgres
    return [each for part in parts for each in part(scale)]


def said(count: int) -> str:
    """A count as people write it: 1 k, 100 k, 1 M."""
    if count >= 1_000_000:
        return f"{count // 1_000_000} M"
    return f"{count // 1000} k" if count >= 1000 and count % 1000 == 0 else str(count)


def filled(count: int, session: str | None = None) -> Ask:
    return Ask("fill", {"session": session or long(count), "count": count})


def long(count: int) -> str:
    """The name of the session that has so many messages."""
    return f"long {count}"


def appends(scale: Scale) -> Iterator[Workload]:
    for count in scale.lengths:
        yield Workload(
            name=f"append at {said(count)}",
            kind="append",
            title=f"append one message, one durable commit, to a session of {said(count)}",
            unit="us",
            work="append",
            prepare=[filled(count)],
            run=Ask("append", {"session": long(count)}),
            length=count,
        )
    for batch in (10, 100, 1000):
        yield Workload(
            name=f"append {said(batch)} per commit",
            kind="batch",
            title=f"append {said(batch)} messages in one commit",
            unit="per second",
            work="append_many",
            prepare=[filled(20, "batches")],
            run=Ask("append", {"session": "batches", "per_commit": batch}),
            per=batch,
            most=max(1, 4000 // batch),
        )
    yield Workload(
        name=f"append beside {said(scale.others)} others",
        kind="append",
        title=f"append one message, {said(scale.others)} other sessions in the file",
        unit="us",
        work="append",
        place="beside others",
        prepare=[Ask("fill_many", {"sessions": scale.others}), filled(20, "one of many")],
        run=Ask("append", {"session": "one of many"}),
        length=scale.others if scale.others > 100 else 0,
    )


def sharing(scale: Scale, family: str = "sqlite", threads: int | None = None) -> Iterator[Workload]:
    threads = threads or scale.threads
    place = "" if family == "sqlite" else " on PostgreSQL"
    yield Workload(
        name=f"append by {threads} threads{place}",
        kind="threads",
        title=f"{threads} threads append durably to {threads} sessions{place}",
        unit="per second",
        work="append_by_threads",
        family=family,
        run=Ask("append_by_threads", {"threads": threads, "each": 20 if scale.seconds > 0.1 else 5}),
        beside=Ask("append_by_threads", {"threads": 1, "each": 100 if scale.seconds > 0.1 else 20}),
        most=1,
    )
    yield Workload(
        name=f"append by {scale.processes} processes{place}",
        kind="processes",
        title=f"{scale.processes} processes append durably to {scale.processes} sessions{place}",
        unit="per second",
        work="append_by_processes",
        family=family,
        run=Ask("append_each", {"each": 20 if scale.seconds > 0.1 else 5}),
        processes=scale.processes,
        most=1,
    )


def reading(scale: Scale) -> Iterator[Workload]:
    for count in scale.lengths:
        yield Workload(
            name=f"load {said(count)}",
            kind="load",
            title=f"load all {said(count)} messages of a session",
            unit="ms",
            prepare=[filled(count)],
            run=Ask("load", {"session": long(count)}),
            length=count,
        )
    for count in scale.lengths:
        yield Workload(
            name=f"last 50 of {said(count)}",
            kind="tail",
            title=f"the last 50 of {said(count)} messages",
            unit="ms",
            prepare=[filled(count)],
            run=Ask("last", {"session": long(count), "count": 50}),
            length=count,
        )


def forking(scale: Scale) -> Iterator[Workload]:
    for count in scale.forked:
        yield Workload(
            name=f"fork {said(count)}",
            kind="fork",
            title=f"fork a session of {said(count)} messages in its middle",
            unit="us",
            prepare=[filled(count)],
            run=Ask("fork", {"session": long(count)}),
            beside=Ask("append", {"session": long(count)}),
            length=count,
            most=50,
        )
    yield Workload(
        name=f"fork of {scale.nested} forks",
        kind="fork",
        title=f"the last 50 of a fork {scale.nested} deep",
        unit="ms",
        work="nest",
        prepare=[filled(100, "nested"), Ask("nest", {"session": "nested", "depth": scale.nested})],
        run=Ask("last_of_deepest", {"count": 50}),
    )


def looking_back(scale: Scale) -> Iterator[Workload]:
    count = scale.viewed
    yield Workload(
        name=f"view {said(count)}",
        kind="view",
        title=f"a whole session of {said(count)} at a random moment; Turnlog's has {said(count // 50)} other events",
        unit="ms",
        prepare=[filled(count, "viewed")],
        run=Ask("view", {"session": "viewed"}),
        length=count,
        rounds=scale.rounds,
    )
    count = scale.replayed
    yield Workload(
        name=f"replay {said(count)}",
        kind="replay",
        title=f"the state of a session of {said(count)}, cold, from the file",
        unit="ms",
        prepare=[filled(count)],
        run=Ask("replay", {"session": long(count)}),
        length=count,
    )
    yield Workload(
        name=f"events of {said(count)}",
        kind="replay",
        title=f"every event of a session of {said(count)}, decoded, with all its columns",
        unit="per second",
        prepare=[filled(count)],
        run=Ask("read_events", {"session": long(count)}),
        per=count,
        length=count,
    )


def lists(scale: Scale) -> Iterator[Workload]:
    yield Workload(
        name=f"list {said(scale.listed)}",
        kind="list",
        title=f"list {said(scale.listed)} sessions",
        unit="ms",
        place="many",
        prepare=[Ask("fill_many", {"sessions": scale.listed})],
        run=Ask("list_sessions"),
        length=scale.listed,
    )
    yield Workload(
        name=f"search {said(scale.searched)}",
        kind="search",
        title=f"the one of {said(scale.searched)} messages that has some words",
        unit="ms",
        prepare=[filled(scale.searched)],
        run=Ask("search", {"session": long(scale.searched), "word": RARE}),
        length=scale.searched,
    )


def frames(scale: Scale) -> Iterator[Workload]:
    count = scale.framed
    for what, text in (("short", "a message of some sixty characters, as they are said in a chat"), ("long", None)):
        how = {"session": f"{what} frame", "count": count} | ({} if text is None else {"text": text})
        yield Workload(
            name=f"frame of {said(count)} {what}",
            kind="frames",
            title=f"a DataFrame of {said(count)} {what} messages",
            unit="per second",
            place="frames",
            prepare=[Ask("fill", how)],
            run=Ask("frame", {"session": f"{what} frame"}),
            per=count,
            length=count,
            only=frozenset({"limit", OURS, "lionagi"}) if count <= 20_000 else frozenset({"limit", OURS}),
            rounds=min(scale.rounds, 5),
        )


def projected(scale: Scale, family: str = "sqlite") -> Iterator[Workload]:
    place = "" if family == "sqlite" else " on PostgreSQL"
    count = scale.projected
    prepare = [filled(count // 50, f"projected {number}") for number in range(50)]
    length = 0 if count <= 10_000 else count
    for projection, does in (
        ("counted", "adds to a row"),
        ("changed", "finds and puts a row"),
        ("listed", "puts a row of its own"),
    ):
        yield Workload(
            name=f"catch-up {said(count)}, {projection}{place}",
            kind="projections",
            title=f"a projection that {does} for each message catches up with {said(count)}{place}",
            unit="per second",
            family=family,
            place="projected",
            prepare=prepare,
            before=[Ask("forget", {"projection": projection})],
            run=Ask("catch_up", {"projection": projection}),
            per=count,
            length=length,
            only=TURNLOG_ONLY,
            most=1,
            rounds=min(scale.rounds, 5),
        )
    yield Workload(
        name=f"rebuild{place}",
        kind="projections",
        title=f"a projection is rebuilt from {said(count)} messages{place}",
        unit="per second",
        family=family,
        place="projected",
        prepare=[*prepare, Ask("catch_up")],
        run=Ask("rebuild"),
        per=count,
        length=length,
        only=TURNLOG_ONLY,
        most=1,
        rounds=min(scale.rounds, 5),
    )
    yield Workload(
        name=f"feed{place}",
        kind="projections",
        title=f"all {said(count)} events of a store read and decoded, in order{place}",
        unit="per second",
        family=family,
        place="projected",
        prepare=prepare,
        run=Ask("feed"),
        per=count,
        length=length,
        most=1,
        rounds=min(scale.rounds, 5),
    )


def sizes(scale: Scale) -> Iterator[Workload]:
    turn = "It rained on the day the harbour closed, and nobody at the table could say whose turn it was to speak. "
    for count in scale.turns:
        yield Workload(
            name=f"size of {count} turns",
            kind="size",
            title=f"bytes on disk for each turn, {count} turns of 400 characters",
            unit="bytes",
            work="size",
            run=Ask("append", {"session": "turns", "text": (turn * 4)[:400]}),
            per=count,
            measures="size",
        )
    count = scale.searched
    yield Workload(
        name=f"memory for {said(count)}",
        kind="memory",
        title=f"memory that a process takes to open a store and load {said(count)} messages",
        unit="MB",
        work="load",
        prepare=[filled(count)],
        run=Ask("load", {"session": long(count)}),
        length=count,
        measures="memory",
    )


def our_own(scale: Scale) -> Iterator[Workload]:
    """What only Turnlog has, so that it is not lost from sight."""

    def own(name: str, kind: str, title: str, unit: Unit, run: Ask, *prepare: Ask, **more: Any) -> Workload:
        return Workload(
            name=name, kind=kind, title=title, unit=unit, run=run, prepare=prepare, only=TURNLOG_ONLY, **more
        )

    yield own("one step of a replay", "replay", f"one step of a replay of {said(scale.replayed)}", "us", Ask("step"),
              filled(scale.replayed), before=[Ask("goto", {"session": long(scale.replayed)})], most=10)  # fmt: skip
    widen = Ask("widen", {"session": "wide", "branches": scale.branches})
    yield own("a wide session", "wide", f"a session of {said(scale.branches)} branches opened", "ms",
              Ask("replay", {"session": "wide"}), widen)  # fmt: skip
    yield own("one mail", "mail", f"one mail sent, moved and taken out beside {said(scale.mails)} under way", "us",
              Ask("mail", {"session": "post"}), Ask("posted", {"session": "post", "count": scale.mails}))  # fmt: skip
    yield own("mails", "mail", f"{said(scale.mails)} mails sent, collected, delivered, received", "per second",
              Ask("mail_through", {"session": "through", "count": scale.mails}), per=scale.mails, most=1)  # fmt: skip
    managed = Ask("managed", {"count": scale.managed})
    for run, what in (("first_page", "first page"), ("last_used", "last used"), ("one_of_many", "one")):
        yield own(f"{what} of managed sessions", "catalogue", f"{what} of {said(scale.managed)} managed sessions", "ms",
                  Ask(run), managed)  # fmt: skip
    count = scale.searched
    yield own(f"file of {said(count)}", "file", f"the file of {said(count)} messages, beside their payloads", "ratio",
              Ask("weigh"), filled(count), place="weighed", most=1, rounds=2)  # fmt: skip
    yield own("append with a projection", "projections", "append one message with an inline projection", "us",
              Ask("append", {"session": "inline"}), filled(20, "inline"), Ask("attach"), beside=None)  # fmt: skip


def on_postgres(scale: Scale) -> Iterator[Workload]:
    yield Workload(
        name="append on PostgreSQL",
        kind="postgres",
        title="append one message, one durable commit, on PostgreSQL, one writer",
        unit="us",
        work="append",
        family="postgres",
        prepare=[filled(20, "one")],
        run=Ask("append", {"session": "one"}),
    )
    yield from sharing(scale, "postgres", threads=min(8, scale.threads))
    yield from projected(scale, "postgres")
