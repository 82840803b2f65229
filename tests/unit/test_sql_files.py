"""The statements in .sql files: each has a name and a description, and each is used under its name."""

import re
from pathlib import Path

import pytest

from turnlog.infrastructure.postgres import queries as postgres
from turnlog.infrastructure.sql_files import parse_statements
from turnlog.infrastructure.sqlite import queries as sqlite

INFRASTRUCTURE = Path(__file__).parents[2] / "infrastructure"
USE = re.compile(r"""\bSQL\[["'](\w+)["']\]""")


@pytest.mark.parametrize(("folder", "statements"), [("sqlite", sqlite.SQL), ("postgres", postgres.SQL)])
def test_every_statement_is_used_and_every_name_is_defined(folder: str, statements: dict[str, str]) -> None:
    used = {name for path in (INFRASTRUCTURE / folder).glob("*.py") for name in USE.findall(path.read_text("utf-8"))}

    assert used == set(statements)


def test_statements_are_read_by_name_without_their_descriptions() -> None:
    text = """-- About the file.

-- one --
-- What it does,
-- in two lines.
SELECT 1 -- and a comment

-- two --
-- Another.
SELECT 2
"""
    assert parse_statements(text) == {"one": "SELECT 1 -- and a comment", "two": "SELECT 2"}


@pytest.mark.parametrize(
    "text",
    [
        "-- one --\nSELECT 1\n",
        "-- one --\n-- Described.\n",
        "-- one --\n-- Described.\nSELECT 1\n-- one --\n-- Again.\nSELECT 2\n",
    ],
)
def test_a_statement_without_a_part_or_with_a_used_name_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="the statement 'one'"):
        parse_statements(text)
