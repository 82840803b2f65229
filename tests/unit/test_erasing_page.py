"""The page on erasing lists what the code removes: the same events, and the same fields of each."""

from __future__ import annotations

import re
from pathlib import Path

from turnlog.domain.redaction import CONTENT_FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "erasing.md"
ROW = re.compile(r"^\| `(?P<event>[a-z_]+\.[a-z_]+)` \| (?P<removed>[^|]+) \|", re.MULTILINE)


def test_the_page_on_erasing_lists_the_fields_that_are_removed() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))

    assert [event for event, _ in rows] == list(CONTENT_FIELDS)
    assert {event: re.findall(r"`(\w+)`", removed) for event, removed in rows} == {
        event: list(fields) for event, fields in CONTENT_FIELDS.items()
    }
