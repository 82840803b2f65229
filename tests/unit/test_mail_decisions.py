"""Mail: what is decided, given what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import branch, mail
from turnlog.domain.decisions.compose import sequence
from turnlog.domain.decisions.mail import KnownNames
from turnlog.domain.errors import (
    BranchNotFoundError,
    InvalidContentError,
    InvalidMailError,
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
    SessionNotActiveError,
)
from turnlog.domain.events import (
    BranchCreated,
    BranchRemoved,
    DefaultBranchChanged,
    Event,
    MailCollected,
    MailDelivered,
    MailParked,
    MailReceived,
    MailSent,
    MessageAppended,
    ModelSet,
    ParticipantRegistered,
    ParticipantUnregistered,
    SessionArchived,
    SessionStarted,
    ToolRegistered,
)
from turnlog.domain.mail import Mail, Package
from turnlog.domain.message import Message
from turnlog.domain.ranges import Origin
from turnlog.domain.recorded_event import EPOCH

if TYPE_CHECKING:
    from tests.unit.conftest import Given
    from turnlog.domain.json_values import Json

TWO = (SessionStarted(), BranchCreated(0, "id-a", "a"), BranchCreated(1, "id-b", "b"))
"""Two branches, `a` and `b`; what follows has the positions from 4."""


SAID = {"type": "instruction", "instruction": "hello"}


def sent(number: int, sender: str = "id-a", recipient: str | None = "id-b", category: str = "data") -> MailSent:
    return MailSent(f"m-{number}", sender, recipient, category)


def data(number: int, content: Json = None) -> tuple[str, Package]:
    return f"m-{number}", Package("data", content)


# --- Who takes part ---------------------------------------------------------------------------------------


def test_registering(given: Given) -> None:
    given(*TWO).when(mail.register, "ada").then_once(ParticipantRegistered("ada"))


def test_a_name_that_somebody_has_cannot_be_registered(given: Given) -> None:
    for name in ("a", "id-a"):
        given(*TWO).when(mail.register, name).refused(NameTakenError, repr(name), "use another name")
    given(*TWO).when(mail.register, "").refused(InvalidValueError, "a participant")


def test_a_registered_name_is_no_name_for_a_branch(given: Given) -> None:
    there = given(*TWO, ParticipantRegistered("ada"))

    there.when(branch.create, id="id-c", name="ada").refused(NameTakenError, "'ada'")
    there.when(branch.create, id="ada").refused(InvalidValueError, "a branch id")
    there.when(branch.rename, 0, "ada").refused(NameTakenError, "'ada'")


def test_unregistering_parks_what_waits(given: Given) -> None:
    waiting = given(
        *TWO,
        ParticipantRegistered("ada"),
        sent(1, recipient="ada"),
        MailCollected("id-a", [5]),
        MailDelivered("ada", [5]),
        sent(2, recipient="ada"),
        MailCollected("id-a", [8]),
        sent(3, sender="ada"),
    )

    after = waiting.when(mail.unregister, "ada").then(
        MailParked("ada", [5, 8], "'ada' was unregistered"), ParticipantUnregistered("ada")
    )
    after.when(mail.collect).then(MailCollected("ada", [10]))
    after.when(mail.unregister, "ada").refused(ItemNotFoundError, "'ada'")
    after.when(mail.register, "ada").then(ParticipantRegistered("ada"))


def test_removing_a_branch_parks_what_waits(given: Given) -> None:
    delivered = given(*TWO, sent(1), MailCollected("id-a", [4]), MailDelivered("id-b", [4]))

    delivered.when(branch.remove, 1).then(MailParked("id-b", [4], "branch 'b' was removed"), BranchRemoved(1))
    given(*TWO).when(branch.remove, 0).then(BranchRemoved(0), DefaultBranchChanged(1))


# --- Sending ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["a", "id-a", 0])
@pytest.mark.parametrize("recipient", ["b", "id-b", 1])
def test_a_mail_names_branches_by_their_ids(given: Given, sender: str | int, recipient: str | int) -> None:
    given(*TWO).when(mail.send, sender, [data(1, {"x": 1})], recipient=recipient, channel="town").then(
        MailSent("m-1", "id-a", "id-b", "data", "town", {"x": 1})
    )


def test_a_message_is_mailed_with_its_author_and_metadata(given: Given) -> None:
    package = Package("message", Message("hello", sender="ada", metadata={"k": 1}))

    given(*TWO).when(mail.send, 0, [("m-1", package)], recipient=None).then(
        MailSent("m-1", "id-a", message=SAID, author="ada", metadata={"k": 1})
    )


def test_a_name_that_nobody_has_is_kept(given: Given) -> None:
    given(*TWO).when(mail.send, 0, [data(1)], recipient="critic").then(sent(1, recipient="critic"))


def test_mail_that_cannot_be_sent_is_refused(given: Given) -> None:
    removed = given(*TWO, BranchRemoved(1))

    given(*TWO).when(mail.send, "nobody", [data(1)], recipient="a").refused(ItemNotFoundError, "'nobody'", "'a', 'b'")
    removed.when(mail.send, "b", [data(1)], recipient="a").refused(ItemNotFoundError, "'b'")
    for reference in (1, "id-b"):
        removed.when(mail.send, 0, [data(1)], recipient=reference).refused(BranchNotFoundError, "'b'", "position 4")
    removed.when(mail.send, 0, [data(1)], recipient="b").then(sent(1, recipient="b"))
    given(*TWO).when(mail.send, 0, [data(1)], recipient="b", channel="a\nb").refused(InvalidValueError, "a channel")
    given(*TWO, SessionArchived()).when(mail.send, 0, [data(1)], recipient="b").refused(
        SessionNotActiveError, "archived"
    )


@pytest.mark.parametrize(
    ("category", "item", "error"),
    [
        ("node", 1, InvalidMailError),
        (None, 1, InvalidMailError),
        (7, 1, InvalidMailError),
        ("tool", [], InvalidMailError),
        ("tool", "search", InvalidMailError),
        ("tool", ["search", ""], InvalidMailError),
        ("imodel", ["gpt"], InvalidMailError),
        ("imodel", "", InvalidMailError),
        ("message", None, InvalidContentError),
        ("message", {}, InvalidContentError),
        ("message", SystemContent(system_message="obey"), InvalidMailError),
        ("data", {1: 2}, InvalidValueError),
    ],
)
def test_a_package_is_checked_when_it_is_made(category: str, item: Json, error: type[Exception]) -> None:
    with pytest.raises(error) as refusal:
        Package(category, item)

    assert type(refusal.value) is error


def test_a_package_holds_a_copy() -> None:
    item = {"list": [1]}
    package = Package("data", item)
    item["list"].append(2)

    assert package == Package("data", {"list": [1]})
    assert package.item == {"list": [1]}


def test_mails_are_equal_by_what_they_are_and_can_be_members_of_sets() -> None:
    one = Mail("m-1", "s", "a", None, "data", None, {"x": 1}, 4, EPOCH)

    assert len({one, Mail("m-1", "s", "a", None, "data", None, {"x": 1}, 4, EPOCH)}) == 1
    assert (one.is_broadcast, one.text) == (True, '{"x":1}')


# --- Collecting and delivering ----------------------------------------------------------------------------


def test_outboxes_are_collected_whole(given: Given) -> None:
    there = given(*TWO, sent(1), sent(2, sender="id-b", recipient="id-a"), sent(3, recipient=None))

    there.when(mail.collect).then_once(MailCollected("id-a", [4, 6]), MailCollected("id-b", [5]))
    there.when(mail.collect, ["b", 1]).then_once(MailCollected("id-b", [5]))
    there.when(mail.collect, ["nobody"]).refused(ItemNotFoundError, "'nobody'")


def test_the_exchange_is_delivered_to_all_or_to_some(given: Given) -> None:
    there = given(*TWO, ParticipantRegistered("ada"), sent(1), sent(2, recipient=None), MailCollected("id-a", [5, 6]))

    there.when(mail.deliver).then_once(MailDelivered("id-b", [5, 6]), MailDelivered("ada", [6]))
    there.when(mail.deliver, ["ada"]).then_once(MailDelivered("ada", [6]))
    there.when(mail.deliver, ["a"]).nothing()


def test_what_nobody_can_be_found_for_is_parked_and_delivered_once_somebody_can(given: Given) -> None:
    there = given(*TWO, sent(1, recipient="c"), sent(2, recipient="ada"), MailCollected("id-a", [4, 5]))

    there.when(mail.deliver, ["b"]).nothing()
    parked = there.when(mail.deliver).then_once(
        MailParked("c", [4], "nobody is called 'c'"), MailParked("ada", [5], "nobody is called 'ada'")
    )
    found = given(
        *parked.events, BranchCreated(2, "id-c", "c"), ParticipantRegistered("ada"), sent(3, recipient="id-c")
    )
    delivered = found.when(mail.sync).then_once(
        MailCollected("id-a", [11]),
        MailDelivered("id-c", [11]),
        MailDelivered("ada", [5]),
        MailDelivered("id-c", [4], addressed="c"),
    )
    assert mail.next_mail(delivered.state, "id-c") == 4
    delivered.when(mail.acknowledge, "id-c", [4]).then_once(MailReceived("id-c", [4]))


def test_what_waits_for_a_branch_that_was_removed_meanwhile_is_parked(given: Given) -> None:
    there = given(*TWO, sent(1), BranchRemoved(1))

    there.when(mail.sync).then_once(MailCollected("id-a", [4]), MailParked("id-b", [4], "branch 'b' was removed"))


def test_collecting_and_delivering_at_once_is_doing_both_in_turn(given: Given) -> None:
    there = given(
        *TWO,
        ParticipantRegistered("ada"),
        sent(1),
        MailCollected("id-a", [5]),
        sent(2, recipient=None),
        sent(3, recipient="nobody"),
        sent(4, sender="ada", recipient=None),
        sent(5, sender="id-b", recipient="ada"),
    )

    both = mail.sync(there.state)
    assert sorted(map(repr, both)) == sorted(map(repr, sequence(there.state, mail.collect, mail.deliver)))


def test_one_participant_at_a_time(given: Given) -> None:
    there = given(*TWO, sent(1), sent(2, recipient="nobody"), MailCollected("id-a", [4, 5]), sent(3))

    there.when(mail.collect_from, "id-a").then_once(MailCollected("id-a", [7]))
    there.when(mail.deliver_to, "id-b").then_once(MailDelivered("id-b", [4]))
    there.when(mail.deliver_to, "nobody").then_once(MailParked("nobody", [5], "nobody is called 'nobody'"))
    there.when(mail.deliver_to, "id-a").nothing()


# --- Receiving --------------------------------------------------------------------------------------------


def arrived(*mails: MailSent) -> tuple[dict[int, MailSent], tuple[Event, ...]]:
    """Mails from `a` in the inbox of `b`, from position 4 on."""
    positions = list(range(4, 4 + len(mails)))
    events = (*TWO, *mails, MailCollected("id-a", positions), MailDelivered("id-b", positions))
    return dict(zip(positions, mails, strict=True)), events


HELLO = InstructionContent(instruction="hello")


def test_receiving_does_what_each_mail_is_for(given: Given) -> None:
    mails, events = arrived(
        MailSent("m-1", "id-a", "id-b", message=SAID),
        MailSent("m-2", "id-a", None, message=SAID, author="ada", metadata={"k": 1}),
        MailSent("m-3", "id-a", "id-b", "tool", content=["add", "add", "sub"]),
        MailSent("m-4", "id-a", "id-b", "imodel", content="gpt"),
        MailSent("m-5", "id-a", "id-b", "tool", content=["sub"]),
    )
    known = KnownNames(frozenset({"add", "sub"}), frozenset({"gpt"}))

    given(*events).when(mail.receive, 1, mails, known).then_once(
        MailReceived("id-b", [4, 5, 6, 7, 8]),
        MessageAppended(1, HELLO, "id-a", "id-b", origin=Origin.MAILED, mail=4),
        MessageAppended(1, HELLO, "ada", None, {"k": 1}, Origin.MAILED, mail=5),
        ToolRegistered("add", 1),
        ToolRegistered("sub", 1),
        ModelSet("generate", "gpt", branch=1),
    )


def test_names_on_the_record_are_known_and_a_model_comes_with_its_settings(given: Given) -> None:
    mails, events = arrived(
        MailSent("m-1", "id-a", "id-b", "tool", content=["add"]),
        MailSent("m-2", "id-a", "id-b", "imodel", content="gpt"),
    )
    equipped = given(*events, ToolRegistered("add", 0), ModelSet("generate", "gpt", "openai", 0, {"seed": 1}))

    equipped.when(mail.receive, 1, mails, KnownNames()).then_once(
        MailReceived("id-b", [4, 5]),
        ToolRegistered("add", 1),
        ModelSet("generate", "gpt", "openai", 1, {"seed": 1}),
    )


def test_a_tool_that_is_there_is_not_registered_again(given: Given) -> None:
    mails, events = arrived(MailSent("m-1", "id-a", "id-b", "tool", content=["add"]))

    for owner in (1, None):
        there = given(*events, ToolRegistered("add", owner))
        there.when(mail.receive, 1, mails, KnownNames()).then(MailReceived("id-b", [4]))


def test_names_that_nobody_knows_are_parked_and_tried_again(given: Given) -> None:
    mails, events = arrived(
        MailSent("m-1", "id-a", "id-b", "tool", content=["add", "sub"]),
        MailSent("m-2", "id-a", "id-b", "imodel", content="gpt"),
    )
    some = KnownNames(frozenset({"add"}))

    parked = (
        given(*events)
        .when(mail.receive, 1, mails, some)
        .then_once(
            MailParked("id-b", [4], "nobody here knows a tool 'sub'"),
            MailParked("id-b", [5], "nobody here knows a model 'gpt'"),
        )
    )
    assert mail.receivable(parked.state, 1, {"tool", "imodel"}) == ([], [[4], [5]])
    parked.when(mail.deliver).nothing()
    parked.when(mail.receive, 1, mails, KnownNames(frozenset({"add", "sub"}))).then_once(
        MailReceived("id-b", [4]), ToolRegistered("add", 1), ToolRegistered("sub", 1)
    )


def test_a_mail_that_still_cannot_be_received_is_parked_for_the_reason_it_has_now(given: Given) -> None:
    mails, events = arrived(MailSent("m-1", "id-a", "id-b", "tool", content=["add", "sub"]))
    parked = given(*events, MailParked("id-b", [4], "nobody here knows a tool 'add'"))

    parked.when(mail.receive, 1, mails, KnownNames(frozenset({"add"}))).then_once(
        MailParked("id-b", [4], "nobody here knows a tool 'sub'")
    )


def test_what_a_caller_finds_unfit_is_parked(given: Given) -> None:
    mails, events = arrived(
        MailSent("m-1", "id-a", "id-b", message=SAID), MailSent("m-2", "id-a", "id-b", message=SAID)
    )

    given(*events).when(mail.receive, 1, mails, KnownNames(), {4: "too large"}).then(
        MailReceived("id-b", [5]),
        MessageAppended(1, HELLO, "id-a", "id-b", origin=Origin.MAILED, mail=5),
        MailParked("id-b", [4], "too large"),
    )


def test_what_somebody_else_has_received_meanwhile_is_not_received_again(given: Given) -> None:
    mails, events = arrived(*(MailSent(f"m-{n}", "id-a", "id-b", message=SAID) for n in range(3)))

    given(*events, MailReceived("id-b", [4, 6])).when(mail.receive, 1, mails, KnownNames()).then_once(
        MailReceived("id-b", [5]), MessageAppended(1, HELLO, "id-a", "id-b", origin=Origin.MAILED, mail=5)
    )
    given(*events, MailReceived("id-b", [4, 5, 6])).when(mail.receive, 1, mails, KnownNames()).nothing()


def test_what_can_be_received_is_picked_by_category_and_sender(given: Given) -> None:
    _, events = arrived(sent(1, category="tool"), sent(2), MailSent("m-3", "id-a", "id-b"))
    state = given(
        *events, sent(4, "id-b", "id-b", "tool"), MailCollected("id-b", [9]), MailDelivered("id-b", [9])
    ).state

    assert mail.receivable(state, 1, {"tool", "message"}) == ([4, 6, 9], [])
    assert mail.receivable(state, 1, {"tool"}, "id-b") == ([9], [])
    assert mail.receivable(state, 0, {"tool"}) == ([], [])


def test_the_next_mail_is_the_oldest(given: Given) -> None:
    _, events = arrived(sent(1), sent(2))
    state = given(*events).state

    assert (mail.next_mail(state, "id-b"), mail.next_mail(state, "id-b", "id-a")) == (4, 4)
    assert (mail.next_mail(state, "id-b", "id-b"), mail.next_mail(state, "id-a")) == (None, None)


def test_mail_is_acknowledged_once(given: Given) -> None:
    _, events = arrived(*(sent(number) for number in range(4)))

    given(*events).when(mail.acknowledge, "id-b", [6, 4, 99]).then_once(MailReceived("id-b", [4, 6]))
    given(*events).when(mail.acknowledge, "id-a", [4]).nothing()
    given(*events).when(mail.acknowledge, "id-b", []).nothing()
