"""Exports are killed while others append and redact: the files miss nothing, and have nothing twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from turnlog import Session, Store, open_store
from turnlog.errors import ExportError

EXPORTER = Path(__file__).with_name("exporter.py")
HALF_EXPORTER = Path(__file__).with_name("half_exporter.py")


def start(address: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", str(EXPORTER), address, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def assert_same(folder: Path, store: Store) -> None:
    """The files hold what the store holds, row by row."""
    for kind in ("messages", "events"):
        kept = getattr(store.frames, kind)().to_arrow()
        kept = kept.drop_columns(["retracted"]) if kind == "messages" else kept
        found = pq.read_table(folder / kind, partitioning=None).sort_by("global_position")
        assert found.to_pylist() == kept.to_pylist()


def test_killed_exports_leave_files_that_the_next_one_completes(tmp_path: Path) -> None:
    address, folder, chance = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "out", Random(7)
    with open_store(address) as store:
        session = Session(store=store)
        for round in range(6):
            with start(address, folder) as process:
                try:
                    for number in range(chance.randint(1, 60)):
                        message = session.default_branch.add(f"round {round}, message {number}")
                        if chance.random() < 0.1:
                            session.redact(message)
                finally:
                    process.kill()

        store.export_parquet(folder)
        assert_same(folder, store)


def test_the_lock_of_an_export_ends_with_its_process(tmp_path: Path) -> None:
    address, folder = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "out"
    hold = (
        "import sys, time; from pathlib import Path\n"
        "from turnlog.infrastructure.frames.parquet_folder import ParquetFolder\n"
        "with ParquetFolder(Path(sys.argv[1])).alone(): print('held', flush=True); time.sleep(600)"
    )
    with open_store(address) as store:
        Session(store=store).default_branch.add("one")
        with subprocess.Popen([sys.executable, "-P", "-c", hold, folder], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "held\n"
                with pytest.raises(ExportError):
                    store.export_parquet(folder)
            finally:
                process.kill()

        store.export_parquet(folder)
        assert_same(folder, store)


CONTENT = b"plaintext of the conversation"


def holds(folder: Path) -> list[str]:
    """The files that hold content."""
    return [path.name for path in folder.rglob("*") if path.is_file() and CONTENT in path.read_bytes()]


@pytest.mark.parametrize("system", ["unnamed", "named"])
@pytest.mark.parametrize("form", ["record", "parquet"])
def test_no_content_of_a_killed_export_remains(form: str, system: str, tmp_path: Path) -> None:
    address, out = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "out"
    out.mkdir()
    path = out / "all.jsonl" if form == "record" else out
    with open_store(address) as store:
        Session(store=store).default_branch.add_many(CONTENT.decode() for _ in range(1000))
        command = [sys.executable, "-P", str(HALF_EXPORTER), address, str(path), form, system]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "halfway\n"
            process.kill()
        parts = list(out.rglob("*.part"))
        assert (parts != []) == (system == "named")
        assert not path.is_file()

        if form == "record":
            store.export_record(path)
            assert holds(out) == ["all.jsonl"]
        else:
            store.export_parquet(path)
            assert_same(path, store)
        assert list(out.rglob("*.part")) == []
