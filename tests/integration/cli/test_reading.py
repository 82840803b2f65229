"""What the commands that read print, in a pipe and in a terminal; and that they write nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hansard import Session, open_store

STARTED = ["session.started", "branch.created", "branch.system_set", "message.appended", "message.appended"]


def store_of(hansard: Any) -> str:
    return f"sqlite:///{hansard.folder}/hansard.db"


def test_sessions_are_listed_with_tabs_in_a_pipe(hansard: Any, talk: str) -> None:
    done = hansard("sessions")

    assert (done.code, done.err) == (0, "")
    heads, line = (line.split("\t") for line in done.lines)
    assert heads == ["SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME"]
    assert (line[0], *line[2:]) == ("5e55-talk", "3", "active", "ada", "talk", "support")


def test_sessions_are_listed_in_columns_in_a_terminal(hansard: Any, talk: str) -> None:
    done = hansard.in_terminal("sessions").end()

    assert done.code == 0
    assert done.lines[0].split() == ["SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME"]
    assert "\t" not in done.out
    assert done.lines[1].startswith("5e55-talk  ")


def test_sessions_as_json_are_one_document(hansard: Any, talk: str) -> None:
    found = json.loads(hansard("sessions", "--json").out)

    assert found["next"] is None
    assert found["sessions"][0] | {"digest": "", "created_at": "", "updated_at": "", "bytes": 0} == {
        "session": "5e55-talk",
        "key": "talk",
        "name": "support",
        "user": "ada",
        "status": "active",
        "position": 7,
        "messages": 3,
        "bytes": 0,
        "created_at": "",
        "updated_at": "",
        "forked_from": None,
        "forked_at": None,
        "digest": "",
        "metadata": {},
    }


def test_sessions_are_filtered_sorted_and_paged(hansard: Any) -> None:
    with open_store(store_of(hansard)) as store:
        for name, user in (("beta", "ada"), ("alpha", "ada"), ("gamma", "bob")):
            Session(session_id=name, name=name, user=user, metadata={"n": len(user)}, store=store)
        Session.open("gamma", store=store).archive()

    def names(*arguments: str) -> list[str]:
        return [each["session"] for each in json.loads(hansard("sessions", "--json", *arguments).out)["sessions"]]

    assert names("--sort", "name") == ["alpha", "beta", "gamma"]
    assert names("--sort", "name", "--reverse") == ["gamma", "beta", "alpha"]
    assert names("--user", "ada", "--sort", "name") == ["alpha", "beta"]
    assert names("--status", "archived") == ["gamma"]
    assert names("--contains", "LPH") == ["alpha"]
    assert names("--metadata", "n=3", "--sort", "created") == ["gamma", "alpha", "beta"]
    assert names("--since", "2999-01-01") == []
    first = json.loads(hansard("sessions", "--sort", "name", "--limit", "2", "--json").out)
    assert names("--sort", "name", "--after", first["next"]) == ["gamma"]


def test_an_empty_store_says_so_beside_the_answer(hansard: Any) -> None:
    hansard("init")
    done = hansard("sessions")

    assert (done.code, done.out, done.err) == (0, "", "no sessions\n")


def test_a_session_is_shown_message_by_message(hansard: Any, talk: str) -> None:
    done = hansard("show", talk)

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


def test_roles_have_colours_in_a_terminal_and_none_where_nobody_wants_them(hansard: Any, talk: str) -> None:
    shown = hansard.in_terminal("show", talk)
    shown.end()
    plain = hansard.in_terminal("show", talk, env={"NO_COLOR": "1"})
    plain.end()

    assert "\x1b[1;36muser" in shown.said
    assert "Keep facts, derive state." in shown.said
    assert "\x1b[1;36m" not in plain.said
    assert "\x1b[3" not in plain.said
    assert "\x1b" not in hansard("show", talk).out


@pytest.mark.parametrize("reference", ["5e55-talk", "5e55", "talk", "support", "@last"])
def test_a_session_goes_by_id_beginning_key_label_and_last(hansard: Any, talk: str, reference: str) -> None:
    assert hansard("show", reference).out == hansard("show", talk).out


def test_what_may_be_several_sessions_is_refused_with_their_names(hansard: Any, talk: str) -> None:
    with open_store(store_of(hansard)) as store:
        Session(session_id="5e55-other", store=store)
    done = hansard("show", "5e55")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "hansard: '5e55' may be any of 2 sessions: expected one of '5e55-talk', '5e55-other'\n"
        "  next: say more of the id; `hansard sessions` shows them\n"
    )


def test_a_branch_is_shown_by_name_number_or_id_and_at_a_moment(hansard: Any, talk: str) -> None:
    by_name = hansard("show", talk, "--branch", "retry")

    assert "Never update, only append." in by_name.out
    assert hansard("show", talk, "-b", "1").out == by_name.out
    assert "Keep facts" not in hansard("show", talk, "--at", "4").out
    assert hansard("show", talk, "--at", "2999-01-01T00:00:00Z").out == hansard("show", talk).out


def test_messages_as_json_are_lines(hansard: Any, talk: str) -> None:
    found = [json.loads(line) for line in hansard("show", talk, "--json").lines]

    assert [(each["position"], each["role"], each["text"]) for each in found] == [
        (3, "system", "You are terse."),
        (4, "user", "Explain event sourcing"),
        (5, "assistant", "Keep facts, derive state."),
    ]
    assert list(found[0]) == [
        *("position", "id", "role", "text", "sender", "recipient", "branch", "created_at", "origin"),
        *("metadata", "content"),
    ]


def test_of_many_messages_the_last_are_shown_and_the_others_are_told_of(hansard: Any, fill: Any) -> None:
    session = fill(100_000)
    done = hansard("show", session)

    assert [line.strip() for line in done.lines if line.startswith("    ")][:2] == ["message 99950", "message 99951"]
    assert done.err == "(99950 messages come before these: --last N or --all)\n"
    assert len(hansard("show", session, "--last", "3", "--json").lines) == 3
    assert len(hansard("show", session, "--all", "--json").lines) == 100_000
    assert hansard("show", session, "--last", "0").out == ""


def test_the_log_shows_events_with_the_newest_last(hansard: Any, talk: str) -> None:
    hansard("add", talk, "more", "--actor", "bob")
    done = hansard("log", talk)

    assert [line.split()[0] for line in done.lines] == [str(position) for position in range(1, 9)]
    assert "  message.appended main by bob: user: more" in done.lines[-1]
    assert [line.split()[0] for line in hansard("log", talk, "--last", "2").lines] == ["7", "8"]
    assert hansard("log", talk, "--last", "2").err == "(other events come before these: --last N or --all)\n"
    assert hansard("log", talk, "--by", "bob").lines == done.lines[-1:]
    assert hansard("log", talk, "--branch", "retry", "--all").lines == done.lines[5:7]
    assert hansard("log", talk, "--after", "2", "--until", "4").lines == done.lines[2:4]
    assert hansard("log", talk, "--name", "branch.created").lines == [done.lines[1], done.lines[5]]


def test_the_log_as_json_has_the_columns_and_the_stored_event(hansard: Any, talk: str) -> None:
    found = [json.loads(line) for line in hansard("log", talk, "--json", "--all").lines]

    assert [each["name"] for each in found[:5]] == STARTED
    assert found[5]["event"] | {"id": ""} == {"branch": 1, "id": "", "name": "retry", "parent": 0, "at": 4}
    with open_store(store_of(hansard)) as store:
        assert [each["digest"] for each in found] == [each.digest.hex() for each in store.read(talk)]


def test_branches_are_drawn_like_a_version_history(hansard: Any, talk: str) -> None:
    hansard("merge", talk, "retry")
    done = hansard("branches", talk)

    assert [line.rstrip() for line in done.lines] == [
        "session 5e55-talk at position 8",
        "   2  o main begins",
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
    assert "retry" not in hansard("branches", talk, "--at", "5").out


def test_branches_as_json_are_one_document(hansard: Any, talk: str) -> None:
    found = json.loads(hansard("branches", talk, "--json").out)

    assert (found["position"], found["default_branch"]) == (7, "main")
    assert [(each["number"], each["name"], each["parent"], each["forked_at"]) for each in found["branches"]] == [
        (0, "main", None, None),
        (1, "retry", 0, 4),
    ]


def test_a_moment_shows_everything_as_it_was(hansard: Any, talk: str) -> None:
    with open_store(store_of(hansard)) as store:
        Session.open(talk, store=store).set_state("mood", "calm")
    done = hansard("at", talk, "5")

    assert done.lines[0] == "session 5e55-talk support"
    assert done.lines[1].startswith("at position 5, ")
    assert done.lines[2] == "branch main: 3 messages (default)"
    assert "state mood" not in done.out
    assert 'state mood = "calm"' in hansard("at", talk, "8").out
    assert json.loads(hansard("at", talk, "8", "--json").out)["state"] == {"mood": "calm"}


def test_a_difference_shows_what_is_common_and_how_each_goes_on(hansard: Any, talk: str) -> None:
    done = hansard("diff", talk, "main", "retry")

    assert done.code == 0
    assert done.lines[0] == "2 messages in common"
    assert "- assistant: Keep facts, derive state.  [5]" in done.lines
    assert "+ assistant: Never update, only append.  [7]" in done.lines
    assert hansard("diff", talk, "4", "main@5").lines[-1] == "+ assistant: Keep facts, derive state.  [5]"
    assert hansard("diff", talk, "main", "5").err == "main and 5 say the same: 3 messages\n"
    found = json.loads(hansard("diff", talk, "main", "retry", "--json").out)
    assert (found["same"], found["common"], found["right"][0]["text"]) == (False, 2, "Never update, only append.")


def test_bisect_finds_the_position_since_which_something_is_said(hansard: Any, talk: str) -> None:
    done = hansard("bisect", talk, "--contains", "only append")

    assert done.lines[0].startswith("7  ")
    assert json.loads(hansard("bisect", talk, "--contains", "facts", "--json").out)["position"] == 5
    nowhere = hansard("bisect", talk, "--contains", "facts", "--branch", "retry")
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "the branch 'retry' does not say 'facts' now" in nowhere.err


def test_search_finds_what_branches_show(hansard: Any, talk: str) -> None:
    done = hansard("search", "append")

    assert done.lines[0] == "5e55-talk  support  on retry"
    assert done.lines[-1] == "    Never update, only append."
    found = json.loads(hansard("search", "event", "--session", talk, "--json").out)
    assert (found["position"], found["branches"]) == (4, ["main", "retry"])
    assert hansard("search", "nothingness").err == "nothing found\n"
    assert hansard("search", "append", "--role", "user").out == ""


def test_statistics_have_tokens_cost_and_activity_with_bars_in_a_terminal(hansard: Any, talk: str) -> None:
    answer = {"role": "assistant", "content": "42", "model": "gpt-4o"}
    with open_store(store_of(hansard)) as store:
        Session.open(talk, store=store).add_message(
            {**answer, "usage": {"prompt_tokens": 9000, "completion_tokens": 500}}
        )
    piped, shown = hansard("stats"), hansard.in_terminal("stats").end()

    assert "gpt-4o\t1\t0\t9000\t500\t0.0275\t9500" in piped.lines
    assert "█" not in piped.out
    assert "█" * 30 in shown.out
    found = json.loads(hansard("stats", talk, "--by", "session", "--json").out)
    assert (found["messages"], found["usage"][0]["input_tokens"], found["activity"][0]["events"]) == (4, 9000, 8)


def test_reading_makes_no_store(hansard: Any, tmp_path: Path) -> None:
    for command in (["sessions"], ["show", "@last"], ["log", "x"], ["search", "x"], ["verify"], ["doctor"], ["tail"]):
        done = hansard(*command)
        assert done.code == 3
    for command in (["add", "x", "y"], ["start"], ["projections", "run", "usage", "--once"]):
        done = hansard(*command)
        assert done.code == 3
        assert done.err == (
            f"hansard: there is no store at sqlite:///{tmp_path}/hansard.db: expected one that has been made\n"
            "  next: make one with `hansard init`, or name another with --store\n"
        )

    assert list(tmp_path.iterdir()) == []


def test_reading_appends_no_event(hansard: Any, talk: str) -> None:
    with open_store(store_of(hansard)) as store:
        before = store.last_global_position()
        Session(session_id="bare", store=store)
    for command in ("show", "log", "branches", "verify", "stats"):
        assert hansard(command, "bare").code == 0
    hansard("at", "bare", "1")
    hansard("projections", "status")
    hansard("doctor")

    with open_store(store_of(hansard)) as store:
        assert store.last_global_position() == before + 1
    with closing(sqlite3.connect(hansard.folder / "hansard.db")) as database:
        assert database.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'projection%'").fetchall() == []
