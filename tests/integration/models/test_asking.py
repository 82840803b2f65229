"""A model is asked over the wire, and what was asked and answered is on the record."""

from __future__ import annotations

import asyncio
import json
import sys
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel

from tests.integration.models.asking import KEY, Told, anthropic, calls, line, openai, record
from tests.model_server import ModelServer, Reply
from turnlog import Session, Store, iModel
from turnlog.content import AssistantResponseContent
from turnlog.errors import (
    InvalidValueError,
    ItemNotFoundError,
    MissingExtraError,
    ModelError,
    ModelTimeoutError,
    ResponseFormatError,
)
from turnlog.models import Services
from turnlog.operations import GenerateParams, OperateParams


def test_the_quick_start_of_a_session(server: ModelServer, store: Store) -> None:
    async def program() -> str:
        async with openai(server) as model:
            session = Session(default_branch=None, default_generate_model=model, store=store)
            branch = session.create_branch(name="main", capabilities={"Analysis", "Summary"}, resources={"gpt-4o-mini"})
            params = OperateParams(generate=GenerateParams(instruction="Hello!"))
            result = await session.operations.run("operate", branch, params=params)
            assert line(session) == [("user", "Hello!"), ("assistant", "Hi there.")]
            assert record(session) == [
                "work.operation_started",
                "message.appended",
                "work.model_called",
                "message.appended",
                "work.operation_completed",
            ]
            return str(result)

    server.will("Hi there.")

    assert asyncio.run(program()) == "Hi there."
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "Hello!"}]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_an_answer_says_by_which_model_and_what_it_used_and_is_led_to_by_the_call(
    server: ModelServer, store: Store
) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            await session.chat("Hello!")
            answer = session.messages[-1].content
            assert isinstance(answer, AssistantResponseContent)
            assert answer.model == "gpt-4o-mini"
            assert answer.usage is not None
            assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)
            called = next(each for each in session.events() if each.name == "work.model_called")
            assert session.blame(session.messages[-1]).causation == called.position
            (operation,) = session.operations
            assert (operation.status, operation.calls, operation.input_tokens) == ("completed", 1, 11)

    server.will("Hi there.")
    asyncio.run(program())


def test_two_comedians_of_one_service(server: ModelServer, store: Store) -> None:
    async def program() -> tuple[str, str]:
        instruction = "very short joke: a blue whale and a big shark meet at the bar and start dancing"
        async with openai(server) as usual:
            comedian1 = Session("you are sarcastically funny comedian", store=store, default_generate_model=usual)
            joke1 = await comedian1.chat(instruction, max_token=50)
            service = Services.OpenRouter(
                max_tokens=1000, max_requests=10, interval=60, base_url=server.url, api_key=KEY, clock=Told().clock
            )
            comedian2 = Session("you are sarcastically funny comedian", default_generate_model=service, store=store)
            joke2 = await comedian2.chat(instruction, model="mistralai/mistral-7b-instruct", max_token=50)
            called = calls(comedian2)
            assert [(event.service, event.provider) for event in called] == [
                ("openrouter/mistralai/mistral-7b-instruct", "openrouter")
            ]
            assert [message.role.value for message in comedian2.messages] == ["system", "user", "assistant"]
            await service.close()
            return joke1, joke2

    server.will("The shark led.", "The whale did.")

    assert asyncio.run(program()) == ("The shark led.", "The whale did.")
    first, second = (request.body for request in server.requests)
    assert first["messages"][0] == {"role": "system", "content": "you are sarcastically funny comedian"}
    assert (first["model"], second["model"]) == ("gpt-4o-mini", "mistralai/mistral-7b-instruct")
    assert first.get("max_tokens", first.get("max_completion_tokens")) == 50
    assert second.get("max_tokens", second.get("max_completion_tokens")) == 50


def test_anthropic_is_asked_in_its_own_words(server: ModelServer, store: Store) -> None:
    async def program() -> str:
        async with anthropic(server) as model:
            session = Session("Be terse.", default_generate_model=model, store=store)
            return await session.chat("Hello!", max_tokens=20)

    server.will("Hi.")

    assert asyncio.run(program()) == "Hi."
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert KEY in (request.headers.get("x-api-key", "") or request.headers["authorization"])
    assert request.body["max_tokens"] == 20
    assert "Be terse." in json.dumps(request.body["system"])
    assert request.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}]


@pytest.mark.parametrize(
    ("make", "model", "roles"),
    [
        (openai, "gpt-4o-mini", ["system", "user", "assistant", "system", "user"]),
        (anthropic, "claude-opus-4-8", ["user", "assistant", "user", "system"]),
        (anthropic, "claude-haiku-4-5", ["user", "assistant", "user"]),
    ],
)
def test_a_system_message_behind_others_is_sent_at_its_place(
    server: ModelServer, store: Store, make: Any, model: str, roles: list[str]
) -> None:
    async def program() -> None:
        async with make(server, model=model) as asked:
            session = Session("Be terse.", default_generate_model=asked, store=store)
            session.default_branch.add_many(["Hello!", ("assistant", "Hi."), ("system", "Answer in French.")])
            await session.chat("How are you?", max_tokens=20)

    server.will("Bien.")
    asyncio.run(program())

    (request,) = server.requests
    sent = request.body["messages"]
    assert [each["role"] for each in sent] == roles
    assert "French" not in json.dumps(request.body.get("system"))
    if "system" in roles:
        assert "French" in json.dumps([each for each in sent if each["role"] == "system"][-1])
    else:
        assert "<system>\\nAnswer in French.\\n</system>" in json.dumps(sent[-1])


@pytest.mark.parametrize("make", [openai, anthropic])
def test_a_stream_is_heard_piece_by_piece_and_recorded_whole(server: ModelServer, store: Store, make: Any) -> None:
    async def program() -> list[str]:
        async with make(server) as model:
            session = Session(default_generate_model=model, store=store)
            pieces = [piece async for piece in session.default_branch.stream("Count.")]
            assert line(session) == [("user", "Count."), ("assistant", "one two three")]
            assert session.operations[0].output_tokens == 7
            return pieces

    server.will("one two three")

    assert asyncio.run(program()) == ["one", " two", " three"]
    assert server.requests[0].body["stream"] is True


@pytest.mark.parametrize("make", [openai, anthropic])
def test_a_stream_that_is_cut_is_a_failure_with_what_was_heard_on_the_record(
    server: ModelServer, store: Store, make: Any
) -> None:
    async def program() -> None:
        async with make(server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError):
                [piece async for piece in session.default_branch.stream("Count.")]
            assert line(session) == [("user", "Count.")]
            (called,) = calls(session)
            assert called.response["partial"].startswith("one")
            assert session.operations[0].status == "failed"

    server.will(Reply("one two three four five six seven", cut=True))
    asyncio.run(program())

    assert len(server.requests) == 1


def test_whoever_stops_listening_stops_the_operation(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            pieces = session.default_branch.stream("Count.")
            assert await anext(pieces) == "one"
            await pieces.aclose()  # type: ignore[attr-defined]  # it is an async generator
            assert session.operations[0].status in ("failed", "completed")

    server.will("one two three")
    asyncio.run(program())


@pytest.mark.parametrize("make", [openai, anthropic])
def test_after_429_it_is_asked_again_when_the_provider_said(server: ModelServer, store: Store, make: Any) -> None:
    told = Told()

    async def program() -> str:
        async with make(server, clock=told.clock) as model:
            session = Session(default_generate_model=model, store=store)
            text = await session.chat("Hello!")
            (called,) = calls(session)
            assert called.attempts == 2
            return text

    server.will(Reply(status=429, headers={"retry-after": "7"}), "Hi.")

    assert asyncio.run(program()) == "Hi."
    assert told.slept == [7]


def test_after_500_it_is_asked_again_after_pauses_that_grow(server: ModelServer, store: Store) -> None:
    told = Told()

    async def program() -> None:
        async with openai(server, clock=told.clock, max_retries=3) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError) as failure:
                await session.chat("Hello!")
            assert (failure.value.status, failure.value.attempts) == (500, 4)
            assert record(session) == [
                "work.operation_started",
                "message.appended",
                "work.model_called",
                "work.operation_failed",
            ]
            (operation,) = session.operations
            assert (operation.status, operation.error) == ("failed", "ModelError")
            assert line(session) == [("user", "Hello!")]

    server.will(*[Reply(status=500) for _ in range(4)])
    asyncio.run(program())

    assert len(told.slept) == 3
    assert [low <= pause <= 2 * low for low, pause in zip([0.25, 0.5, 1], told.slept, strict=True)] == [True] * 3


def test_what_is_wrong_with_the_request_is_not_tried_again(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError, match="no such thing"):
                await session.chat("Hello!")

    server.will(Reply(status=404, body=b'{"error": {"message": "no such thing"}}'))
    asyncio.run(program())

    assert len(server.requests) == 1


def test_a_model_that_does_not_answer_in_time_has_failed(server: ModelServer, store: Store) -> None:
    release = Event()

    async def program() -> None:
        async with openai(server, timeout=0.2) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelTimeoutError):
                await session.chat("Hello!")
            assert session.operations[0].error == "ModelTimeoutError"
            release.set()

    server.will(Reply("too late", hold=release))
    asyncio.run(program())


def test_an_operation_that_is_cancelled_says_so(server: ModelServer, store: Store) -> None:
    release = Event()

    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            asking = asyncio.create_task(session.chat("Hello!"))
            await asyncio.to_thread(server.arrived.wait)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            (operation,) = session.operations
            assert (operation.status, operation.error) == ("failed", "CancelledError")
            assert line(session) == [("user", "Hello!")]
            release.set()

    server.will(Reply("too late", hold=release))
    asyncio.run(program())


def test_a_body_that_is_no_json_has_failed_by_name(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server, max_retries=0) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError):
                await session.chat("Hello!")
            assert session.operations[0].status == "failed"

    server.will(Reply(body=b"<html>not json</html>"))
    asyncio.run(program())


def test_a_key_is_shown_nowhere(server: ModelServer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ModelError) as failure:
                await session.chat("Hello!")
            assert KEY not in f"{model!r} {failure.value!s} {vars(model)!r}"
            assert not [each for each in session.events() if KEY in repr(each.event)]

    server.will(Reply(status=401, body=json.dumps({"error": {"message": f"Incorrect key {KEY}"}}).encode()))
    asyncio.run(program())
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    session = Session(default_generate_model=iModel("openai/a", api_key="NO_SUCH_KEY"), store=store)
    with pytest.raises(InvalidValueError, match="NO_SUCH_KEY"):
        asyncio.run(session.chat("Hello!"))


def test_one_model_serves_one_event_loop_after_another(server: ModelServer, store: Store) -> None:
    model = openai(server)
    session = Session(default_generate_model=model, store=store)

    async def program() -> str:
        async with model:
            return await session.chat("Hello!")

    server.will("one", "two")

    assert [asyncio.run(program()), asyncio.run(program())] == ["one", "two"]


def test_two_models_of_one_provider_and_two_branches(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as small, openai(server, model="gpt-4o") as large:
            session = Session(default_generate_model=small, store=store)
            one = session.create_branch("one")
            two = session.create_branch(name="two", model=large)
            await one.chat("a")
            await two.chat("b")
            await one.chat("c", model=large)
            await two.chat("d", model="gpt-4o-mini")
            called = calls(session)
            assert [event.service for event in called] == [
                "openai/gpt-4o-mini",
                "openai/gpt-4o",
                "openai/gpt-4o",
                "openai/gpt-4o-mini",
            ]

    server.will("1", "2", "3", "4")
    asyncio.run(program())

    assert [request.body["model"] for request in server.requests] == ["gpt-4o-mini", "gpt-4o", "gpt-4o", "gpt-4o-mini"]


def test_without_a_model_nothing_is_recorded_and_the_error_says_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TURNLOG_MODEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    session = Session(store=store)
    main = session.default_branch
    before = session.position

    with pytest.raises(ItemNotFoundError, match="default_generate_model"):
        asyncio.run(main.chat("Hello!"))
    assert session.position == before


class Report(BaseModel):
    title: str
    pages: int


def test_an_answer_in_a_shape_becomes_a_value_of_it(server: ModelServer, store: Store) -> None:
    async def program() -> Report:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            report: Report = await session.default_branch.communicate("Report.", response_format=Report)
            return report

    server.will('Here you are:\n```json\n{"title": "Tides", "pages": 3}\n```')

    assert asyncio.run(program()) == Report(title="Tides", pages=3)
    assert '"pages"' in server.requests[0].body["messages"][0]["content"]


def test_an_answer_that_does_not_fit_is_mended_and_the_branch_shows_only_what_was_said(
    server: ModelServer, store: Store
) -> None:
    async def program() -> Report:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            report: Report = await session.default_branch.communicate("Report.", response_format=Report)
            assert [role for role, _ in line(session)] == ["user", "assistant"]
            assert session.operations[0].calls == 2
            return report

    server.will('{"title": "Tides"}', '{"title": "Tides", "pages": 3}')

    assert asyncio.run(program()) == Report(title="Tides", pages=3)


@pytest.mark.parametrize(("handle", "value"), [("return_value", "no idea"), ("return_none", None)])
def test_an_answer_that_never_fits_is_taken_as_was_wished(
    server: ModelServer, store: Store, handle: str, value: object
) -> None:
    async def program() -> object:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            return await session.default_branch.communicate("Report.", response_format=Report, handle_validation=handle)

    server.will("no idea", "none", "still none")

    assert asyncio.run(program()) == value


def test_an_answer_that_never_fits_is_raised_and_all_of_it_is_on_the_record(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            with pytest.raises(ResponseFormatError):
                await session.operate("Report.", response_format=Report)
            assert line(session) == [("user", "Report."), ("assistant", "no idea")]
            assert (session.operations[0].status, session.operations[0].calls) == ("failed", 3)

    server.will("no idea", "none", "still none")
    asyncio.run(program())


def test_a_text_is_parsed_without_asking_if_that_will_do(server: ModelServer, store: Store) -> None:
    session = Session(store=store)
    parsed = session.default_branch.parse(text='{"title": "Tides", "pages": 3}', request_type=Report)

    assert asyncio.run(parsed) == Report(title="Tides", pages=3)
    assert server.requests == []


def test_generating_leaves_no_message_and_interpreting_neither(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session("Be terse.", default_generate_model=model, store=store)
            branch = session.default_branch
            branch.add("What is on the record?")
            assert await branch.generate("And what not?") == "Whispers."
            assert await branch.interpret("wat", style="formal") == "What, please?"
            assert [message.text for message in branch.messages] == ["Be terse.", "What is on the record?"]
            said = [each.response for each in calls(session)]
            assert [each["text"] for each in said] == ["Whispers.", "What, please?"]

    server.will("Whispers.", "What, please?")
    asyncio.run(program())

    asked = [message["content"] for message in server.requests[0].body["messages"]]
    assert asked[0] == "Be terse."
    assert len(server.requests[1].body["messages"]) == 1


def test_without_the_packages_for_models_the_error_names_the_extra(
    server: ModelServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    monkeypatch.delitem(sys.modules, "pydantic_ai.exceptions", raising=False)
    session = Session(default_generate_model=openai(server), store=store)

    with pytest.raises(MissingExtraError, match=r"turnlog\[models\]"):
        asyncio.run(session.chat("Hello!"))
    assert session.operations[0].error == "MissingExtraError"


def test_a_model_that_came_by_mail_is_used(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(store=store)
            research, coding = session.create_branch("research"), session.create_branch("coding")
            research.mail.send(coding, model, category="imodel")
            research.mail.send(coding, [double], category="tool")
            session.mail.route(receive=True)
            assert await coding.communicate("Double 2.", tools=["double"]) == "It is 4."
            assert [call.service for call in calls(session)] == ["openai/gpt-4o-mini"] * 2

    def double(number: int) -> int:
        """Doubles a number."""
        return number * 2

    server.will(Reply(calls=[("call_1", "double", '{"number": 2}')]), "It is 4.")
    asyncio.run(program())


def test_a_setting_that_no_model_has_is_refused(store: Store) -> None:
    session = Session(store=store)

    with pytest.raises(InvalidValueError, match="temperatur"):
        asyncio.run(session.chat("Hello!", temperatur=1))
