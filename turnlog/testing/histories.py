"""Random histories of sessions, as their own decisions make them; the same number makes the same history."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from msgspec.structs import replace

from ..branch import Branch
from ..domain import events as e
from ..domain.codec import decode, encode
from ..domain.errors import InvalidOperationError
from ..domain.events.work import LogType
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.store import Store
from ..provenance import acting
from ..session import Session

FIRST_MOMENT = 1_700_000_000_000_000
"""When the first event of a test is said to be recorded: 14 November 2023, 22:13:20 UTC."""

SECOND = 1_000_000

WORDS = ("event", "sourcing", "ÄRGER", "注文", "hello", "заказ", "12", "naïve", "a\0b", "🙂")
LONGEST_PAUSE = 40_000
"""Seconds between two changes, so that a history spans days."""

Change = Callable[[Random, Session, Branch], object]


def random_history(seed: int, *, sessions: int = 3, changes: int = 40) -> list[RecordedEvent]:
    """What is on the record after random changes of some sessions: forks, rewinds, merges, calls, failures, words."""
    chance, time = Random(seed), [FIRST_MOMENT]
    with Store(MemoryRecorder(), lambda: time[0]) as store:
        opened: list[Session] = []
        for _ in range(changes):
            time[0] += chance.randint(0, LONGEST_PAUSE) * SECOND
            with acting(actor=chance.choice(["ada", "bob", None]), correlation_id=chance.choice(["run-1", None])):
                if len(opened) < sessions and (not opened or chance.random() < 0.1):
                    opened.append(_start(chance, store, len(opened)))
                with suppress(InvalidOperationError):
                    session = chance.choice(opened)
                    branch = chance.choice(list(session.branches) or [session.default_branch])
                    chance.choice(CHANGES)(chance, session, branch)
        return _give_new_names(store.read_all(limit=changes * 50))


def _give_new_names(events: list[RecordedEvent]) -> list[RecordedEvent]:
    """The events with ids that are the same every time."""
    ids: dict[str, str] = {}
    for event in events:
        ids.setdefault(event.session, f"session-{len(ids)}")
        if isinstance(event.event, e.BranchCreated):
            ids.setdefault(event.event.id, f"branch-{len(ids)}")
    renamed = []
    for event in events:
        payload = encode(event.event).decode()
        for old, new in ids.items():
            payload = payload.replace(old, new)
        session = ids[event.session]
        same = decode(event.name, payload, session, event.position)
        renamed.append(replace(event, session=session, event=same, digest=b""))
    return renamed


def _start(chance: Random, store: Store, number: int) -> Session:
    name = f"session {number}"
    return Session(chance.choice(["You are terse.", None]), name=name, user=chance.choice(["ada", None]), store=store)


def _text(chance: Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 6)))


def _say(chance: Random, session: Session, branch: Branch) -> None:
    role = chance.choice(["user", "assistant", "user", "assistant", "system"])
    branch.add({"role": role, "content": _text(chance)}, sender=chance.choice(["ada", None]))


def _say_more(chance: Random, session: Session, branch: Branch) -> None:
    branch.add_many([_text(chance) for _ in range(chance.randint(1, 4))])


def _fork(chance: Random, session: Session, branch: Branch) -> None:
    branch.fork(at=chance.randint(1, session.position))


def _rewind(chance: Random, session: Session, branch: Branch) -> None:
    branch.rewind(chance.randint(1, session.position))


def _retract(chance: Random, session: Session, branch: Branch) -> None:
    if len(branch.messages):
        branch.retract(branch.messages[chance.randrange(len(branch.messages))])


def _merge(chance: Random, session: Session, branch: Branch) -> None:
    session.merge(chance.choice(list(session.branches)), into=branch)


def _model_called(chance: Random, session: Session, branch: Branch) -> None:
    failed = chance.random() < 0.2
    call = e.ModelCalled(
        model=chance.choice(["small", "large"]),
        provider=chance.choice(["here", None]),
        branch=chance.choice([branch.number, None]),
        error="out of tokens" if failed else None,
        input_tokens=None if failed else chance.randint(0, 5000),
        output_tokens=chance.choice([None, chance.randint(0, 500)]),
        duration_ms=chance.choice([None, 12.5, 0.1]),
    )
    _record(session, [call])


def _operation(chance: Random, session: Session, branch: Branch) -> None:
    operation = f"operation-{session.position}"
    ended = (e.OperationCompleted(operation, {"ok": True}), e.OperationFailed(operation, "Timeout", "no answer"))
    _record(session, [e.OperationStarted(operation, "chat", branch.number), *chance.choice([ended[:1], ended[1:], ()])])


def _log(chance: Random, session: Session, branch: Branch) -> None:
    _record(session, [e.LogRecorded(LogType.INFO, chance.choice(["api", None]), _text(chance), {"status": 200})])


def _deny(chance: Random, session: Session, branch: Branch) -> None:
    _record(session, [e.AccessDenied("tool", ["search"], branch.number)])


def _record(session: Session, events: Sequence[e.Event]) -> None:
    session._stream.store.append(session.id, events)


CHANGES: Sequence[Change] = (
    *(_say,) * 4,
    *(_say_more,) * 2,
    *(_model_called,) * 4,
    _fork,
    _rewind,
    _retract,
    _merge,
    _operation,
    _log,
    _deny,
    lambda chance, session, branch: branch.truncate(chance.randint(0, 3)),
    lambda chance, session, branch: branch.clear(),
    lambda chance, session, branch: branch.undo(),
    lambda chance, session, branch: branch.set_system(chance.choice([_text(chance), None])),
    lambda chance, session, branch: branch.rename(chance.choice(["plan", "main", "other"])),
    lambda chance, session, branch: session.set_state("topic", _text(chance)),
    lambda chance, session, branch: session.rename(_text(chance)),
    lambda chance, session, branch: session.remove_branch(branch),
)
