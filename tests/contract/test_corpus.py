"""Records of every released format are read by every store as their own version read them."""

import json
from pathlib import Path
from runpy import run_path
from typing import Any

import msgspec
import pytest

from turnlog import Store
from turnlog.domain.content import KINDS
from turnlog.domain.events import STORED_NAMES

FOLDER = Path(__file__).parents[1] / "corpus"
VERSIONS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def test_there_is_a_corpus() -> None:
    assert VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_corpus_is_read_as_it_was(store: Store, version: str) -> None:
    record = (FOLDER / f"{version}.jsonl").read_bytes()

    store.import_record(record)

    assert store.verify().faults == ()
    assert store.record_of() == record
    read = run_path(str(FOLDER / "record.py"))["read"]
    assert msgspec.to_builtins(read(store)) == json.loads((FOLDER / f"{version}.json").read_text("utf-8"))


def test_the_newest_corpus_has_every_event_and_every_content() -> None:
    lines = list(map(json.loads, (FOLDER / f"{VERSIONS[-1]}.jsonl").read_bytes().splitlines()[1:-1]))
    contents: set[Any] = {line["payload"]["content"]["type"] for line in lines if line["name"] == "message.appended"}

    assert {line["name"] for line in lines} == set(STORED_NAMES)
    assert {str(kind.__struct_config__.tag) for kind in KINDS} <= contents | {"system"}
    assert any("payload_hash" in line for line in lines)
