"""What is wrong with a command line ends with 2, names the parameter, and leaves the folder as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from turnlog import Session, open_store
from turnlog.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command in this process, in an empty folder; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNLOG_STORE", raising=False)
    configured = structlog.get_config() if structlog.is_configured() else None

    def ran(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        code = ended.value.code
        return (0 if code is None else int(code), *capsys.readouterr())

    yield ran
    structlog.reset_defaults()
    if configured is not None:
        structlog.configure(**configured)


@pytest.fixture
def talk(run: Run, tmp_path: Path) -> str:
    """The key of a session in the folder's store."""
    with open_store("turnlog.db") as store:
        Session("Be terse.", key="talk", session_id="5e55-talk", store=store).add("user", "Hello!")
    return "talk"


WRONG = [
    (
        ("list", "--status", "activ"),
        "'--status': 'activ' is not one of active, archived, deleted, all; did you mean",
    ),
    (("list", "--status", ""), "'--status'"),
    (
        ("list", "--sort", "nam"),
        "'--sort': 'nam' is not one of created, updated, name, position; did you mean 'name'?",
    ),
    (("list", "--after", "x"), "--after"),
    (("list", "--limit", "0"), "'--limit'"),
    (("list", "--metadata", "x"), "'--metadata': 'x' is not understood: expected KEY=VALUE"),
    (("list", "--since", "soon"), "'--since': the time 'soon' is not understood"),
    (("list", "--since", "0001-01-01"), "'--since': the time '0001-01-01' is not between the years 1 and 9999"),
    (("show", "talk", "--at", "soon"), "'--at': a moment 'soon' is not understood"),
    (("show", "talk", "--at", "9" * 30), "'--at'"),
    (("show", "talk", "--last", "-1"), "'--last'"),
    (("log", "talk", "--after", "soon"), "'--after'"),
    (("log", "talk", "--name", "message.append"), "'--name': 'message.append' is not a name such as"),
    (("log", "talk", "--follow", "--until", "2"), "--follow: --until is given too"),
    (("tail", "--name", "x"), "'--name'"),
    (("show", "talk", "--at", "0d1"), "'--at'"),
    (("search", "x", "--role", "assitant"), "'--role': 'assitant' is not one of system, user, assistant, tool"),
    (("search", ""), "'TEXT'"),
    (("stats", "--by", "x"), "'--by': 'x' is not one of day, session, branch, model, user"),
    (("stats", "--span", "x"), "'--span': 'x' is not one of hour, day, month"),
    (("sql", "SELECT 1", "--timeout", "0"), "--timeout"),
    (
        ("sql", "SELECT 1", "--timeout", "1e300"),
        "--timeout: the timeout of a query is 1e+300: expected a number above 0 and at most 1000000000",
    ),
    (("sql", "SELECT 1", "--memory", "9" * 20), "--memory: the memory of a query is 1e+20: expected a number above 0"),
    (("sql", "SELECT 1", "--memory", "nan"), "--memory"),
    (("new", "--key", ""), "'--key'"),
    (("new", "--name", "a\nb"), "'--name'"),
    (("new", "--metadata", "x"), "'--metadata'"),
    (("new", "--metadata", 'a={"b":1,"b":2}'), "'--metadata': JSON has the key 'b' twice"),
    (("new", "--metadata", "a=1e400"), "'--metadata': JSON cannot be read: Number out of range"),
    (("new", "--metadata", "a=[-1e400]"), "'--metadata': JSON cannot be read: Number out of range"),
    (("new", "--metadata", "a=1", "--metadata", "a=2"), "--metadata: the metadata has the key 'a' twice"),
    (("list", "--metadata", "a=1", "--metadata", "a=2"), "--metadata: the metadata has the key 'a' twice"),
    (("new", "--actor", ""), "'--actor'"),
    (("add", "talk", "x", "--role", "nobody"), "'--role': 'nobody' is not one of system, developer, user"),
    (("add", "talk", "x", "--command-id", ""), "'--command-id'"),
    (("fork", "talk", "--at", "soon"), "'--at'"),
    (("reset", "talk", "soon"), "'MOMENT'"),
    (("merge", "talk", "main", "--strategy", "x"), "'--strategy': 'x' is not one of append, interleave"),
    (("export", ""), "'FILE': the path '' is empty"),
    (("export", "x.doc"), "FILE: the form is not given"),
    (("export", "x.json", "--format", "jsn"), "'--format': 'jsn' is not one of record, json"),
    (("import", ""), "'FILE'"),
    (("backup", ""), "'FILE'"),
    (("backup", "-"), "FILE: a backup is a SQLite file, not a stream: name a file"),
    (("copy", "memory://"), "'ADDRESS': a store in memory ends with the command"),
    (("copy", "sqlite:///:memory:?durability=full"), "'ADDRESS': a store in memory ends with the command"),
    (("copy", "nonsense://x"), "'ADDRESS'"),
    (("verify", "--projection", "nothing"), "NAME: the projection 'nothing' is unknown"),
    (("projections", "run", "nothing", "--once"), "NAME: the projection 'nothing' is unknown"),
    (("projections", "list", "--target", "memory://"), "'--target': a store in memory ends with the command"),
    (("projections", "dead-letters", "usage", "--retry", "--skip"), "--retry: --skip is given too"),
    (("--store", "", "list"), "'--store'"),
    (("--store", "sqlite:///x.db?mode=ro", "list"), "'--store'"),
    (("--store", "redis://h/x", "list"), "'--store'"),
    (("--store", "postgresql://h/x?schema=A", "list"), "'--store'"),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=[" ".join(each) or "none" for each, _ in WRONG])
def test_a_wrong_value_is_an_error_of_usage(
    run: Run, talk: str, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert f"Invalid value for {expected}" in " ".join(err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


COMMANDS: list[tuple[str, ...]] = [
    *(
        ("init",),
        ("list",),
        ("show", "x"),
        ("log", "x"),
        ("branches", "x"),
        ("show", "x", "--at", "1"),
        ("diff", "x", "1", "2"),
    ),
    *(("bisect", "x", "--contains", "y"), ("search", "x"), ("stats",), ("sql", "SELECT 1"), ("tail",), ("new",)),
    *(("add", "x", "y"), ("fork", "x"), ("merge", "x", "y"), ("reset", "x", "1"), ("replay", "x"), ("verify",)),
    *(("export", "x.json"), ("import", "x.json"), ("copy", "y.db"), ("migrate",), ("backup", "y.db"), ("doctor",)),
    *(("projections", "list"), ("projections", "status"), ("projections", "run", "usage", "--once")),
    *(("projections", "rebuild", "usage"), ("projections", "dead-letters", "usage")),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_store_in_memory_is_an_error_of_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "x.json").write_text("[]")
    by_option = run("--store", "memory://", *arguments)
    monkeypatch.setenv("TURNLOG_STORE", "memory://")
    by_settings = run(*arguments)

    assert (by_option[0], by_settings[0]) == (2, 2)
    assert "'--store': a store in memory ends with the command" in by_option[2]
    assert "the settings: a store in memory ends with the command" in by_settings[2]
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_the_demo_takes_no_store_in_memory(run: Run) -> None:
    assert run("--store", "memory://", "demo")[0] == 2


READING: list[tuple[str, ...]] = [each for each in COMMANDS if each[0] not in ("init", "import", "tail", "sql")]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_store_that_cannot_be_opened_is_not_a_fault(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to be examined " * 40)
    (tmp_path / "folder.db").mkdir()
    codes = [run("--store", name, *arguments)[0] for name in ("missing.db", "text.db", "folder.db")]

    assert codes == [3, 3, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.db", "text.db"]


@pytest.mark.parametrize("arguments", [each for each in COMMANDS if each[0] != "tail"], ids=" ".join)
def test_an_empty_store_is_not_a_fault(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run("init")
    (tmp_path / "x.json").write_text("[]")

    assert run(*arguments)[0] in (0, 1)


def test_the_last_session_of_an_empty_store_is_named_as_missing(run: Run) -> None:
    run("init")
    code, _, err = run("show", "@last")

    assert code == 1
    assert err.startswith("turnlog: the store has no session, so @last cannot be found\n")


def test_no_error_has_the_id_of_a_session_that_was_not_started(
    run: Run, talk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = run("new", "--key", "talk")
    monkeypatch.setenv("TURNLOG_MAX_SESSION_SIZE", "0.001")
    heavy = run("new", "--system", "x" * 2000)
    with open_store("turnlog.db") as store:
        known = {entry.session for entry in store.sessions()}

    assert (taken[0], heavy[0]) == (1, 1)
    assert taken[2].startswith("turnlog: the key 'talk' is taken by another session; use another key\n")
    assert heavy[2].startswith("turnlog: the new session would have ")
    assert known == {"5e55-talk"}
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", taken[2] + heavy[2])


def test_an_error_names_the_option_and_not_the_argument_of_python(run: Run, talk: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("kept")
    code, _, err = run("export", "x.json")

    assert code == 1
    assert err == "turnlog: x.json exists\n  next: name a new file, or overwrite this one with --force\n"


def test_a_failed_import_leaves_no_store(run: Run, talk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("export", "good.jsonl")
    good = (tmp_path / "good.jsonl").read_bytes()
    files: dict[str, Any] = {
        "damaged.jsonl": good.replace(b"Hello", b"Hullo"),
        "short.jsonl": good[:-20],
        "nothing.json": b"",
        "wrong.json": b'[{"messages": [{"role": "nobody", "content": "x"}]}]',
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert run("--store", "new.db", "import", name)[0] == 1
    assert run("--store", "new.db", "import", "missing.json")[0] == 1
    assert run("--store", "new.db", "import", "good.jsonl", "--replace")[0] == 2
    monkeypatch.setenv("TURNLOG_STORE", "new.db")
    monkeypatch.setenv("TURNLOG_MAX_SESSION_SIZE", "0.0001")
    assert run("import", "good.jsonl")[0] == 1
    assert list(tmp_path.glob("new.db*")) == []

    monkeypatch.delenv("TURNLOG_MAX_SESSION_SIZE")
    assert run("import", "good.jsonl")[:2] == (0, "4 events of 1 session imported; 0 unchanged\n")


@pytest.mark.parametrize("option", [("--replace",), ("--name", "x")])
def test_an_exact_record_takes_neither_replace_nor_name(run: Run, talk: str, option: tuple[str, ...]) -> None:
    run("export", "all.jsonl")
    code, out, err = run("import", "all.jsonl", *option)

    assert (code, out) == (2, "")
    assert f"{option[0].lstrip('-')} does not apply to this file" in err
