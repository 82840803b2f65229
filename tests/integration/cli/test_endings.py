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

from hansard import Session, open_store

HEAVY = (
    *("pydantic", "duckdb", "pyarrow", "pandas", "polars", "psycopg", "redis", "pydantic_ai", "httpx"),
    *("eventsourcing", "structlog", "rich", "sqlite3"),
)


def hostile(hansard: Any) -> str:
    with open_store(f"sqlite:///{hansard.folder}/hansard.db") as store:
        session = Session(name="a\u202eb[red]", session_id="hostile", store=store)
        session.add_message("user", "\x1b[31mred\x1b]0;title\x07 [bold]b[/bold] :smile:\rover\u202eturned")
        session.add_message("assistant", "漢字 🙂 é")
        return session.id


COMMANDS = (
    ["sessions"],
    ["show", "hostile"],
    ["log", "hostile"],
    ["branches", "hostile"],
    ["at", "hostile", "4"],
    ["search", "red"],
    ["diff", "hostile", "1", "3"],
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_hostile_words_are_spelled_out(hansard: Any, arguments: list[str]) -> None:
    hostile(hansard)
    piped = hansard(*arguments)
    shown = hansard.in_terminal(*arguments, env={"NO_COLOR": "1"})
    shown.end()

    assert piped.code == 0
    for said in (piped.out, shown.said.replace("\r\n", "\n")):
        assert not {"\x07", "\r", "\u202e"} & set(said)
        assert "\x1b]" not in said
        assert "\x1b[31m" not in said
    if arguments[0] in ("show", "at", "diff"):
        assert "\\x1b[31mred\\x1b]0;title\\x07 [bold]b[/bold] :smile:\\x0dover\\u202eturned" in piped.out


def test_wide_characters_are_shown_also_where_the_locale_is_c(hansard: Any) -> None:
    session = hostile(hansard)

    assert "漢字 🙂 é" in hansard("show", session, env={"LC_ALL": "C", "LANG": "C"}).out
    latin = hansard("show", session, env={"PYTHONIOENCODING": "latin-1:strict", "LC_ALL": "C"})
    assert (latin.code, latin.err) == (0, "")


def test_columns_fit_a_narrow_terminal(hansard: Any, talk: str) -> None:
    done = hansard.in_terminal("sessions", size=(40, 20)).end()

    assert done.code == 0
    assert "…" in done.lines[1]


def test_a_closed_pipe_ends_it_without_a_word(hansard: Any, fill: Any) -> None:
    session = fill(20_000)
    for command in ("log", "show"):
        process = hansard.started(command, session, "--all")
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("arguments", [["tail", "--json"], ["log", "@last", "--follow", "--json"]], ids=" ".join)
def test_what_other_processes_record_is_followed_until_it_is_interrupted(
    hansard: Any, talk: str, arguments: list[str]
) -> None:
    process = hansard.started(*arguments)
    before = [json.loads(process.stdout.readline())["position"] for _ in range(7)]
    hansard("add", talk, "from elsewhere", "--actor", "ada")
    came = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)

    assert before == [1, 2, 3, 4, 5, 6, 7]
    assert (came["position"], came["actor"], came["name"]) == (8, "ada", "message.appended")
    assert (process.wait(60), process.stderr.read()) == (130, "")


def test_tail_shows_all_sessions_or_one_in_a_terminal(hansard: Any, talk: str) -> None:
    with open_store(f"sqlite:///{hansard.folder}/hansard.db") as store:
        Session(session_id="other", store=store)
    everything = hansard.in_terminal("tail", "--last", "2")
    seen = everything.until("session.started")
    only = hansard.in_terminal("tail", "--session", talk, "--last", "1")
    mine = only.until("message.appended")
    everything.strike(b"\x03")
    only.strike(b"\x03")

    assert "5e55-talk     7" in seen
    assert "other" not in mine
    assert (everything.end().code, only.end().code) == (130, 130)


def test_what_is_not_understood_ends_with_2(hansard: Any) -> None:
    for arguments in (["nonsense"], ["show"], ["sessions", "--nonsense"], ["sessions", "--limit", "none"]):
        done = hansard(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Usage: hansard" in done.err
        assert "Traceback" not in done.err


def test_a_traceback_is_shown_on_request_only(hansard: Any, talk: str) -> None:
    without, with_it = hansard("show", "nobody"), hansard("show", "nobody", "--debug")

    assert "Traceback" not in without.err
    assert "Traceback" in with_it.err
    assert with_it.err.endswith(without.err)
    assert (without.code, with_it.code) == (1, 1)


def test_the_options_of_all_commands_stand_anywhere(hansard: Any, talk: str) -> None:
    store = f"sqlite:///{hansard.folder}/hansard.db"
    expected = hansard("show", talk).out

    for arguments in (
        ["--store", store, "show", talk],
        ["show", "--store", store, talk],
        ["show", talk, f"--store={store}"],
    ):
        assert hansard(*arguments).out == expected
    assert hansard("add", talk, "--", "--store").code == 0
    assert hansard("show", talk).lines[-1] == "    --store"


def test_an_empty_address_or_actor_is_refused_and_not_passed_over(hansard: Any, talk: str) -> None:
    for arguments in (["--store", "", "sessions"], ["--actor", "", "add", talk, "x"]):
        done = hansard(*arguments)
        assert (done.code, done.out) == (1, "")


def test_the_settings_say_which_store_is_meant(hansard: Any, talk: str) -> None:
    (hansard.folder / "hansard.db").rename(hansard.folder / "elsewhere.db")
    (hansard.folder / "hansard.toml").write_text('store = "sqlite:///elsewhere.db"\n')

    assert hansard("show", talk).code == 0
    assert hansard("show", talk, env={"HANSARD_STORE": "sqlite:///nowhere.db"}).code == 3


def test_help_imports_nothing_that_it_does_not_need(hansard: Any) -> None:
    program = (
        "import sys\n"
        "from hansard.cli.entry import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[0] == "Usage: hansard [OPTIONS] COMMAND [ARGS]..."
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_its_extra_the_command_names_it(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')")
    program = "from hansard.cli.entry import main; main([])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert "hansard[cli]" in done.stderr


def test_the_shell_is_offered_commands_sessions_and_branches(hansard: Any, talk: str) -> None:
    def offered(words: str) -> list[str]:
        env = {"_HANSARD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return list(hansard(env=env).lines)

    assert "search" in offered("hansard se")
    assert offered("hansard show 5e") == ["5e55-talk"]
    assert "talk" in offered("hansard show ")
    assert offered("hansard show talk --branch re") == ["retry"]
