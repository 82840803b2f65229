"""The projections that come with the house: given these events, then these rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from turnlog.domain.content import AssistantResponseContent, InstructionContent, SystemContent, Usage
from turnlog.domain.events import (
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    MessageAppended,
    MessageRedacted,
    ModelCalled,
    SessionRenamed,
    SessionStarted,
    SystemSet,
)
from turnlog.domain.ranges import Origin
from turnlog.domain.recorded_event import Provenance
from turnlog.errors import InvalidValueError
from turnlog.projections.activity import ACTIVITY, Activity, activity_timeline
from turnlog.projections.branch_tree import BRANCHES, ROOTS, BranchTree, children
from turnlog.projections.prices import Price, price_of
from turnlog.projections.projection import fold
from turnlog.projections.transcript import TRANSCRIPT, Transcript
from turnlog.projections.usage import USAGE, TokenUsage, usage_by
from turnlog.testing import given, history

FIRST_MOMENT = 1_700_000_000_000_000
SECOND = 1_000_000
FORKED = SessionStarted(forked_from="s", forked_at=3, forked_digest="00")


def said(text: str, branch: int = 0, **fields: Any) -> MessageAppended:
    return MessageAppended(branch, InstructionContent(instruction=text), **fields)


def answered(*, model: str | None = "gpt-4o", input: int | None = 10, output: int | None = 5, **fields: Any) -> Any:
    usage = Usage(input_tokens=input, output_tokens=output)
    return MessageAppended(0, AssistantResponseContent(assistant_response="yes", model=model, usage=usage), **fields)


# --- Transcript -------------------------------------------------------------------------------------------


def test_a_transcript_has_each_message_and_each_system_message_as_written() -> None:
    given(
        Transcript(),
        SessionStarted(),
        BranchCreated(0, "b", "main"),
        SystemSet(0, SystemContent(system_message="Be terse."), metadata={"n": 1}),
        said("hello", sender="ada", recipient="bot", origin=Origin.LOADED),
        answered(model="m"),
        SystemSet(0, None),
    ).then(
        TRANSCRIPT,
        {
            "session": "s",
            "position": 3,
            "global_position": 3,
            "branch": 0,
            "role": "system",
            "text": "Be terse.",
            "words": "be terse",
            "origin": "authored",
            "created": FIRST_MOMENT + 2 * SECOND,
            "metadata": {"n": 1},
        },
        {
            "session": "s",
            "position": 4,
            "global_position": 4,
            "branch": 0,
            "role": "user",
            "text": "hello",
            "words": "hello",
            "sender": "ada",
            "recipient": "bot",
            "origin": "loaded",
            "created": FIRST_MOMENT + 3 * SECOND,
        },
        {
            "session": "s",
            "position": 5,
            "global_position": 5,
            "branch": 0,
            "role": "assistant",
            "text": "yes",
            "words": "yes",
            "model": "m",
            "origin": "authored",
            "created": FIRST_MOMENT + 4 * SECOND,
        },
    )


def test_a_redacted_message_has_a_row_without_words() -> None:
    rows = given(
        Transcript(),
        said("secret", metadata={"secret": 1}),
        said("open"),
        MessageRedacted(1, "{}"),
        MessageRedacted(9, "{}"),
    ).rows(TRANSCRIPT)

    assert [(row["position"], row["text"], row["words"], row["metadata"]) for row in rows] == [
        (1, None, None, None),
        (2, "open", "open", None),
    ]


# --- Branch tree ------------------------------------------------------------------------------------------


def test_a_branch_tree_says_who_was_forked_from_whom_and_how_much_each_holds() -> None:
    tree = given(
        BranchTree(),
        SessionStarted(),
        BranchCreated(0, "b0", "main", user="ada"),
        said("one"),
        BranchCreated(1, "b1", "retry", parent=0, at=3),
        said("two", 1),
        said("three", 1),
        BranchRenamed(1, "again"),
        BranchCreated(2, "b2", "third", parent=1, at=5),
        BranchRemoved(2),
    )
    found = [
        (row["branch"], row["name"], row["parent"], row["forked_at"], row["messages"], row["last_position"])
        for row in tree.rows(BRANCHES)
    ]

    assert found == [(0, "main", None, None, 1, 3), (1, "again", 0, 3, 2, 6), (2, "third", 1, 5, 0, None)]
    assert [row["removed_position"] for row in tree.rows(BRANCHES)] == [None, None, 9]
    tree.then(ROOTS, {"session": "s"})


def test_children_stand_under_their_parents() -> None:
    made = history(
        BranchCreated(0, "b0", "main"),
        BranchCreated(1, "b1", "one", parent=0, at=1),
        BranchCreated(2, "b2", "two", parent=0, at=1),
        BranchCreated(3, "b3", "three", parent=2, at=3),
    )
    assert children(fold(BranchTree(), made), "s") == {None: [0], 0: [1, 2], 2: [3]}


def test_what_happens_on_a_branch_that_was_inherited_stands_with_the_session_it_happened_in() -> None:
    made = history(SessionStarted(), BranchCreated(0, "b0", "main"), said("one"))
    made = history(FORKED, said("two"), session="fork", after=made)
    rows = fold(BranchTree(), made)

    assert [(row["session"], row["branch"], row["name"], row["messages"]) for row in rows[BRANCHES]] == [
        ("fork", 0, None, 1),
        ("s", 0, "main", 1),
    ]
    assert rows[ROOTS].find("fork") == {"session": "fork", "forked_from": "s", "forked_at": 3}


# --- Usage ------------------------------------------------------------------------------------------------


def test_usage_counts_calls_and_answers_by_day_session_branch_and_model() -> None:
    given(
        TokenUsage(),
        SessionStarted(user="ada"),
        ModelCalled("gpt-4o", branch=0, input_tokens=100, output_tokens=20, duration_ms=1.5),
        ModelCalled("gpt-4o", branch=0, input_tokens=1, output_tokens=2, error="timeout"),
        ModelCalled("o3", input_tokens=7),
        answered(model="gpt-4o"),
        answered(model=None, input=None),
    ).then(
        USAGE,
        _usage("o3", branch=-1, input_tokens=7, calls=1),
        _usage("", output_tokens=5, calls=1),
        _usage("gpt-4o", calls=3, failed=1, input_tokens=111, output_tokens=27, duration_ms=1.5),
    )


def _usage(model: str, branch: int = 0, **columns: Any) -> dict[str, Any]:
    zero = {"calls": 0, "failed": 0, "input_tokens": 0, "output_tokens": 0, "duration_ms": 0.0}
    where = {"day": "2023-11-14", "session": "s", "branch": branch, "model": model, "user": "ada"}
    return {**where, **zero, **columns}


def test_an_answer_that_a_call_led_to_is_counted_once() -> None:
    made = history(SessionStarted(), ModelCalled("m", branch=0, input_tokens=10, output_tokens=5))
    made = history(answered(model="m"), after=made, provenance=Provenance(causation=2))
    made = history(answered(model="m"), after=made, provenance=Provenance(causation=1))

    assert [(row["calls"], row["input_tokens"]) for row in fold(TokenUsage(), made)[USAGE]] == [(2, 20)]


@pytest.mark.parametrize("origin", [Origin.LOADED, Origin.CLONED, Origin.MAILED])
def test_an_answer_that_came_from_elsewhere_was_paid_for_elsewhere(origin: Origin) -> None:
    given(TokenUsage(), SessionStarted(), answered(origin=origin)).then(USAGE)


def test_usage_is_summed_up_by_what_is_asked_for_and_priced() -> None:
    made = history(SessionStarted(user="ada"), ModelCalled("cheap", branch=0, input_tokens=2_000_000, output_tokens=1))
    made = history(ModelCalled("cheap", branch=1, output_tokens=1_000_000), after=made)
    made = history(SessionStarted(user="bob"), ModelCalled("dear", input_tokens=5), session="t", after=made)
    rows = fold(TokenUsage(), made)
    prices = {"cheap": Price(1.0, 3.0)}

    cheap, dear = usage_by(rows, prices=prices)
    assert (cheap["model"], cheap["calls"], cheap["cost"]) == ("cheap", 2, pytest.approx(5.000003))
    assert (dear["model"], dear["calls"], dear["cost"]) == ("dear", 1, None)
    assert [(row["user"], row["input_tokens"]) for row in usage_by(rows, ["user"])] == [("ada", 2_000_000), ("bob", 5)]
    assert [row["branch"] for row in usage_by(rows, ["branch"], session="s")] == [0, 1]
    assert usage_by(rows, ["day"], user="nobody") == []
    with pytest.raises(InvalidValueError, match="is not known by 'colour': expected day, session"):
        usage_by(rows, ["colour"])


@pytest.mark.parametrize(
    ("model", "key"),
    [
        *(("gpt-4o", "gpt-4o"), ("openai/gpt-4o", "gpt-4o"), ("gpt-4o-2024-08-06", "gpt-4o")),
        *(
            ("gpt-4o-mini", None),
            ("x/gpt-4o-latest", "gpt-4o"),
            ("other", None),
            ("", None),
            ("own/gpt-4o", "own/gpt-4o"),
        ),
    ],
)
def test_a_provider_in_front_and_a_date_behind_make_no_difference_to_a_price(model: str, key: str | None) -> None:
    prices = {"gpt-4o": Price(1, 2), "own/gpt-4o": Price(0, 0)}

    assert price_of(model, prices) == (None if key is None else prices[key])


# --- Activity ---------------------------------------------------------------------------------------------


def test_activity_is_counted_by_the_hour_and_session() -> None:
    hour = 1_699_999_200_000_000
    made = history(SessionStarted(), said("one"), SessionRenamed("a"))
    made = history(SessionStarted(), said("two"), session="t", after=made)

    given(Activity(), *made).then(
        ACTIVITY,
        {"hour": hour, "session": "s", "events": 3, "messages": 1, "started": 1},
        {"hour": hour, "session": "t", "events": 2, "messages": 1, "started": 1},
    )


def test_a_system_message_is_a_message_wherever_it_stands() -> None:
    terse = SystemContent(system_message="be terse")
    created = BranchCreated(0, "id-main", "main")
    made = history(
        SessionStarted(), created, SystemSet(0, terse), said("one"), MessageAppended(0, terse), SystemSet(0, None)
    )

    assert [row["messages"] for row in fold(Activity(), made)[ACTIVITY].under()] == [3]
    (branch,) = fold(BranchTree(), made)[BRANCHES].under()
    assert (branch["messages"], branch["last_position"]) == (3, 5)
    assert [row["role"] for row in fold(Transcript(), made)[TRANSCRIPT].under()] == ["system", "user", "system"]


def test_a_timeline_has_the_steps_that_saw_anything_as_the_clocks_of_a_zone_have_them() -> None:
    made = history(SessionStarted(), *[said("x")] * 7000)
    rows = fold(Activity(), made)
    evening, night = datetime(2023, 11, 14, 22, tzinfo=UTC), datetime(2023, 11, 15, 0, tzinfo=UTC)

    assert [(row["start"], row["messages"], row["sessions"]) for row in activity_timeline(rows, "hour")] == [
        (evening, 2799, 1),
        (evening + timedelta(hours=1), 3600, 1),
        (night, 601, 1),
    ]
    assert [row["start"] for row in activity_timeline(rows)] == [datetime(2023, 11, 14, tzinfo=UTC), night]
    assert [row["events"] for row in activity_timeline(rows, "month")] == [7001]
    assert len(activity_timeline(rows, zone=timezone(timedelta(hours=3)))) == 1
    assert [row["start"] for row in activity_timeline(rows, since=night)] == [night]
    with pytest.raises(InvalidValueError, match="has no steps of 'week': expected hour, day, month"):
        activity_timeline(rows, "week")


@pytest.mark.parametrize("projection", [Transcript(), BranchTree(), TokenUsage(), Activity()], ids=lambda one: one.name)
def test_how_events_are_cut_into_batches_does_not_matter(projection: Any) -> None:
    made = history(
        SessionStarted(user="ada"), BranchCreated(0, "b", "main"), said("one"), answered(), MessageRedacted(3, "{}")
    )
    made = history(FORKED, ModelCalled("m", input_tokens=1), answered(), session="t", after=made)
    whole = fold(projection, made)

    for size in (1, 2, 3):
        cut = fold(projection, made, batch=size)
        for table in projection.tables:
            assert list(cut[table]) == list(whole[table])
