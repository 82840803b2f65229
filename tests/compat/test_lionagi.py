"""LionAGI's names: branches, mail between them, messages as piles, tools and models, all on one record."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

import turnlog
from tests.model_server import Reply
from turnlog import Message, Store, Tool, iModel, open_store
from turnlog.compat import lionagi as li
from turnlog.compat.lionagi import Branch, ItemNotFoundError, Pile, Progression, Session, System
from turnlog.compat.lionagi.protocols import Observable
from turnlog.content import InstructionContent, SystemContent
from turnlog.domain.events import ModelSet
from turnlog.errors import InvalidContentError, InvalidValueError, ModelError, NameTakenError, ToolError
from turnlog.models import Clock, RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model_server import ModelServer

USER = UUID("3f7c1c1e-3c5d-4f0e-9a53-0a1b2c3d4e5f")
NAIVE = datetime(2025, 1, 5, 4, 23)  # noqa: DTZ001 as in the document


@pytest.fixture
def store() -> Iterator[Store]:
    """An open store."""
    with open_store("memory://") as store:
        yield store
        assert store.verify().faults == ()


def texts(messages: Any) -> list[str]:
    return [message.text for message in messages]


def search(query: str) -> str:
    """Searches."""
    return f"about {query}"


def fail(code: str) -> str:
    """Fails."""
    raise RuntimeError(f"cannot format {code}")


# Sessions and branches


def test_a_session_is_an_ordinary_session(store: Store) -> None:
    session = Session(user=USER, name="chat", metadata={"at": NAIVE}, store=store)
    branch = session.new_branch(system="Be terse.", name="main")
    branch.msgs.add_message(instruction="Hello!", sender=USER)

    ordinary = turnlog.Session.open(session.id, store=store)
    assert (ordinary.user, ordinary.name, texts(ordinary.messages)) == (str(USER), "chat", ["Be terse.", "Hello!"])
    ordinary.add({"assistant_response": "Hi."})
    assert texts(branch.messages) == ["Be terse.", "Hello!", "Hi."]
    assert branch.messages[1].sender == str(USER)
    again = Session.open(session.id, store=store)
    assert (again, again.metadata) == (session, session.metadata)
    assert datetime.fromisoformat(again.metadata["at"]) == NAIVE.astimezone()


def test_the_command_line_shows_a_session(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'turnlog.db'}"
    session = Session(store=address)
    session.new_branch(system="Be terse.", name="main").msgs.add_message(instruction="Explain event sourcing")
    session.split("main")

    turnlog_command = str(Path(sys.executable).with_name("turnlog"))
    for command, shown in (["show", session.id], "Explain event sourcing"), (["verify"], "as it was recorded"):
        done = subprocess.run(
            [turnlog_command, *command, "--store", address], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert shown in done.stdout


def test_the_first_branch_becomes_the_default(store: Store) -> None:
    session = Session(store=store)
    assert len(session.branches) == 0
    first, second = session.new_branch(), session.new_branch()

    assert session.default_branch == first != second
    session.change_default_branch(second)
    assert session.default_branch == second
    assert [session.branches[first], session.branches[first.id], session.branches[1]] == [first, first, second]


def test_a_session_without_branches_has_a_default_branch(store: Store) -> None:
    session = Session(store=store)

    assert session.default_branch == session.default_branch == session.branches[0]
    assert session.default_branch.name == "main"
    assert len(session.branches) == 1


def test_threads_get_one_default_branch(tmp_path: Path) -> None:
    with open_store(tmp_path / "turnlog.db") as store:
        for _ in range(5):
            session = Session(store=store)
            handles, together = [Session.open(session.id, store=store) for _ in range(8)], Barrier(8)

            def find(handle: Session, together: Barrier = together) -> Branch:
                together.wait()
                return handle.default_branch

            with ThreadPoolExecutor(8) as threads:
                assert set(threads.map(find, handles)) == {session.default_branch}
            assert len(session.branches) == 1


def test_the_oldest_branch_is_the_default_after_a_removal(store: Store) -> None:
    session = Session(store=store)
    first, second, third = session.new_branch(), session.new_branch(), session.new_branch()
    first.msgs.add_message(instruction="Hello!")
    position = session.turnlog.position
    session.remove_branch(first.id, delete=True)

    assert session.default_branch == second
    assert list(session.branches) == [second, third]
    assert first not in session.branches
    assert texts(session.turnlog.at(position).branches[first.id].messages) == ["Hello!"]
    session.remove_branch(second)
    session.remove_branch(third)
    assert session.default_branch.name not in (second.name, third.name)


def test_a_missing_or_foreign_branch_raises_and_changes_nothing(store: Store) -> None:
    session, foreign = Session(store=store), Session(store=store).new_branch(name="elsewhere")
    branch = session.new_branch(name="main")
    position = session.turnlog.position

    with pytest.raises(ItemNotFoundError):
        session.remove_branch("missing")
    for reference in ("missing", foreign):
        for call in (
            session.remove_branch,
            session.change_default_branch,
            session.split,
            session.concat_messages,
            session.to_df,
            session.send,
            session.collect,
        ):
            with pytest.raises(ValueError, match=r"missing|elsewhere"):
                call(reference)
        with pytest.raises(ValueError, match=r"missing|elsewhere"):
            asyncio.run(session.asplit(reference))
    with pytest.raises(NameTakenError):
        session.new_branch(name="main", system="Be terse.", messages=["Hello!"])
    with pytest.raises(TypeError, match="colour"):
        session.new_branch(colour="red")
    with pytest.raises(InvalidValueError):
        session.remove_branch(3)  # type: ignore[arg-type]  # a number is no reference
    assert (session.turnlog.position, list(session.branches)) == (position, [branch])


@pytest.mark.parametrize("given", [3, object(), b"main", li.FunctionCalling(search, {}), Message("Hello!")])
def test_what_names_no_branch_raises_and_changes_nothing(store: Store, given: Any) -> None:
    session = Session(store=store)
    branch = session.new_branch(name="main")
    branch.send(None, "message", "Hello!")
    position = session.turnlog.position

    single = (session.remove_branch, session.change_default_branch, session.split, branch.receive)
    several = (session.send, session.collect, session.concat_messages)
    calls: list[Any] = [*single, *several, lambda given: session.new_branch(progress=given)]
    for call in calls:
        with pytest.raises((ValueError, LookupError)):
            call(given)
    for call in several:
        with pytest.raises((ValueError, LookupError)):
            call([branch, given])
    for one_alone in (given, "Hello!", {"role": "user", "content": "Hello!"}):
        with pytest.raises((InvalidValueError, InvalidContentError)):
            session.new_branch(messages=one_alone)
    with pytest.raises(InvalidValueError):
        session.new_branch(parse_model=3)
    assert (session.turnlog.position, len(session.branches)) == (position, 1)


def test_a_split_has_messages_tools_and_authors_of_its_source(store: Store) -> None:
    session = Session(store=store)
    source = session.new_branch(system="Be terse.", system_sender="ada", tools=[search])
    source.msgs.add_message(instruction="Hello!", sender="ada", recipient="bot")
    split, again = session.split(source), asyncio.run(session.asplit(source.id))

    for part in (split, again):
        assert texts(part.messages) == ["Be terse.", "Hello!"]
        assert [message.id for message in part.messages] == source.messages.keys()
        assert {(message.sender, message.recipient) for message in part.messages} == {("ada", None), ("ada", "bot")}
        assert part.tools == {"search"}
    assert len({branch.name for branch in session.branches}) == 3
    split.msgs.add_message(instruction="Still there?")
    assert texts(source.messages) == texts(again.messages) == ["Be terse.", "Hello!"]


def test_a_branch_has_a_user_metadata_tools_and_models(store: Store) -> None:
    session, chat, parse = Session(store=store), iModel("openai/gpt-4o-mini"), iModel("openai/gpt-4o")
    branch = session.new_branch(
        user=session, imodel=chat, parse_model=parse, tool_manager=li.ActionManager(search), tools="formatter",
        metadata={"topic": "tea"},
    )  # fmt: skip

    assert (branch.user, branch.metadata) == (session.id, {"topic": "tea"})
    assert branch.tools == {"search", "formatter"}
    ordinary = turnlog.Session.open(session.id, store=store)
    assert ordinary.branches[branch.id].model == "openai/gpt-4o-mini"
    models = [event.event for event in ordinary.events(names=["work.model_set"])]
    assert models == [ModelSet("generate", chat.name, branch=0), ModelSet("parse", parse.name, branch=0)]


@pytest.mark.parametrize(
    "system",
    [
        "Be terse.",
        {"role": "system", "content": "Be terse."},
        System(system_message="Be terse."),
        {"system_message": "Be terse."},
    ],
)
def test_a_system_message_is_a_text_a_dict_or_a_system(store: Store, system: Any) -> None:
    branches = (
        Session(store=store).new_branch(system, "ada", "2025-01-05 04:23"),
        Branch(system, system_sender="ada", system_datetime="2025-01-05 04:23", store=store),
    )

    for branch in branches:
        (found,) = branch.messages
        assert (found.text, found.sender, found.role) == ("Be terse.", "ada", "system")
        assert isinstance(found.content, System)
        assert found.content.system_datetime == "2025-01-05 04:23"
        assert found == branch.msgs.system


def test_the_time_of_a_system_message_is_that_of_its_creation(store: Store) -> None:
    branch = Branch(system_datetime=True, store=store)
    system = branch.msgs.system
    assert system is not None
    assert isinstance(system.content, SystemContent)

    assert datetime.fromisoformat(str(system.content.system_datetime)).tzinfo is not None
    assert branch.turnlog.to_chat() == branch.turnlog.to_chat()
    assert Branch(system="Be terse.", system_datetime=False, store=store).messages[0].content == SystemContent(
        system_message="Be terse."
    )
    with pytest.raises(InvalidContentError):
        branch.msgs.set_system({"instruction": "Hello!"})


def test_a_session_survives_a_round_trip_as_a_dict(store: Store) -> None:
    session = Session(user="ada", store=store)
    session.new_branch(name="a").msgs.add_message(instruction="Hello!")
    session.change_default_branch(session.new_branch(name="b"))

    with open_store("memory://") as elsewhere:
        copy = Session.from_dict(session.to_dict(), store=elsewhere)
        assert (copy.id, copy.user, copy.default_branch.id) == (session.id, "ada", session.default_branch.id)
        assert copy.branches.keys() == session.branches.keys()
        assert texts(copy.branches[0].messages) == ["Hello!"]
        assert "default_branch" not in session.to_dict()
        assert elsewhere.verify().ok
    for damaged in ({}, {"record": None}, {"record": "no base64!"}):
        with pytest.raises(InvalidValueError):
            Session.from_dict(damaged, store=store)


# Messages


def test_a_branch_begins_with_messages_of_the_session_by_ids(store: Store) -> None:
    session = Session(store=store)
    source = session.new_branch(system="Be terse.", system_sender="ada")
    first, second = (source.msgs.add_message(instruction=text) for text in ("First.", "Second."))
    recorded = session.turnlog.message_count

    by_ids = session.new_branch(progress=Progression([second, first]))
    assert by_ids.messages.keys() == [second.id, first.id]
    assert session.turnlog.message_count == recorded
    whole = session.new_branch(messages=source.messages)
    assert whole.messages.keys()[1:] == [first.id, second.id]
    assert [(message.text, message.sender) for message in whole.messages] == [
        ("Be terse.", "ada"),
        ("First.", None),
        ("Second.", None),
    ]
    other = session.new_branch(system="Be kind.", messages=source.messages, progress=[source.messages[0], second.id])  # type: ignore[list-item]  # recorded, so it has an id
    assert texts(other.messages) == ["Be kind.", "Second."]
    position = session.turnlog.position
    for missing in ["nothing/1"], [USER]:
        with pytest.raises(ItemNotFoundError):
            session.new_branch(progress=missing)
    assert session.turnlog.position == position


def test_messages_of_other_sessions_are_loaded(store: Store) -> None:
    source, session = Session(store=store), Session(store=store)
    foreign = source.new_branch(messages=["First.", {"role": "assistant", "content": "Second."}])
    branch = session.new_branch(messages=foreign.messages, progress=foreign.messages.keys()[::-1])

    assert texts(branch.messages) == ["Second.", "First."]
    assert [message.lineage[0] for message in branch.messages] == foreign.messages.keys()[::-1]
    assert texts(session.concat_messages(exclude_load=True)) == []
    alone = Branch(messages=foreign.messages, store=store)
    assert texts(alone.messages) == ["First.", "Second."]


def test_cloned_and_loaded_messages_are_left_out_on_request(store: Store) -> None:
    session = Session(store=store)
    branch = session.new_branch(messages=[{"assistant_response": "Loaded."}])
    branch.msgs.add_message(instruction="Written.")
    split = session.split(branch)

    assert texts(session.concat_messages()) == ["Loaded.", "Written."]
    assert texts(session.concat_messages(split)) == ["Loaded.", "Written."]
    assert texts(session.concat_messages([split.id], exclude_clone=True)) == []
    assert texts(session.concat_messages(branch.id, False, True)) == ["Written."]
    assert texts(session.concat_messages([branch, split], True, True)) == ["Written."]


def test_messages_are_a_data_frame(store: Store) -> None:
    session = Session(store=store)
    assert list(session.to_df().columns)[:5] == ["role", "content", "sender", "recipient", "created_at"]
    branch = session.new_branch(system="Be terse.")
    branch.msgs.add_message(instruction="Hello!", sender="ada", recipient=branch)
    frame = session.to_df(branch)

    assert list(frame["role"]) == ["system", "user"]
    assert list(frame["content"]) == ["Be terse.", "Hello!"]
    assert (frame["sender"].iloc[1], frame["recipient"].iloc[1]) == ("ada", branch.id)
    assert str(frame["created_at"].dt.tz) == "UTC"
    assert list(frame["id"]) == branch.messages.keys()


def test_a_pile_is_read_by_number_id_element_and_progression(store: Store) -> None:
    branch = Branch(system="Be terse.", store=store)
    hello = branch.msgs.add_message(instruction="Hello!")
    pile = branch.messages
    branch.msgs.add_message(instruction="Later.")

    assert (len(pile), pile[1], pile[str(hello.id)], pile[hello]) == (2, hello, hello, hello)
    assert texts(pile[1:]) == texts(pile[[hello]]) == texts(pile[Progression([hello])]) == ["Hello!"]
    assert pile.keys() == list(pile.progression) == [message.id for message in pile]
    assert hello in pile
    assert str(hello.id) in pile
    assert "nothing" not in pile
    with pytest.raises(ItemNotFoundError):
        pile["nothing"]
    with pytest.raises(IndexError):
        pile[2]
    assert len(branch.messages) == 3
    assert texts(Pile([hello])) == ["Hello!"]


def test_a_progression_is_ids_in_order() -> None:
    with open_store("memory://") as store:
        branch = Branch(messages=["First.", "Second."], store=store)
        first, second = branch.messages
        progression = branch.msgs.progression

        assert progression == Progression([first, str(second.id)]) == branch.messages.progression
        assert (list(progression), progression[0], len(progression)) == ([first.id, second.id], first.id, 2)
        assert first in progression
        assert first.id in progression
        assert Progression([USER]) == (str(USER),)
        with pytest.raises(InvalidValueError):
            Progression([Message("Not recorded.")])


def test_the_message_manager_adds_replaces_and_clears(store: Store) -> None:
    branch = Branch(system="Be terse.", store=store)
    messages = branch.msgs
    added = [
        messages.add_message(instruction="Hello!", context=[{"n": 1}], sender="ada"),
        messages.add_message(assistant_response="Hi."),
        messages.add_message(function="search", arguments={"query": "tea"}),
        messages.add_message(result=None),
        messages.add_message(error=""),
    ]

    assert [message.role for message in added] == ["user", "assistant", "assistant", "tool", "tool"]
    assert isinstance(added[0].content, InstructionContent)
    with pytest.raises(InvalidContentError):
        messages.add_message(instrution="Hello!")
    messages.set_system("Be kind.", sender="ada")
    assert texts(branch.messages)[0] == "Be kind."
    assert len(branch.messages) == 6
    messages.clear_messages()
    assert messages.to_chat_msgs() == [{"role": "system", "content": "Be kind."}]


# Mail


def two(session: Session) -> tuple[Branch, Branch]:
    return session.new_branch(name="research"), session.new_branch(name="coding")


def test_mail_is_processed_by_its_category(store: Store) -> None:
    session = Session(store=store)
    research, coding = two(session)
    model = iModel("openai/gpt-4o-mini")
    research.send(coding, "message", {"assistant_response": "Found."})
    research.send(coding, "tool", [search, Tool(fail, "formatter")])
    research.send(coding.id, "imodel", model)
    session.collect_send_all(receive_all=True)

    assert texts(coding.messages) == ["Found."]
    assert (coding.messages[0].sender, coding.messages[0].origin) == (research.id, "mailed")
    assert coding.tools == {"search", "formatter"}
    assert coding.turnlog.model == "openai/gpt-4o-mini"
    session.collect_send_all(receive_all=True)
    assert len(coding.messages) == 1


def test_without_receive_all_mail_waits_in_the_inbox(store: Store) -> None:
    session = Session(store=store)
    session.collect_send_all()
    research, coding = two(session)
    asyncio.run(session.acollect_send_all(receive_all=True))
    research.send(coding, "message", "Hello!")
    coding.send(None, "tool", search)
    asyncio.run(session.acollect_send_all())

    assert (len(coding.mailbox.inbox), len(research.mailbox.inbox), len(coding.messages)) == (1, 1, 0)
    assert [mail.text for mail in coding.receive(research, message=True)] == ["Hello!"]
    assert coding.receive_all() == []
    assert [mail.category for mail in research.receive_all()] == ["tool"]
    assert texts(coding.messages) == ["Hello!"]
    assert research.tools == {"search"}
    with pytest.raises(ValueError, match="nobody"):
        coding.receive("nobody")


def test_send_delivers_to_some_and_collect_receives_from_some(store: Store) -> None:
    session = Session(store=store)
    (research, coding), third = two(session), session.new_branch(name="third")
    for recipient in (coding, third):
        research.send(recipient, "message", f"To {recipient.name}.")
    third.send(coding, "message", "From third.")
    session.send(to_=coding.id)

    assert [mail.text for mail in coding.mailbox.inbox] == ["To coding.", "From third."]
    assert len(third.mailbox.inbox) == 0
    session.collect(from_=[third.id])
    assert (texts(coding.messages), texts(third.messages)) == (["From third."], [])
    session.collect()
    assert (texts(coding.messages), texts(third.messages)) == (["From third.", "To coding."], ["To third."])


def test_the_mail_manager_moves_mail_step_by_step(store: Store) -> None:
    session = Session(store=store)
    research, coding = two(session)
    manager = session.mail_manager
    research.send(coding, "message", "Hello!")

    assert manager.sources.keys() == [research.id, coding.id] == session.mail_transfer.participants
    manager.send_all()
    assert len(session.mail_transfer.pending) == len(coding.mailbox.inbox) == 0
    manager.collect(research)
    assert len(session.mail_transfer.pending) == 1
    manager.send(coding.id)
    assert [mail.package for mail in coding.mailbox.inbox] == [li.Package("message", "Hello!")]
    assert all(isinstance(mail, li.Mail) for mail in coding.mailbox.inbox)
    manager.collect_all()


def test_no_other_task_moves_mail_inside_the_sources(store: Store) -> None:
    async def program() -> None:
        session = Session(store=store)
        research, coding = two(session)
        locked, refused = asyncio.Event(), asyncio.Event()

        async def move() -> None:
            await locked.wait()
            with pytest.raises(ValueError, match="locked by another task"):
                session.collect_send_all(receive_all=True)
            refused.set()
            await session.acollect_send_all(receive_all=True)

        other = asyncio.create_task(move())
        async with session.mail_manager.sources:
            research.send(coding, "message", "Hello!")
            locked.set()
            await refused.wait()
            assert texts(coding.messages) == []
            session.collect_send_all(receive_all=True)
            assert texts(coding.messages) == ["Hello!"]
        await other
        assert texts(coding.messages) == ["Hello!"]

    asyncio.run(program())


def test_mail_for_an_unknown_or_removed_branch_is_not_lost(store: Store) -> None:
    session = Session(store=store)
    research, coding = two(session)
    research.send("later", "message", "Early.")
    research.send(coding, "message", "Late.")
    session.send()
    session.remove_branch(coding)
    session.collect()
    later = session.new_branch(name="later")
    session.collect_send_all(receive_all=True)

    assert texts(later.messages) == ["Early."]
    assert [parked.mail.text for parked in session.mail_transfer.parked] == ["Late."]
    with pytest.raises(ValueError, match="carrier"):
        research.send(later, "carrier", "Coo.")


def test_mail_is_delivered_by_another_process(tmp_path: Path) -> None:
    with open_store(tmp_path / "turnlog.db") as store:
        session = Session(store=store)
        research, coding = two(session)
        research.send(coding, "message", "Hello!")
    with open_store(tmp_path / "turnlog.db") as store:
        again = Session.open(session.id, store=store)
        again.collect_send_all(receive_all=True)
        assert texts(again.branches[coding.id].messages) == ["Hello!"]
        assert store.verify().ok


# Tools and models


class Report(BaseModel):
    """A report."""

    title: str


def test_left_action_requests_are_invoked_one_by_one(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        branch = Branch(imodel="openai/gpt-4o-mini", store=store)
        branch.register_tools(search, [fail])
        result = await branch.operate("Research.", tools=["search", "fail"], invoke_actions=False)
        assert result.action_required
        assert [request.content.body for request in result.action_requests] == [
            {"function": "search", "arguments": {"query": "tea"}},
            {"function": "fail", "arguments": {"code": "a=1"}},
        ]
        found, broken = result.action_requests
        assert (await branch.invoke_action(found)).result == "about tea"
        with pytest.raises(ToolError, match="cannot format a=1"):
            await branch.invoke_action(broken)
        response = await branch.invoke_action({"function": "fail", "arguments": {"code": "b"}}, suppress_errors=True)
        assert (response.success, response.error) == (False, "tool 'fail' failed: RuntimeError: cannot format b")
        assert [message.role.value for message in branch.messages].count("tool") == 3

    server.will_call(("call-1", "search", '{"query": "tea"}'), ("call-2", "fail", '{"code": "a=1"}'))
    asyncio.run(program())


def test_a_failed_tool_raises_and_is_recorded(server: ModelServer, store: Store) -> None:
    branch = Branch(imodel="openai/gpt-4o-mini", tools=[fail], store=store)
    server.will_call(("call-1", "fail", '{"code": "a=1"}'))

    with pytest.raises(ToolError, match="cannot format a=1"):
        asyncio.run(branch.operate(instruction="Format.", tools=["fail"]))
    assert branch.messages[-1].text == "tool 'fail' failed: RuntimeError: cannot format a=1"
    assert len(server.requests) == 1


def test_nothing_is_lost_when_the_model_fails(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        session = Session(store=store)
        branch = session.new_branch(imodel=iModel("openai/gpt-4o-mini", max_retries=0))
        with pytest.raises(ModelError):
            await branch.communicate("First.")
        assert await branch.communicate("Second.", guidance="Be terse.") == "Hi."
        assert texts(branch.messages) == ["First.", "Second.", "Hi."]

    server.will(Reply(status=500), "Hi.")
    asyncio.run(program())
    sent = [message["content"] for message in server.requests[1].body["messages"]]
    assert sent[0] == "First."
    assert "Second." in sent[1]
    assert "Be terse." in sent[1]


def test_a_response_is_parsed_returned_or_raised(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        branch = Branch(chat_model="openai/gpt-4o-mini", parse_model="openai/gpt-4o", store=store)
        assert await branch.parse('{"title": "Tea"}', request_type=Report) == Report(title="Tea")
        text = "no report"
        assert await branch.parse(text, "return_value", max_retries=1, request_type=Report) == text
        assert await branch.parse(text, "return_none", max_retries=1, request_type=Report) is None
        with pytest.raises(ValueError, match="Report"):
            await branch.parse(text, "raise", max_retries=1, request_type=Report)
        assert await branch.communicate("Report.", response_format=Report) == Report(title="Tea")

    server.will("still no report", "still no report", "still no report", '{"title": "Tea"}')
    asyncio.run(program())
    assert [request.body["model"] for request in server.requests] == [*["gpt-4o"] * 3, "gpt-4o-mini"]


def test_a_function_call_is_made_once() -> None:
    calls = []

    def count(number: int) -> int:
        calls.append(number)
        return number + 1

    async def program() -> None:
        calling = li.FunctionCalling(count, {"number": 1})
        assert (calling.status, calling.response, calling.function) == ("pending", None, "count")
        assert [*await asyncio.gather(calling.invoke(), calling.invoke())] == [2, 2]
        assert (calling.status, calling.response, calls) == ("completed", 2, [1])

        broken = li.FunctionCalling(Tool(name="formatter", func=fail), {"code": "a"})
        for _ in range(2):
            with pytest.raises(ToolError, match="cannot format a"):
                await broken.invoke()
        assert (broken.status, broken.response) == ("failed", None)
        with pytest.raises(ToolError, match="arguments"):
            await li.FunctionCalling(count, {"colour": "red"}).invoke()
        assert isinstance(calling, li.Event)
        assert isinstance(calling, Observable)
        assert calling.id != broken.id

    asyncio.run(program())


def test_tokens_are_counted_and_requests_limited(store: Store) -> None:
    branch = Branch(messages=["Hello, world!"], store=store)
    tokens = li.TokenCalculator.calculate_message_tokens(branch.messages)

    assert tokens == branch.turnlog.token_count() > 0
    assert li.TokenCalculator.calculate_message_tokens([{"role": "user", "content": "Hello, world!"}]) == tokens
    limit = li.RateLimitedProcessor(requests=1, interval=60, clock=Clock())
    assert iModel("openai/gpt-4o-mini", throttle=limit).throttle is limit
    assert li.RateLimitedProcessor is RateLimit
    assert isinstance(iModel("openai/gpt-4o-mini"), li.ChatCompletionEndPoint)


# Base classes


def test_sessions_branches_and_messages_have_their_base_classes(store: Store) -> None:
    session = Session(store=store)
    branch = session.new_branch()
    message = branch.msgs.add_message(instruction="Hello!")

    for thing in (session, branch):
        assert isinstance(thing, li.Element)
        assert isinstance(thing, li.Communicatable)
        assert isinstance(thing, li.Relational)
        assert isinstance(thing, Observable)
    assert isinstance(message, li.Node)
    assert isinstance(message, li.RoledMessage)
    assert isinstance(branch.msgs, li.MessageManager)
    assert isinstance(session.mail_transfer, li.Exchange)
    assert isinstance(session.mail_manager, li.MailManager)
    assert [li.ID.get_id(each) for each in (branch, message, USER, "a")] == [branch.id, message.id, str(USER), "a"]
    assert {session, Session.open(session.id, store=store)} == {session}
    assert session != branch


def test_the_package_has_the_names_of_the_document() -> None:
    names = """ActionManager Branch ChatCompletionEndPoint Communicatable Element Event Exchange FunctionCalling ID
    ItemNotFoundError JsonValue Mail MailManager MessageManager Node Package Pile Progression RateLimitedProcessor
    Relational RequestResponse RoledMessage SenderRecipient Session System TokenCalculator Tool iModel"""

    assert li.__all__ == names.split()
    assert li.ID.Ref is not None
    assert li.ID.RefSeq is not None
