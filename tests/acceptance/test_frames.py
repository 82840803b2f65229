"""Messages as frames, taken by the libraries themselves: pyarrow, pandas, Polars and DuckDB."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from turnlog import Session, Store
from turnlog.errors import BranchNotFoundError, InvalidBranchError, InvalidValueError, MissingExtraError, TurnlogError
from turnlog.infrastructure import stored_event

TYPES = {
    "id": pa.string(),
    "session": pa.string(),
    "position": pa.int64(),
    "global_position": pa.int64(),
    "created_at": pa.timestamp("us", "UTC"),
    "user": pa.string(),
    "branch": pa.string(),
    "branch_id": pa.string(),
    "type": pa.string(),
    "role": pa.string(),
    "text": pa.large_string(),
    "content": pa.large_string(),
    "sender": pa.string(),
    "recipient": pa.string(),
    "origin": pa.string(),
    "model": pa.string(),
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "metadata": pa.large_string(),
    "actor": pa.string(),
    "correlation_id": pa.string(),
    "retracted": pa.bool_(),
}
ANSWER = {"assistant_response": "Keep facts.", "model": "m-1", "usage": {"input_tokens": 3, "output_tokens": 5}}


@pytest.fixture
def session(store: Store) -> Session:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add("Explain", sender="ada", recipient="bot", metadata={"n": 2**70, "tags": ["a"]})
    main.add(ANSWER, sender="bot")
    return session


def test_a_frame_has_the_same_types_whatever_its_rows_hold(session: Session, store: Store) -> None:
    empty = Session(store=store).messages
    for messages in (session.messages, session.messages[:1], session.messages[:0], empty):
        schema = messages.to_arrow().schema
        assert dict(zip(schema.names, schema.types, strict=True)) == TYPES
    assert session.messages.filter(sender="nobody").to_arrow().schema == session.messages.to_arrow().schema
    assert session.messages[:0].to_df().dtypes.equals(session.messages.to_df().dtypes)
    assert session.messages[:0].to_polars().schema == session.messages.to_polars().schema


def test_the_rows_are_the_messages_in_view_order(session: Session) -> None:
    first, second, third = session.messages.to_arrow().to_pylist()

    assert (first["role"], first["text"], first["sender"]) == ("system", "Be brief.", None)
    assert second | {"created_at": None} == {
        "id": f"{session.id}/4",
        "session": session.id,
        "position": 4,
        "global_position": 4,
        "created_at": None,
        "user": None,
        "branch": "main",
        "branch_id": session.default_branch.id,
        "type": "instruction",
        "role": "user",
        "text": "Explain",
        "content": '{"type":"instruction","instruction":"Explain"}',
        "sender": "ada",
        "recipient": "bot",
        "origin": "authored",
        "model": None,
        "input_tokens": None,
        "output_tokens": None,
        "metadata": '{"n":1180591620717411303424,"tags":["a"]}',
        "actor": None,
        "correlation_id": None,
        "retracted": False,
    }
    assert second["created_at"] == session.messages[1].created_at
    assert (third["model"], third["input_tokens"], third["output_tokens"]) == ("m-1", 3, 5)
    assert session.messages[::-1].to_arrow()["position"].to_pylist() == [5, 4, 3]


def test_a_count_that_no_column_has_room_for_is_left_out(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"assistant_response": "", "usage": {"input_tokens": 2**63, "output_tokens": 2**63 - 1}}
    with pytest.raises(InvalidValueError, match="a number of tokens is 9223372036854775808: expected a whole number"):
        session.default_branch.add(given)
    monkeypatch.setattr(stored_event, "check_event", lambda *event: None)  # as it was before such a number was refused
    session.default_branch.add(given)

    assert session.messages.to_arrow()["input_tokens"].to_pylist() == [None, None, 3, None]
    assert session.messages.to_arrow()["output_tokens"].to_pylist() == [None, None, 5, 2**63 - 1]


# --- The libraries ----------------------------------------------------------------------------------------


def test_a_pandas_frame_has_times_in_utc_and_numbers_that_may_be_missing(session: Session) -> None:
    frame = session.messages.to_df()

    assert list(frame.columns) == list(TYPES)
    assert str(frame["created_at"].dtype) == "datetime64[us, UTC]"
    assert frame["position"].dtype == "int64"
    assert (str(frame["input_tokens"].dtype), str(frame["output_tokens"].dtype)) == ("Int64", "Int64")
    assert frame["input_tokens"].sum() == 3
    assert frame["input_tokens"].isna().tolist() == [True, True, False]
    assert frame["sender"].isna().tolist() == [True, False, False]
    assert frame[frame["role"] == "user"]["text"].tolist() == ["Explain"]
    assert json.loads(frame["metadata"][1]) == {"n": 2**70, "tags": ["a"]}


def test_changing_a_frame_changes_nothing_else(session: Session) -> None:
    before = session.messages.to_arrow()
    frame = session.messages.to_df()
    frame.loc[0, "text"] = "changed"
    frame.loc[1, "position"] = 77
    frame.loc[2, "input_tokens"] = 99
    frame["extra"] = 1
    other: Any = session.messages.to_polars()
    other[0, "text"] = "changed too"

    assert frame["text"].tolist() == ["changed", "Explain", "Keep facts."]
    assert frame["position"].tolist() == [3, 77, 5]
    assert session.messages.to_arrow() == before
    assert [message.text for message in session.messages] == ["Be brief.", "Explain", "Keep facts."]
    assert session.messages.to_df()["text"].tolist() == ["Be brief.", "Explain", "Keep facts."]


def test_polars_takes_the_messages_as_they_are(session: Session) -> None:
    taken = pl.DataFrame(session.messages)

    assert taken.equals(session.messages.to_polars())
    assert taken.schema["created_at"] == pl.Datetime("us", "UTC")
    assert taken.schema["input_tokens"] == pl.Int64
    assert taken.filter(pl.col("role") == "user")["text"].to_list() == ["Explain"]
    assert pl.DataFrame(session.messages.filter(role="tool")).height == 0


def test_pandas_takes_the_messages_as_they_are(session: Session) -> None:
    pandas: Any = pd.DataFrame  # its types do not know yet that it can
    frame = pandas.from_arrow(session.messages)

    assert frame["text"].tolist() == ["Be brief.", "Explain", "Keep facts."]


def test_duckdb_asks_the_messages_as_a_table(session: Session) -> None:
    messages = session.messages
    assert len(messages) == 3  # and asked by its name in what follows

    sql: Any = duckdb.sql  # which says of itself that it may answer nothing
    counted = sql("SELECT role, count(*) FROM messages GROUP BY role ORDER BY role").fetchall()
    joined = sql(
        "SELECT a.text, b.text FROM messages AS a JOIN messages AS b ON b.position = a.position + 1"
        " WHERE a.metadata::JSON ->> '$.tags[0]' = 'a'"
    ).fetchall()

    assert counted == [("assistant", 1), ("system", 1), ("user", 1)]
    assert joined == [("Explain", "Keep facts.")]


def test_pyarrow_takes_the_messages_as_they_are(session: Session) -> None:
    assert pa.table(session.messages) == session.messages.to_arrow()
    assert pa.schema(session.messages) == session.messages.to_arrow().schema
    narrow = pa.schema([(name, pa.string() if kind == pa.large_string() else kind) for name, kind in TYPES.items()])
    assert pa.RecordBatchReader.from_stream(session.messages, narrow).read_all()["text"].type == pa.string()


# --- Of a session -----------------------------------------------------------------------------------------


def test_a_frame_of_a_session_holds_each_message_once(session: Session) -> None:
    main = session.default_branch
    fork = main.fork(name="fork")
    fork.add("On the fork")
    main.add("On main")
    session.create_branch(name="loaded", messages=["From elsewhere"])

    def contents(**which: Any) -> list[str]:
        return list(session.to_df(**which)["text"])

    everything = ["Be brief.", "Explain", "Keep facts.", "On the fork", "On main", "From elsewhere"]
    assert contents() == everything
    assert contents(branches="fork") == [*everything[:3], "On the fork"]
    assert contents(branches=[main.id, "loaded"]) == [*everything[:3], "On main", "From elsewhere"]
    assert contents(exclude_load=True) == everything[:-1]
    assert contents(branches=[fork], exclude_clone=True) == ["Be brief.", "On the fork"]
    assert session.to_arrow([main])["branch"].to_pylist() == ["main"] * 4
    assert session.to_arrow()["branch"].to_pylist() == ["main"] * 3 + ["fork", "main", "loaded"]
    assert session.to_polars("fork")["origin"].to_list() == ["authored", "inherited", "inherited", "authored"]


def test_a_branch_that_is_not_there_is_refused(session: Session, store: Store) -> None:
    with pytest.raises(BranchNotFoundError):
        session.to_df(branches=["nowhere"])
    with pytest.raises(ValueError, match="nowhere"):
        session.to_arrow("nowhere")
    with pytest.raises(InvalidBranchError):
        session.to_polars([Session(store=store).default_branch])


def test_a_frame_of_a_view_is_of_its_position(session: Session) -> None:
    past = session.at(4)
    session.default_branch.rename("renamed")
    session.default_branch.clear()

    assert past.to_df()["text"].tolist() == ["Be brief.", "Explain"]
    assert past.messages.to_df()["branch"].tolist() == ["main", "main"]
    assert past.default_branch.messages.to_polars()["position"].to_list() == [3, 4]
    assert session.to_df()["text"].tolist() == ["Be brief."]


def test_a_session_that_goes_on_from_another_has_its_rows_too(session: Session) -> None:
    later = session.fork_session()
    later.default_branch.add("More")
    frame = later.to_df()

    assert frame["id"].tolist() == [f"{session.id}/3", f"{session.id}/4", f"{session.id}/5", f"{later.id}/2"]
    assert frame["session"].tolist() == [later.id] * 4
    assert frame["position"].tolist() == [message.position for message in later.messages]


def test_a_frame_is_awaited(session: Session) -> None:
    async def frames() -> tuple[Any, Any, Any]:
        return await session.ato_arrow(), await session.ato_df("main"), await session.at(4).ato_polars()

    arrow, pandas, polars = asyncio.run(frames())
    assert (arrow.num_rows, len(pandas), polars.height) == (3, 3, 2)


# --- Without the extra ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "method"),
    [
        ("pyarrow", "to_arrow"),
        ("pyarrow", "to_df"),
        ("pyarrow", "to_polars"),
        ("pyarrow", "__arrow_c_stream__"),
        ("pyarrow", "__arrow_c_schema__"),
        ("pandas", "to_df"),
        ("polars", "to_polars"),
    ],
)
def test_who_lacks_a_package_is_told_the_extra(
    session: Session, monkeypatch: pytest.MonkeyPatch, missing: str, method: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(MissingExtraError, match=rf"{missing} is not installed; .* pip install 'turnlog\[frames\]'"):
        getattr(session.messages, method)()
    assert issubclass(MissingExtraError, TurnlogError)


def test_arrow_needs_pyarrow_alone(elsewhere: Any) -> None:
    printed = elsewhere.run(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('pandas', 'polars', 'duckdb'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from turnlog import Session\n"
        "print(Session(messages=['a', 'b', 'c'], store='memory://').messages.to_arrow().num_rows)"
    )

    assert printed == "3\n"


def test_importing_the_house_imports_no_frame_library(elsewhere: Any) -> None:
    said = elsewhere.run(
        "import sys, turnlog\n"
        "session = turnlog.Session(store=turnlog.open_store('memory://'))\n"
        "session.default_branch.add('a')\n"
        "session.messages.filter(contains='a')._repr_html_()\n"
        "print(sorted({'duckdb', 'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)))"
    )

    assert said == "[]\n"
