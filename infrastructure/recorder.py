"""The contract that every kind of store keeps: rows go in by atomic appends and come out by position."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..domain.errors import NotSupported, Refused
from ..domain.ranges import Positions
from ..projections.catalogue import Entry
from .rows import Append, Appended, Row


class Recorder(ABC):
    """Keeps rows. Every answer is of committed rows only, and a row once committed is never different."""

    name: str
    """What the store is called in errors."""

    @abstractmethod
    def append(self, appends: Sequence[Append]) -> list[Appended | Refused]:
        """Commits several appends at once; each is recorded or refused by itself."""

    @abstractmethod
    def append_together(self, appends: Sequence[Append]) -> list[Appended]:
        """Commits several appends at once: all of them, or none and the first refusal is raised."""

    @abstractmethod
    def restore(self, entries: Iterable[Entry], rows: Iterable[Row]) -> None:
        """Takes over rows into a store that has none, as they are: positions, times and digests included.

        Rows come in the order of their global positions.
        """

    @abstractmethod
    def read(self, session: str, *, after: int = 0, until: int | None = None, backwards: bool = False) -> Iterator[Row]:
        """The rows of a session after one position and up to another."""

    @abstractmethod
    def read_messages(
        self, session: str, branch: int, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[Row]:
        """The messages written on a branch between two positions, both included."""

    @abstractmethod
    def read_structure(self, session: str, *, after: int = 0, until: int) -> Iterator[Row]:
        """The rows of a session that are no messages."""

    @abstractmethod
    def read_written(self, session: str, *, after: int = 0, until: int) -> dict[int, Positions]:
        """The positions of the messages written on each branch, without the messages."""

    @abstractmethod
    def read_all(self, *, after: int = 0, until: int | None = None, names: Sequence[str] = (), limit: int) -> list[Row]:
        """The rows of all sessions behind a global position, in the order they were committed.

        With stored names, only the rows that have one of them.
        """

    @abstractmethod
    def last_global_position(self) -> int:
        """The global position of the newest row; 0 if there is none."""

    @abstractmethod
    def wait(self, after: int, timeout: float) -> bool:
        """Sleeps until there are rows behind a global position; False if the time is up before."""

    @abstractmethod
    def find_entry(self, session: str) -> Entry | None:
        """What the catalogue knows of a session."""

    @abstractmethod
    def read_entries(self) -> Iterator[Entry]:
        """The whole catalogue, in the order the sessions were started."""

    @abstractmethod
    def find_command(self, session: str, command_id: str) -> Appended | None:
        """What a command recorded when it first came."""

    @abstractmethod
    def find_flaws(self) -> list[str]:
        """What is wrong with the store as a whole: rows that no session owns, global positions that are missing."""

    def backup(self, path: Path) -> None:
        """Writes a copy of the database to a new file, if this kind of store has files."""
        raise NotSupported(
            self.name, "a backup to a file", "copy it into a SQLite store, or use the server's own means"
        )

    def vacuum(self) -> None:  # noqa: B027 (most stores have nothing to do)
        """Gives back space that is not used."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of everything; closing twice does nothing."""
