"""Mail between branches and others: the flows that people know, and what they promise."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from turnlog import Branch, Session, Store, acting
from turnlog.content import ImagePolicy, MessageContent, MessageRole, Origin, content_type
from turnlog.errors import (
    BranchNotFoundError,
    CommandIdReusedError,
    ImageNotAllowedError,
    InvalidBranchError,
    InvalidContentError,
    InvalidMailError,
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
    ReadOnlyError,
    SessionNotActiveError,
)
from turnlog.mail import Mail, Package, SessionMail


def search(query: str) -> str:
    return query


def summarize(text: str) -> str:
    return text


research_tools = [search, summarize]


class Model:
    """A client that goes by a name and cannot be stored."""

    name = "gpt-4o-mini"


def contents(mails: Sequence[Mail]) -> list[Any]:
    return [mail.content for mail in mails]


def texts(branch: Branch) -> list[str]:
    return [message.text for message in branch.messages]


@pytest.fixture
def session(store: Store) -> Session:
    return Session(default_branch=None, store=store)


@pytest.fixture
def research(session: Session) -> Branch:
    return session.create_branch(name="research")


@pytest.fixture
def coding(session: Session, research: Branch) -> Branch:
    return session.create_branch(name="coding")


# --- The flows --------------------------------------------------------------------------------------------


def test_two_branches_share_tools(store: Store) -> None:
    session = Session(store=store)

    research = session.create_branch(name="research")
    coding = session.create_branch(name="coding")

    research.mail.send(coding.id, research_tools, category="tool")
    session.mail.route(receive=True)

    assert coding.tools == {"search", "summarize"}
    assert research.tools == frozenset()


def test_a_branch_is_split_twice_and_both_are_put_together(store: Store) -> None:
    async def flow() -> list[str]:
        session = Session(store=store)
        user_id = "ada"
        branch = session.create_branch(
            system={"role": "system", "content": "You are a helpful assistant"},
            user=user_id,
        )
        branch_a = await session.asplit(branch)
        branch_b = await session.asplit(branch)
        branch_a.add("from a")
        branch_b.add("from b")
        messages = session.concat_messages([branch_a.id, branch_b.id])

        session.mail.deliver(recipients=[branch_a.id, branch_b.id])
        session.mail.collect(senders=branch_a.id)
        await session.mail.aroute()
        return [message.text for message in messages]

    assert asyncio.run(flow()) == ["You are a helpful assistant", "from a", "from b"]


def test_mail_is_handled_in_batches(session: Session, research: Branch, coding: Branch) -> None:
    async def flow() -> None:
        async with session.mail.lock:
            research.mail.send(coding.id, "ready", category="message")
            session.mail.route(receive=True)

    asyncio.run(flow())

    assert texts(coding) == ["ready"]


def test_mail_goes_from_the_outbox_over_the_exchange_into_the_inbox(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send(coding.id, "one", category="message")
    assert (contents(research.mail.outbox), len(session.mail.pending), coding.mail.unread) == (["one"], 0, 0)

    assert session.mail.collect(senders=research.id) == 1
    assert (contents(research.mail.outbox), contents(session.mail.pending)) == ([], ["one"])

    assert session.mail.deliver(recipients=coding.id) == 1
    assert (contents(session.mail.pending), contents(coding.mail.inbox)) == ([], ["one"])

    assert contents(coding.mail.receive()) == ["one"]
    assert (coding.mail.unread, texts(coding)) == (0, ["one"])


def test_only_what_is_named_is_collected_and_sent(session: Session, research: Branch, coding: Branch) -> None:
    third = session.create_branch(name="third")
    research.mail.send(coding, "to coding", category="message")
    research.mail.send(third, "to third", category="message")
    coding.mail.send(third, "from coding", category="message")

    session.mail.collect(senders=[research.id])
    session.mail.deliver(recipients=[third])

    assert contents(third.mail.inbox) == ["to third"]
    assert contents(session.mail.pending) == ["to coding"]
    assert contents(coding.mail.outbox) == ["from coding"]


def test_the_same_by_the_twins(session: Session, research: Branch, coding: Branch) -> None:
    async def flow() -> list[Any]:
        await research.mail.asend(coding, "one", category="message")
        await research.mail.asend_many(coding, ["two", "three"], category="message")
        await session.mail.acollect()
        await session.mail.adeliver()
        received = await coding.mail.areceive()
        await session.mail.aregister("ada")
        await session.mail.asend("ada", coding, {"four": 4})
        await session.mail.aroute(receive=True)
        last = await session.mail.apop(coding)
        return [*contents(received), last and last.content]

    assert asyncio.run(flow()) == ["one", "two", "three", {"four": 4}]


def test_exchange_and_manager_are_there_under_the_names_people_know(session: Session) -> None:
    assert isinstance(session.mail, SessionMail)


# --- What a mail is ---------------------------------------------------------------------------------------


def test_a_mail_says_who_sent_what_to_whom_and_when(session: Session, research: Branch, coding: Branch) -> None:
    with acting(actor="scheduler"):
        sent = research.mail.send(coding, {"a": [1]}, channel="plans")
    session.mail.route()
    (found,) = session.mail.inbox(coding)

    assert found == sent
    assert (found.sender, found.recipient, found.category, found.channel) == (research.id, coding.id, "data", "plans")
    assert (found.content, found.text, found.sent_at) == ({"a": [1]}, '{"a":[1]}', session.position - 2)
    assert (found.actor, found.is_broadcast, found.package) == ("scheduler", False, Package("data", {"a": [1]}))


def test_a_message_is_received_as_a_copy_with_its_sender_and_where_it_came_from(
    session: Session, research: Branch, coding: Branch
) -> None:
    written = research.add("found it", sender="ada", metadata={"score": 1})
    research.mail.send(coding, written, category="message")
    mail = research.mail.send(coding, {"assistant_response": "so it is"}, category="message")
    session.mail.route(receive=True)
    first, second = coding.messages

    assert (first.text, first.sender, first.metadata, first.origin) == ("found it", "ada", {"score": 1}, Origin.MAILED)
    assert (second.text, second.sender, second.recipient) == ("so it is", research.id, coding.id)
    assert second.role == "assistant"
    assert (first.id != written.id, first.lineage, second.lineage) == (True, (written.id,), ())
    assert texts(research) == ["found it"]
    assert session.blame(second).event.mail == mail.sent_at  # type: ignore[attr-defined]  # it is a MessageAppended


def test_the_content_of_a_mail_is_what_was_given(session: Session, research: Branch, coding: Branch) -> None:
    session.mail.register("ada")
    given: list[Any] = ["text", 1, None, [], {"deep": {"er": ["\u2603", 2**70]}}]
    for item in given:
        session.mail.send("ada", coding, item)
    research.mail.send(coding, search, category="tool")
    research.mail.send(coding, Model(), category="imodel")
    research.mail.send(coding, "hello", category="message")
    response = research.mail.send(coding, {"assistant_response": "hi"}, category="message")
    session.mail.route()

    found = session.mail.inbox(coding)
    assert contents(found[:-1]) == [*given, ["search"], "gpt-4o-mini", "hello"]
    assert found[-1].content == response.content
    assert [mail.text for mail in found[-2:]] == ["hello", "hi"]


def test_a_model_becomes_the_one_that_the_branch_chats_with(session: Session, research: Branch, coding: Branch) -> None:
    research.mail.send(coding, Model(), category="imodel")
    session.mail.route(receive=True)

    assert (coding.model, research.model) == ("gpt-4o-mini", None)


def test_a_tool_or_model_that_any_branch_has_is_known_by_its_name(session: Session, coding: Branch) -> None:
    equipped = session.create_branch(tools=[search], model="gpt-4o-mini")
    equipped.mail.send(coding, "search", category="tool")
    equipped.mail.send(coding, "gpt-4o-mini", category="imodel")
    session.mail.route(receive=True)

    assert (set(coding.tools), coding.model) == ({"search"}, "gpt-4o-mini")


def test_a_name_that_nobody_knows_is_parked_and_used_once_somebody_does(
    session: Session, store: Store, research: Branch, coding: Branch
) -> None:
    research.mail.send(coding, ["search"], category="tool")
    research.mail.send(coding, "and this?", category="message")
    session.mail.route(receive=True)

    (parked,) = coding.mail.parked
    assert (parked.recipient, parked.reason) == (coding.id, "nobody here knows a tool 'search'")
    assert (coding.tools, texts(coding), coding.mail.unread) == (frozenset(), ["and this?"], 0)
    before = session.position
    assert coding.mail.receive() == []
    assert session.position == before

    session.create_branch(tools=search)
    assert [mail.id for mail in coding.mail.receive()] == [parked.mail.id]
    assert (set(coding.tools), coding.mail.parked) == ({"search"}, [])
    assert coding.mail.receive() == []


def test_many_mails_that_were_parked_are_all_received_once_they_can_be(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send_many(coding, ["search", "summarize", ["search", "summarize"], "search"], category="tool")
    session.mail.route(receive=True)
    assert len(coding.mail.parked) == 4

    session.create_branch(tools=search)
    assert contents(coding.mail.receive()) == [["search"], ["search"]]
    assert [parked.reason for parked in coding.mail.parked] == ["nobody here knows a tool 'summarize'"] * 2
    session.create_branch(tools=summarize)
    assert contents(coding.mail.receive()) == [["summarize"], ["search", "summarize"]]
    assert (set(coding.tools), coding.mail.parked) == ({"search", "summarize"}, [])


def test_what_one_process_does_not_know_another_may(session: Session, store: Store, coding: Branch) -> None:
    session.mail.register("ada")
    elsewhere = Session.open(session.id, store=store)
    research = session.create_branch(name="knows it")
    research.mail.send(coding, search, category="tool")

    elsewhere.mail.route(receive=True)
    assert elsewhere.branches["coding"].tools == frozenset()
    session.mail.route(receive=True)
    assert elsewhere.branches["coding"].tools == {"search"}


def test_images_are_checked_when_they_are_mailed_and_by_whoever_receives_them(
    session: Session, store: Store, research: Branch, coding: Branch
) -> None:
    with pytest.raises(ImageNotAllowedError):
        research.mail.send(coding, {"instruction": "look", "images": ["http://127.0.0.1/secret"]}, category="message")
    research.mail.send(coding, {"instruction": "look", "images": ["https://example.com/cat.png"]}, category="message")
    research.mail.send(coding, "and tell", category="message")
    strict = Session.open(session.id, store=store, images=ImagePolicy(denied_hosts=frozenset({"example.com"})))

    strict.mail.route(receive=True)
    assert texts(coding) == ["and tell"]
    assert [parked.reason.startswith("an image is not taken here: ") for parked in coding.mail.parked] == [True]
    assert contents(coding.mail.receive()) != []
    assert texts(coding) == ["and tell", "look"]


@content_type("mail_test.note")
class Note(MessageContent, frozen=True):
    """A content of an application's own."""

    role: ClassVar[MessageRole] = MessageRole.USER

    note: str

    @property
    def body(self) -> str:
        return self.note


def test_a_content_of_an_applications_own_is_mailed_like_any_other(
    session: Session, research: Branch, coding: Branch
) -> None:
    mail = research.mail.send(coding, Note(note="mine"), category="message")
    session.mail.route(receive=True)

    assert (mail.content, mail.text, coding.messages[0].content) == (Note(note="mine"), "mine", Note(note="mine"))


def test_receiving_leaves_data_where_it_is_until_it_is_taken_out(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send(coding, {"rows": 3})
    session.mail.route(receive=True)
    assert coding.mail.receive() == []

    mail = session.mail.pop(coding)
    assert mail is not None
    assert mail.content == {"rows": 3}
    assert session.mail.pop(coding) is None


def test_some_categories_and_one_sender_are_received_on_request(
    session: Session, research: Branch, coding: Branch
) -> None:
    other = session.create_branch(name="other")
    research.mail.send(coding, "from research", category="message")
    research.mail.send(coding, search, category="tool")
    other.mail.send(coding, "from other", category="message")
    session.mail.route()

    assert contents(coding.mail.receive(tool=True)) == [["search"]]
    assert contents(coding.mail.receive(sender=other, message=True)) == ["from other"]
    assert contents(coding.mail.receive()) == ["from research"]


def test_a_command_sends_once(session: Session, research: Branch, coding: Branch) -> None:
    with acting(actor="ada"):
        first = research.mail.send(coding, "pay", category="message", command_id="pay-1")
    again = research.mail.send(coding, "pay", category="message", command_id="pay-1")

    assert again == first
    assert contents(research.mail.outbox) == ["pay"]
    coding.add("x", command_id="add-1")
    with pytest.raises(CommandIdReusedError):
        research.mail.send(coding, "y", category="message", command_id="add-1")


def test_a_reader_cannot_change_what_another_one_gets(session: Session, research: Branch, coding: Branch) -> None:
    item = {"list": [1]}
    research.mail.send(None, item)
    third = session.create_branch(name="third")
    item["list"].append(2)
    session.mail.route()

    session.mail.inbox(coding)[0].content["list"].append(3)
    coding.mail.inbox[0].content["list"].append(4)

    assert contents(session.mail.inbox(coding)) == [{"list": [1]}]
    assert contents(session.mail.inbox(third)) == [{"list": [1]}]


def test_a_package_can_be_sent_as_it_is(session: Session, research: Branch, coding: Branch) -> None:
    research.mail.send(coding, Package("data", {"a": 1}))
    session.mail.route(receive=True)

    assert session.mail.inbox(coding)[0].package == Package("data", {"a": 1})


def test_somebody_can_write_to_themselves(session: Session, research: Branch) -> None:
    research.mail.send(research, "do not forget", category="message")
    session.mail.route(receive=True)

    assert texts(research) == ["do not forget"]


# --- Who takes part ---------------------------------------------------------------------------------------


def test_branches_take_part_from_their_creation_and_others_from_their_registration(
    session: Session, research: Branch, coding: Branch
) -> None:
    exchange = session.mail
    exchange.register("ada")
    exchange.register("ada")

    assert exchange.participants == [research.id, coding.id, "ada"]
    assert (len(exchange), "ada" in exchange, research in exchange, "research" in exchange) == (3, True, True, True)
    assert ("nobody" in exchange, 7 in exchange, None in exchange) == (False, False, False)
    assert [mail.content for mail in exchange.inbox("ada")] == []


def test_a_name_is_one_participants_only(session: Session, research: Branch) -> None:
    session.mail.register("ada")

    with pytest.raises(NameTakenError):
        session.mail.register("research")
    with pytest.raises(NameTakenError):
        session.create_branch("ada")
    with pytest.raises(NameTakenError):
        research.rename("ada")
    assert research.fork(name="ada-2").name == "ada-2"


def test_what_is_for_everybody_reaches_everybody_but_its_sender(
    session: Session, research: Branch, coding: Branch
) -> None:
    session.mail.register("ada")
    sent = research.mail.send(None, "hear")

    assert session.mail.route() == 1
    assert [session.mail.inbox(owner) for owner in (coding, "ada", research)] == [[sent], [sent], []]
    assert session.mail.pop("ada") == sent
    assert session.mail.inbox(coding) == [sent]


def test_a_channel_can_be_picked_from_an_inbox_and_has_a_history(
    session: Session, research: Branch, coding: Branch
) -> None:
    for number, channel in enumerate(["town", None, "town", "club"]):
        session.mail.send(research, coding, number, channel=channel)
    session.mail.route()
    assert contents(session.mail.inbox(coding, channel="town")) == [0, 2]
    assert contents(session.mail.inbox(coding, sender=research, channel="club")) == [3]
    assert session.mail.inbox(coding, channel="nowhere") == []

    while session.mail.pop(coding):
        pass
    late = session.create_branch(name="late")

    assert session.mail.channels == ["town", "club"]
    assert contents(session.mail.history("town")) == [0, 2]
    assert contents(session.mail.history("nowhere")) == []
    assert late.mail.unread == 0


def test_unread_mail_is_counted_by_sender(session: Session, research: Branch, coding: Branch) -> None:
    session.mail.register("ada")
    research.mail.send_many(coding, ["a", "b"], category="message")
    research.mail.send(coding, search, category="tool")
    session.mail.send("ada", coding, 1)
    session.mail.route()

    assert (coding.mail.unread, len(coding.mail)) == (4, 4)
    assert coding.mail.unread_from == {research.id: 3, "ada": 1}
    assert session.mail.mailbox("ada").unread == 0


def test_mail_is_taken_out_first_in_first_out_by_all_or_one_sender(
    session: Session, research: Branch, coding: Branch
) -> None:
    session.mail.register("ada")
    for number in range(3):
        session.mail.send("ada", coding, f"a{number}")
        session.mail.send(research, coding, f"r{number}")
    session.mail.route()

    taken = [session.mail.pop(coding, sender="ada") for _ in range(2)]
    while mail := session.mail.pop(coding):
        taken.append(mail)
    assert [mail.content for mail in taken if mail] == ["a0", "a1", "r0", "r1", "a2", "r2"]


def test_mail_that_was_looked_at_is_there_until_it_is_acknowledged(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send_many(coding, [1, 2, 3])
    session.mail.route(research)
    one, two, three = session.mail.inbox(coding)

    assert session.mail.inbox(coding) == [one, two, three]
    assert session.mail.acknowledge(coding, [three, one]) == 2
    assert session.mail.acknowledge(coding, one) == 0
    assert session.mail.inbox(coding) == [two]


def test_mail_to_a_name_that_nobody_has_reaches_whoever_gets_it_once(session: Session, research: Branch) -> None:
    first = research.mail.send("critic", "what do you think?", category="message")
    research.mail.send("ada", 1)
    session.mail.route(receive=True)

    assert [(parked.mail.content, parked.recipient, parked.reason) for parked in session.mail.parked] == [
        ("what do you think?", "critic", "nobody is called 'critic'"),
        (1, "ada", "nobody is called 'ada'"),
    ]

    critic = session.create_branch(name="critic")
    second = research.mail.send(critic, "well?", category="message")
    session.mail.register("ada")
    assert session.mail.route() == 3
    assert critic.mail.receive() == [first, second]
    assert contents(session.mail.inbox("ada")) == [1]
    assert (session.mail.route(), session.mail.parked, critic.mail.receive()) == (0, [], [])


def test_the_mail_of_a_branch_that_is_removed_is_parked_and_what_it_sent_goes_its_way(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send(coding, "delivered", category="message")
    session.mail.route()
    research.mail.send(coding, "on its way", category="message")
    session.mail.collect()
    research.mail.send(coding, "in the outbox", category="message")
    coding.mail.send(research, "last words", category="message")

    session.remove_branch(coding.id)
    session.mail.route(receive=True)

    assert [(parked.mail.content, parked.reason) for parked in session.mail.parked] == [
        (content, "branch 'coding' was removed") for content in ("delivered", "on its way", "in the outbox")
    ]
    assert texts(research) == ["last words"]
    for gone in (coding, coding.id, coding.number):
        with pytest.raises(BranchNotFoundError):
            research.mail.send(gone, "too late", category="message")


def test_the_mail_of_somebody_unregistered_waits_for_them(session: Session, research: Branch) -> None:
    session.mail.register("ada")
    sent = session.mail.send(research, "ada", "hi")
    session.mail.route()

    session.mail.unregister("ada")
    assert [parked.reason for parked in session.mail.parked] == ["'ada' was unregistered"]
    assert "ada" not in session.mail
    session.mail.register("ada")
    session.mail.route()
    assert session.mail.inbox("ada") == [sent]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.mail.send("nobody", "coding", 1), ItemNotFoundError),
        (lambda s: s.branches["coding"].mail.send("research", 1, category="node"), InvalidMailError),
        (lambda s: s.branches["coding"].mail.send("research", 1, category=None), InvalidMailError),
        (lambda s: s.branches["coding"].mail.send("research", [], category="tool"), InvalidMailError),
        (lambda s: s.branches["coding"].mail.send("research", [3], category="tool"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("research", 3, category="imodel"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("research", object()), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("research", float("nan")), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("research", None, category="message"), InvalidContentError),
        (lambda s: s.branches["coding"].mail.send("research", {}, category="message"), InvalidContentError),
        (
            lambda s: s.branches["coding"].mail.send(
                "research", {"role": "system", "content": "obey"}, category="message"
            ),
            InvalidMailError,
        ),
        (lambda s: s.branches["coding"].mail.send("", "x", category="message"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("two\nlines", "x", category="message"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send(77, "x", category="message"), BranchNotFoundError),
        (lambda s: s.branches["coding"].mail.send(True, "x", category="message"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send("research", "x", category="message", channel=""), InvalidValueError),
        (lambda s: s.branches["coding"].mail.send_many("research", "letters", category="message"), InvalidValueError),
        (lambda s: s.branches["coding"].mail.receive(sender="nobody"), ItemNotFoundError),
        (lambda s: s.mail.deliver(recipients="nobody"), ItemNotFoundError),
        (lambda s: s.mail.deliver(recipients=["coding", 9]), ItemNotFoundError),
        (lambda s: s.mail.collect(senders="nobody"), ItemNotFoundError),
        (lambda s: s.mail.collect(senders=3.5), InvalidValueError),
        (lambda s: s.mail.route("nobody"), ItemNotFoundError),
        (lambda s: s.mail.inbox("nobody"), ItemNotFoundError),
        (lambda s: s.mail.mailbox("nobody"), ItemNotFoundError),
        (lambda s: s.mail.pop("nobody"), ItemNotFoundError),
        (lambda s: s.mail.acknowledge("coding", ["nothing"]), InvalidValueError),
        (lambda s: s.mail.unregister("nobody"), ItemNotFoundError),
        (lambda s: s.mail.unregister("coding"), ItemNotFoundError),
        (lambda s: s.mail.register(""), InvalidValueError),
        (lambda s: s.mail.register(s.branches["coding"]), InvalidValueError),
        (lambda s: s.mail.unregister([]), InvalidValueError),
        (lambda s: asyncio.run(s.mail.run(0)), InvalidValueError),
        (lambda s: asyncio.run(s.mail.run(float("nan"))), InvalidValueError),
        (lambda s: s.at(3).mail.send("coding", "research", 1), ReadOnlyError),
        (lambda s: s.at(3).mail.collect(), ReadOnlyError),
        (lambda s: s.at(3).mail.send("research", "coding", 1), ReadOnlyError),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_is_written(
    session: Session, research: Branch, coding: Branch, call: Any, error: type[Exception]
) -> None:
    before = session.position

    with pytest.raises(error) as refusal:
        call(session)

    assert type(refusal.value) is error
    assert isinstance(refusal.value, ValueError | AttributeError)
    assert session.position == before


def test_a_branch_of_another_session_gets_no_mail(session: Session, research: Branch, store: Store) -> None:
    foreign = Session(store=store).default_branch
    mail = foreign.mail.send(None, "x", category="message")

    with pytest.raises(InvalidBranchError):
        research.mail.send(foreign, "x", category="message")
    with pytest.raises(InvalidBranchError):
        session.mail.send(foreign, research, "x")
    with pytest.raises(InvalidValueError):
        session.mail.acknowledge(research, mail)
    assert foreign not in session.mail


def test_a_session_that_is_put_away_moves_no_mail(session: Session, research: Branch, coding: Branch) -> None:
    research.mail.send(coding, "x", category="message")
    session.archive()
    for call in (session.mail.collect, session.mail.deliver, session.mail.route, session.mail.route):
        with pytest.raises(SessionNotActiveError):
            call()
    assert contents(research.mail.outbox) == ["x"]
    session.restore()
    assert session.mail.route() == 1


# --- Time -------------------------------------------------------------------------------------------------


def test_the_post_can_be_seen_as_it_lay(session: Session, research: Branch, coding: Branch) -> None:
    session.mail.register("ada")
    research.mail.send(coding, "one", category="message", channel="town")
    sent = session.position
    session.mail.collect()
    collected = session.position
    session.mail.deliver()
    delivered = session.position
    coding.mail.receive()
    research.mail.send("nobody", 1)
    session.mail.route()

    def lay(at: int) -> tuple[list[Any], list[Any], list[Any], int]:
        then = session.at(at)
        return (
            contents(then.branches["research"].mail.outbox),
            contents(then.mail.pending),
            contents(then.mail.inbox("coding")),
            len(then.mail.parked),
        )

    assert lay(sent - 1) == ([], [], [], 0)
    assert lay(sent) == (["one"], [], [], 0)
    assert lay(collected) == ([], ["one"], [], 0)
    assert lay(delivered) == ([], [], ["one"], 0)
    assert lay(session.position) == ([], [], [], 1)
    assert session.at(sent - 2).mail.participants == [research.id, coding.id]
    assert contents(session.at(sent).mail.history("town")) == ["one"]
    assert session.at(sent - 1).mail.channels == []
    assert session.at(delivered).mail.mailbox("coding").unread == 1


def test_a_fork_of_a_branch_has_an_empty_mailbox_and_rewinding_brings_no_mail_back(
    session: Session, research: Branch, coding: Branch
) -> None:
    research.mail.send(coding, 1)
    research.mail.send(coding, "two", category="message")
    session.mail.route(receive=True)
    fork = coding.fork()

    assert (fork.mail.unread, coding.mail.unread) == (0, 1)
    before = session.position
    assert contents(coding.mail.inbox) == [1]
    coding.clear()
    session.mail.pop(coding)
    coding.rewind(before)
    assert (texts(coding), coding.mail.unread) == (["two"], 0)


def test_a_session_that_goes_on_from_another_has_its_participants_and_channels_and_no_mail_under_way(
    session: Session, research: Branch, coding: Branch
) -> None:
    session.mail.register("ada")
    research.mail.send(coding, "said", channel="town")
    session.mail.route()
    fork = session.fork_session()

    assert fork.mail.participants == session.mail.participants
    assert contents(fork.mail.history("town")) == ["said"]
    assert fork.mail.inbox("coding") == []
    fork.mail.send("ada", "coding", "there", channel="town")
    fork.mail.route()
    assert contents(fork.mail.history("town")) == ["said", "there"]
    assert contents(session.mail.history("town")) == ["said"]


def test_a_self_contained_fork_has_the_participants(session: Session, research: Branch) -> None:
    session.mail.register("ada")

    alone = session.fork_session(self_contained=True)

    assert alone.mail.participants == [research.id, "ada"]


def test_mail_outlives_the_process(store: Store, address: str, elsewhere: Any) -> None:
    said = elsewhere.run(
        "import sys\n"
        "from turnlog import Session, open_store\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    session = Session(store=store)\n"
        "    research, coding = session.create_branch(name='research'), session.create_branch(name='coding')\n"
        "    research.mail.send(coding, 'one', category='message')\n"
        "    session.mail.route()\n"
        "    research.mail.send(coding, 'two', category='message')\n"
        "    print(session.id)\n",
        address,
    )
    session = Session.open(said.strip(), store=store)

    assert contents(session.mail.inbox("coding")) == ["one"]
    session.mail.route(receive=True)
    assert texts(session.branches["coding"]) == ["one", "two"]
