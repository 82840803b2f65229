"""Addresses of databases: what is ours in them, what is the driver's, and how they are named without their secrets."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ...domain.errors import InvalidValueError
from .queries import Tables

DEFAULTS = {"schema": "public", "prefix": "turnlog_"}

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,29}")
"""Names that need no quotes and leave room for what is added to them: PostgreSQL cuts names off after 63 bytes."""


class PostgresAddress(NamedTuple):
    """How to connect, the tables there, and what errors may call it."""

    conninfo: str
    tables: Tables
    name: str

    def __repr__(self) -> str:
        return f"Address({self.name!r})"


def parse_address(address: str) -> PostgresAddress:
    """The parts of an address such as `postgresql://user:password@host/database?schema=public&prefix=turnlog_`.

    All other options are libpq's: `sslmode`, `connect_timeout`, `host` for the folder of a socket, and so on.
    """
    scheme, _, there = address.partition("://")
    place, _, query = f"{scheme.lower()}://{there}".partition("?")
    options, rest = dict(DEFAULTS), []
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key in options:
            options[key] = unquote(value)
        else:
            rest.append(part)
    tables = Tables(_schema(options["schema"]), _identifier("prefix", options["prefix"]))
    known = _parse_libpq(place, f"?{'&'.join(rest)}" if rest else "")
    settings = {"fallback_application_name": "turnlog", **known, "client_encoding": "utf8"}
    return PostgresAddress(make_conninfo("", **settings), tables, _name(known, options))


def _schema(name: str) -> str:
    if name.startswith("pg_") or name == "information_schema":
        expected = "expected one of your own; names that begin with pg_ are the server's too"
        raise InvalidValueError("the store address", f"has the schema {name!r}, which is the server's: {expected}")
    return _identifier("schema", name)


def _identifier(option: str, value: str) -> str:
    if IDENTIFIER.fullmatch(value) or (option == "prefix" and not value):
        return value
    expected = "expected at most 30 lower-case letters, digits and underscores, no digit first"
    raise InvalidValueError("the store address", f"has the {option} {value!r}: {expected}")


def _parse_libpq(place: str, query: str) -> dict[str, str | int | None]:
    """What libpq reads in it. Its complaints are not passed on: they may quote a piece of the password."""
    user, at, host = place.partition("://")[2].partition("@")
    try:
        if not (at and ("/" in user or "@" in host)):  # else a piece of the password would pass for host or database
            return dict(conninfo_to_dict(place + query))
    except ProgrammingError:
        pass
    expected = "expected postgresql://user:password@host:port/database, with special characters as %-codes"
    raise InvalidValueError("the store address", f"is not one that PostgreSQL understands: {expected}")


def _name(known: dict[str, str | int | None], options: dict[str, str]) -> str:
    def part(key: str, before: str = "", after: str = "") -> str:
        return f"{before}{quote(str(known[key]), safe=',')}{after}" if known.get(key) else ""

    shown = {key: value for key, value in options.items() if value != DEFAULTS[key]}
    host = part("host")
    if "%2F" in host:  # the folder of a socket
        shown, host = {"host": str(known["host"]), **shown}, ""
    query = f"?{urlencode(shown, safe='/')}" if shown else ""
    return f"postgresql://{part('user', after='@')}{host}{part('port', before=':')}/{part('dbname')}{query}"
