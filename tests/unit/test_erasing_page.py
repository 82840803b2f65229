"""The page on erasing lists what the code removes: the same events, and the same fields of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import turnlog._api
from turnlog.domain.redaction import CONTENT_FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "erasing.md"
ROW = re.compile(r"^\| `(?P<event>[a-z_]+\.[a-z_]+)` \| (?P<removed>[^|]+) \|", re.MULTILINE)


def test_the_page_on_erasing_lists_the_fields_that_are_removed() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))

    assert [event for event, _ in rows] == list(CONTENT_FIELDS)
    assert {event: re.findall(r"`(\w+)`", removed) for event, removed in rows} == {
        event: list(fields) for event, fields in CONTENT_FIELDS.items()
    }


def test_each_program_of_the_page_imports_what_it_uses() -> None:
    programs = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for program in programs:
        nodes = list(ast.walk(ast.parse(program)))
        used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        imported = {each.name for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names}

        assert used & set(turnlog._api.__all__) <= imported
    assert len(programs) == 2
