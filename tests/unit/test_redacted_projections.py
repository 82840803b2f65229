"""What a redaction leaves in the rows of the built-in projections: no more than the redacted record makes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from turnlog.domain.codec import decode, encode, stored_name
from turnlog.domain.content import AssistantResponseContent, InstructionContent, SystemContent, Usage
from turnlog.domain.events import (
    BranchCreated,
    BranchRenamed,
    Event,
    EventRedacted,
    MailCollected,
    MailDelivered,
    MailParked,
    MailSent,
    MessageAppended,
    MessageRedacted,
    ModelCalled,
    SessionStarted,
    SystemSet,
)
from turnlog.domain.redaction import CONTENT_FIELDS, MESSAGES, redacted_payload
from turnlog.projections.activity import Activity
from turnlog.projections.branch_tree import BranchTree
from turnlog.projections.mailboxes import Mailboxes
from turnlog.projections.projection import Projection, fold
from turnlog.projections.transcript import Transcript
from turnlog.projections.usage import TokenUsage
from turnlog.testing import history

USED = Usage(input_tokens=7, output_tokens=2)
LIFE: list[Event] = [
    SessionStarted(name="marker1", user="marker1", metadata={"a": "marker1"}),
    BranchCreated(0, "b0", "marker2", user="marker2", metadata={"a": "marker2"}),
    SystemSet(0, SystemContent(system_message="marker3"), "marker3"),
    MessageAppended(0, InstructionContent(instruction="marker4"), "marker4", "marker4", {"a": "marker4"}),
    MessageAppended(0, AssistantResponseContent(assistant_response="marker5", model="m", usage=USED), "marker5"),
    ModelCalled("m", branch=0, request="marker6", response="marker6", error="marker6", input_tokens=3),
    MessageAppended(0, AssistantResponseContent(assistant_response="marker7", model="m", usage=USED)),
    BranchCreated(1, "b1", "marker8", parent=0, at=5),
    BranchRenamed(1, "marker9"),
    MailSent("m1", "b0", "b1", content="marker10"),
    MailCollected("b0", [10]),
    MailDelivered("b1", [10]),
    MailParked("b1", [10], "marker13"),
]
FORKED = SessionStarted(forked_from="s", forked_at=13, forked_digest="00")
AFTER = ModelCalled("m", branch=0, input_tokens=3)
WITH_CONTENT = [place for place, event in enumerate(LIFE) if stored_name(event) in CONTENT_FIELDS]


def left_of(event: Event, position: int) -> str:
    return redacted_payload(stored_name(event), encode(event)).decode()


def redaction(event: Event, position: int) -> Event:
    left = left_of(event, position)
    return MessageRedacted(position, left) if stored_name(event) in MESSAGES else EventRedacted(position, left)


def rows_of(projection: Projection, life: list[Event], redacted: Event) -> dict[str, list[dict[str, Any]]]:
    """The rows of a session, of one that is forked from it, and of a redaction at the end."""
    events = history(*life)
    events = history(FORKED, AFTER, session="fork", after=events)
    events = history(redacted, session="s", after=events)
    rows = fold(projection, events, batch=1)
    return {table.name: rows[table].under() for table in projection.tables}


@pytest.mark.parametrize("place", WITH_CONTENT)
@pytest.mark.parametrize(
    "projection", [Transcript(), BranchTree(), TokenUsage(), Activity(), Mailboxes()], ids=lambda each: each.name
)
def test_a_redaction_leaves_the_rows_that_the_redacted_record_makes(projection: Projection, place: int) -> None:
    event, position = LIFE[place], place + 1
    left = decode(stored_name(event), left_of(event, position), "s", position)

    redacted = rows_of(projection, LIFE, redaction(event, position))

    words = msgspec.json.encode(redacted).decode()
    assert f'marker{position}"' not in words
    assert redacted == rows_of(projection, [*LIFE[:place], left, *LIFE[place + 1 :]], redaction(event, position))
