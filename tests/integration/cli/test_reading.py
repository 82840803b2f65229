"""What the commands that read print, in a pipe and in a terminal; and that they write nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, open_store

STARTED = ["session.started", "branch.created", "branch.system_set", "message.appended", "message.appended"]


def store_of(turnlog: Any) -> str:
    return f"sqlite:///{turnlog.folder}/turnlog.db"


def test_sessions_are_listed_with_tabs_in_a_pipe(turnlog: Any, talk: str) -> None:
    done = turnlog("list")

    assert (done.code, done.err) == (0, "")
    heads, line = (line.split("\t") for line in done.lines)
    assert heads == ["SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME"]
    assert (line[0], *line[2:]) == ("5e55-talk", "4", "active", "ada", "talk", "support")


def test_sessions_are_listed_in_columns_in_a_terminal(turnlog: Any, talk: str) -> None:
    done = turnlog.in_terminal("list").end()

    assert done.code == 0
    assert done.lines[0].split() == ["SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME"]
    assert "\t" not in done.out
    assert done.lines[1].startswith("5e55-talk  ")


def test_sessions_as_json_are_one_document(turnlog: Any, talk: str) -> None:
    found = json.loads(turnlog("list", "--format", "json").out)

    assert found["next"] is None
    assert found["sessions"][0] | {"digest": "", "created_at": "", "updated_at": "", "bytes": 0} == {
        "session": "5e55-talk",
        "key": "talk",
        "name": "support",
        "user": "ada",
        "status": "active",
        "position": 7,
        "messages": 4,
        "bytes": 0,
        "created_at": "",
        "updated_at": "",
        "forked_from": None,
        "forked_at": None,
        "digest": "",
        "metadata": {},
    }


def test_sessions_are_filtered_sorted_and_paged(turnlog: Any) -> None:
    with open_store(store_of(turnlog)) as store:
        for name, user in (("beta", "ada"), ("alpha", "ada"), ("gamma", "bob")):
            Session(session_id=name, name=name, user=user, metadata={"n": len(user)}, store=store)
        Session.open("gamma", store=store).archive()

    def names(*arguments: str) -> list[str]:
        return [each["session"] for each in json.loads(turnlog("list", "--format", "json", *arguments).out)["sessions"]]

    assert names("--sort", "name") == ["alpha", "beta", "gamma"]
    assert names("--sort", "name", "--reverse") == ["gamma", "beta", "alpha"]
    assert names("--user", "ada", "--sort", "name") == ["alpha", "beta"]
    assert names("--status", "archived") == ["gamma"]
    assert names("--contains", "LPH") == ["alpha"]
    assert names("--metadata", "n=3", "--sort", "created") == ["gamma", "alpha", "beta"]
    assert names("--since", "2999-01-01") == []
    first = json.loads(turnlog("list", "--sort", "name", "--limit", "2", "--format", "json").out)
    assert names("--sort", "name", "--after", first["next"]) == ["gamma"]


def test_an_empty_store_says_so_beside_the_answer(turnlog: Any) -> None:
    turnlog("init")
    done = turnlog("list")

    assert (done.code, done.out, done.err) == (0, "", "no sessions\n")


def test_a_session_is_shown_message_by_message(turnlog: Any, talk: str) -> None:
    done = turnlog("show", talk)

    assert (done.code, done.err) == (0, "")
    assert [line for line in done.lines if line.startswith("    ")] == [
        "    You are terse.",
        "    Explain event sourcing",
        "    Keep facts, derive state.",
    ]
    assert [line.split()[:2] for line in done.lines if not line.startswith("    ")] == [
        ["system", "[3]"],
        ["user", "[4]"],
        ["assistant", "[5]"],
    ]


def test_roles_have_colours_in_a_terminal_and_none_where_nobody_wants_them(turnlog: Any, talk: str) -> None:
    shown = turnlog.in_terminal("show", talk)
    shown.end()
    plain = turnlog.in_terminal("show", talk, env={"NO_COLOR": "1"})
    plain.end()

    assert "\x1b[1;36muser" in shown.said
    assert "Keep facts, derive state." in shown.said
    assert "\x1b[1;36m" not in plain.said
    assert "\x1b[3" not in plain.said
    assert "\x1b" not in turnlog("show", talk).out


@pytest.mark.parametrize("reference", ["5e55-talk", "5e55", "talk", "support", "@last"])
def test_a_session_goes_by_id_beginning_key_label_and_last(turnlog: Any, talk: str, reference: str) -> None:
    assert turnlog("show", reference).out == turnlog("show", talk).out


def test_what_may_be_several_sessions_is_refused_with_their_names(turnlog: Any, talk: str) -> None:
    with open_store(store_of(turnlog)) as store:
        Session(session_id="5e55-other", store=store)
    done = turnlog("show", "5e55")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "turnlog: '5e55' matches 2 sessions; expected one of '5e55-talk', '5e55-other'\n"
        "  next: use a longer beginning of the id; `turnlog list` shows the ids\n"
    )


def test_a_branch_is_shown_by_name_number_or_id_and_at_a_moment(turnlog: Any, talk: str) -> None:
    by_name = turnlog("show", talk, "--branch", "retry")

    assert "Never update, only append." in by_name.out
    assert turnlog("show", talk, "-b", "1").out == by_name.out
    assert "Keep facts" not in turnlog("show", talk, "--at", "4").out
    assert turnlog("show", talk, "--at", "2999-01-01T00:00:00Z").out.endswith(f"\n{turnlog('show', talk).out}")


def test_messages_as_json_are_lines(turnlog: Any, talk: str) -> None:
    found = [json.loads(line) for line in turnlog("show", talk, "--format", "jsonl").lines]

    assert [(each["position"], each["role"], each["text"]) for each in found] == [
        (3, "system", "You are terse."),
        (4, "user", "Explain event sourcing"),
        (5, "assistant", "Keep facts, derive state."),
    ]
    assert list(found[0]) == [
        *("position", "id", "role", "text", "sender", "recipient", "branch", "branch_number"),
        *("created_at", "origin", "metadata", "redacted", "content"),
    ]


def test_of_many_messages_the_last_are_shown_and_the_others_are_told_of(turnlog: Any, fill: Any) -> None:
    session = fill(100_000)
    done = turnlog("show", session)

    assert [line.strip() for line in done.lines if line.startswith("    ")][:2] == ["message 99950", "message 99951"]
    assert done.err == "(99950 messages before these: --last N or --all)\n"
    assert len(turnlog("show", session, "--all", "--format", "jsonl").lines) == 100_000


def test_the_log_shows_events_with_the_newest_last(turnlog: Any, talk: str) -> None:
    turnlog("add", talk, "more", "--actor", "bob")
    done = turnlog("log", talk)

    assert [line.split()[0] for line in done.lines] == [str(position) for position in range(1, 9)]
    assert "  message.appended main by bob: user: more" in done.lines[-1]
    assert [line.split()[0] for line in turnlog("log", talk, "--last", "2").lines] == ["7", "8"]
    assert turnlog("log", talk, "--last", "2").err == "(other events come before these: --last N or --all)\n"
    assert turnlog("log", talk, "--by", "bob").lines == done.lines[-1:]
    assert turnlog("log", talk, "--branch", "retry", "--all").lines == done.lines[5:7]
    assert turnlog("log", talk, "--after", "2", "--until", "4").lines == done.lines[2:4]
    assert turnlog("log", talk, "--name", "branch.created").lines == [done.lines[1], done.lines[5]]


def test_the_log_as_json_has_the_columns_and_the_stored_event(turnlog: Any, talk: str) -> None:
    found = [json.loads(line) for line in turnlog("log", talk, "--format", "jsonl", "--all").lines]

    assert [each["name"] for each in found[:5]] == STARTED
    assert found[5]["event"] | {"id": ""} == {"branch": 1, "id": "", "name": "retry", "parent": 0, "at": 4}
    with open_store(store_of(turnlog)) as store:
        assert [each["digest"] for each in found] == [each.digest.hex() for each in store.read(talk)]


def test_the_log_since_a_time_has_the_events_from_then_on(turnlog: Any, talk: str) -> None:
    def positions(*arguments: str) -> list[int]:
        return [json.loads(line)["position"] for line in turnlog("log", talk, "--format", "jsonl", *arguments).lines]

    every = positions("--all")

    assert positions("--all", "--since", "1d") == every
    assert positions("--all", "--since", "1d", "--until", "3") == every[:3]
    assert positions("--all", "--since", "2999-01-01") == []


def test_branches_are_drawn_like_a_version_history(turnlog: Any, talk: str) -> None:
    turnlog("merge", talk, "retry")
    done = turnlog("branches", talk)

    assert [line.rstrip() for line in done.lines] == [
        "session 5e55-talk at position 8",
        "   2  o main created",
        "   3  * main: branch.system_set system: You are terse.",
        "4..5  * main: 2 messages",
        "      |\\",
        "   6  | o retry forked from main at 4",
        "   7  | * retry: 1 message",
        "      |/",
        "   8  * | retry merged into main",
        "branch main: 4 messages, the default",
        "branch retry: 3 messages",
    ]
    assert "retry" not in turnlog("branches", talk, "--at", "5").out


def test_branches_as_json_are_one_document(turnlog: Any, talk: str) -> None:
    found = json.loads(turnlog("branches", talk, "--format", "json").out)

    assert (found["position"], found["default_branch"]) == (7, "main")
    assert [(each["number"], each["name"], each["parent"], each["forked_at"]) for each in found["branches"]] == [
        (0, "main", None, None),
        (1, "retry", 0, 4),
    ]


def test_a_moment_shows_everything_as_it_was(turnlog: Any, talk: str) -> None:
    with open_store(store_of(turnlog)) as store:
        Session.open(talk, store=store).set_state("mood", "calm")
    done = turnlog("show", talk, "--at", "5")

    assert done.lines[0] == "session 5e55-talk support"
    assert done.lines[1].startswith("at position 5, ")
    assert done.lines[2] == "branch main: 3 messages (default)"
    assert "state mood" not in done.out
    assert 'state mood = "calm"' in turnlog("show", talk, "--at", "8").out
    assert json.loads(turnlog("show", talk, "--at", "8", "--format", "json").out)["state"] == {"mood": "calm"}


def test_a_difference_shows_what_is_common_and_how_each_goes_on(turnlog: Any, talk: str) -> None:
    done = turnlog("diff", talk, "main", "retry")

    assert done.code == 0
    assert done.lines[0] == "2 messages in common"
    assert "- assistant: Keep facts, derive state.  [5]" in done.lines
    assert "+ assistant: Never update, only append.  [7]" in done.lines
    assert turnlog("diff", talk, "4", "main@5").lines[-1] == "+ assistant: Keep facts, derive state.  [5]"
    assert turnlog("diff", talk, "main", "5").err == "main and 5 are the same: 3 messages\n"
    found = json.loads(turnlog("diff", talk, "main", "retry", "--format", "json").out)
    assert (found["same"], found["common"], found["right"][0]["text"]) == (False, 2, "Never update, only append.")


def test_a_difference_tells_of_another_system_message(turnlog: Any, talk: str) -> None:
    with open_store(store_of(turnlog)) as store:
        Session.open(talk, store=store).branches["retry"].set_system("Be kind.")
    done = turnlog("diff", talk, "main", "retry")

    assert done.lines[:4] == [
        "the system messages differ",
        "- system: You are terse.  [3]",
        "+ system: Be kind.  [8]",
        "1 message in common",
    ]
    found = json.loads(turnlog("diff", talk, "main", "retry", "--format", "json").out)
    assert (found["same"], found["common"]) == (False, 1)
    assert [found["system"][side]["text"] for side in ("left", "right")] == ["You are terse.", "Be kind."]
    assert json.loads(turnlog("diff", talk, "main", "5", "--format", "json").out)["system"] is None


def test_a_developer_message_is_added_at_its_place(turnlog: Any, talk: str) -> None:
    done = turnlog("add", talk, "In French.", "--role", "developer", "--format", "json")

    assert (done.code, json.loads(done.out)["position"]) == (0, 8)
    assert turnlog("show", talk).lines[-1] == "    In French."
    assert turnlog("log", talk).lines[-1].endswith("message.appended main by grace: system: In French.")
    assert json.loads(turnlog("list", "--format", "json").out)["sessions"][0]["messages"] == 5


def test_bisect_finds_the_position_since_which_something_is_said(turnlog: Any, talk: str) -> None:
    done = turnlog("bisect", talk, "--contains", "only append")

    assert done.lines[0].startswith("7  ")
    assert json.loads(turnlog("bisect", talk, "--contains", "facts", "--format", "json").out)["position"] == 5
    nowhere = turnlog("bisect", talk, "--contains", "facts", "--branch", "retry")
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "branch 'retry' does not contain 'facts' now" in nowhere.err


def test_search_on_a_branch_skips_sessions_without_it(turnlog: Any, talk: str) -> None:
    turnlog("fork", talk, "--name", "elsewhere")
    turnlog("add", talk, "a teapot", "-b", "elsewhere")
    with open_store(store_of(turnlog)) as store:
        Session("a teapot", session_id="other", store=store)

    found = turnlog("search", "teapot", "-b", "elsewhere", "--format", "json")

    assert [(hit["session"], hit["branches"]) for hit in json.loads(found.out)] == [(talk, ["elsewhere"])]
    assert turnlog("search", "teapot", "-b", "nowhere").code == 0


def test_search_finds_what_branches_show(turnlog: Any, talk: str) -> None:
    done = turnlog("search", "append")

    assert done.lines[0] == "5e55-talk  support  on retry"
    assert done.lines[-1] == "    Never update, only append."
    found = json.loads(turnlog("search", "event", "--session", talk, "--format", "jsonl").out)
    assert (found["position"], found["branches"]) == (4, ["main", "retry"])
    assert turnlog("search", "nothingness").err == "nothing found\n"
    assert turnlog("search", "append", "--role", "user").out == ""


def test_statistics_have_tokens_cost_and_activity_with_bars_in_a_terminal(turnlog: Any, talk: str) -> None:
    answer = {"role": "assistant", "content": "42", "model": "gpt-4o"}
    with open_store(store_of(turnlog)) as store:
        Session.open(talk, store=store).add({**answer, "usage": {"prompt_tokens": 9000, "completion_tokens": 500}})
    piped, shown = turnlog("stats"), turnlog.in_terminal("stats").end()

    assert "gpt-4o\t1\t0\t9000\t500\t0.0275\t9500" in piped.lines
    assert "█" not in piped.out
    assert "█" * 30 in shown.out
    found = json.loads(turnlog("stats", talk, "--by", "session", "--format", "json").out)
    assert (found["messages"], found["usage"][0]["input_tokens"], found["activity"][0]["events"]) == (5, 9000, 8)


def test_a_query_is_answered_as_a_table_as_csv_and_as_json(turnlog: Any, talk: str) -> None:
    query = "SELECT role, count(*) AS n, max(text) AS last FROM messages GROUP BY role ORDER BY role"
    piped, shown = turnlog("sql", query), turnlog.in_terminal("sql", query).end()
    csv = turnlog("sql", "--format", "csv", "-", input="SELECT 'a,b' AS x, NULL AS y, 1.5 AS z")
    found = [json.loads(line) for line in turnlog("sql", "--format", "jsonl", query).lines]

    assert piped.lines[0] == "role\tn\tlast"
    assert "assistant\t2\tNever update, only append." in piped.lines
    assert shown.lines[0].split() == ["role", "n", "last"]
    assert csv.lines == ["x,y,z", '"a,b",,1.5']
    assert found[0] == {"role": "assistant", "n": 2, "last": "Never update, only append."}
    assert turnlog("sql", "SELECT 1 AS one WHERE false").err == "no rows\n"


def test_a_query_that_cannot_be_answered_is_refused(turnlog: Any, talk: str) -> None:
    for query in ("SELEC", "SELECT nothing FROM messages", "SELECT * FROM read_text('/etc/passwd')"):
        done = turnlog("sql", query)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("turnlog: the query failed: ")
        assert "Traceback" not in done.err


def test_reading_makes_no_store(turnlog: Any, tmp_path: Path) -> None:
    for command in (["list"], ["tail"], ["doctor"]):
        assert turnlog(*command).code == 3
    for command in (["new"], ["projections", "run", "usage", "--once"]):
        done = turnlog(*command)
        assert done.code == 3
        assert done.err == (
            f"turnlog: there is no store at sqlite:///{tmp_path}/turnlog.db\n"
            "  next: create it with `turnlog init`, or name another with --store\n"
        )

    assert list(tmp_path.iterdir()) == []


def test_reading_appends_no_event(turnlog: Any, talk: str) -> None:
    with open_store(store_of(turnlog)) as store:
        before = store.last_global_position()
        Session(session_id="bare", store=store)
    for command in ("show", "log", "branches", "verify", "stats"):
        assert turnlog(command, "bare").code == 0
    turnlog("show", "bare", "--at", "1")
    turnlog("projections", "status")
    turnlog("doctor")

    with open_store(store_of(turnlog)) as store:
        assert store.last_global_position() == before + 2
    with closing(sqlite3.connect(turnlog.folder / "turnlog.db")) as database:
        assert database.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'projection%'").fetchall() == []


def test_sql_ends_a_query_that_runs_over_its_limits(turnlog: Any, talk: str) -> None:
    endless = "SELECT count(*) AS n FROM range(100000000) a, range(100000000) b WHERE a.range * b.range = 17"
    slow = turnlog("sql", endless, "--timeout", "0.3")
    large = turnlog("sql", "SELECT list(range) AS n FROM range(1000000000)", "--memory", "50")

    assert (slow.code, slow.out, large.code, large.out) == (1, "", 1, "")
    assert "ran longer than 0.3 s" in slow.err
    assert "more than 50 MB of memory" in large.err
