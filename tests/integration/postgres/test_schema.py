"""The tables in a database: new, old, newer, another's; where they lie; and what the database itself refuses."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import psycopg
import pytest

from turnlog import Session, open_store
from turnlog.domain.events import MessageRedacted
from turnlog.errors import DatabaseError, InvalidValueError, SchemaMismatchError
from turnlog.infrastructure.migrations import Migration, migrations_of
from turnlog.infrastructure.postgres import schema
from turnlog.infrastructure.postgres.queries import Tables
from turnlog.infrastructure.stored_event import AppendRequest, encode_events

PACKAGE = "turnlog.infrastructure.postgres"
STEPS = migrations_of(PACKAGE)
NEXT = Migration(
    len(STEPS) + 1,
    "notes",
    'CREATE TABLE "{schema}".{prefix}notes (text text); INSERT INTO "{schema}".{prefix}notes VALUES (\'kept\');',
)
TABLES = Tables("public", "turnlog_")


# --- Where they lie ---------------------------------------------------------------------------------------


def test_stores_with_other_schemas_or_prefixes_know_nothing_of_each_other(place: Any, kit: Any) -> None:
    wheres: list[dict[str, str]] = [
        {},
        {"prefix": "other_"},
        {"prefix": ""},
        {"schema": "own"},
        {"schema": "own", "prefix": "other_"},
        {"schema": "select", "prefix": "_"},
        {"schema": "s" * 30, "prefix": "p" * 30},
    ]
    stores = [place.store(**where) for where in wheres]
    for number, store in enumerate(stores):
        store.recorder.append([kit.started(), kit.renamed(str(number))])

    assert [kit.names(store.recorder.read_all(limit=9)) for store in stores] == [[str(n)] for n in range(7)]
    assert all(store.verify().ok for store in stores)
    assert not any(store.recorder.wait(2, 0.0) for store in stores)
    tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename LIKE '%%events' "
    assert {name for (name,) in place.ask(tables)} == {
        "own.turnlog_events",
        "own.other_events",
        "public.events",
        "public.turnlog_events",
        "public.other_events",
        f"{'s' * 30}.{'p' * 30}events",
        "select._events",
    }


def test_a_role_that_may_write_to_its_schema_needs_no_other_right(place: Any, kit: Any) -> None:
    with place.database.connect() as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
        connection.execute("CREATE SCHEMA office AUTHORIZATION clerk")
    address = place.address(schema="office").replace("postgres@", "clerk@")
    try:
        with open_store(address) as store:
            session = Session("Be brief.", store=store)
        with open_store(address) as store:
            assert [message.text for message in Session.open(session.id, store=store).messages] == ["Be brief."]
        with pytest.raises(DatabaseError, match="permission denied"):
            open_store(address.replace("office", "elsewhere"))
    finally:
        with place.database.connect() as connection:
            connection.execute("DROP OWNED BY clerk")
            connection.execute("DROP ROLE clerk")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "PostgreSQL"])
def test_both_schemes_lead_to_a_store(place: Any, scheme: str) -> None:
    with open_store(place.address().replace("postgresql", scheme)) as store:
        session = Session(store=store)
    with open_store(place.address(tcp=True)) as store:
        assert Session.open(session.id, store=store).position == 2


# --- New, old, newer, another's ---------------------------------------------------------------------------


def test_a_new_database_lists_its_schema_as_migration_1(place: Any) -> None:
    place.recorder()

    assert place.ask("SELECT number, name FROM turnlog_migrations") == [(1, "schema")]


def test_an_old_database_gets_the_steps_it_lacks_once(place: Any, kit: Any) -> None:
    recorder = place.recorder()
    recorder.append([kit.started()])

    with place.database.connect() as connection:
        for _ in range(2):
            schema.prepare(connection, "a store", TABLES, [*STEPS, NEXT])
        assert connection.execute("SELECT text FROM turnlog_notes").fetchall() == [("kept",)]
    with pytest.raises(SchemaMismatchError, match="schema 2; expected schema 1 or older; a newer Turnlog wrote it"):
        place.recorder()
    assert recorder.append([kit.renamed("a")])[0].first == 2


def test_a_step_that_fails_leaves_the_database_as_it_was(place: Any) -> None:
    broken = NEXT._replace(script='CREATE TABLE "{schema}".{prefix}notes (text text); SELECT nonsense;')
    with place.database.connect() as connection, pytest.raises(psycopg.errors.UndefinedColumn):
        schema.prepare(connection, "a store", TABLES, [*STEPS, broken])

    assert place.ask("SELECT to_regclass('turnlog_notes')") == [(None,)]
    assert place.recorder().last_global_position() == 0


@pytest.mark.parametrize("table", ["events", "catalogue", "counter", "migrations"])
def test_tables_of_another_program_are_left_alone(place: Any, table: str) -> None:
    with place.database.connect() as connection:
        connection.execute(f"CREATE TABLE their_{table} (id integer)")

    with pytest.raises(
        SchemaMismatchError, match="tables of another program under these names; expected another schema"
    ):
        place.recorder(prefix="their_")
    assert place.ask("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'their%%'") == [(1,)]


def test_a_database_in_another_encoding_is_refused(postgres_server: Any) -> None:
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(SchemaMismatchError, match="a database in the encoding LATIN1; expected one in UTF8"):
            open_store(postgres_server.address("latin"))
    finally:
        postgres_server.drop_database("latin")


def test_a_database_whose_transactions_are_of_another_kind_is_refused(place: Any) -> None:
    with place.database.connect() as connection:
        connection.execute(f"ALTER DATABASE {place.database.name} SET default_transaction_isolation = 'serializable'")

    with pytest.raises(DatabaseError, match="its transactions are 'serializable': expected 'read committed'"):
        place.recorder()


# --- Addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["schema", "prefix"])
@pytest.mark.parametrize("value", ["A", "1a", "a-b", "a b", 'a"b', "a;--", "é", "x" * 31, "a%22b", "a\n"])
def test_what_is_no_identifier_is_refused(option: str, value: str) -> None:
    with pytest.raises(
        InvalidValueError, match=rf"the store address has the {option} .*: expected at most 30 lower-case"
    ):
        open_store(f"postgresql://nobody@localhost/nothing?{option}={value}")


@pytest.mark.parametrize("schema", ["information_schema", "pg_catalog", "pg_toast", "pg_temp", "pg_own"])
def test_a_schema_that_is_the_servers_is_refused_before_anybody_connects(schema: str) -> None:
    with pytest.raises(
        InvalidValueError, match=f"has the schema '{schema}', which is the server's: expected one of your"
    ):
        open_store(f"postgresql://nobody@localhost/nothing?schema={schema}")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:se%63ret@127.0.0.1:1/db",
        "postgresql://ada@127.0.0.1:1/db?password=secret",
        "postgresql://ada:secret@%2Fnowhere/db",
        "postgresql://ada:se@cret@127.0.0.1:1/db",
        "postgresql://ada:se/cret@127.0.0.1:1/db",
        "postgresql://ada:se?cret@127.0.0.1:1/db",
        "postgresql://ada:secret/@127.0.0.1:1/db",
        "postgresql://ada:secret@127.0.0.1:1/db?no=such",
        "postgresql://ada:secret@127.0.0.1:1/db?sslmode=nonsense",
        "postgresql://ada:secret@127.0.0.1:1/db?schema=A",
        "postgresql://ada:secret@[::1/db",
        "postgressql://ada:secret@127.0.0.1:1/db",
    ],
)
def test_no_error_shows_a_password(address: str) -> None:
    with pytest.raises((InvalidValueError, DatabaseError)) as failed:
        open_store(address)

    error: BaseException | None = failed.value
    while error is not None:
        for word in ("secret", "cret@", "se@", "se/", "se?"):
            assert word not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


def test_the_name_of_a_store_is_an_address_without_the_password(place: Any, kit: Any) -> None:
    recorder = place.recorder(schema="own", prefix="other_", password="secret", application_name="x")
    recorder.append([kit.started()])

    where, port = place.server.folder, place.server.port
    here = f"postgresql://postgres@:{port}/{place.database.name}?host={where}"
    assert recorder.name == f"{here}&schema=own&prefix=other_"
    with open_store(recorder.name) as store:
        assert store.get_session("s").position == 1
    assert "secret" not in repr(recorder)


# --- What the database refuses ----------------------------------------------------------------------------


REFUSED = (
    "UPDATE turnlog_events SET payload = '{}'",
    "UPDATE turnlog_events SET time = time",
    "UPDATE turnlog_events SET payload = '{}', payload_hash = decode(repeat('00', 32), 'hex')",
    "DELETE FROM turnlog_events",
    "DELETE FROM turnlog_events WHERE position = 3",
    "TRUNCATE turnlog_events",
    "TRUNCATE turnlog_catalogue CASCADE",
    "DELETE FROM turnlog_catalogue",
    "DELETE FROM turnlog_catalogue WHERE session = 't'",
)


def test_the_database_refuses_to_change_what_is_on_the_record(place: Any, recorder: Any, kit: Any) -> None:
    recorder.append([kit.started(), kit.renamed("a"), kit.renamed("b")])

    for statement in REFUSED:
        with (
            place.database.connect() as connection,
            pytest.raises(psycopg.errors.RaiseException, match=r"events are not \w+|sessions are not deleted"),
        ):
            connection.execute(statement)
    assert place.store().verify().ok


LEFT = '{"branch":0,"content":{"type":"instruction"}}'


def test_the_words_of_a_message_may_go_once_the_record_says_that_it_was_redacted(place: Any) -> None:
    store = place.store()
    session = Session(store=store)
    position = session.default_branch.add("private \0 é").position
    assert position is not None
    (row,) = store.recorder.read(session.id, after=position - 1, until=position)
    erase = (
        "UPDATE turnlog_events SET payload = %s, payload_hash = %s WHERE position = %s",
        (LEFT, sha256(row.payload).digest(), position),
    )
    with place.database.connect() as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="events are not changed"):
            connection.execute(*erase)
        store.recorder.append([AppendRequest(session.id, encode_events([MessageRedacted(position, LEFT)]))])
        with pytest.raises(psycopg.errors.RaiseException, match="events are not changed"):
            connection.execute(erase[0], ('{"branch":0,"content":{"type":"system"}}', *erase[1][1:]))
        connection.execute(*erase)
        with pytest.raises(psycopg.errors.RaiseException, match="events are not changed"):
            connection.execute(*erase)

    (erased,) = store.recorder.read(session.id, after=position - 1, until=position)
    assert (erased.payload or b"").decode() == LEFT
    assert erased.payload_hash == sha256(row.payload).digest()


def test_flaws_that_somebody_made_behind_the_triggers_are_found(place: Any, recorder: Any, kit: Any) -> None:
    recorder.append([kit.started(), kit.renamed("a"), kit.renamed("b"), kit.started("t"), kit.renamed("c", "t")])
    with place.database.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM turnlog_events WHERE global_position IN (2, 5)")
        connection.execute("UPDATE turnlog_counter SET global_position = 5")
        connection.execute("DELETE FROM turnlog_catalogue WHERE session = 't'")

    assert recorder.find_flaws() == [
        "the catalogue does not know the session of global position 4",
        "global positions 2 to 2 are missing",
        "global positions 5 to 5 are missing",
    ]
    assert not place.store().verify().ok
    assert recorder.append([kit.renamed("next")])[0].global_position == 6
