"""docs/record-format.md lists what a redaction removes from each event."""

import re
from pathlib import Path

from turnlog.domain.redaction import CONTENT_FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "record-format.md"


def test_the_page_lists_every_event_with_content_and_its_fields() -> None:
    table = PAGE.read_text("utf-8").partition("| stored names | removed |")[2].partition("\n\n")[0]
    listed: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        names, fields = line.strip("| ").split(" | ")
        group = ""
        for name in re.findall(r"`([a-z_.]+)`", names):
            group = name.partition(".")[0] or group
            listed[group + "." + name.partition(".")[2]] = set(re.findall(r"`([a-z_]+)`", fields))

    missing = {name: set(removed) - listed.get(name, set()) for name, removed in CONTENT_FIELDS.items()}
    assert set(listed) == set(CONTENT_FIELDS)
    assert [name for name, fields in missing.items() if fields] == []
