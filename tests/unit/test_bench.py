"""What the bench reckons, compares and draws; no process is started here."""

import json
from xml.etree import ElementTree

import pytest

from benching.__main__ import joined, report
from benching.bars import BARS, Bar, Verdict, judged, rate, times
from benching.charts import chart
from benching.contestants import ALL
from benching.document import bars_of
from benching.figures import Outcome, Spread, per_second, ratio_of, spread_of
from benching.table import block, markdown, rounded, said
from benching.work import FULL, QUICK, Ask, Workload
from benching.workloads import workloads

APPEND = Workload(name="append at 1 k", kind="append", title="append one message", unit="us", run=Ask("append"))
BATCH = Workload(name="append 1 k per commit", kind="batch", title="append many", unit="per second", run=Ask("append"))
LIMIT = Outcome("limit", "bare sqlite3", rounds=[0.0001, 0.0002, 0.0003], memory=1_000_000)
OURS = Outcome("turnlog", "Turnlog", rounds=[0.0002, 0.0003, 0.0003], memory=2_500_000)
UNABLE = Outcome("lionagi", "LionAGI", why="it lives in memory")


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    assert spread_of([5, 1, 3, 2, 4]) == Spread(3, 2, 4)


def test_one_figure_is_its_own_spread() -> None:
    assert spread_of([7]) == Spread(7, 7, 7)


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio_of([2, 20, 6], [1, 10, 2]).median == 2


def test_rounds_that_do_not_pair_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio_of([1, 2], [1])


def test_a_rate_has_its_quartiles_the_other_way_round() -> None:
    assert per_second(Spread(0.5, 0.25, 1.0)) == Spread(2, 1, 4)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.12"), (12.34, "12.3"), (123.4, "123"), (1234567.8, "1 234 568")]
)
def test_figures_have_three_digits_that_count(value: float, text: str) -> None:
    assert rounded(value) == text


def test_figures_are_said_in_the_unit_of_the_work() -> None:
    assert said([0.001, 0.001], "us") == ("1 000 us", "1 000 to 1 000")
    assert said([0.001, 0.001], "per second") == ("1 000 /s", "1 000 to 1 000")


def test_a_block_shows_ratios_to_the_limit_and_to_turnlog_and_why_somebody_could_not() -> None:
    assert block(APPEND, [LIMIT, OURS, UNABLE], 1.5).splitlines() == [
        "append one message   [append at 1 k, in 1.5 s]",
        f"  {'bare sqlite3':<45} {'200 us':>14}  {'150 to 250':<22} {'':>9} {'x 0.67':>9} {'1.0 MB':>10}",
        f"  {'Turnlog':<45} {'300 us':>14}  {'250 to 300':<22} {'x 1.50':>9} {'':>9} {'2.5 MB':>10}",
        f"  {'LionAGI':<45} no: it lives in memory",
    ]


def test_a_document_has_the_same_as_a_table() -> None:
    assert markdown(APPEND, [LIMIT, UNABLE]).splitlines()[2:] == [
        "| bare sqlite3 | 200 us | 150 to 250 |  |  | 1.0 MB |",
        "| LionAGI | no: it lives in memory |  |  |  |  |",
    ]


def test_what_was_held_against_its_own_is_said_as_a_sentence() -> None:
    work = Workload(
        name="fork 1 k", kind="fork", title="fork", unit="us", run=Ask("fork"), beside=Ask("append", {"session": "s"})
    )
    forked = Outcome("turnlog", "Turnlog", rounds=[0.0003, 0.0003], beside=[0.0002, 0.0002])

    assert "Turnlog's, in the same rounds: times one append, 1.50 (1.50 to 1.50)" in block(work, [forked], 0)


def test_a_bar_is_met_on_its_own_side() -> None:
    at_most = Bar("append", ("w",), "times", times("w"), 1.5)
    at_least = Bar("batches", ("w",), "a second", rate("w"), 50_000, at_least=True)

    assert (at_most.met(1.5), at_most.met(1.51)) == (True, False)
    assert (at_least.met(50_000), at_least.met(49_999)) == (True, False)


def test_a_missed_bar_says_what_was_found_and_what_was_asked() -> None:
    bar = Bar("batches of 1 000", ("w",), "events a second", rate("w"), 50_000, at_least=True)

    assert str(Verdict(bar, 25_010)) == "MISSED  batches of 1 000: events a second 25 010, at least 50 000"
    assert bars_of([Verdict(bar, 25_010)])[-1] == (
        "| batches of 1 000 | 2.501e+04 events a second | >= 50000 | **missed** |"
    )


def test_bars_are_judged_where_their_work_was_measured() -> None:
    (verdict,) = judged({"append at 1 k": [LIMIT, OURS]})

    assert verdict.bar.work == "append one message, durable, at 1 k"
    assert verdict.figure == pytest.approx(1.5)
    assert verdict.met


def test_a_bar_whose_work_failed_is_missed() -> None:
    failed = Outcome("turnlog", "Turnlog", why="it broke")

    assert [(each.figure, each.met) for each in judged({"append at 1 k": [LIMIT, failed]})] == [(None, False)]


def test_a_batch_has_two_bars() -> None:
    fast = Outcome("turnlog", "Turnlog", rounds=[1 / 60_000, 1 / 60_000])
    limit = Outcome("limit", "bare", rounds=[1 / 180_000, 1 / 180_000])

    assert [round(each.figure or 0, 2) for each in judged({BATCH.name: [limit, fast]})] == [3.0, 60_000]


def test_every_bar_rests_on_work_of_the_full_run() -> None:
    measured = {each.name for each in workloads(FULL)}

    assert [name for bar in BARS for name in bar.needs if name not in measured] == []


@pytest.mark.parametrize("scale", [FULL, QUICK], ids=lambda scale: scale.name)
def test_no_two_workloads_have_one_name(scale: object) -> None:
    names = [each.name for each in workloads(FULL if scale is FULL else QUICK)]

    assert sorted(set(names)) == sorted(names)


def test_what_is_not_measured_again_is_taken_from_the_earlier_run() -> None:
    facts = {"date": "2026-01-02", "mode": "full", "rounds": "3", "machine": "a machine"}
    earlier = json.loads(json.dumps(report(facts, {}, [(APPEND, [LIMIT, OURS]), (BATCH, [LIMIT])], [])))
    newer = Outcome("limit", "bare sqlite3", rounds=[0.5])

    (first, second) = joined([APPEND, BATCH], [(BATCH, [newer])], earlier["results"])

    assert [(each.contestant, each.rounds, each.memory) for each in first[1]] == [
        ("limit", [0.0001, 0.0002, 0.0003], 1_000_000),
        ("turnlog", [0.0002, 0.0003, 0.0003], 2_500_000),
    ]
    assert second == (BATCH, [newer])


def test_every_contestant_has_its_driver() -> None:
    assert {each.name for each in ALL} == {
        "limit", "turnlog", "agents", "agents-advanced", "langgraph", "adk", "lionagi", "eventsourcing",
    }  # fmt: skip
    assert [each.name for each in ALL if each.at_home] == ["limit", "turnlog", "limit", "turnlog"]


def test_a_chart_has_a_bar_for_everybody_who_did_it_as_long_as_its_figure() -> None:
    drawn = ElementTree.fromstring(chart(APPEND, [LIMIT, OURS, UNABLE]))
    bars = [each for each in drawn if each.tag.endswith("rect")][1:]

    assert [float(each.attrib["width"]) for each in bars] == [pytest.approx(213.3), pytest.approx(320.0)]
    assert "LionAGI" not in ElementTree.tostring(drawn, encoding="unicode")
