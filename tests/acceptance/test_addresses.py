"""Which store is meant: an address, the settings, or a file in the working directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from turnlog import InvalidValue, Session, SessionNotFoundError, open_store

if TYPE_CHECKING:
    from tests.acceptance.conftest import Elsewhere


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty, without any settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNLOG_STORE", raising=False)
    return tmp_path


def kept_in(folder: Path) -> list[str]:
    """The stores in a folder, and no traces of their being open."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.db"))


def test_a_relative_address_is_in_the_working_directory(here: Path) -> None:
    open_store("sqlite:///some.db").close()

    assert kept_in(here) == ["some.db"]


def test_a_relative_address_can_name_folders(here: Path) -> None:
    (here / "a" / "b").mkdir(parents=True)
    open_store("sqlite:///a/b/some.db").close()

    assert kept_in(here) == ["a/b/some.db"]


def test_an_absolute_address_has_four_slashes(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = tmp_path_factory.mktemp("there")
    open_store(f"sqlite:///{there}/some.db").close()

    assert f"sqlite:///{there}".startswith("sqlite:////")
    assert (kept_in(here), kept_in(there)) == ([], ["some.db"])


def test_a_tilde_is_the_home_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "home").mkdir()
    monkeypatch.setenv("HOME", str(here / "home"))
    open_store("sqlite:///~/some.db").close()

    assert kept_in(here) == ["home/some.db"]


def test_a_name_that_needs_it_is_written_with_percent_signs(here: Path) -> None:
    open_store("sqlite:///my%20notes%23%3F.db").close()

    assert kept_in(here) == ["my notes#?.db"]


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_durability_can_be_asked_for(here: Path, durability: str) -> None:
    with open_store(f"sqlite:///some.db?durability={durability}") as store:
        session = Session("Be terse.", store=store)
    with open_store("sqlite:///some.db") as store:
        assert Session.open(session.id, store=store).position == 3


def test_stores_in_memory_have_nothing_to_do_with_each_other(here: Path) -> None:
    with open_store("memory://") as one, open_store("memory://") as other:
        session = Session(store=one)
        with pytest.raises(SessionNotFoundError):
            Session.open(session.id, store=other)

    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        *("turnlog.db", "/tmp/turnlog.db", "file:///turnlog.db", "mysql://localhost/x", "sqlite://", "sqlite:///"),
        *("sqlite:turnlog.db", "sqlite://host/turnlog.db", "sqlite:///a#b.db", "sqlite:///a%00b.db", "sqlite://["),
        *("memory://some", "memory:", "memory://?x", "memory:///x", " ", "sqlite:///~nobody-of-this-name/x.db"),
    ],
)
def test_an_address_that_means_no_store_is_refused(here: Path, address: str) -> None:
    with pytest.raises(InvalidValue, match="expected") as refused:
        open_store(address)

    assert repr(address) in str(refused.value)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("address", ["postgres:ada:secret@host/x", "memory://?password=secret", "mysql://a:secret@h/x"])
def test_an_address_that_may_hold_a_password_is_refused_without_repeating_it(here: Path, address: str) -> None:
    with pytest.raises(InvalidValue, match="is not understood: expected") as refused:
        open_store(address)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("options", ["durability=none", "durability=", "x=1", "durability=full&x=1", "Durability=full"])
def test_an_option_that_no_store_has_is_refused(here: Path, options: str) -> None:
    with pytest.raises(InvalidValue, match="expected durability=full or normal"):
        open_store(f"sqlite:///some.db?{options}")

    assert list(here.iterdir()) == []


def test_a_path_is_no_address(here: Path) -> None:
    with pytest.raises(InvalidValue, match="expected 'sqlite:///turnlog"):
        open_store(here / "turnlog.db")  # type: ignore[arg-type]  # wrong on purpose


# --- Settings ---------------------------------------------------------------------------------------------


def test_without_an_address_the_store_is_a_file_in_the_working_directory(here: Path) -> None:
    open_store().close()

    assert kept_in(here) == ["turnlog.db"]


def test_the_settings_file_names_the_store(here: Path) -> None:
    (here / "turnlog.toml").write_text('store = "sqlite:///from-the-file.db"\n')
    open_store().close()

    assert kept_in(here) == ["from-the-file.db"]


def test_the_environment_comes_before_the_settings_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "turnlog.toml").write_text('store = "sqlite:///from-the-file.db"\n')
    monkeypatch.setenv("TURNLOG_STORE", "sqlite:///from-the-environment.db")
    open_store().close()

    assert kept_in(here) == ["from-the-environment.db"]


def test_an_address_comes_before_the_settings(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_STORE", "sqlite:///from-the-environment.db")
    open_store("sqlite:///given.db").close()

    assert kept_in(here) == ["given.db"]


@pytest.mark.parametrize("settings", ["", "other = 1\n", "[store]\n"])
def test_a_settings_file_that_names_no_store(here: Path, settings: str) -> None:
    (here / "turnlog.toml").write_text(settings)
    if settings == "[store]\n":
        with pytest.raises(InvalidValue, match=r"store in turnlog.toml is {}: expected an address"):
            open_store()
    else:
        open_store().close()
        assert kept_in(here) == ["turnlog.db"]


@pytest.mark.parametrize("settings", [b"store = ", b'store = "\xff"', b'store = "nowhere"', b'store = ""'])
def test_a_settings_file_that_makes_no_sense_is_refused(here: Path, settings: bytes) -> None:
    (here / "turnlog.toml").write_bytes(settings)

    with pytest.raises(InvalidValue):
        open_store()
    assert kept_in(here) == []


def test_a_session_without_a_store_is_kept_where_the_settings_say(elsewhere: Elsewhere, here: Path) -> None:
    program = """
from turnlog import Session
session = Session("Be terse.")
session.default_branch.add("hello")
print(Session.open(session.id).id)
"""
    kept = [
        ("turnlog.db", elsewhere.run(program).strip()),
        ("named.db", elsewhere.run(program, TURNLOG_STORE="sqlite:///named.db").strip()),
    ]

    assert kept_in(here) == ["named.db", "turnlog.db"]
    for name, session in kept:
        with open_store(f"sqlite:///{name}") as store:
            assert [message.text for message in Session.open(session, store=store).messages] == ["Be terse.", "hello"]


def test_the_store_of_the_settings_changes_with_them_and_opens_again_when_it_was_closed(elsewhere: Elsewhere) -> None:
    program = """
import os
from turnlog import Session, SessionNotFoundError
here = Session()
os.environ["TURNLOG_STORE"] = "memory://"
try:
    Session.open(here.id)
except SessionNotFoundError:
    print("another store")
there = Session()
print(Session.open(there.id) == there)
del os.environ["TURNLOG_STORE"]
print(Session.open(here.id) == here)
os.mkdir("folder")
os.chdir("folder")
try:
    Session.open(here.id)
except SessionNotFoundError:
    print("another folder")
"""
    assert elsewhere.run(program).splitlines() == ["another store", "True", "True", "another folder"]
