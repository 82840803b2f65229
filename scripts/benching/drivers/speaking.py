"""What every driver has in common: it takes one JSON request a line, does it, and says what it took.

Only the standard library: it runs in the environment of every contestant.
"""

import json
import os
import random
import resource
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any, ClassVar

TEXT = "An event-sourced store keeps every change as one immutable event. " * 9
"""594 characters: what every message says, unless the work asks for another."""

RARE = "a needle that one message in the middle has"


class Driver:
    """A contestant's public interface, as the bench asks for it; a method that is not there cannot be done.

    Sessions go by a name. `fill` makes a session, or makes it longer, up to a number of messages; it is not timed.
    """

    ways: ClassVar[Mapping[str, str]] = {}
    """For each work, how it is done here, where that is not obvious."""

    cannot: ClassVar[Mapping[str, str]] = {}
    """For each work that is not possible, why."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.filled: dict[str, int] = {}

    def open(self) -> None:
        """Opens the store; what it costs is not timed."""

    def about(self) -> dict[str, str]:
        """The versions, and the settings of durability as the database itself says them."""
        raise NotImplementedError

    def close(self) -> None:
        """Leaves everything on the disk."""

    def add(self, session: str, texts: Sequence[str]) -> None:
        """Records these messages in one commit, or in as few as the contestant can."""
        raise NotImplementedError

    def start(self, session: str) -> None:
        """Makes a session."""

    def fill(self, session: str, count: int, text: str = TEXT, batch: int = 1000) -> None:
        if session not in self.filled:
            self.start(session)
            self.filled[session] = 0
        while self.filled[session] < count:
            size = min(batch, count - self.filled[session])
            middle = count // 2 - self.filled[session]
            self.add(session, [f"{text}{RARE}" if number == middle else text for number in range(size)])
            self.filled[session] += size

    def fill_many(self, sessions: int) -> None:
        """Other sessions in the same place, each with one message."""
        for number in range(sessions):
            self.fill(f"other {number}", 1)

    def append(self, session: str, per_commit: int = 1, text: str = TEXT) -> None:
        self.add(session, [text] * per_commit)

    def append_by_threads(self, threads: int, each: int) -> dict[str, float]:
        """Every thread adds to a session of its own; answers with the seconds that one message took, over all."""
        workers = [Thread(target=self.append_each, args=(f"thread {number}", each)) for number in range(threads)]
        for number in range(threads):
            self.fill(f"thread {number}", 1)
        begun = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return {"seconds": (perf_counter() - begun) / (threads * each)}

    def append_each(self, session: str, each: int) -> None:
        for _ in range(each):
            self.append(session)

    def idle(self) -> None:
        """Nothing; what a request costs."""


def anywhere(count: int) -> int:
    """A random number of 1 to `count`, not at either end."""
    return random.randint(count // 10 + 1, count - count // 10)


def serve(kind: type[Driver]) -> None:
    """Answers requests until there are no more; whatever goes wrong is an answer, too."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a contestant that prints does not disturb the answers
    driver: Driver | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["do"] == "open":
                driver = kind(Path(asked["folder"]), asked["address"])
                driver.open()
                about = {**driver.about(), "python": sys.version.split()[0]}
                answer: dict[str, Any] = {"ways": dict(kind.ways), "cannot": dict(kind.cannot), "about": about}
            else:
                answer = done(driver, asked["do"], asked.get("with", {}), asked.get("times", 1))
        except Exception as reason:  # noqa: BLE001 (the bench shows it, and goes on with the others)
            traceback.print_exc()
            answer = {"failed": f"{type(reason).__name__}: {reason}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        if asked["do"] == "close":
            return


def done(driver: Driver | None, what: str, arguments: Mapping[str, Any], times: int) -> dict[str, Any]:
    """Does it so many times: the seconds that one took, when it began and ended, and the memory it took."""
    work = getattr(driver, what, None)
    if work is None:
        return {"cannot": "it has nothing of the kind"}
    before = forget_peak()
    begun = perf_counter()
    for _ in range(times):
        answer = work(**arguments)
    ended = perf_counter()
    took = {"seconds": (ended - begun) / times, "begun": begun, "ended": ended}
    memory = {"peak": peak(), "grown": max(0, peak() - before)}
    return {**took, **memory, **(answer if isinstance(answer, dict) else {})}


def forget_peak() -> int:
    """Lets the peak of the memory begin anew, where the system can; answers with what is in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return peak()


def peak() -> int:
    """The most memory that was in use, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def sqlite_settings(journal: object, synchronous: object) -> str:
    """The words for what SQLite says of itself."""
    names = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
    level = names.get(int(str(synchronous)), str(synchronous))
    return f"journal_mode={str(journal).upper()}, synchronous={level}"
