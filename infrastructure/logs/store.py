"""Logs in memory, on their way to where they are kept: nothing is let go that was not saved everywhere it should be."""

import atexit
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock, RLock, local
from typing import Self, TypeAlias

import msgspec
import structlog

from ...domain.errors import DeliveryError, InvalidValueError, TurnlogError
from ...domain.log import Log
from ...domain.recorded_event import to_datetime
from ..after_fork import register
from ..async_methods import awaited
from ..clock import wall_clock
from ..paths import PathLike, validate_path
from .adapter import LogAdapter
from .broadcaster import LogBroadcaster
from .dump import free_path, validate_extension, write_dump
from .reading import LogReading
from .redaction.redactor import STANDARD, LogRedactor
from .stamping import new_id, stamp_log
from .subscriber import failure
from .writing import LogWriting

AT_A_TIME = 1000
"""How many logs an adapter is given at once."""


class FlushResult(msgspec.Struct, frozen=True):
    """What a flush came to: how many logs each one took, why some did not take theirs, how many are held still."""

    taken: dict[str, int]
    failed: dict[str, str]
    held: int

    @property
    def ok(self) -> bool:
        """Whether everybody took theirs."""
        return not self.failed


Take: TypeAlias = Callable[[Sequence[Log]], object]
Outcome: TypeAlias = tuple[int, str | None]
"""How many logs an outlet took, and why not all of them."""


class Outlet:
    """One place that logs go to, and how many of all logs ever written it has taken."""

    def __init__(self, name: str, take: Take, at_a_time: int, taken: int) -> None:
        self.name = name
        self.take = take
        self.at_a_time = at_a_time
        self.taken = taken


class LogStore(LogReading, LogWriting):
    """Holds up to `capacity` logs, and saves them to adapters, to the subscribers of a broadcaster and to a folder.

    Each of these takes every log, in order; one that fails is given the same again, and the others are not. Without any
    of them the oldest make way when it is full, and `dropped` counts them; with them nothing makes way that is not
    saved: who writes when it is full has it saved first, and DeliveryError says that this failed.
    """

    def __init__(
        self,
        *,
        capacity: int | None = 10_000,
        adapters: Sequence[LogAdapter] = (),
        broadcaster: LogBroadcaster | None = None,
        folder: PathLike | None = None,
        prefix: str = "logs",
        extension: str = ".jsonl",
        redactor: LogRedactor | None = STANDARD,
        save_at_exit: bool = False,
        clock: Callable[[], int] = wall_clock,
        fresh_id: Callable[[], str] = new_id,
    ) -> None:
        if capacity is not None and (not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1):
            raise InvalidValueError("the capacity", f"is {capacity!r}: expected a whole number from 1 on, or None")
        if not prefix or Path(prefix).name != prefix:
            raise InvalidValueError("the prefix", f"is {prefix!r}: expected the beginning of the name of a file")
        self.capacity = capacity
        self.dropped = 0
        self._adapters = _in_thread(adapters)
        self._broadcaster = broadcaster
        self._folder = None if folder is None else validate_path(folder, "the folder")
        self._prefix, self._extension = prefix, validate_extension(extension)
        self._redactor, self._save_at_exit = redactor, save_at_exit
        self._clock, self._fresh_id = clock, fresh_id
        self._logs: list[Log] = []
        self._gone = 0  # how many were written before the first of these
        self._outlets: dict[str, Outlet] = {}
        self._lock, self._flushing = Lock(), RLock()
        self._here = local()
        if save_at_exit and not self._saves:
            raise InvalidValueError(
                "save_at_exit", "has nowhere to save to: expected adapters, a broadcaster or a folder"
            )
        register(self)

    def after_fork(self) -> None:
        """Takes locks of its own in a child process; what waits is its parent's to save."""
        self._lock, self._flushing, self._here = Lock(), RLock(), local()
        self._gone += len(self._logs)
        self._logs = []
        for outlet in self._outlets.values():
            outlet.taken = self._gone

    def __iter__(self) -> Iterator[Log]:
        with self._lock:
            return iter(list(self._logs))

    def __len__(self) -> int:
        with self._lock:
            return len(self._logs)

    def __bool__(self) -> bool:
        return True  # an empty store of logs is one still

    def __repr__(self) -> str:
        return f"<LogStore: {len(self)} of {'any number' if self.capacity is None else self.capacity}>"

    def add(self, log: Log) -> Log:
        """Keeps a log, and answers with it as it is kept: with an id and a time."""
        return self._write(log)

    def _write(self, log: Log) -> Log:
        kept = stamp_log(log, self._clock(), self._fresh_id)
        while not self._put(kept):
            self._make_way()
        if self._save_at_exit:
            _unsaved.add(self)
        return kept

    def _put(self, log: Log) -> bool:
        with self._lock:
            if self.capacity is not None and len(self._logs) >= self.capacity and not self._draining:
                if self._saves:
                    return False
                self._let_go(1)
                self.dropped += 1
            self._logs.append(log)
            return True

    def _make_way(self) -> None:
        with self._flushing:
            with self._lock:
                if self.capacity is None or len(self._logs) < self.capacity:
                    return
            saved = self.save()
            if saved.held >= self.capacity and not (saved.ok and any(saved.taken.values())):
                reason = "; ".join(saved.failed.values()) or "there is nobody to take them"
                raise _full(self.capacity, reason)

    # Saving

    def flush(self, *, clear: bool = True) -> FlushResult:
        """Has the adapters and the subscribers take what they have not taken yet, and lets go of what all have.

        Whoever calls it while another does waits for that, and finds what was added since.
        """
        return self._flush(with_folder=False, clear=clear)

    def save(self) -> FlushResult:
        """Flushes, and dumps to the folder, if there is one, what was not dumped there."""
        return self._flush(with_folder=True, clear=True)

    def dump(self, path: PathLike | None = None, *, clear: bool = False) -> Path:
        """Writes all that is held to a file, and answers where: as a JSON array (.json) or as lines of JSON (.jsonl).

        Without a path a new file is made in the folder. A file that is there is never written over. With `clear` it
        lets go of what was written, unless somebody else is to take it still.
        """
        target = self._free_path() if path is None else validate_path(path)
        with self._flushing:
            with self._lock:
                logs, until = list(self._logs), self._gone + len(self._logs)
            write_dump(target, [self._redact(log) for log in logs])
            with self._lock:
                if path is None:
                    self._outlets_now()[_FOLDER].taken = until
                if clear:
                    others = [each.taken for each in self._outlets_now().values() if each.name != _FOLDER]
                    self._let_go(min((until, *others)) - self._gone)
        return target

    def clear(self) -> int:
        """Lets go of everything, saved or not; answers how many logs that were."""
        with self._flushing, self._lock:
            count = len(self._logs)
            self._let_go(count)
            return count

    def close(self) -> None:
        """Saves what is held; what could not be saved is held still, and said."""
        saved = self.save()
        if not saved.ok:
            raise _full(saved.held, "; ".join(saved.failed.values()))

    aadd = awaited(add)
    aflush = awaited(flush)
    asave = awaited(save)
    adump = awaited(dump)
    aclear = awaited(clear)
    aclose = awaited(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _flush(self, *, with_folder: bool, clear: bool, in_turn: bool = False) -> FlushResult:
        if self._draining:  # somebody who takes logs writes some: they wait for the next time
            return FlushResult({}, {}, len(self))
        with self._flushing:
            with self._lock:
                outlets = [each for each in self._outlets_now().values() if with_folder or each.name != _FOLDER]
                until = self._gone + len(self._logs)
            drains = [partial(self._drain, each, until) for each in outlets]
            outcomes = [drain() for drain in drains] if in_turn or len(drains) < 2 else _gather(drains)
            return self._flush_result(outlets, outcomes, clear)

    def _flush_result(self, outlets: list[Outlet], outcomes: "list[Outcome]", clear: bool) -> FlushResult:
        with self._lock:
            current = self._outlets_now().values()
            if clear and current:
                self._let_go(min(each.taken for each in current) - self._gone)
            held = len(self._logs)
            if not held:
                _unsaved.discard(self)
        told = list(zip(outlets, outcomes, strict=True))
        taken = {outlet.name: count for outlet, (count, _) in told}
        return FlushResult(taken, {outlet.name: reason for outlet, (_, reason) in told if reason is not None}, held)

    def _drain(self, outlet: Outlet, until: int) -> "Outcome":
        """Has an outlet take its logs up to a number; answers how many it took, and why not all."""
        before, self._here.draining = outlet.taken, True
        try:
            return self._take(outlet, until, before)
        finally:
            self._here.draining = False

    def _take(self, outlet: Outlet, until: int, before: int) -> "Outcome":
        while outlet.taken < until:
            with self._lock:
                start = outlet.taken - self._gone
                logs = list(islice(self._logs, start, min(start + outlet.at_a_time, until - self._gone)))
            try:
                outlet.take(logs)
            except Exception as reason:  # noqa: BLE001 (outlets may be anybody's, and one does not stop the others)
                return outlet.taken - before, _message_of(outlet.name, reason)
            outlet.taken += len(logs)
        return outlet.taken - before, None

    @property
    def _saves(self) -> bool:
        """Whether there is anywhere to save to."""
        return bool(self._adapters) or self._folder is not None or self._broadcaster is not None

    @property
    def _draining(self) -> bool:
        """Whether this thread is handing logs over right now."""
        return getattr(self._here, "draining", False)

    def _outlets_now(self) -> dict[str, Outlet]:
        """Where logs go now. Whoever came since takes all that is held; whoever left is waited for no longer."""
        takes: dict[str, tuple[Take, int]] = {}
        for name, adapter in self._adapters.items():
            takes[name] = (partial(self._write_to, adapter), AT_A_TIME)
        if self._broadcaster is not None:
            for each in self._broadcaster.subscribers:
                deliver = partial(self._deliver_to, self._broadcaster, each.name)
                takes[f"{_SUBSCRIBER}{each.name}"] = (deliver, each.batch_size)
        if self._folder is not None:
            takes[_FOLDER] = (self._dump_some, 2**31)
        known = self._outlets
        self._outlets = {
            name: Outlet(name, take, size, known[name].taken if name in known else self._gone)
            for name, (take, size) in takes.items()
        }
        return self._outlets

    def _write_to(self, adapter: LogAdapter, logs: Sequence[Log]) -> None:
        adapter.write(map(self._redact, logs))

    def _deliver_to(self, broadcaster: LogBroadcaster, subscriber: str, logs: Sequence[Log]) -> None:
        broadcaster.deliver(subscriber, list(map(self._redact, logs)))

    def _dump_some(self, logs: Sequence[Log]) -> None:
        write_dump(self._free_path(), list(map(self._redact, logs)))

    def _free_path(self) -> Path:
        if self._folder is None:
            raise InvalidValueError(
                "the path of the dump", "is not given: expected one, or a store of logs with a folder"
            )
        return free_path(self._folder, self._prefix, self._extension, to_datetime(self._clock()))

    def _let_go(self, count: int) -> None:
        if count > 0:
            del self._logs[:count]
            self._gone += count
            for outlet in self._outlets.values():
                outlet.taken = max(outlet.taken, self._gone)

    def _redact(self, log: Log) -> Log:
        return log if self._redactor is None else self._redactor.redact_log(log)


_FOLDER = "folder"
_SUBSCRIBER = "subscriber "

_unsaved: set[LogStore] = set()
"""The stores of logs that want to be saved at exit and hold something; no other is kept alive by that."""


def _save_all() -> None:
    for each in list(_unsaved):
        saved = each._flush(with_folder=True, clear=True, in_turn=True)  # at exit no thread can be started any more
        if not saved.ok:
            structlog.get_logger("turnlog").warning(
                "logs not saved at exit", logs=saved.held, reasons=list(saved.failed.values())
            )


atexit.register(_save_all)


def _in_thread(adapters: Sequence[LogAdapter]) -> dict[str, LogAdapter]:
    named = {each.name: each for each in adapters}
    if len(named) < len(adapters):
        raise InvalidValueError("the adapters", "have a name in common: expected each place once")
    return named


def _gather(drains: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """The outcomes of all, which are made at once so that a slow one does not keep the others waiting."""
    with ThreadPoolExecutor(len(drains), thread_name_prefix="turnlog-logs") as threads:
        return list(threads.map(lambda drain: drain(), drains))


def _message_of(name: str, reason: Exception) -> str:
    return str(reason if isinstance(reason, TurnlogError) else failure(name, reason))


def _full(capacity: int, reason: str) -> DeliveryError:
    return DeliveryError("the log store", f"it is full at {capacity} logs, and they could not be saved: {reason}")
