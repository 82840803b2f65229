"""Which store is meant: an address, the settings, or a file in the working directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from turnlog import Branch, Runner, Session, SessionManager, open_store, search
from turnlog.errors import DatabaseError, InvalidValueError, SessionNotFoundError, StoreNotFoundError
from turnlog.projections import Transcript

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


def test_a_search_of_a_missing_store_creates_nothing(here: Path) -> None:
    for store in ("sqlite:///missing.db", None):
        with pytest.raises(StoreNotFoundError):
            search("word", store=store)

    assert kept_in(here) == []


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
        *("", "file:///turnlog.db", "mysql://localhost/x", "sqlite://", "sqlite:///", "memory", "a\0b.db"),
        *("sqlite:turnlog.db", "sqlite://host/turnlog.db", "sqlite:///a#b.db", "sqlite:///a%00b.db", "sqlite://["),
        *("memory://some", "memory:", "memory://?x", "memory:///x", " ", "sqlite:///~nobody-of-this-name/x.db"),
    ],
)
def test_an_address_that_means_no_store_is_refused(here: Path, address: str) -> None:
    with pytest.raises(InvalidValueError, match="expected") as refused:
        open_store(address)

    assert repr(address) in str(refused.value)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("address", ["postgres:ada:secret@host/x", "memory://?password=secret", "mysql://a:secret@h/x"])
def test_an_address_that_may_hold_a_password_is_refused_without_repeating_it(here: Path, address: str) -> None:
    with pytest.raises(InvalidValueError, match="is not understood: expected") as refused:
        open_store(address)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("options", ["durability=none", "durability=", "x=1", "durability=full&x=1", "Durability=full"])
def test_an_option_that_no_store_has_is_refused(here: Path, options: str) -> None:
    with pytest.raises(InvalidValueError, match="expected durability=full or normal"):
        open_store(f"sqlite:///some.db?{options}")

    assert list(here.iterdir()) == []


@pytest.mark.parametrize("given", [5, b"turnlog.db", object()])
def test_what_is_neither_text_nor_a_path_is_no_address(here: Path, given: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected 'sqlite:///turnlog"):
        open_store(given)


@pytest.mark.parametrize("path", ["b.db", "./b.db", "folder/b.db", "b", "my notes#?%20.db", "memory.db", "~/b.db"])
def test_a_path_without_a_scheme_is_a_sqlite_file(here: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    (here / "folder").mkdir()
    monkeypatch.setenv("HOME", str(here))
    file = here / path.removeprefix("~/")
    with open_store(path) as store:
        assert store.address == f"sqlite:///{file}"
        session = Session(store=store)
    assert file.is_file()

    monkeypatch.setenv("TURNLOG_STORE", path)
    assert Session.open(session.id).id == session.id
    monkeypatch.delenv("TURNLOG_STORE")
    with SessionManager({"session": {"store": path, "durability": "normal"}}) as manager:
        assert manager.get_session(session.id).id == session.id
    with open_store(str(file)) as store:
        assert Session.open(session.id, store=store).id == session.id


@pytest.mark.parametrize("address", ["sqlite:///:memory:", "sqlite://:memory:", ":memory:"])
def test_sqlite_in_memory_is_memory(here: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with open_store(address) as store:
        assert store.address == "memory://"
    monkeypatch.setenv("TURNLOG_STORE", address)
    Session()

    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("sqllite:///b.db", "sqlite:///"),
        ("SQLITE3:///b.db", "sqlite:///"),
        ("sqlite:b.db", "sqlite:///"),
        ("postgress://host/db", "postgres://"),
        ("postgrsql://host/db", "postgresql://"),
        ("postgresql:host/db", "postgresql://"),
        ("reddis://host", "redis://"),
        ("memmory://", "memory://"),
        ("memory", "memory://"),
    ],
)
def test_a_misspelt_scheme_is_an_error_with_a_suggestion(
    here: Path, monkeypatch: pytest.MonkeyPatch, address: str, meant: str
) -> None:
    with pytest.raises(InvalidValueError, match=f"did you mean '{meant}'"):
        open_store(address)
    monkeypatch.setenv("TURNLOG_STORE", address)
    with pytest.raises(InvalidValueError, match=f"did you mean '{meant}'"):
        Session()

    assert list(here.iterdir()) == []


# --- store= -----------------------------------------------------------------------------------------------


def test_store_takes_an_address_everywhere(here: Path) -> None:
    for address in ("sqlite:///x.db", "x.db"):
        session = Session("Be terse.", store=address)
        session.default_branch.add("Explain event sourcing")
        assert Session.open(session.id, store=address).messages[1].text == "Explain event sourcing"
        assert asyncio.run(Session.aopen(session.id, store=address)).id == session.id
        assert Session.from_record(session.record(), store="sqlite:///copy.db").id == session.id
        assert Branch(store=address, name="alone").session_id != session.id
        assert search("sourcing", store=address)[0].message.session == session.id
        with SessionManager(store=address) as manager:
            assert manager.get_session(session.id).id == session.id
        with Runner(address, [Transcript()]) as runner:
            runner.catch_up()
        with open_store(address) as store:
            assert store.find_session(session.id) is not None

    assert kept_in(here) == ["copy.db", "x.db"]


def test_a_store_at_an_address_is_opened_once(here: Path) -> None:
    one, other = Session(store="x.db"), Session(store="sqlite:///x.db")

    assert one._stream.store is other._stream.store
    one._stream.store.close()
    assert Session.open(one.id, store="x.db").id == one.id
    assert Session.open(Session(store="memory://").id, store="memory://").position == 2


@pytest.mark.parametrize("store", ["", "sqllite:///x.db", 5, b"x.db"])
def test_what_is_no_store_is_an_error(here: Path, store: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Session(store=store),
        lambda: Session.open("s", store=store),
        lambda: Branch(store=store),
        lambda: search("x", store=store),
        lambda: Session.from_record(b"", store=store),
    ]
    for call in calls:
        with pytest.raises(InvalidValueError, match="the store"):
            call()

    assert list(here.iterdir()) == []


def test_a_manager_closes_the_store_that_it_opened(here: Path) -> None:
    with SessionManager(store="x.db") as manager:
        session = manager.create_session("chat")
        store = session._stream.store

    assert store.closed
    assert Session.open(session.id, store="x.db").key == "chat"


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
        with pytest.raises(InvalidValueError, match=r"store in turnlog.toml is {}: expected an address"):
            open_store()
    else:
        open_store().close()
        assert kept_in(here) == ["turnlog.db"]


@pytest.mark.parametrize("settings", [b"store = ", b'store = "\xff"', b'store = "nowhere://"', b'store = ""'])
def test_a_settings_file_that_makes_no_sense_is_refused(here: Path, settings: bytes) -> None:
    (here / "turnlog.toml").write_bytes(settings)

    with pytest.raises(InvalidValueError):
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


@pytest.mark.parametrize("address", ["missing.db", "sqlite:///missing.db"])
def test_opening_a_session_of_a_missing_store_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StoreNotFoundError, match=r"missing\.db"):
        Session.open("any", store=address)

    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatabaseError, match=r"is a directory; pass a file in it"):
        open_store(".")
