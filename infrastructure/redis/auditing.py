"""What is wrong with a store as a whole: sessions gone before their time, global positions that are missing."""

from collections.abc import Iterator

from . import scripts
from .server import Server

PAGE = 1000


def flaws(server: Server) -> Iterator[str]:
    """What is wrong, a sentence each.

    Whatever is dropped from the feed because its session expired is counted, so gaps are flaws only if they are more
    than that.
    """
    yield from _sessions(server)
    walk = _Walk(server)
    yield from walk.flaws()
    yield from walk.unaccounted()


def _sessions(server: Server) -> Iterator[str]:
    after = b"-inf"
    while after:
        after, *found = server.read(scripts.AUDIT_CATALOGUE, after, PAGE)
        for wrong, session in zip(found[::2], found[1::2], strict=True):
            yield _WRONG[wrong].format(session=session.decode())


_WRONG = {
    b"lost": "session {session!r} is gone, and its time had not come: deleted by hand, or evicted",
    b"places": "session {session!r} has events that no branch shows, or shows what is no event",
    b"lists": "session {session!r} does not stand where it belongs in the lists of sessions",
}


class _Walk:
    """The feed from end to end, beside the global positions that were given out."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.gaps: list[tuple[int, int]] = []
        self.forgotten = 0

    def flaws(self) -> Iterator[str]:
        """What the feed points to and is not there."""
        after, seen, given_out = b"0", 0, None
        while after:
            after, forgotten, newest, *members = self._server.read(scripts.AUDIT, after, PAGE)
            given_out = int(newest) if given_out is None else given_out
            self.forgotten = int(forgotten)
            for at in range(0, len(members), 3):
                last, count = int(members[at]), int(members[at + 1])
                self._note_gap(seen + 1, last - count)
                yield from _said(members[at + 2].decode(), last - count + 1)
                seen = last
        self._note_gap(seen + 1, given_out or 0)

    def unaccounted(self) -> Iterator[str]:
        """The gaps, if they are more than what expired."""
        missing = sum(last - first + 1 for first, last in self.gaps)
        gaps = [f"{first} to {last}" for first, last in self.gaps]
        if missing > self.forgotten > 0:
            places = ", ".join([*gaps[:10], *(["..."] if len(gaps) > 10 else [])])
            expired = f"{self.forgotten} of them went with sessions that expired"
            yield f"{missing} global positions are missing, and only {expired}: {places}"
        elif missing > self.forgotten:
            yield from (f"global positions {gap} are missing" for gap in gaps)

    def _note_gap(self, first: int, last: int) -> None:
        if first <= last:
            self.gaps.append((first, last))


def _said(verdict: str, global_position: int) -> Iterator[str]:
    if verdict == "unknown":
        yield f"the catalogue does not know the session of global position {global_position}"
    elif verdict and verdict != "lost":
        yield f"global position {verdict} is missing"
