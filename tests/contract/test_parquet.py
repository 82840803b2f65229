"""Parquet files hold what the store holds, each event once, however the export was cut, broken off and repeated."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turnlog import Session, Store
from turnlog.domain.events import ModelCalled
from turnlog.errors import ExportError, InvalidValueError
from turnlog.frames import ExportResult
from turnlog.infrastructure import output_file
from turnlog.infrastructure.frames import parquet_folder

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores

KINDS = ("messages", "usage", "events")
A_DAY = 86_400_000_000


def conversation(store: Store, turns: int = 5) -> Session:
    session = Session("Be brief.", user="ada", store=store)
    session.default_branch.add_many([f"turn {number}" for number in range(turns)])
    store.append(session.id, [ModelCalled("small", input_tokens=3, branch=0)])
    return session


def in_files(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What DuckDB reads from the files, in the order of the record."""
    with duckdb.connect() as connection:
        found = connection.sql(f"select * from read_parquet('{folder}/{kind}/*/*.parquet') order by global_position")
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows


def in_store(store: Store, kind: str) -> list[dict[str, Any]]:
    frame = getattr(store.frames, kind)().to_arrow()
    rows: list[dict[str, Any]] = sorted(frame.to_pylist(), key=lambda row: row["global_position"])
    return rows


def agree(folder: Path, store: Store) -> None:
    """What is in the files is what is in the store, value by value."""
    for kind in KINDS:
        expected = [
            {name: value for name, value in row.items() if name != "retracted"} | {"day": row["created_at"].date()}
            for row in in_store(store, kind)
        ]
        assert in_files(folder, kind) == expected, kind


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/**/*.parquet"))}


def test_what_is_read_back_is_what_is_in_the_store(store: Store, tmp_path: Path, clock: Clock) -> None:
    conversation(store)
    fork = conversation(store).fork_session(name="fork")
    clock.now += A_DAY
    fork.default_branch.add("the next day")

    done = store.export_parquet(tmp_path / "out", events_per_file=4)

    assert done == ExportResult(done.events, done.files, 0, store.last_global_position())
    assert done.events == len(in_store(store, "events"))
    agree(tmp_path / "out", store)
    assert {row["day"] for row in in_files(tmp_path / "out", "messages")} == {date(2023, 11, 14), date(2023, 11, 15)}
    catalogue = pq.read_table(tmp_path / "out" / "sessions").to_pylist()
    assert catalogue == store.frames.sessions().to_arrow().to_pylist()


def test_an_export_goes_on_where_the_last_one_ended(store: Store, tmp_path: Path) -> None:
    session = conversation(store)
    first = store.export_parquet(tmp_path)
    before = files(tmp_path)
    session.default_branch.rename("trunk")
    session.default_branch.add("more")

    second = store.export_parquet(str(tmp_path))
    third = store.export_parquet(tmp_path)

    assert (second.events, third.events, third.files) == (2, 0, 0)
    assert first.events + second.events == len(in_store(store, "events"))
    after = files(tmp_path)
    assert {name: content for name, content in after.items() if name in before and "sessions" not in name} == {
        name: content for name, content in before.items() if "sessions" not in name
    }
    agree(tmp_path, store)
    assert in_files(tmp_path, "messages")[-1]["branch"] == "trunk"


class Killed(BaseException):
    """Stands for the end of the process, at some moment."""


def broken_off(store: Store, folder: Path, last: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether an export ended before its files and checkpoints had got so many names."""
    names: list[str] = []
    put = output_file._Part.put

    def or_die(part: output_file._Part, overwrite: bool) -> None:
        if len(names) == last:
            raise Killed
        names.append(part._target)
        put(part, overwrite)

    with monkeypatch.context() as patch:
        patch.setattr(output_file._Part, "put", or_die)
        try:
            store.export_parquet(folder, events_per_file=6)
        except Killed:
            return True
    return False


def test_an_export_that_is_broken_off_anywhere_leaves_nothing_twice_and_nothing_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = conversation(store)
    session.redact(session.default_branch.messages[2])
    for moment in range(20):
        assert broken_off(store, tmp_path / str(moment), moment, monkeypatch)
        session.default_branch.add("meanwhile")  # so that the next one would cut otherwise
        broken_off(store, tmp_path / str(moment), moment, monkeypatch)
        session.default_branch.add("and again")
        store.export_parquet(tmp_path / str(moment), events_per_file=5)
        agree(tmp_path / str(moment), store)
        assert list(tmp_path.glob("**/*.part")) == []


def test_what_was_redacted_is_taken_out_of_files_that_are_there(store: Store, tmp_path: Path) -> None:
    session = conversation(store)
    secret = session.default_branch.add("the secret word")
    conversation(store)
    store.export_parquet(tmp_path, events_per_file=5)
    assert "the secret word" in str(in_files(tmp_path, "messages"))

    session.redact(secret)
    done = store.export_parquet(tmp_path)

    assert done.rewritten > 0
    for kind in KINDS:
        assert "secret" not in str(in_files(tmp_path, kind))
    agree(tmp_path, store)


def test_a_redacted_user_and_branch_name_are_taken_out_of_all_files(store: Store, tmp_path: Path) -> None:
    session = Session(user="secret user", store=store)
    session.create_branch("secret branch").add("one")
    fork = session.fork_session()
    for n in range(6):
        session.branches["secret branch"].add(f"two {n}")
        fork.branches["secret branch"].add(f"three {n}")
    store.export_parquet(tmp_path, events_per_file=3)
    assert all("secret" in str(in_files(tmp_path, kind)) for kind in ("messages", "events"))

    session.redact(1)
    session.redact(3)
    store.export_parquet(tmp_path)

    for kind in ("messages", "events"):
        assert "secret" not in str(in_files(tmp_path, kind))
    assert b"secret" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*.parquet"))


def test_two_exports_at_once_are_refused_by_name(store: Store, tmp_path: Path) -> None:
    conversation(store)
    with parquet_folder.ParquetFolder(tmp_path).alone(), pytest.raises(ExportError, match=str(tmp_path)):
        store.export_parquet(tmp_path)

    store.export_parquet(tmp_path)
    agree(tmp_path, store)


def test_the_files_of_another_store_are_refused(stores: Stores, tmp_path: Path) -> None:
    one, other, empty = stores.new(), stores.new(), stores.new()
    conversation(one)
    conversation(other)
    one.export_parquet(tmp_path)

    with pytest.raises(ExportError, match="another event is at global position 9"):
        other.export_parquet(tmp_path)
    if not empty.recorder.forgets:
        with pytest.raises(ExportError, match="no event is at global position 9"):
            empty.export_parquet(tmp_path)
    (tmp_path / "_checkpoint.json").write_text("{")
    with pytest.raises(ExportError, match="cannot be read"):
        one.export_parquet(tmp_path)
    (tmp_path / "_checkpoint.json").unlink()
    with pytest.raises(ExportError, match="no checkpoint"):
        one.export_parquet(tmp_path)


def test_a_place_that_cannot_be_written_and_no_events_at_all_are_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidValueError, match="cannot be written"):
        store.export_parquet(tmp_path / "file")
    with pytest.raises(InvalidValueError, match="expected 1 or more"):
        store.export_parquet(tmp_path, events_per_file=0)


def test_an_empty_store_makes_an_empty_catalogue_and_no_other_file(store: Store, tmp_path: Path) -> None:
    assert asyncio.run(store.aexport_parquet(tmp_path)) == ExportResult(0, 0, 0, 0)
    assert list(files(tmp_path)) == ["sessions/sessions.parquet"]


def test_pandas_and_arrow_read_the_folder_by_its_days(store: Store, tmp_path: Path) -> None:
    conversation(store)
    store.export_parquet(tmp_path)

    table = pq.read_table(tmp_path / "messages")
    assert table.num_rows == 6
    assert pa.types.is_dictionary(table.schema.field("day").type)
    assert table.to_pandas()["text"].tolist()[:2] == ["Be brief.", "turn 0"]
