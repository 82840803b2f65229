"""A folder of Parquet files that grows: who may write to it, and how far the record is in it."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...domain.errors import InvalidValue
from ...domain.frame_errors import ExportBusy, ExportMismatch
from ..recorder import Recorder

if TYPE_CHECKING:
    import pyarrow

CHECKPOINT = "_checkpoint.json"
LOCK = "_lock"  # whoever reads folders of Parquet files passes over names that begin so
PART = ".part"


class Window(msgspec.Struct, frozen=True):
    """Global positions, behind the first and up to the last, that go into files together."""

    after: int
    until: int

    @property
    def file(self) -> str:
        """What its files are called: the first and the last global position."""
        return f"{self.after + 1:020d}-{self.until:020d}.parquet"


class Checkpoint(msgspec.Struct, frozen=True):
    """All up to this global position is in the files, where the record has the event with this digest.

    `writing` is what is being written: perhaps in the files already, in part, and written anew by who comes next.
    """

    global_position: int = 0
    digest: str = ""
    writing: Window | None = None
    format: int = 1


class Place:
    """A folder of Parquet files by kind and day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps others from writing here; the lock ends with the process, whatever ends that."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.folder / LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as reason:
            raise InvalidValue("the folder", f"{self.folder} cannot be written: {reason}") from reason
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as reason:
            connection.close()
            if "locked" not in str(reason):
                raise InvalidValue("the folder", f"{self.folder} cannot be written: {reason}") from reason
            raise ExportBusy(str(self.folder)) from None
        try:
            yield
        except OSError as reason:
            raise InvalidValue("the folder", f"{self.folder} cannot be written: {reason}") from reason
        finally:
            connection.close()

    def checkpoint(self, recorder: Recorder) -> Checkpoint:
        """How far the files are; refused if they were made of another record."""
        try:
            found = msgspec.json.decode((self.folder / CHECKPOINT).read_bytes(), type=Checkpoint)
        except FileNotFoundError:
            if any(self.folder.glob("*/day=*/*.parquet")):
                raise self._mismatch(recorder, "there are files, and no checkpoint") from None
            return Checkpoint()
        except msgspec.DecodeError:
            raise self._mismatch(recorder, "the checkpoint cannot be read") from None
        last = found.global_position
        for row in recorder.read_all(after=last - 1, until=last, limit=1) if last else ():
            if row.digest.hex() == found.digest:
                return found
            raise self._mismatch(recorder, f"another event is at global position {last}")
        if last and not recorder.forgets:
            raise self._mismatch(recorder, f"no event is at global position {last}, up to which they go")
        return found

    def keep(self, checkpoint: Checkpoint) -> None:
        """Makes this the checkpoint, at once."""
        path = self.folder / CHECKPOINT
        part = path.with_name(path.name + PART)
        with part.open("wb") as file:
            file.write(msgspec.json.encode(checkpoint))
            file.flush()
            os.fsync(file.fileno())
        _put(part, path)

    def clear_parts(self) -> None:
        """Takes away what somebody who was interrupted has left."""
        for part in self.folder.glob(f"*/**/.*{PART}"):
            part.unlink(missing_ok=True)

    def files_of(self, window: Window) -> set[Path]:
        """The files that a window is in."""
        return set(self.folder.glob(f"*/day=*/{window.file}"))

    def windows(self) -> list[Window]:
        """All windows that are in files, in the order of the record."""
        names = {path.stem for path in self.folder.glob("events/day=*/*.parquet")}
        places = (tuple(map(int, name.split("-"))) for name in names)
        return [Window(first - 1, last) for first, last in sorted(places)]

    def write(self, path: Path, schema: "pyarrow.Schema", batches: Iterable["pyarrow.RecordBatch"]) -> Path:
        """Writes a file beside its place and then puts it there, instead of one that was there before."""
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}{PART}")
        with part.open("wb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        _put(part, path)
        return path

    def _mismatch(self, recorder: Recorder, reason: str) -> ExportMismatch:
        return ExportMismatch(str(self.folder), recorder.name, reason)


def _put(part: Path, path: Path) -> None:
    """Gives a file that is complete its name, also for the time after a loss of power."""
    part.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
