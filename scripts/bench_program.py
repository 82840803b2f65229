"""What things cost, each beside the least it could cost, taken in turns in one run; take the ratios, not the times."""

import random
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, median
from time import perf_counter

import msgspec

from hansard import Branch, Session, Store, open_store
from hansard.domain.codec import encode
from hansard.domain.content import content_from
from hansard.domain.events import MessageAppended

TEXT = "An event-sourced store keeps every change as one immutable event. " * 9
PAYLOAD = encode(MessageAppended(0, content_from(TEXT))).decode()
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

    def decode(self) -> None:
        decoder = msgspec.json.Decoder(MessageAppended)
        for (payload,) in self.connection.execute("SELECT payload FROM bare ORDER BY a, b LIMIT 100000"):
            decoder.decode(payload)


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


def appends(store: Store, bare: Bare, main: Branch, size: str) -> None:
    least, cost, ratio = in_turns(500, bare.insert, lambda: main.add(TEXT))
    numbers = f"{cost * 1e6:.0f} us, mean x {cost / least:.2f}, median x {ratio:.2f}"
    say(f"append one message, durable, at {size}", numbers, "x 1.5")


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


def tails(main: Branch) -> None:
    deep = main
    for _ in range(100):
        deep = deep.fork()
        deep.add("a word")
    for what, branch, bar in (("of 100 k messages", main, "1 ms"), ("of a fork 100 deep", deep, "2 ms")):
        cost = median(timed(partial(last_fifty, branch)) for _ in range(100))
        say(f"last 50 {what}", f"{cost * 1e3:.2f} ms", bar)


def last_fifty(branch: Branch) -> list[str]:
    return [message.text for message in branch.messages.last(50)]


def views(store: Store) -> None:
    """A session of 100 k messages in which a branch is forked or renamed after every fifty."""
    session = Session(store=store)
    branch = session.default_branch
    for number in range(2000):
        branch.add_many(["a word"] * 50)
        if number % 2:
            branch.rename(f"tree {number}")
        else:
            branch = random.choice(list(session.branches)).fork()

    def view() -> int:
        past = session.at(random.randint(2, session.position))
        return sum(len(branch.messages) for branch in past.branches)

    kept = median(timed(view) for _ in range(50))
    say("whole view at a random position of 100 k messages, 2 k others", f"{kept * 1e3:.1f} ms", "20 ms")
    wide = Session(store=store)
    wide.default_branch.add_many(["a word"] * 10)
    for _ in range(5000):
        wide.fork()
    spread = median(timed(lambda: Session.open(wide.id, store=store)) for _ in range(5))
    say("a session of 5 000 branches opened", f"{spread * 1e3:.0f} ms", "1 s")
    cold = median(timed(lambda: Session.open(session.id, store=store)) for _ in range(10))
    say("the same session opened cold", f"{cold * 1e3:.1f} ms", "none")


def replays(session: Session, store: Store, bare: Bare) -> None:
    _, cost, ratio = in_turns(5, bare.decode, lambda: store.load(session.id))
    say("state of 100 k events, beside cursor and decode", f"{cost * 1e3:.0f} ms, x {ratio:.2f}", "x 2")
    every = timed(lambda: sum(1 for _ in session.events()))
    say("all events read and decoded", f"{session.position / every:.0f} events/s", "none")


def size(folder: Path, session: Session, store: Store) -> None:
    store.vacuum()
    entry = store.get_session(session.id)
    say("file, beside the payloads", f"x {(folder / 'ours.db').stat().st_size / entry.bytes:.2f}", "x 1.5")


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bare = Bare(folder)
        with open_store(f"sqlite:///{folder}/ours.db") as store:
            for number in range(1000):
                Session(name=f"other {number}", store=store)
            session = Session(store=store)
            branch = session.default_branch
            branch.add_many([TEXT] * 1000)
            appends(store, bare, branch, "1 k messages, 1 000 other sessions")
            forks(session, branch, "1 k messages")
            batches(bare, branch)
            threads(store)
            while session.message_count < 100_000:
                branch.add_many([TEXT] * 1000)
            while bare.rows < 100_000:
                bare.insert(1000)
            appends(store, bare, branch, "100 k messages, 1 000 other sessions")
            forks(session, branch, "100 k messages")
            tails(branch)
            replays(session, store, bare)
            size(folder, session, store)
            views(store)


if __name__ == "__main__":
    main()
