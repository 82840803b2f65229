"""What an export does with the path that it is given: it writes through links and devices, and over no evidence."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Session, SessionManager, Store, open_store
from turnlog.errors import InvalidValueError, OutputExistsError, SessionNotFoundError
from turnlog.infrastructure import output_file
from turnlog.infrastructure.memory.recorder import MemoryRecorder
from turnlog.infrastructure.record_file.io import write_lines
from turnlog.logs import LogStore

if TYPE_CHECKING:
    from collections.abc import Mapping

Write = Callable[..., object]


@pytest.fixture(params=["unnamed", "named"])
def unfinished(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the system has files without names, as Linux has, or not, as macOS."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE")
    return str(request.param)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(MemoryRecorder()) as store:
        Session(key="talk", session_id="talk", store=store).add("user", "evidence")
        yield store


def ways(store: Store) -> Mapping[str, Write]:
    """Every way to write sessions to a file."""
    manager = SessionManager(store=store)
    return {
        "record": store.export_record,
        "managed record": lambda path, **options: manager.export_sessions(path, form="record", **options),
        "json": lambda path, **options: manager.export_sessions(path, form="json", **options),
        "markdown": lambda path, **options: manager.export_sessions(path, form="markdown", **options),
        "html": lambda path, **options: manager.export_sessions(path, "talk", form="html", **options),
        "openai": lambda path, **options: manager.export_sessions(path, form="openai", **options),
        "sharegpt": lambda path, **options: manager.export_sessions(path, form="sharegpt", **options),
    }


WAYS = ["record", "managed record", "json", "markdown", "html", "openai", "sharegpt"]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_exists_is_overwritten_on_request_only(
    way: str, store: Store, tmp_path: Path, unfinished: str
) -> None:
    path, write = tmp_path / "evidence", ways(store)[way]
    path.write_text("evidence of yesterday, the only copy")

    with pytest.raises(OutputExistsError, match="evidence exists"):
        write(path)
    assert path.read_text() == "evidence of yesterday, the only copy"

    write(path, overwrite=True)
    assert "yesterday" not in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["evidence"]


@pytest.mark.parametrize("way", WAYS)
def test_a_new_file_is_for_its_owner_alone(way: str, store: Store, tmp_path: Path, unfinished: str) -> None:
    ways(store)[way](tmp_path / "new")

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_an_overwritten_file_keeps_its_mode(store: Store, tmp_path: Path, unfinished: str) -> None:
    path = tmp_path / "shared.jsonl"
    path.touch()
    path.chmod(0o664)

    store.export_record(path, overwrite=True)

    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert path.stat().st_size > 0


@pytest.mark.parametrize("way", WAYS)
def test_a_link_stays_and_its_target_is_written(way: str, store: Store, tmp_path: Path, unfinished: str) -> None:
    target, link = tmp_path / "data" / "target", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to("data/target")
    write = ways(store)[way]

    write(link)
    with pytest.raises(OutputExistsError):
        write(link)
    target.write_text("")
    write(link, overwrite=True)

    assert link.readlink() == Path("data/target")
    assert target.stat().st_size > 0
    assert [each.name for each in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("options", [{}, {"overwrite": True}], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_fifo_is_written_to_and_stays(way: str, options: dict[str, Any], store: Store, tmp_path: Path) -> None:
    fifo, link, came = tmp_path / "fifo", tmp_path / "link", list[bytes]()
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    for path in (fifo, link):
        reader = threading.Thread(target=lambda: came.append(fifo.read_bytes()))
        reader.start()
        ways(store)[way](path, **options)
        reader.join()

    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert came[0] == came[1] != b""
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fifo", "link"]


def test_an_open_descriptor_is_written_through(store: Store, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    store.export_record(f"/proc/self/fd/{writing}")
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert file.read() == store.record_of()


def test_a_record_goes_to_an_open_stream_as_well(store: Store) -> None:
    stream = io.BytesIO()

    assert store.export_record(stream) == 3
    assert stream.getvalue() == store.record_of()


class Unbuffered(io.BytesIO):
    """A stream that takes a part of what it is given, as an unbuffered one may."""

    def write(self, data: Any, /) -> int:
        return super().write(bytes(data[:7]))


def test_a_stream_that_takes_parts_gets_all(store: Store) -> None:
    stream = Unbuffered()
    store.export_record(stream)

    assert stream.getvalue() == store.record_of()


def test_what_is_no_file_and_no_stream_raises(store: Store, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    for path in (tmp_path, tmp_path / "loop", tmp_path / "none" / "all.jsonl", tmp_path / "a\0b"):
        with pytest.raises(InvalidValueError, match="the file"):
            store.export_record(path, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["loop"]


def test_a_failed_export_leaves_the_earlier_file_and_no_part(store: Store, tmp_path: Path, unfinished: str) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text("before")

    def lines() -> Iterator[bytes]:
        yield b"half of it"
        raise SessionNotFoundError("expired")

    with pytest.raises(SessionNotFoundError):
        write_lines(path, lines(), overwrite=True)

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("all.jsonl", "before")]


OTHERS = [".all.jsonl.download.part", ".all.jsonl.zip.0123456789ab.part", ".other.jsonl.0123456789ab.part"]


def test_the_next_export_removes_abandoned_parts_and_no_others(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "all.jsonl"
    (tmp_path / ".all.jsonl.0123456789ab.part").write_text("evidence of a killed export")
    for other in OTHERS:
        (tmp_path / other).write_text("not of this path")
    with output_file.output_file(path) as file:
        file.write(b"slow")
        store.export_record(path)
        parts = sorted({each.name for each in tmp_path.glob(".all*")} - set(OTHERS))
        path.unlink()

    assert len(parts) == 1
    assert parts != [".all.jsonl.0123456789ab.part"]
    assert path.read_bytes() == b"slow"
    assert sorted(each.name for each in tmp_path.iterdir()) == [*OTHERS, "all.jsonl"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_system_without_links_has_whole_files_too(
    overwrite: bool, store: Store, tmp_path: Path, unfinished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "all.jsonl"
    if overwrite:
        path.touch(0o640)
    store.export_record(path, overwrite=overwrite)
    with pytest.raises(OutputExistsError):
        store.export_record(path)

    assert path.read_bytes() == store.record_of()
    assert [each.name for each in tmp_path.iterdir()] == ["all.jsonl"]


def test_dumps_and_parquet_files_are_for_their_owner_alone(store: Store, tmp_path: Path, unfinished: str) -> None:
    logs = LogStore()
    logs.log("a")
    logs.dump(tmp_path / "logs" / "a.jsonl")
    store.export_parquet(tmp_path / "frames")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    kinds = sorted(path.suffix or path.name for path in files)
    assert kinds == [".json", ".jsonl", ".parquet", ".parquet", ".parquet", "_lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_parquet_files_go_through_links_and_over_no_fifo(store: Store, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "frames", tmp_path / "elsewhere.parquet"
    (folder / "sessions").mkdir(parents=True)
    (folder / "sessions" / "sessions.parquet").symlink_to(elsewhere)
    store.export_parquet(folder)
    assert (folder / "sessions" / "sessions.parquet").is_symlink()
    assert elsewhere.read_bytes().startswith(b"PAR1")

    elsewhere.unlink()
    os.mkfifo(elsewhere)
    with pytest.raises(InvalidValueError, match=r"sessions\.parquet, which is not a file"):
        store.export_parquet(folder)
    assert stat.S_ISFIFO(elsewhere.stat().st_mode)

    (folder / "_checkpoint.json").unlink()
    os.mkfifo(folder / "_checkpoint.json")
    with pytest.raises(InvalidValueError, match=r"_checkpoint\.json, which is not a file"):
        store.export_parquet(folder)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_an_export_never_replaces_the_files_of_an_open_store(tmp_path: Path, ending: str) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        session = Session("Be terse.", store=store)

        with pytest.raises(InvalidValueError, match="belongs to a store that is open"):
            store.export_record(tmp_path / f"turnlog.db{ending}", overwrite=True)

        session.default_branch.add("still here")
        assert store.verify().ok


@pytest.mark.parametrize("write", ["export_record", "backup"])
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_nothing_is_written_where_sqlite_would_delete_it(write: str, ending: str, tmp_path: Path) -> None:
    """The database is closed, or open in another process."""
    open_store(f"sqlite:///{tmp_path}/other.db").close()
    before = sorted(each.name for each in tmp_path.iterdir())
    with (
        open_store(f"sqlite:///{tmp_path}/turnlog.db") as store,
        pytest.raises(InvalidValueError, match=r"SQLite takes it for a part of other\.db"),
    ):
        getattr(store, write)(tmp_path / f"other.db{ending}")
    assert sorted(each.name for each in tmp_path.iterdir() if "turnlog" not in each.name) == before


def test_an_export_named_like_the_part_of_a_backup_raises(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="named like a file that is not complete"):
        store.export_record(tmp_path / ".backup.db.part")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_an_export_overwrites_no_database(way: str, store: Store, tmp_path: Path) -> None:
    """Not even on request: another process may have it open."""
    path = tmp_path / "other.db"
    open_store(f"sqlite:///{path}").close()
    before = path.read_bytes()
    with pytest.raises(InvalidValueError, match="is a SQLite database: remove it first"):
        ways(store)[way](path, overwrite=True)
    assert path.read_bytes() == before
