"""The life of a session itself: its label, metadata and state, and that it is put away or ended."""

from collections.abc import Mapping

from ._live import Live
from ._session_forks import ended
from .domain.decisions import session as sessions
from .domain.plain import Json
from .infrastructure.twins import awaited


class Life:
    """A session as such, whatever is said in it."""

    _live: Live

    def rename(self, name: str | None) -> None:
        """Gives the session another label, or none."""
        self._live.change(lambda state: sessions.rename(state, name))

    def update_metadata(self, changes: Mapping[str, Json]) -> None:
        """Merges changes into the metadata, key by key."""
        self._live.change(lambda state: sessions.update_metadata(state, changes))

    def set_state(self, key: str, value: Json) -> None:
        """Keeps a value under a key."""
        self._live.change(lambda state: sessions.set_state(state, key, value))

    def remove_state(self, key: str) -> None:
        """Keeps nothing under the key any longer."""
        self._live.change(lambda state: sessions.remove_state(state, key))

    def archive(self, reason: str | None = None) -> None:
        """Puts the session away: it can be read and restored, not changed."""
        self._live.change(lambda state: sessions.archive(state, reason))

    def restore(self, reason: str | None = None) -> None:
        """Takes an archived session out again."""
        self._live.change(lambda state: sessions.restore(state, reason))

    def delete(self, reason: str | None = None) -> None:
        """Ends the session for good: a tombstone, under which what was recorded stays.

        A session that others go on from is refused, since they read their beginning from it.
        """
        ended(self._live, reason)

    arename = awaited(rename)
    aupdate_metadata = awaited(update_metadata)
    aset_state = awaited(set_state)
    aremove_state = awaited(remove_state)
    aarchive = awaited(archive)
    arestore = awaited(restore)
    adelete = awaited(delete)
