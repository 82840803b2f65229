"""Files that are changed long after the store looked at their folder are noticed at the next append."""

from collections.abc import Callable
from pathlib import Path

import pytest

from turnlog import Session, open_store
from turnlog.errors import DatabaseError
from turnlog.infrastructure.sqlite import open_files


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replace(path: Path) -> None:
    path.with_name("copy").write_bytes(path.read_bytes())
    path.with_name("copy").replace(path)


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.mkdir()


@pytest.mark.parametrize("part", ["", "-wal", "-shm"], ids=["db", "wal", "shm"])
@pytest.mark.parametrize("change", [delete, move, replace, move_folder])
def test_a_change_in_a_folder_at_rest_is_noticed(change: Callable[[Path], None], part: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    path = tmp_path / "store" / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        main = Session(store=store).default_branch
        known = open_files.find(open_files.file_id(path))
        assert known is not None
        while known._settled is None:  # until the folder's time is older than a tick
            main.add("before")
        main.add("with the folder at rest")

        change(path.with_name(f"turnlog.db{part}"))

        with pytest.raises(DatabaseError, match="open the store again"):
            main.add("lost")
