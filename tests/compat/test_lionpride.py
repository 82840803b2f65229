"""lionpride's names: sessions, branches, messages, mail, logs, services and operations, all on one record."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

import turnlog
from turnlog import Store, open_store
from turnlog.compat.lionpride import Branch, Message, Session, iModel, protocols
from turnlog.compat.lionpride import session as session_module
from turnlog.compat.lionpride.base import Element, Node
from turnlog.compat.lionpride.errors import AccessError, ExistsError
from turnlog.compat.lionpride.operations import (
    GenerateParams,
    OperateParams,
    ReactParams,
    generate,
    operate,
    react,
)
from turnlog.compat.lionpride.services import ServiceRegistry, Tool
from turnlog.compat.lionpride.session import (
    Exchange,
    Log,
    Mail,
    MessageContent,
    MessageRole,
    SQLiteWALLogAdapter,
    SystemContent,
)
from turnlog.errors import BranchNotFoundError, InvalidBranchError, ItemNotFoundError
from turnlog.operations import OperationResult, RunContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model_server import ModelServer


@pytest.fixture
def store() -> Iterator[Store]:
    """An open store."""
    with open_store("memory://") as store:
        yield store


def texts(messages: object) -> list[str]:
    assert hasattr(messages, "__iter__")
    return [message.text for message in messages]


# Sessions and branches


def test_a_session_is_an_ordinary_session(store: Store) -> None:
    session = Session("ada", default_branch="main", default_system="Be terse.", store=store)
    session.add_message(Message({"instruction": "Hello!"}))

    ordinary = turnlog.Session.open(session.id, store=store)
    assert (ordinary.user, texts(ordinary.messages)) == ("ada", ["Be terse.", "Hello!"])
    ordinary.add("Still there?")
    assert texts(session.messages) == ["Be terse.", "Hello!", "Still there?"]
    assert Session.open(session.id, store=store) == session
    assert store.verify().ok


def test_a_session_has_no_branch_until_one_is_created(store: Store) -> None:
    session = Session(store=store)
    assert (session.default_branch, len(session.branches)) == (None, 0)

    first, second = session.create_branch(name="a"), session.create_branch(name="b")
    assert session.default_branch == first
    session.set_default_branch(second)
    assert session.default_branch == second
    assert [branch.name for branch in session.branches] == ["a", "b"]
    assert session.branches["a"] == session.branches[0] == session.branches[first.id] == first
    assert first in session.branches


def test_a_session_survives_a_round_trip_as_a_dict(store: Store) -> None:
    session = Session("ada", default_branch="main", default_system="Be terse.", store=store)
    session.add_message(Message({"instruction": "Hello!"}))
    session.fork("main", name="other")

    with open_store("memory://") as elsewhere:
        copy = Session.from_dict(session.to_dict(), store=elsewhere)
        assert (copy.id, copy.user) == (session.id, "ada")
        assert [branch.name for branch in copy.branches] == ["main", "other"]
        assert texts(copy.messages[copy.branches["other"]]) == ["Be terse.", "Hello!"]
        assert elsewhere.verify().ok


def test_a_fork_has_the_system_message_once(store: Store) -> None:
    session = Session(default_branch="main", default_system="Be terse.", store=store)
    session.add_message(Message({"instruction": "Hello!"}))
    kept, without = session.fork("main"), session.fork("main", system=None)

    assert texts(session.messages[kept]) == ["Be terse.", "Hello!"]
    assert texts(session.messages[without]) == ["Hello!"]
    session.set_branch_system(without, "Be verbose.")
    assert texts(without.messages) == ["Be verbose.", "Hello!"]
    assert len({branch.name for branch in session.branches}) == 3


def test_a_fork_has_the_access_of_its_source_or_as_given(store: Store) -> None:
    session = Session(store=store)
    source = session.create_branch(name="main", capabilities={"Report"}, resources={"gpt-4o-mini"})

    assert session.fork(source).capabilities == frozenset({"Report"})
    assert session.fork(source, capabilities=None).capabilities == frozenset()
    assert session.fork(source, resources={"other"}).resources == frozenset({"other"})


def test_branches_merge(store: Store) -> None:
    session = Session(default_branch="main", store=store)
    session.add_message(Message({"instruction": "Hello!"}))
    fork = session.fork("main", name="other")
    session.add_message(Message({"assistant_response": "Hi."}), fork)
    session.merge(fork, "main")

    assert texts(session.messages[session.branches["main"]]) == ["Hello!", "Hi."]


def test_a_branch_is_a_progression_of_message_ids(store: Store) -> None:
    session = Session(default_branch="main", default_system="Be terse.", store=store)
    branch = session.get_branch("main")
    asked = session.add_message(Message({"instruction": "Hello!"}), branch)

    assert [session.messages[id].text for id in branch] == ["Be terse.", "Hello!"]
    assert (len(branch), branch.system_message) == (2, branch.order[0])
    assert asked in branch
    branch.set_system_message(SystemContent(system_message="Be kind."))
    assert texts(branch.messages) == ["Be kind.", "Hello!"]
    branch.name = "renamed"
    assert session.get_branch("renamed") == branch


def test_a_message_is_shown_on_several_branches_and_recorded_once(store: Store) -> None:
    session = Session(store=store)
    a, b, c = (session.create_branch(name=name) for name in "abc")
    message = session.add_message(Message({"instruction": "Hello!"}), [a, b])
    session.add_message(message, c)

    assert a.order == b.order == c.order == [message.id]
    assert session.turnlog.message_count == 1


def test_a_system_message_keeps_its_sender_and_metadata(store: Store) -> None:
    session = Session(default_branch="main", store=store)
    session.add_message(Message({"system_message": "Be terse."}, sender="ada", metadata={"version": 2}))

    system = session.get_branch_system("main")
    assert system is not None
    assert (system.sender, system.metadata) == ("ada", {"version": 2})


def test_a_missing_or_foreign_branch_leaves_nothing_behind(store: Store) -> None:
    session, other = Session(default_branch="main", store=store), Session(default_branch="main", store=store)
    before = session.turnlog.position

    with pytest.raises(BranchNotFoundError):
        session.add_message(Message({"system_message": "Be terse."}), ["main", "missing"])
    with pytest.raises(InvalidBranchError):
        session.add_message(Message({"instruction": "Hello!"}), other.get_branch("main"))
    with pytest.raises(ExistsError):
        session.create_branch(name="main", system="Be terse.")
    assert session.turnlog.position == before
    assert session.get_branch("missing", default="nothing") == "nothing"


# Messages


def test_the_keys_of_a_content_decide_the_role() -> None:
    roles: dict[MessageRole, Any] = {
        MessageRole.SYSTEM: {"system_message": "Be terse."},
        MessageRole.USER: {"instruction": "Hello!"},
        MessageRole.ASSISTANT: {"assistant_response": ""},
        MessageRole.TOOL: {"result": None},
    }

    assert {Message(content=content).role: content for content in roles.values()} == roles
    assert Message(content={"function": "search", "arguments": {}}).role is MessageRole.ASSISTANT
    assert Message(content={"error": ""}).role is MessageRole.TOOL


def test_messages_are_found_by_id_place_and_branch(store: Store) -> None:
    session = Session(default_branch="main", store=store)
    first = session.add_message(Message({"instruction": "Hello!"}))

    assert session.messages[0] == session.messages[str(first.id)] == first
    assert first in session.messages
    with pytest.raises(ItemNotFoundError):
        session.messages["nothing/1"]


# Mail


def test_mail_goes_from_one_participant_to_others(store: Store) -> None:
    async def program() -> None:
        session = Session(default_branch="main", store=store)
        exchange, alice, bob = Exchange(session), uuid4(), uuid4()
        exchange.register(alice)
        exchange.register(bob)
        branch = session.get_branch("main")
        assert len(exchange) == 3
        assert all(owner in exchange for owner in (alice, bob, branch))

        exchange.send(alice, bob, {"text": "Hello!"}, channel="greetings")
        exchange.send(alice, None, "for all")
        assert exchange.receive(bob) == []
        assert await exchange.collect(alice) == 2
        assert [mail.content for mail in exchange.receive(bob, alice)] == [{"text": "Hello!"}, "for all"]
        assert [mail.content for mail in exchange.receive(branch)] == ["for all"]
        taken = []
        while (mail := exchange.pop_mail(bob, sender=alice)) is not None:
            taken.append(mail)
        assert [type(mail) for mail in taken] == [Mail, Mail]
        assert exchange.receive(bob) == []

    asyncio.run(program())


def test_mail_for_a_later_participant_is_not_lost(store: Store) -> None:
    async def program() -> None:
        exchange, alice, bob = Exchange(Session(store=store)), uuid4(), uuid4()
        exchange.register(alice)
        exchange.send(alice, bob, "early")
        await exchange.sync()
        exchange.register(bob)
        exchange.send(alice, bob, "late")
        await exchange.sync()
        assert [mail.content for mail in exchange.receive(bob)] == ["early", "late"]
        assert exchange.receive(uuid4()) == []
        exchange.stop()
        await exchange.run()

    asyncio.run(program())


# Logs, base classes and protocols


def test_the_session_module_has_the_names_of_the_document() -> None:
    contents = {"SystemContent", "InstructionContent", "AssistantResponseContent"}
    contents |= {"ActionRequestContent", "ActionResponseContent"}
    logs = {"Log", "LogStore", "LogAdapter", "LogBroadcaster", "SQLiteWALLogAdapter", "PostgresLogAdapter"}
    logs |= {"S3LogSubscriber", "WebhookLogSubscriber"}

    assert {"Session", "Branch", "Message", "Mail", "Exchange"} | contents | logs <= set(session_module.__all__)


def test_the_content_classes_have_one_base() -> None:
    contents = [getattr(session_module, name) for name in session_module.__all__ if name.endswith("Content")]

    assert len(contents) == 6
    assert all(issubclass(content, MessageContent) for content in contents)


def test_the_log_adapter_of_sqlite_uses_wal(tmp_path: Path) -> None:
    adapter = SQLiteWALLogAdapter(tmp_path / "logs.db")
    adapter.write([Log("info", "Hello!")])

    with closing(sqlite3.connect(tmp_path / "logs.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [log.message for log in adapter.read()] == ["Hello!"]
    adapter.close()


def test_sessions_branches_and_messages_are_elements(store: Store) -> None:
    session = Session(default_branch="main", store=store)
    message = session.add_message(Message({"instruction": "Hello!"}))

    assert isinstance(session, Element)
    assert isinstance(session.get_branch("main"), Element)
    assert isinstance(message, Node)
    assert isinstance(session, protocols.Observable)
    assert isinstance(session, protocols.Serializable)
    assert isinstance(message, protocols.Deserializable)
    assert isinstance(session.get_branch("main"), protocols.Containable)
    assert isinstance(session, protocols.Hashable)
    assert inspect.isclass(Branch)


# Services and operations


def search(query: str) -> str:
    """Searches."""
    return f"about {query}"


def test_services_are_found_by_name_and_model_name() -> None:
    services, model = ServiceRegistry(), iModel(provider="openai", model="gpt-4o-mini")
    assert services.register(model) == "openai/gpt-4o-mini"
    services.register(Tool(search))

    assert services.get("gpt-4o-mini") is services.get("openai/gpt-4o-mini") is model
    assert services.list_names() == ["openai/gpt-4o-mini", "search"]
    assert ("search" in services, "other" in services, len(services)) == (True, False, 2)
    with pytest.raises(ValueError, match="registered"):
        services.register(iModel(provider="openai", model="gpt-4o", name="openai/gpt-4o-mini"))
    services.unregister("search")
    with pytest.raises(ItemNotFoundError, match="search"):
        services.get("search")


def test_operations_are_functions_as_well(server: ModelServer) -> None:
    async def program() -> None:
        services = ServiceRegistry()
        services.register(Tool(search))
        services.register(iModel("openai/gpt-4o", name="large"))
        model = iModel(provider="openai", model="gpt-4o-mini")
        session = Session(services=services, default_branch="main", default_generate_model=model)

        assert await generate(session, "main", GenerateParams(instruction="Hello!", imodel="large")) == "Hi there."
        assert texts(session.messages) == []
        params = OperateParams(generate=GenerateParams(instruction="Hello!", imodel="large"))
        assert (await operate(session, "main", params)).text == "Hi again."
        result = await react(session, "main", ReactParams(instruction="Research events."))
        assert (result.text, result.action_responses[0].result) == ("Done.", "about events")

    server.will("Hi there.", "Hi again.")
    server.will_call(("call-1", "search", '{"query": "events"}'))
    server.will("Done.")
    asyncio.run(program())

    assert [request.body["model"] for request in server.requests] == ["gpt-4o", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini"]


def test_a_failed_or_denied_operation_raises_and_is_recorded(server: ModelServer) -> None:
    async def fail(work: RunContext, params: object) -> OperationResult:
        raise RuntimeError("it broke")

    session = Session(default_generate_model=iModel("openai/gpt-4o-mini"))
    branch = session.create_branch(name="main", resources=set())
    session.register_operation("fail", fail)

    with pytest.raises(AccessError):
        asyncio.run(session.conduct("operate", branch, OperateParams(instruction="Hello!")))
    with pytest.raises(RuntimeError, match="it broke"):
        asyncio.run(session.conduct("fail", branch))
    assert [record.status for record in session.turnlog.operations] == ["failed"]
    assert [event.name for event in session.turnlog.events(names=["work.access_denied"])] == ["work.access_denied"]
    assert server.requests == []


def test_the_command_line_shows_a_session(tmp_path: Path) -> None:
    database = tmp_path / "turnlog.db"
    session = Session(default_branch="main", default_system="Be terse.", store=f"sqlite:///{database}")
    session.add_message(Message({"instruction": "Explain event sourcing"}))

    command = [str(Path(sys.executable).with_name("turnlog")), "show", session.id, "--store", f"sqlite:///{database}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Explain event sourcing" in done.stdout


def test_empty_contents_keep_their_role_in_a_round_trip(store: Store) -> None:
    session = Session(default_branch="main", store=store)
    contents: list[Any] = [{"assistant_response": ""}, {"result": None}, {"result": {}}, {"error": ""}]
    for content in contents:
        session.add_message(Message(content))

    with open_store("memory://") as elsewhere:
        copy = Session.from_dict(session.to_dict(), store=elsewhere)
        assert [message.role.value for message in copy.messages] == ["assistant", "tool", "tool", "tool"]


def test_two_models_of_one_provider_are_both_there(server: ModelServer) -> None:
    async def program() -> None:
        small, large = iModel(provider="openai", model="gpt-4o-mini"), iModel(provider="openai", model="gpt-4o")
        session = Session(default_branch="main", default_generate_model=small, default_parse_model=large)
        assert session.services.list_names() == ["openai/gpt-4o-mini", "openai/gpt-4o"]
        session.set_default_model("gpt-4o")
        assert str(await session.conduct("operate", params=OperateParams(instruction="Hello!"))) == "Hi."

    server.will("Hi.")
    asyncio.run(program())
    assert [request.body["model"] for request in server.requests] == ["gpt-4o"]
