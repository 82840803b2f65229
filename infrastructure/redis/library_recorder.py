"""Beside the record in Redis: snapshots and views under keys of their own, in the same slot of a cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    StoredEvent,
    Tracking,
)

from ..eventsourcing_adapter.companions import Companions, LibraryProcess, LibraryView, not_ahead
from ..eventsourcing_adapter.stored_events import library_errors
from ..recorder import Recorder
from .codec import Argument
from .recorder import RedisRecorder
from .scripts import Script
from .server import ConnectionLost, Reply, Server


def _script(text: str) -> Script:
    return Script(text.encode(), sha1(text.encode(), usedforsecurity=False).hexdigest())


# Keeps snapshots, all or none, and answers how many; then per snapshot: key, position, value.
_ADD_SNAPSHOTS = _script("""
local ttl, there = tonumber(ARGV[2]), {}
for i = 3, #ARGV, 3 do
    local place = ARGV[i] .. '\\n' .. ARGV[i + 1]
    if there[place] or redis.call('HEXISTS', ARGV[i], ARGV[i + 1]) == 1 then
        return 0
    end
    there[place] = true
end
for i = 3, #ARGV, 3 do
    redis.call('HSET', ARGV[i], ARGV[i + 1], ARGV[i + 2])
    redis.call('SADD', ARGV[1] .. 'snapshots', ARGV[i])
    if ttl > 0 then
        redis.call('PEXPIRE', ARGV[i], ttl)
    end
end
return (#ARGV - 2) / 3
""")

# Moves a checkpoint forwards and then runs commands, or answers where it is if that is no step forwards. ARGV: the
# key of the checkpoint, the new one, then per command: how many words, words.
_MOVE_CHECKPOINT = _script("""
local checkpoint = redis.call('GET', ARGV[2])
if checkpoint and tonumber(checkpoint) >= tonumber(ARGV[3]) then
    return checkpoint
end
redis.call('SET', ARGV[2], ARGV[3])
local at = 4
while at < #ARGV do
    local count = tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, at + count))
    at = at + count + 1
end
return false
""")


class RedisSnapshots(AggregateRecorder):
    """States kept by what they are for; they live as long as a session does that nobody appends to."""

    def __init__(self, recorder: Recorder, purpose: str) -> None:
        self._recorder = _in_redis(recorder)
        self._server = self._recorder.server
        self._purpose = purpose

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        arguments: list[Argument] = []
        for each in stored_events:
            value = msgspec.msgpack.encode((each.topic, each.state))
            arguments += (self._key(each.originator_id), each.originator_version, value)
        with library_errors():
            added = _run(self._server, _ADD_SNAPSHOTS, self._recorder.ttl, *arguments)
        if added < len(stored_events):
            raise IntegrityError("a snapshot is there already: expected none at any of these positions")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        with library_errors():
            fields = self._server.ask("HGETALL", self._key(originator_id))
        kept = {int(fields[at]): fields[at + 1] for at in range(0, len(fields), 2)}
        wanted = [place for place in kept if (gt is None or place > gt) and (lte is None or place <= lte)]
        originator = self._recorder.originator_id(str(originator_id))
        return [
            StoredEvent(originator, place, *msgspec.msgpack.decode(kept[place], type=tuple[str, bytes]))
            for place in sorted(wanted, reverse=desc)[:limit]
        ]

    def _key(self, originator_id: UUID | str) -> str:
        return self._server.key("snapshots", self._purpose, str(originator_id))


class RedisView(LibraryView):
    """A read model under keys of its own; what it writes are commands, which run with the checkpoint in one script."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self.recorder: RedisRecorder = _in_redis(recorder)
        self.server = self.recorder.server
        self.name = name

    def key(self, *parts: str) -> str:
        """The name of a key of this view."""
        return self.server.key("view", self.name, *parts)

    @contextmanager
    def writing(self, tracking: Tracking) -> Iterator[list[tuple[Argument, ...]]]:
        """Takes commands, such as `("HINCRBY", view.key("counts"), "sessions", 1)`; they run when the block ends."""
        commands: list[tuple[Argument, ...]] = []
        yield commands
        words = [word for command in commands for word in (len(command), *command)]
        checkpoint = self._checkpoint_key(tracking.application_name)
        with library_errors():
            ahead = _run(self.server, _MOVE_CHECKPOINT, checkpoint, tracking.notification_id, *words)
        if ahead is not None:
            raise not_ahead(tracking, int(ahead))

    def max_tracking_id(self, application_name: str) -> int | None:
        with library_errors():
            checkpoint = self.server.ask("GET", self._checkpoint_key(application_name))
        return None if checkpoint is None else int(checkpoint)

    def close(self) -> None:
        self.recorder.close()

    def _checkpoint_key(self, source: str) -> str:
        return self.server.key("checkpoint", self.name, source)


class RedisProcess(RedisView, LibraryProcess):
    """Records events; a checkpoint cannot be moved in the script that appends, so it is refused beside events."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        if tracking is not None and stored_events:
            raise NotSupportedError(
                f"{self.recorder.name} cannot record events and a checkpoint at once: "
                "expected a process recorder in memory, SQLite or PostgreSQL"
            )
        if tracking is not None:
            self.insert_tracking(tracking)
        return self.recorder.insert_events(stored_events, **kwargs)


def _run(server: Server, script: Script, *arguments: Argument) -> Reply:
    try:
        return server.run(script, *arguments)
    except ConnectionLost as lost:
        raise OperationalError(
            f"{server.name}: the connection was lost, and whether it was done is not known"
        ) from lost


def _in_redis(recorder: Recorder) -> RedisRecorder:
    if not isinstance(recorder, RedisRecorder):
        raise TypeError(f"this stands in Redis: expected a recorder of it, not that of {recorder.name}")
    return recorder


COMPANIONS = Companions(RedisSnapshots, RedisView, RedisProcess)
