"""What goes wrong in the middle, comes at once, or is meant to leak: the record stays whole, and secrets stay out."""

from __future__ import annotations

import asyncio
import gc
import json
import traceback
from typing import Any

import pytest
from pydantic import BaseModel

from tests.integration.models.asking import KEY, Told, calls, line, openai, record
from tests.integration.models.test_providers import MODELS, of
from tests.model_server import ModelServer, Reply
from turnlog import Branch, Session, Store, Tool, iModel, open_store
from turnlog.content import InstructionContent
from turnlog.errors import InvalidValueError, ItemNotFoundError, ModelError, OperationEndedError, ReadOnlyError
from turnlog.models import Services


class Report(BaseModel):
    title: str


def add(a: int, b: int = 0) -> int:
    """Adds two numbers."""
    return a + b


# Secrets


@pytest.mark.parametrize("provider", MODELS)
def test_a_provider_that_repeats_the_key_does_not_bring_it_to_light(
    server: ModelServer, store: Store, provider: str
) -> None:
    async def program() -> str:
        async with of(provider, server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError) as failure:
                await session.chat("Hello!")
            assert not [each for each in session.events() if KEY in repr(each.event)]
            return "".join(traceback.format_exception(failure.value))

    server.will(Reply(status=401, body=json.dumps({"error": {"message": f"Incorrect key {KEY}"}}).encode()))

    assert KEY not in asyncio.run(program())


def test_headers_of_one_request_are_sent_and_not_recorded(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            await session.chat("Hello!", extra_headers={"X-Tenant": KEY})
            assert not [each for each in session.events() if KEY in repr(each.event)]
        again = await session.rerun("main")
        assert session.compare("main", again).same

    server.will("Hi.")
    asyncio.run(program())

    assert server.requests[0].headers["x-tenant"] == KEY


def test_a_password_in_an_address_is_in_no_error(store: Store) -> None:
    async def program() -> None:
        model = iModel("openai/a", base_url=f"http://ada:{KEY}@127.0.0.1:9/v1", api_key="k", max_retries=0)
        session = Session(default_generate_model=model, store=store)
        with pytest.raises(ModelError) as failure:
            await session.chat("Hello!")
        assert KEY not in "".join(traceback.format_exception(failure.value))
        assert KEY not in repr(model)

    asyncio.run(program())


# In the middle


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_error_in_the_middle_of_a_stream_is_a_failure_with_what_was_heard(
    server: ModelServer, store: Store, provider: str
) -> None:
    async def program() -> None:
        async with of(provider, server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError, match="overloaded"):
                [piece async for piece in session.default_branch.stream("Count.")]
            assert calls(session)[0].response["partial"].startswith("one")
            assert session.operations[0].status == "failed"

    server.will(Reply("one two three four five six seven", breaks="overloaded"))
    asyncio.run(program())

    assert len(server.requests) == 1


def test_who_cancels_in_the_middle_of_a_tool_can_talk_on(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        called = asyncio.Event()

        async def slow() -> None:
            """Takes its time."""
            called.set()
            await asyncio.Event().wait()

        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[slow, add], store=store)
            asking = asyncio.create_task(session.operate("Try.", tools=["slow", "add"]))
            await called.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert session.operations[0].error == "CancelledError"
            assert await session.chat("And now?") == "Hm."

    server.will(Reply(calls=[("call_1", "slow", "{}")]), "Hm.")
    asyncio.run(program())

    asked = server.requests[1].body["messages"]
    answered = {message["tool_call_id"] for message in asked if message["role"] == "tool"}
    assert {call["id"] for message in asked for call in message.get("tool_calls") or ()} <= answered
    assert asked[-1] == {"role": "user", "content": "And now?"}


def test_somebody_else_who_writes_meanwhile_stops_nobody(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            session.default_branch.add("First.")

            async def meddle() -> None:
                """Writes by another handle."""
                Session.open(session.id, store=store).default_branch.add("By the way.")

            session.register_tools(meddle)
            await session.operate("Try.", tools=["meddle"])
            assert [text for _, text in line(session)][-3:] == ["By the way.", "", "Done."]
            assert store.verify(session.id).ok

    server.will(Reply(calls=[("call_1", "meddle", "{}")]), "Done.")
    asyncio.run(program())

    assert "By the way." not in repr(server.requests[1].body)


# At once


def test_two_operations_at_once_are_both_recorded_with_their_own_causes(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            branch = session.default_branch
            assert set(await asyncio.gather(*(branch.chat(f"Say {each}.") for each in range(8)))) == set("abcdefgh")
            assert [operation.status for operation in session.operations] == ["completed"] * 8
            led: dict[int, Any] = {event.position: event for event in session.events()}
            for event in led.values():
                if event.name == "message.appended" and event.event.content.role == "assistant":
                    cause = led[event.causation or 0]
                    start = led[cause.causation or 0]
                    said = led[start.position + 1].event.content.instruction
                    assert (cause.name, start.name) == ("work.model_called", "work.operation_started")
                    sent = [each.body["messages"][-1]["content"] for each in server.requests]
                    assert said in sent
            assert len(record(session)) == 8 * 5
            assert store.verify(session.id).ok

    server.will(*"abcdefgh")
    asyncio.run(program())


def test_two_who_resume_at_once_complete_it_once(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            asking = asyncio.create_task(session.chat("Hello!"))
            await asyncio.to_thread(server.arrived.wait)
            handles = [Session.open(session.id, store=store) for _ in range(2)]
            for handle in handles:
                handle.set_model(model)
            (operation,) = session.operations
            done = await asyncio.gather(
                *(each.operations.resume(operation) for each in handles), return_exceptions=True
            )
            assert sorted(type(each).__name__ for each in done) == ["OperationEndedError", "str"]
            never.set()
            with pytest.raises(OperationEndedError):
                await asking
            assert len(line(session)) == 2
            assert [each.name for each in session.events()].count("work.operation_completed") == 1

    from threading import Event

    never = Event()
    server.will(Reply("too late", hold=never), "one", "two")
    asyncio.run(program())


def test_the_eleventh_of_ten_requests_a_minute_waits_its_turn_and_is_answered(
    server: ModelServer, store: Store
) -> None:
    told = Told()

    async def program() -> list[str]:
        service = Services.OpenRouter(
            max_tokens=100_000, max_requests=10, interval=60, base_url=server.url, api_key=KEY, clock=told.clock
        )
        session = Session(default_generate_model=service, store=store)
        return [await session.chat("Hello!", model="mistralai/mistral-7b-instruct") for _ in range(11)]

    server.will(*map(str, range(11)))

    assert asyncio.run(program()) == list(map(str, range(11)))
    assert told.slept == [60]


def test_a_request_of_more_tokens_than_an_interval_has_is_answered(server: ModelServer, store: Store) -> None:
    told = Told()

    async def program() -> None:
        async with openai(server, limit_tokens=20, interval=60, clock=told.clock) as model:
            session = Session(default_generate_model=model, store=store)
            assert [await session.chat("word " * 500), await session.chat("Again.")] == ["one", "two"]

    server.will("one", "two")
    asyncio.run(program())

    assert told.slept == [60]


def test_a_provider_that_asks_for_a_pause_without_end_is_not_waited_for(server: ModelServer, store: Store) -> None:
    told = Told()

    async def program() -> None:
        async with openai(server, clock=told.clock) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError, match="86400"):
                await session.chat("Hello!")

    server.will(Reply(status=429, headers={"retry-after": "86400"}))
    asyncio.run(program())

    assert told.slept == []


# Names and bounds


def trap(self: int, name: str, timeout: float, arguments: str, cls: int = 0) -> list[Any]:
    """Takes what others call their own."""
    return [self, name, timeout, arguments, cls]


@pytest.mark.parametrize("called", ["self", "name", "timeout", "add", "operate"])
def test_a_tool_and_its_arguments_may_have_any_name(server: ModelServer, store: Store, called: str) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[Tool(name=called, func=trap)], store=store)
            done = await session.operate("Try.", tools=[called])
            assert done.action_responses[0].result == [1, "n", 2.5, "a", 3]

    given = '{"self": 1, "name": "n", "timeout": 2.5, "arguments": "a", "cls": 3}'
    server.will(Reply(calls=[("call_1", called, given)]), "Done.")
    asyncio.run(program())


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5])
def test_a_number_of_steps_that_is_none_is_refused_before_anything_is_asked(store: Store, wrong: Any) -> None:
    session = Session(default_generate_model=iModel("openai/a", api_key="k"), store=store)

    with pytest.raises(InvalidValueError, match="max_steps"):
        asyncio.run(session.default_branch.react("Count.", max_steps=wrong))
    assert list(session.operations) == []


@pytest.mark.parametrize("wrong", [{"handle_validation": "explode"}, {"num_parse_retries": 9}])
def test_what_is_wished_of_a_misfit_is_checked_before_anything_is_asked(
    server: ModelServer, store: Store, wrong: dict[str, Any]
) -> None:
    session = Session(default_generate_model=openai(server), store=store)

    with pytest.raises(InvalidValueError):
        asyncio.run(session.default_branch.communicate("Report.", response_format=Report, **wrong))
    assert (list(session.operations), server.requests) == ([], [])


@pytest.mark.parametrize(("handle", "value"), [("return_value", "no idea"), ("return_none", None)])
def test_an_operation_takes_a_misfit_as_was_wished(
    server: ModelServer, store: Store, handle: str, value: object
) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            done = await session.operate(
                "Report.", response_format=Report, handle_validation=handle, num_parse_retries=1
            )
            assert (done.value, done.text) == (value, "no idea")

    server.will("no idea", "none")
    asyncio.run(program())


def test_the_past_does_nothing(store: Store) -> None:
    session = Session(default_generate_model=iModel("openai/a", api_key="k"), store=store)
    session.default_branch.add("Hello!")
    before = session.position

    for method in ("chat", "operate", "react", "act", "generate"):
        with pytest.raises(ReadOnlyError):
            getattr(session.at(before).default_branch, method)
    for method in ("operations", "rerun", "chat", "set_model"):
        with pytest.raises(ReadOnlyError):
            getattr(session.at(before), method)
    assert session.position == before


def test_an_operation_of_one_session_is_unknown_to_another(store: Store) -> None:
    async def title(work: Any, params: Any) -> str:
        return "title"

    one, other = Session(store=store), Session(store=store)
    one.operations.register("title", title)

    assert asyncio.run(one.operations.run("title")) == "title"
    with pytest.raises(ItemNotFoundError, match="title"):
        asyncio.run(other.operations.run("title"))
    assert list(other.operations) == []


# What is large, empty, or a picture


def test_a_huge_answer_is_recorded_whole(server: ModelServer, tmp_path: Any) -> None:
    huge = "x" * 3_000_000

    async def program() -> None:
        with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
            async with openai(server) as model:
                session = Session(default_generate_model=model, store=store)
                assert await session.chat("Say x.") == huge
                assert Session.open(session.id, store=store).messages[-1].text == huge
            again = await session.rerun("main")
            assert session.compare("main", again).same
            assert store.verify().ok

    server.will(huge)
    asyncio.run(program())


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_answer_is_an_answer(server: ModelServer, store: Store, text: str | None) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            assert await session.chat("Say nothing.") == ""
            assert line(session) == [("user", "Say nothing."), ("assistant", "")]

    server.will(Reply(text))
    asyncio.run(program())


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_picture_goes_over_the_wire_and_onto_the_record(server: ModelServer, store: Store, provider: str) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="

    async def program() -> None:
        async with of(provider, server) as model:
            session = Session(default_generate_model=model, store=store)
            await session.default_branch.communicate("What is this?", images=[picture, "https://example.com/cat.png"])
            said = session.messages[0].content
            assert isinstance(said, InstructionContent)
            assert said.images == [picture, "https://example.com/cat.png"]
        again = await session.rerun("main")
        assert session.compare("main", again).same

    server.will("A dot.")
    asyncio.run(program())

    sent = json.dumps(server.requests[0].body)
    assert "iVBORw0KGgo=" in sent
    assert "https://example.com/cat.png" in sent


# Doing over


def test_an_edited_system_message_is_said_instead_and_asked_anew(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session("Be terse.", default_generate_model=model, store=store)
            await session.chat("Hello!")
            again = await session.rerun("main", edits={session.messages[0]: "Be verbose."})
            assert [message.text for message in again.messages] == ["Be verbose.", "Hello!", "Good day to you."]
            assert line(session) == [("system", "Be terse."), ("user", "Hello!"), ("assistant", "Hi.")]

    server.will("Hi.", "Good day to you.")
    asyncio.run(program())

    assert server.requests[1].body["messages"][0] == {"role": "system", "content": "Be verbose."}


def test_a_system_message_that_was_changed_between_is_changed_there_again(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session("Be terse.", default_generate_model=model, store=store)
            await session.chat("Hello!")
            session.default_branch.set_system("Be verbose.")
            await session.chat("And now?")
            session.default_branch.set_system("Be off.")
        again = await Session.open(session.id, store=store).rerun("main")
        assert [message.text for message in again.messages] == ["Be off.", "Hello!", "Hi.", "And now?", "So be it."]

    server.will("Hi.", "So be it.")
    asyncio.run(program())

    assert len(server.requests) == 2


def test_an_edit_that_would_change_nothing_or_a_kind_is_refused(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            first = session.default_branch.add("Hello!")
            await session.chat("How are you?")
            before = session.position
            for edits, at in (({first: "Bye!"}, first), ({first: {"result": 1}}, None), ({1: "x"}, None)):
                with pytest.raises(InvalidValueError, match="an edit"):
                    await session.rerun("main", at=at, edits=edits)  # type: ignore[arg-type]  # it is one of them
            assert session.position == before

    server.will("Fine.")
    asyncio.run(program())


def test_a_record_with_an_older_schema_of_a_tool_is_done_over_as_it_was(server: ModelServer, store: Store) -> None:
    def added(one: float, two: float, three: float) -> float:
        """Adds three numbers."""
        return one + two + three

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, tools=[add], store=store)
            await session.operate("2 + 2?", tools=["add"])
            opened = Session.open(session.id, store=store)
            opened.set_model(model)
            opened.register_tools(Tool(name="add", func=added))
            again = await opened.rerun("main")
            assert opened.compare("main", again).same
            live = await opened.rerun("main", tools="live")
            assert "do not fit" in [message.text for message in live.messages][2]
            await opened.operate("3 numbers?", tools=["add"])

    server.will(Reply(calls=[("call_1", "add", '{"a": 2, "b": 2}')]), "4", "It failed.", "Yes.")
    asyncio.run(program())

    old, new = server.requests[0].body["tools"], server.requests[3].body["tools"]
    assert [list(each[0]["function"]["parameters"]["properties"]) for each in (old, new)] == [
        ["a", "b"],
        ["one", "two", "three"],
    ]


def test_lines_are_compared_with_tokens_cost_and_the_difference(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            await session.chat("Hello!")
            again = await session.rerun("main", edits={session.messages[0]: "Goodbye!"}, name="other")
            compared = session.compare("main", again)
            assert not compared.same
            assert (compared.left.answers, compared.left.input_tokens, compared.left.output_tokens) == (1, 11, 7)
            assert (compared.right.input_tokens, compared.right.output_tokens) == (1000, 500)
            assert (compared.left.cost, compared.right.cost) == (0.00000585, 0.00045)
            assert compared.text == (
                "--- left\n+++ right\n@@ -1,2 +1,2 @@\n"
                "-user: Hello!\n-assistant: Hi.\n+user: Goodbye!\n+assistant: Bye."
            )

    server.will("Hi.", Reply("Bye.", usage=(1000, 500)))
    asyncio.run(program())


# Event loops


def test_connections_end_with_the_event_loop_if_nobody_closes_them(server: ModelServer, store: Store) -> None:
    model = openai(server)
    session = Session(default_generate_model=model, store=store)
    server.will("one", "two")

    assert [asyncio.run(session.chat("a")), asyncio.run(session.chat("b"))] == ["one", "two"]
    gc.collect()  # what was left open would warn, and a warning is an error here


def test_one_session_serves_many_threads_each_with_an_event_loop(server: ModelServer, store: Store) -> None:
    session = Session(default_generate_model=openai(server), store=store)
    branches = [session.create_branch(f"b{each}") for each in range(4)]

    def talk(branch: Branch) -> str:
        return asyncio.run(branch.chat("Hello!"))

    async def program() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(talk, branch) for branch in branches))

    server.will(*"abcd")

    assert sorted(asyncio.run(program())) == list("abcd")
    assert store.verify(session.id).ok
