"""Long work tells how far it is, and at its end that all is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, open_store
from turnlog.infrastructure.store import Store

MESSAGES = 1200


@pytest.fixture
def filled(store: Store) -> Store:
    """A session of some events; with its beginning and its branch there are two more than messages."""
    Session(session_id="s", store=store).default_branch.add_many(map(str, range(MESSAGES)))
    return store


@pytest.mark.parametrize("work", ["verify", "copy", "export", "import"])
def test_long_work_tells_how_far_it_is(filled: Store, tmp_path: Path, work: str) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    def run(work: str) -> Any:
        with open_store("memory://") as other:
            match work:
                case "verify":
                    return filled.verify(progress=progress).ok
                case "copy":
                    return filled.copy_to(other, progress=progress)
                case "export":
                    return filled.export_record(tmp_path / "all.jsonl", progress=progress)
                case _:
                    return other.import_record(filled.record_of(), progress=progress).events

    result = run(work)

    total = (MESSAGES + 2) * (2 if work in ("copy", "import") else 1)
    assert result == (True if work == "verify" else MESSAGES + 2)
    assert told == [*((done, total) for done in range(500, total, 500)), (total, total)]
