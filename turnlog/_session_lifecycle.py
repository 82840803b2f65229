"""The life of a session itself: its label, metadata and state, and that it is put away or ended."""

from collections.abc import Mapping

from ._session_copies import delete_session
from ._stream import SessionStream
from .domain.decisions import session as sessions
from .domain.json_values import Json
from .infrastructure.async_methods import awaited


class SessionLifecycle:
    """A session as such, whatever is said in it."""

    _stream: SessionStream

    def rename(self, name: str | None) -> None:
        """Gives the session another label, or none."""
        self._stream.transact(lambda state: sessions.rename(state, name))

    def update_metadata(self, changes: Mapping[str, Json]) -> None:
        """Merges changes into the metadata, key by key."""
        self._stream.transact(lambda state: sessions.update_metadata(state, changes))

    def set_state(self, key: str, value: Json) -> None:
        """Keeps a value under a key."""
        self._stream.transact(lambda state: sessions.set_state(state, key, value))

    def remove_state(self, key: str) -> None:
        """Keeps nothing under the key any longer."""
        self._stream.transact(lambda state: sessions.remove_state(state, key))

    def archive(self, reason: str | None = None) -> None:
        """Puts the session away: it can be read and restored, not changed."""
        self._stream.transact(lambda state: sessions.archive(state, reason))

    def restore(self, reason: str | None = None) -> None:
        """Takes an archived session out again."""
        self._stream.transact(lambda state: sessions.restore(state, reason))

    def delete(self, reason: str | None = None) -> None:
        """Ends the session for good: a tombstone, under which what was recorded stays.

        A session that others go on from is refused, since they read their beginning from it.
        """
        delete_session(self._stream, reason)

    arename = awaited(rename)
    aupdate_metadata = awaited(update_metadata)
    aset_state = awaited(set_state)
    aremove_state = awaited(remove_state)
    aarchive = awaited(archive)
    arestore = awaited(restore)
    adelete = awaited(delete)
