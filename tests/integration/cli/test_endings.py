"""How commands end, what they follow, and what somebody else's words do to a terminal: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, open_store

HEAVY = (
    *("pydantic", "duckdb", "pyarrow", "pandas", "polars", "psycopg", "redis", "pydantic_ai", "httpx"),
    *("eventsourcing", "structlog", "rich", "sqlite3"),
)


def hostile(turnlog: Any) -> str:
    """A session that was recorded before names were checked."""
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store, pytest.MonkeyPatch.context() as patched:
        patched.setattr("turnlog.domain.validation._is_line", lambda name: True)
        session = Session(name="a\u202eb[red]", session_id="hostile", store=store)
        session.add("user", "\x1b[31mred\x1b]0;title\x07 [bold]b[/bold] :smile:\rover\u202eturned")
        session.add("assistant", "漢字 🙂 é")
        return session.id


COMMANDS = (
    ["list"],
    ["show", "hostile"],
    ["log", "hostile"],
    ["branches", "hostile"],
    ["show", "hostile", "--at", "4"],
    ["search", "red"],
    ["diff", "hostile", "1", "3"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_hostile_words_are_spelled_out(turnlog: Any, arguments: list[str]) -> None:
    hostile(turnlog)
    piped = turnlog(*arguments)
    shown = turnlog.in_terminal(*arguments, env={"NO_COLOR": "1"})
    shown.end()

    assert piped.code == 0
    for said in (piped.out, shown.said.replace("\r\n", "\n")):
        assert not {"\x07", "\r", "\u202e"} & set(said)
        assert "\x1b]" not in said
        assert "\x1b[31m" not in said
    if arguments[0] in ("show", "at", "diff"):
        assert "\\x1b[31mred\\x1b]0;title\\x07 [bold]b[/bold] :smile:\\x0dover\\u202eturned" in piped.out


def test_wide_characters_are_shown_also_where_the_locale_is_c(turnlog: Any) -> None:
    session = hostile(turnlog)

    assert "漢字 🙂 é" in turnlog("show", session, env={"LC_ALL": "C", "LANG": "C"}).out
    latin = turnlog("show", session, env={"PYTHONIOENCODING": "latin-1:strict", "LC_ALL": "C"})
    assert (latin.code, latin.err) == (0, "")


def test_columns_fit_a_narrow_terminal(turnlog: Any, talk: str) -> None:
    done = turnlog.in_terminal("list", size=(40, 20)).end()

    assert done.code == 0
    assert "…" in done.out
    assert max(map(len, done.lines)) <= 40
    assert len([line for line in done.lines if not line.startswith("    ")]) == 2


def test_a_closed_pipe_ends_it_without_a_word(turnlog: Any, fill: Any) -> None:
    session = fill(20_000)
    for command in ("log", "show"):
        process = turnlog.started(command, session, "--all")
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "arguments", [["tail", "--format", "jsonl"], ["log", "@last", "--follow", "--format", "jsonl"]], ids=" ".join
)
def test_what_other_processes_record_is_followed_until_it_is_interrupted(
    turnlog: Any, talk: str, arguments: list[str]
) -> None:
    process = turnlog.started(*arguments)
    before = [json.loads(process.stdout.readline())["position"] for _ in range(7)]
    turnlog("add", talk, "from elsewhere", "--actor", "ada")
    came = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)

    assert before == [1, 2, 3, 4, 5, 6, 7]
    assert (came["position"], came["actor"], came["name"]) == (8, "ada", "message.appended")
    assert (process.wait(60), process.stderr.read()) == (130, "")


def test_tail_shows_all_sessions_or_one_in_a_terminal(turnlog: Any, talk: str) -> None:
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        Session(session_id="other", default_branch=None, store=store)
    everything = turnlog.in_terminal("tail", "--last", "2")
    seen = everything.until("session.started")
    only = turnlog.in_terminal("tail", "--session", talk, "--last", "1")
    mine = only.until("message.appended")
    everything.strike(b"\x03")
    only.strike(b"\x03")

    assert "support     7" in seen
    assert "other" not in mine
    assert (everything.end().code, only.end().code) == (130, 130)


def test_what_is_not_understood_ends_with_2(turnlog: Any) -> None:
    for arguments in (["nonsense"], ["show"], ["list", "--nonsense"], ["list", "--limit", "none"]):
        done = turnlog(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Usage: turnlog" in done.err
        assert "Traceback" not in done.err


def test_a_traceback_is_shown_on_request_only(turnlog: Any, talk: str) -> None:
    without, with_it = turnlog("show", "nobody"), turnlog("show", "nobody", "--debug")

    assert "Traceback" not in without.err
    assert "Traceback" in with_it.err
    assert with_it.err.endswith(without.err)
    assert (without.code, with_it.code) == (1, 1)


def test_the_options_of_all_commands_stand_anywhere(turnlog: Any, talk: str) -> None:
    store = f"sqlite:///{turnlog.folder}/turnlog.db"
    expected = turnlog("show", talk).out

    for arguments in (
        ["--store", store, "show", talk],
        ["show", "--store", store, talk],
        ["show", talk, f"--store={store}"],
    ):
        assert turnlog(*arguments).out == expected
    assert turnlog("add", talk, "--", "--store").code == 0
    assert turnlog("show", talk).lines[-1] == "    --store"


def test_an_empty_address_or_actor_is_refused_and_not_passed_over(turnlog: Any, talk: str) -> None:
    for arguments in (["--store", "", "list"], ["--actor", "", "add", talk, "x"]):
        done = turnlog(*arguments)
        assert (done.code, done.out) == (2, "")


def test_the_settings_say_which_store_is_meant(turnlog: Any, talk: str) -> None:
    (turnlog.folder / "turnlog.db").rename(turnlog.folder / "elsewhere.db")
    (turnlog.folder / "turnlog.toml").write_text('store = "sqlite:///elsewhere.db"\n')

    assert turnlog("show", talk).code == 0
    assert turnlog("show", talk, env={"TURNLOG_STORE": "sqlite:///nowhere.db"}).code == 3


def test_help_imports_nothing_that_it_does_not_need(turnlog: Any) -> None:
    program = (
        "import sys\n"
        "from turnlog.cli.main import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[0] == "Usage: turnlog [OPTIONS] COMMAND [ARGS]..."
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_its_extra_the_command_names_it(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')")
    program = "from turnlog.cli.main import main; main([])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert "turnlog[cli]" in done.stderr


def test_the_shell_is_offered_commands_sessions_and_branches(turnlog: Any, talk: str) -> None:
    def offered(words: str) -> list[str]:
        env = {"_TURNLOG_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return list(turnlog(env=env).lines)

    assert "search" in offered("turnlog se")
    assert offered("turnlog show 5e") == ["5e55-talk"]
    assert "talk" in offered("turnlog show ")
    assert offered("turnlog show talk --branch re") == ["retry"]
