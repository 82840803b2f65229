"""Settings from a dict, the environment and turnlog.toml: what counts first, and what is said of what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnlog._manager.templates import read_templates
from turnlog.domain.errors import InvalidValueError
from turnlog.infrastructure.settings import FIELDS, Settings, settings_from


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without turnlog.toml, an environment without TURNLOG_..."""
    monkeypatch.chdir(tmp_path)
    for key in FIELDS:
        monkeypatch.delenv(f"TURNLOG_{key.upper()}", raising=False)


def test_without_any_the_record_is_in_the_working_directory() -> None:
    assert settings_from() == Settings()
    assert settings_from().address == "sqlite:///turnlog.db"


def test_every_setting_can_be_said_in_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {
        "backend": "sqlite",
        "storage_path": str(tmp_path),
        "durability": "normal",
        "connection_pool_size": 5,
        "max_session_size": 100,
        "ttl": 3600,
        "deferred": True,
        "autosave_interval": 0.5,
        "message_cache_size": 7,
        "compress_messages": True,
        "sql_timeout": 5.5,
        "sql_memory": 200,
    }
    wanted = Settings(**said)

    assert set(said) == set(FIELDS) - {"store"}
    assert settings_from({"session": said}) == wanted
    lines = [f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in said.items()]
    Path("other.toml").write_text("[session]\n" + "\n".join(lines), "utf-8")
    assert settings_from("other.toml") == wanted
    Path("other.toml").rename("turnlog.toml")
    assert settings_from() == wanted
    Path("turnlog.toml").unlink()
    for key, value in said.items():
        monkeypatch.setenv(f"TURNLOG_{key.upper()}", str(value))
    assert settings_from() == wanted


def test_what_is_given_counts_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("turnlog.toml").write_text("[session]\nttl = 1\nautosave_interval = 1\nmessage_cache_size = 1\n", "utf-8")
    monkeypatch.setenv("TURNLOG_TTL", "2")
    monkeypatch.setenv("TURNLOG_AUTOSAVE_INTERVAL", "2")

    found = settings_from({"session": {"ttl": 3}})
    assert (found.ttl, found.autosave_interval, found.message_cache_size) == (3, 2, 1)


def test_the_place_of_the_record_is_taken_whole_from_the_first_that_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNLOG_STORE", "redis://elsewhere")
    Path("turnlog.toml").write_text('store = "postgresql://nowhere/db"\n', "utf-8")

    assert settings_from().address == "redis://elsewhere"
    assert settings_from({"session": {"backend": "memory"}}).address == "memory://"
    assert settings_from({"session": {"storage_path": tmp_path / "x.db"}}).address == f"sqlite:///{tmp_path}/x.db"
    monkeypatch.delenv("TURNLOG_STORE")
    assert settings_from().address == "postgresql://nowhere/db"


def test_a_storage_path_is_a_folder_that_is_made_in_the_home_directory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    address = settings_from({"session": {"storage_path": "~/.coda/my sessions"}}).address
    assert address == f"sqlite:///{tmp_path}/.coda/my%20sessions/turnlog.db"
    assert (tmp_path / ".coda/my sessions").is_dir()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"session": {"bakend": "sqlite"}}, "'bakend' is unknown: did you mean 'backend'?"),
        ({"session": {"zzz": 1}}, "'zzz' is unknown: expected one of autosave_interval, backend"),
        ({"sesion": {}}, "'sesion' is unknown: did you mean 'session'?"),
        ({"backend": "memory"}, "stands alone: expected it under 'session'"),
        ({"session": {"backend": "mongo"}}, "backend in the settings is 'mongo': expected 'sqlite' or 'memory'"),
        ({"session": {"connection_pool_size": 0}}, "is 0: expected a whole number from 1 to 1000"),
        ({"session": {"connection_pool_size": True}}, "is True: expected a whole number"),
        ({"session": {"max_session_size": -1}}, "is -1: expected megabytes, more than 0"),
        ({"session": {"ttl": "soon"}}, "ttl in the settings is 'soon': expected whole seconds"),
        ({"session": {"compress_messages": "yes"}}, "is 'yes': expected true or false"),
        ({"session": {"autosave_interval": -1}}, "is -1: expected seconds, 0 for none"),
        ({"session": {"storage_path": ""}}, "is '': expected the path of a folder"),
        ({"session": {"storage_path": "a\0b"}}, "expected the path of a folder"),
        ({"session": {"store": "memory://", "backend": "memory"}}, "expected one of the two ways"),
        ({"session": {"storage_path": "x", "backend": "memory"}}, "keeps nothing there"),
        ({"session": {"store": "redis://h", "durability": "full"}}, "is for SQLite, and the store is redis"),
        ({"session": {"store": "redis://h", "connection_pool_size": 2}}, "is for SQLite and PostgreSQL"),
        ({"session": []}, "is a list: expected a table of settings"),
        (7, "are a int: expected a dict, a path or Settings"),
        ("nowhere.toml", "nowhere.toml, which is no file"),
        ("memory://", "the address of a store is passed as `store=`"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_given_and_what_is_accepted(given: Any, said: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        settings_from(given)
    assert said in str(refused.value)


def test_what_is_wrong_in_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_TTL", "1h")
    with pytest.raises(InvalidValueError, match=r"TURNLOG_TTL is '1h': expected whole seconds"):
        settings_from()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store = 7\n", "store in turnlog.toml is 7: expected an address"),
        ("stor = 'x'\n", "'stor' is unknown: did you mean 'store'?"),
        ("[session]\ntlt = 1\n", "in turnlog.toml the setting 'tlt' is unknown: did you mean 'ttl'?"),
        ("nonsense", "turnlog.toml cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_the_file(text: str, said: str) -> None:
    Path("turnlog.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidValueError) as refused:
        settings_from()
    assert said in str(refused.value)


def make_nested(path: Path) -> None:
    path.write_text("a = " + "[" * 8000)


def make_long_key(path: Path) -> None:
    path.write_text("a." * 500_000 + "a = 1")


def make_huge(path: Path) -> None:
    path.write_text("# " + "x" * 20_000)


def make_latin(path: Path) -> None:
    path.write_bytes(b"store = '\xe9'")


def make_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_nested, "nested too deeply"),
        (make_long_key, "more than 16384 bytes"),
        (make_huge, "more than 16384 bytes"),
        (make_latin, "not UTF-8 at byte 9"),
        (Path.mkdir, "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (make_link_to_nothing, "No such file"),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_named(make: Callable[[Path], None], said: str) -> None:
    make(Path("turnlog.toml"))
    with pytest.raises(InvalidValueError, match=f"turnlog.toml cannot be read: .*{said}"):
        settings_from()


def test_a_nested_file_of_templates_is_named(tmp_path: Path) -> None:
    make_nested(tmp_path / "templates.toml")
    with pytest.raises(InvalidValueError, match=r"templates.toml cannot be read: its values are nested too deeply"):
        read_templates(tmp_path / "templates.toml")


def test_what_others_keep_beside_the_settings_does_not_matter() -> None:
    Path("turnlog.toml").write_text("[models]\nname = 'x'\n[session]\nttl = 5\n", "utf-8")
    assert settings_from({"providers": {"openai": {}}}).ttl == 5
