"""Every workload of the bench runs, at nearly no size, for Turnlog and for the bare databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benching.contestants import ALL, LIMIT, OURS
from benching.document import write
from benching.measuring import Bench
from benching.table import block
from benching.work import TINY, Workload
from benching.workloads import workloads


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    at_home = [each for each in ALL if each.at_home]
    bench = Bench(tmp_path_factory.mktemp("bench"), TINY, at_home, {}, lasting=True)
    yield bench
    bench.close()


@pytest.mark.parametrize("workload", workloads(TINY), ids=lambda workload: workload.name)
def test_a_workload_runs_for_turnlog_and_for_the_limit(bench: Bench, workload: Workload) -> None:
    outcomes = {each.contestant: each for each in bench.measure(workload)}

    assert outcomes[OURS].why is None
    assert all(seconds > 0 for seconds in outcomes[OURS].rounds)
    assert set(outcomes) == (workload.only or {LIMIT, OURS}) & {LIMIT, OURS}
    if LIMIT in outcomes and outcomes[LIMIT].why:
        assert outcomes[LIMIT].why in (
            "a connection is one thread's at a time",
            "it has no branches",
        )


def test_what_cannot_be_had_is_shown_with_the_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path, TINY, [each for each in ALL if each.name == "agents"], {"agents": "no network"}, True)
    workload = workloads(TINY)[0]

    assert "OpenAI Agents SDK, SQLiteSession              no: no network" in block(workload, bench.measure(workload), 0)


def test_a_document_is_written_round_the_account_in_words(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "performance-account.md").write_text("## What it is made of\n\nMostly the disk.\n")
    workload = workloads(TINY)[0]
    facts = {"date": "2026-01-02", "mode": "tiny", "rounds": "2", "machine": "a machine"}

    written = write(tmp_path, facts, bench.about, [(workload, bench.measure(workload))], []).read_text()

    assert "Mostly the disk." in written
    assert "- Machine: a machine" in written
    assert "journal_mode=WAL, synchronous=FULL" in written
    assert "![append one message, one durable commit, to a session of 20](performance/append-at-20.svg)" in written
    assert (tmp_path / "performance" / "append-at-20.svg").exists()
