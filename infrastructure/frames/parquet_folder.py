"""A folder of Parquet files that grows: who may write to it, and how far the record is in it."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from ...domain.errors import ExportError, InvalidValueError
from ..output_file import PART, create_private, whole_file
from ..recorder import Recorder

if TYPE_CHECKING:
    import pyarrow

CHECKPOINT = "_checkpoint.json"
LOCK = "_lock"  # whoever reads folders of Parquet files passes over names that begin so


class Window(msgspec.Struct, frozen=True):
    """Global positions, behind the first and up to the last, that go into files together."""

    after: int
    until: int

    @property
    def file(self) -> str:
        """What its files are called: the first and the last global position."""
        return f"{self.after + 1:020d}-{self.until:020d}.parquet"


class ExportCheckpoint(msgspec.Struct, frozen=True):
    """All up to this global position is in the files, where the record has the event with this digest.

    `writing` is what is being written: perhaps in the files already, in part, and written anew by who comes next.
    """

    global_position: int = 0
    digest: str = ""
    writing: Window | None = None
    format: int = 1


class ParquetFolder:
    """A folder of Parquet files by kind and day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps others from writing here; the lock ends with the process, whatever ends that."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            create_private(self.folder / LOCK)
            connection = sqlite3.connect(self.folder / LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as reason:
            raise InvalidValueError("the folder", f"{self.folder} cannot be written: {reason}") from reason
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as reason:
            connection.close()
            if "locked" not in str(reason):
                raise InvalidValueError("the folder", f"{self.folder} cannot be written: {reason}") from reason
            raise ExportError(str(self.folder), "another export is in progress there; try again later") from None
        try:
            yield
        except OSError as reason:
            raise InvalidValueError("the folder", f"{self.folder} cannot be written: {reason}") from reason
        finally:
            connection.close()

    def checkpoint(self, recorder: Recorder) -> ExportCheckpoint:
        """How far the files are; refused if they were made of another record."""
        try:
            self._check_file(self.folder / CHECKPOINT)
            found = msgspec.json.decode((self.folder / CHECKPOINT).read_bytes(), type=ExportCheckpoint)
        except FileNotFoundError:
            if any(self.folder.glob("*/day=*/*.parquet")):
                raise self._mismatch(recorder, "there are files, and no checkpoint") from None
            return ExportCheckpoint()
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

    def keep(self, checkpoint: ExportCheckpoint) -> None:
        """Makes this the checkpoint, at once."""
        with self._file(self.folder / CHECKPOINT) as file:
            file.write(msgspec.json.encode(checkpoint))

    def clear_parts(self) -> None:
        """Remove what killed exports left; only one export at a time has the folder."""
        for part in (*self.folder.glob(f".*{PART}"), *self.folder.glob(f"*/**/.*{PART}")):
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
        with self._file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
        return path

    @contextmanager
    def _file(self, path: Path) -> Iterator[BinaryIO]:
        """A file of the folder, in the place of an earlier one; what is no file is left as it is."""
        self._check_file(path)
        with whole_file(path.resolve(), overwrite=True) as file:
            yield file

    def _check_file(self, path: Path) -> None:
        if path.exists() and not path.is_file():
            raise InvalidValueError("the folder", f"has {path}, which is not a file: remove it, or name another folder")

    def _mismatch(self, recorder: Recorder, reason: str) -> ExportError:
        return ExportError(
            str(self.folder), f"its files were not exported from {recorder.name}: {reason}; use an empty folder"
        )
