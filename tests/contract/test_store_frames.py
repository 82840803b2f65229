"""Frames of a whole store hold each thing once, on every kind of store, and are filtered by what is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from turnlog import Session, Store, acting
from turnlog.content import AssistantResponseContent, Usage
from turnlog.domain.events import ModelCalled
from turnlog.errors import InvalidValueError, QueryError, SessionNotFoundError
from turnlog.frames import Frame
from turnlog.infrastructure.frames.session_labels import Labels
from turnlog.infrastructure.frames.usage import ModelCalls
from turnlog.projections import PRICES, TokenUsage, usage_by

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores

MESSAGE_COLUMNS = [
    *("id", "session", "position", "global_position", "created_at", "user", "branch", "branch_id", "type", "role"),
    *("text", "content", "sender", "recipient", "origin", "model", "input_tokens", "output_tokens", "metadata"),
    *("actor", "correlation_id", "retracted"),
]
EVENT_COLUMNS = [
    *("session", "position", "global_position", "created_at", "name", "branch", "branch_id", "branch_number", "user"),
    *("actor", "correlation_id", "causation", "command_id", "payload", "redacted", "digest"),
]
USAGE_COLUMNS = [
    *("session", "position", "global_position", "created_at", "user", "branch", "branch_id", "name", "model"),
    *("provider", "operation", "failed", "input_tokens", "output_tokens", "duration_ms", "cost"),
]


def rows(frame: Frame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.to_arrow().to_pylist()
    return found


def said(frame: Frame) -> list[str]:
    return [row["text"] for row in rows(frame)]


def test_a_frame_has_its_columns_also_when_there_is_nothing_in_it(store: Store) -> None:
    frames = store.frames

    assert frames.messages().to_arrow().column_names == MESSAGE_COLUMNS
    assert frames.events().to_arrow().column_names == EVENT_COLUMNS
    assert frames.usage().to_arrow().column_names == USAGE_COLUMNS
    assert frames.messages(branches="main").to_df().columns.tolist() == MESSAGE_COLUMNS
    assert frames.sessions().to_polars().height == 0


def test_every_message_is_there_once_in_the_order_of_the_record(store: Store) -> None:
    first, second = Session("Be brief.", user="ada", store=store), Session(user="bob", store=store)
    first.default_branch.add("one")
    second.default_branch.add("two")
    first.fork(first.default_branch, name="side").add({"assistant_response": "three"})

    found = rows(store.frames.messages())

    assert [(row["text"], row["branch"], row["role"], row["user"]) for row in found] == [
        ("Be brief.", "main", "system", "ada"),
        ("one", "main", "user", "ada"),
        ("two", "main", "user", "bob"),
        ("three", "side", "assistant", "ada"),
    ]
    assert [row["id"] for row in found][1] == f"{first.id}/{found[1]['position']}"
    assert [row["global_position"] for row in found] == sorted(row["global_position"] for row in found)


def test_a_session_that_goes_on_from_another_does_not_count_its_past_again(store: Store) -> None:
    source = Session(user="ada", store=store)
    source.default_branch.add("shared")
    fork = source.fork_session(name="fork")
    fork.default_branch.add("own")

    assert said(store.frames.messages()) == ["shared", "own"]
    assert [row["user"] for row in rows(store.frames.messages())] == ["ada", "ada"]
    assert [row["branch"] for row in rows(store.frames.messages(sessions=fork.id))] == ["main"]
    assert said(store.frames.messages(sessions=[fork.id])) == ["own"]
    assert said(store.frames.messages(sessions=fork.id, branches="main")) == ["shared", "own"]
    assert said(store.frames.messages(users="ada")) == ["shared", "own"]


def test_branches_show_what_they_show_now_each_message_once_in_a_session(store: Store) -> None:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add("one")
    gone = main.add("two")
    side = session.fork(main, name="side")
    side.add("three")
    main.retract(gone)
    Session(store=store).default_branch.add("elsewhere")

    assert said(store.frames.messages(branches="main")) == ["Be brief.", "one", "elsewhere"]
    assert said(store.frames.messages(branches="side")) == ["Be brief.", "one", "two", "three"]
    assert said(store.frames.messages(branches=["main", "side"], sessions=session.id)) == [
        *("Be brief.", "one", "two", "three")
    ]
    assert said(store.frames.messages(branches="nobody's")) == []


def test_what_was_retracted_is_marked_until_that_is_undone(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    main.add("kept")
    taken_back = main.add("taken back")

    main.retract(taken_back)
    assert [row["retracted"] for row in rows(store.frames.messages())] == [False, True]
    assert [row["retracted"] for row in rows(store.frames.messages(sessions=session.id))] == [False, True]

    main.undo()
    assert [row["retracted"] for row in rows(store.frames.messages())] == [False, False]


def test_redacted_content_is_in_no_frame(store: Store) -> None:
    session = Session(store=store)
    secret = session.default_branch.add("the secret word", metadata={"the": "secret"})
    fork = session.fork_session(name="fork")
    session.redact(secret)

    frames = store.frames
    for frame in (
        frames.messages(),
        frames.messages(sessions=session.id),
        frames.messages(branches="main"),
        frames.messages(branches="main", sessions=fork.id),
        frames.events(),
        frames.events(sessions=session.id),
    ):
        assert "secret" not in str(rows(frame))
    assert said(frames.messages()) == [""]
    assert [row["redacted"] for row in rows(frames.events(names="message.appended"))] == [True]


def test_a_deleted_session_is_in_the_events_and_its_messages_in_no_frame(store: Store) -> None:
    gone, kept = Session(store=store), Session(store=store)
    gone.default_branch.add("gone")
    kept.default_branch.add("kept")
    gone.delete()

    assert said(store.frames.messages()) == ["kept"]
    assert said(store.frames.messages(branches="main")) == ["kept"]
    assert len(rows(store.frames.events(sessions=gone.id))) == 4
    assert [row["status"] for row in rows(store.frames.sessions())] == ["deleted", "active"]


def test_a_branch_has_the_name_that_it_had_when_it_was_written_on(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    main.add("before")
    main.rename("trunk")
    main.add("after")

    for frame in (store.frames.messages(), store.frames.messages(sessions=session.id)):
        assert [(row["text"], row["branch"]) for row in rows(frame)] == [("before", "main"), ("after", "trunk")]
    assert said(store.frames.messages(branches="trunk")) == ["before", "after"]
    assert [row["branch"] for row in rows(store.frames.events(names="message.appended"))] == ["main", "trunk"]


def test_events_are_the_record_as_it_is(store: Store) -> None:
    with acting(actor="ada", correlation_id="run-1"):
        session = Session(user="bob", store=store)
        session.default_branch.add("one", command_id="c-1")

    found = rows(store.frames.events())

    recorded = store.read_all()
    assert [
        (row["session"], row["position"], row["global_position"], row["name"], row["created_at"], row["digest"])
        for row in found
    ] == [
        (each.session, each.position, each.global_position, each.name, each.created_at, each.digest.hex())
        for each in recorded
    ]
    assert {(row["actor"], row["correlation_id"], row["user"], row["redacted"]) for row in found} == {
        ("ada", "run-1", "bob", False)
    }
    assert (found[-1]["command_id"], found[-1]["branch"], found[-1]["branch_number"]) == ("c-1", "main", 0)
    assert '"one"' in found[-1]["payload"]
    assert [row["name"] for row in rows(store.frames.events(names=["branch.created"], branches="main"))] == [
        "branch.created"
    ]


def test_times_are_included_at_both_ends_and_a_naive_one_is_local(store: Store, clock: Clock) -> None:
    main = Session(store=store).default_branch
    for word in ("one", "two", "three"):
        clock.now += 1_000_000
        main.add(word)
    two = rows(store.frames.messages())[1]["created_at"]

    frames = store.frames
    assert said(frames.messages(since=two)) == ["two", "three"]
    assert said(frames.messages(until=two)) == ["one", "two"]
    assert said(frames.messages(since=two, until=two)) == ["two"]
    assert said(frames.messages(since=two.astimezone().replace(tzinfo=None), until=two)) == ["two"]
    assert said(frames.messages(since=two.astimezone(timezone(timedelta(hours=9))), until=two)) == ["two"]
    assert said(frames.messages(since=two, branches="main")) == ["two", "three"]
    assert len(rows(frames.events(since=two))) == 2


def test_users_sessions_and_roles_name_one_or_several(store: Store) -> None:
    for user in ("ada", "bob", "eve"):
        Session(user=user, store=store).default_branch.add_many([f"{user} asks", {"assistant_response": user}])
    first = next(store.sessions()).session

    frames = store.frames
    assert said(frames.messages(users="ada", roles="user")) == ["ada asks"]
    assert said(frames.messages(users=["eve", "ada"], roles=["assistant"])) == ["ada", "eve"]
    assert said(frames.messages(users=["bob"], sessions=[first])) == []
    assert said(frames.messages(sessions=[])) == []
    assert said(frames.messages(branches="main", users="bob", roles="assistant")) == ["bob"]


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"since": datetime(2026, 1, 2, tzinfo=UTC), "until": datetime(2026, 1, 1, tzinfo=UTC)},
        {"until": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        {"roles": "poet"},
        {"users": 7},
        {"branches": [1]},
        {"batch_size": 0},
        {"batch_size": True},
    ],
    ids=str,
)
def test_what_no_row_could_be_is_refused_before_anything_is_read(store: Store, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        store.frames.messages(**asked)


def test_a_session_that_is_not_there_and_a_name_that_is_not_stored_are_refused(store: Store) -> None:
    with pytest.raises(SessionNotFoundError):
        store.frames.events(sessions="nobody's")
    with pytest.raises(InvalidValueError):
        store.frames.events(names="message.whispered")


def test_usage_sums_up_to_what_the_projection_counts(store: Store) -> None:
    session = Session(user="ada", store=store)
    main = session.default_branch
    store.append(session.id, [ModelCalled("gpt-4o", input_tokens=1000, output_tokens=10, branch=0, duration_ms=2.5)])
    call = store.last_global_position() and session.position
    with acting(causation=call):
        main.add(
            AssistantResponseContent(
                "counted with its call", model="gpt-4o", usage=Usage(input_tokens=1000, output_tokens=10)
            )
        )
    main.add(AssistantResponseContent("alone", model="own-model", usage=Usage(input_tokens=7, output_tokens=3)))
    main.add('no usage, though it says "usage"')
    store.append(session.id, [ModelCalled("gpt-4o", error="it broke")])

    found = rows(store.frames.usage())

    assert [(row["name"], row["branch"], row["model"], row["input_tokens"], row["failed"]) for row in found] == [
        ("work.model_called", "main", "gpt-4o", 1000, False),
        ("message.appended", "main", "own-model", 7, False),
        ("work.model_called", None, "gpt-4o", None, True),
    ]
    by_model = {row["model"]: row for row in usage_by(store.project(TokenUsage()), ["model"])}
    for model in ("gpt-4o", "own-model"):
        mine = [row for row in found if row["model"] == model]
        assert sum(row["input_tokens"] or 0 for row in mine) == by_model[model]["input_tokens"]
        assert len(mine) == by_model[model]["calls"]
    assert found[0]["cost"] == PRICES["gpt-4o"].of(1000, 10)
    assert found[1]["cost"] is None
    assert len(rows(store.frames.usage(branches="main", users="ada"))) == 2


def test_a_frame_is_read_as_often_as_it_is_asked_and_shows_what_came_meanwhile(store: Store) -> None:
    main = Session(store=store).default_branch
    main.add_many([f"message {number}" for number in range(10)])
    frame = store.frames.messages(batch_size=3)

    assert [batch.num_rows for batch in frame] != []
    assert max(batch.num_rows for batch in frame) <= 3
    assert frame.to_arrow().num_rows == frame.to_polars().height == len(frame.to_df()) == 10
    main.add("one more")
    assert frame.to_arrow().num_rows == 11
    assert max(batch.num_rows for batch in store.frames.messages(branches="main", batch_size=4)) <= 4


def test_what_a_long_reading_has_forgotten_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [Session(user=f"user {number}", store=store) for number in range(4)]
    sessions.append(sessions[0].fork_session(name="fork"))
    for round in range(3):
        for session in sessions:
            call = store.append(session.id, [ModelCalled("small", input_tokens=1, branch=None)]).last
            used = Usage(input_tokens=1, output_tokens=1)
            session.default_branch.add("words")
            with acting(causation=call):
                session.default_branch.add(AssistantResponseContent(assistant_response="so", model="m", usage=used))
            session.default_branch.rename(f"round {round}")
    frames = store.frames
    before = [rows(frame) for frame in (frames.messages(), frames.events(), frames.usage())]

    monkeypatch.setattr(Labels.__init__, "__defaults__", (1,))
    monkeypatch.setattr(ModelCalls.__init__, "__defaults__", (1,))

    assert [rows(frame) for frame in (frames.messages(), frames.events(), frames.usage())] == before
    assert {row["branch"] for row in before[0]} == {"main", "round 0", "round 1"}
    assert len(before[2]) == 15


def test_others_take_a_frame_as_it_is_and_more_than_once(store: Store) -> None:
    Session("Be brief.", store=store).default_branch.add("one")
    frame = store.frames.messages()

    assert pl.DataFrame(frame).shape == (2, 22)
    assert pa.table(frame).num_rows == 2
    with duckdb.connect() as connection:
        connection.register("messages", frame)
        assert connection.sql("select count(*) from messages a join messages b using (id)").fetchall() == [(2,)]
        assert connection.sql("select count(*) from messages").fetchall() == [(2,)]


def test_frames_can_be_awaited(store: Store) -> None:
    Session(store=store).default_branch.add("one")

    async def ask() -> tuple[int, int, list[dict[str, Any]]]:
        frame = store.frames.messages()
        batches = [batch.num_rows async for batch in frame]
        query = await store.asql("select text from messages")
        return sum(batches), (await frame.ato_arrow()).num_rows, await query.arows()

    assert asyncio.run(ask()) == (1, 1, [{"text": "one"}])


def test_one_query_may_name_a_table_twice_and_several_together(store: Store) -> None:
    for user in ("ada", "bob"):
        Session(user=user, store=store).default_branch.add_many(["one", "two", "three"])

    pairs = store.sql(
        "select count(*) as pairs from messages as a join messages as b on a.session = b.session and a.id < b.id"
    )
    joined = store.sql(
        "select s.user, count(*) as n, sum(m.position) as total from messages m join sessions s using (session)"
        " join events e on e.session = m.session and e.position = m.position group by 1 order by 1"
    )

    assert pairs.rows() == [{"pairs": 6}]
    assert joined.rows() == [{"user": "ada", "n": 3, "total": 12}, {"user": "bob", "n": 3, "total": 12}]
    assert joined.columns == ("user", "n", "total")
    assert joined.to_arrow().num_rows == len(joined.to_df()) == joined.to_polars().height == 2


def test_only_the_tables_that_a_query_names_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Session(store=store).default_branch.add("one")
    read: list[object] = []
    monkeypatch.setattr(type(store.recorder), "read_all", lambda *_, **asked: read.append(asked))
    monkeypatch.setattr(type(store.recorder), "read_all_bodies", lambda *_, **asked: read.append(asked))

    assert store.sql("select status from sessions").rows() == [{"status": "active"}]
    assert store.sql("select 1 as one").rows() == [{"one": 1}]
    assert read == []


def test_parameters_go_by_place_or_by_name(store: Store) -> None:
    Session(user="o'neill", store=store).default_branch.add("one")

    assert store.sql("select text from messages where user = ?", ["o'neill"]).rows() == [{"text": "one"}]
    assert store.sql("select text from messages where user = $user", {"user": "nobody"}).rows() == []


@pytest.mark.parametrize(
    "query",
    [
        "selec",
        "",
        "select * from nowhere",
        "select 1; select 2",
        "select 1 as one, 2 as one",
        "create table mine as select 1",
        "copy (select 1) to 'out.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd.csv'",
        "select * from glob('/*')",
        "select * from duckdb_secrets()",
        "attach 'other.db'",
        "install httpfs",
        "set enable_external_access = true",
        "select * from messages where user = ?",
    ],
)
def test_a_query_that_cannot_be_answered_or_reaches_out_is_refused_by_name(store: Store, query: str) -> None:
    with pytest.raises(QueryError):
        store.sql(query).rows()


@pytest.mark.parametrize("value", ["'infinity'::timestamp", "'5877642-06-25 (BC)'::date"])
def test_a_time_that_python_does_not_have_is_rejected(store: Store, value: str) -> None:
    query = store.sql(f"select {value} as a")

    with pytest.raises(QueryError, match="to_arrow"):
        query.rows()


@pytest.mark.parametrize(
    "value",
    [
        "text::int",
        "json_extract(text, '$.a')",
        "regexp_matches('a', '(' || text)",
        "strptime(text, '%Y')",
        "text::json",
    ],
)
def test_an_error_does_not_tell_what_was_said(store: Store, value: str) -> None:
    Session(store=store).default_branch.add("my 'secret' word")

    with pytest.raises(QueryError) as refusal:
        store.sql(f"select {value} as a from messages").rows()

    assert "secret" not in str(refusal.value)


def test_a_failure_of_the_record_is_raised_as_what_it_is(stores: Stores) -> None:
    store = stores.new()
    Session(store=store).default_branch.add("one")
    query = store.sql("select text from messages")
    store.close()

    with pytest.raises(Exception, match="closed") as failure:
        query.rows()
    assert type(failure.value).__name__ == "StoreClosedError"
