"""Sessions on a Redis server."""

from ....stores import RedisSessionStore as OrdinaryStore
from .records import RecordStore

__all__ = ["RedisSessionStore"]


class RedisSessionStore(RecordStore):
    """Sessions on a Redis server, under keys that begin with the prefix.

    With a `ttl`, a session is gone so many seconds after its last use.
    """

    def __init__(
        self, url: str = "redis://localhost:6379", prefix: str = "pyai:sessions:", ttl: int | None = None
    ) -> None:
        super().__init__(OrdinaryStore(url, prefix, ttl, hash_tag=prefix))
