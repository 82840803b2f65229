"""Names of tables that logs are kept in."""

import re

from ...domain.errors import InvalidValueError

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,29}")
"""Needs no quotes, and leaves room for what is added to it: PostgreSQL cuts names off after 63 bytes."""


def validate_table_name(name: str) -> str:
    """The name of a table, if it is one everywhere."""
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        expected = "expected at most 30 lower-case letters, digits and underscores, no digit first"
        raise InvalidValueError("the table", f"is {name!r}: {expected}")
    return name
