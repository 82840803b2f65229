"""Operations that depend on each other are done in turn; a failure stops what depends on it, and is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.models.asking import openai
from tests.model_server import ModelServer
from turnlog import Session, Store
from turnlog.errors import BranchNotFoundError, FlowError, InvalidValueError
from turnlog.operations import Flow


def test_results_go_to_the_nodes_that_depend_on_them(server: ModelServer, store: Store) -> None:
    async def program() -> None:
        async with openai(server) as model:
            session = Session(default_generate_model=model, store=store)
            session.create_branch("research")
            session.create_branch("summary")
            flow = (
                Flow()
                .add("facts", "communicate", branch="research", instruction="Facts?")
                .add(
                    "short",
                    branch="summary",
                    depends_on="facts",
                    instruction=lambda results: f"In short: {results['facts']}",
                )
            )
            assert await session.operations.run_flow(flow) == {"facts": "Tides turn.", "short": "They turn."}
            runs = {each.correlation_id for each in session.events() if each.name == "work.operation_started"}
            assert len(runs) == 1

    server.will("Tides turn.", "They turn.")
    asyncio.run(program())

    assert server.requests[1].body["messages"] == [{"role": "user", "content": "In short: Tides turn."}]


def test_a_failed_node_stops_those_that_depend_on_it_and_no_others(store: Store) -> None:
    async def fail(work: object, params: object) -> None:
        raise RuntimeError("it broke")

    async def good(work: object, params: object) -> str:
        return "good"

    async def program() -> None:
        session = Session(store=store)
        session.operations.register("fail", fail)
        session.operations.register("good", good)
        flow = Flow().add("a", "fail").add("b", "good", depends_on="a").add("c", "good", depends_on=["b"])
        flow.add("d", "good")
        with pytest.raises(FlowError) as failure:
            await session.operations.run_flow(flow)
        assert failure.value.failed == (("a", "RuntimeError: it broke"),)
        assert failure.value.skipped == ("b", "c")
        assert failure.value.results == {"d": "good"}
        assert sorted((each.name, each.status) for each in session.operations) == [
            ("fail", "failed"),
            ("good", "completed"),
        ]

    asyncio.run(program())


def test_no_more_nodes_are_at_work_than_is_allowed(store: Store) -> None:
    at_work: list[int] = [0, 0]
    together = asyncio.Event()

    async def busy(work: object, params: object) -> None:
        at_work[0] += 1
        at_work[1] = max(at_work)
        if at_work[1] == 2:
            together.set()
        await together.wait()
        at_work[0] -= 1

    async def program() -> None:
        session = Session(store=store)
        session.operations.register("busy", busy)
        flow = Flow()
        for number in range(6):
            flow.add(f"n{number}", "busy")
        await session.operations.run_flow(flow, max_concurrent=2)

    asyncio.run(program())

    assert at_work == [0, 2]


def test_what_cannot_be_done_is_refused_before_anything_is(store: Store) -> None:
    session = Session(store=store)
    session.create_branch()
    before = session.position

    with pytest.raises(InvalidValueError, match="goes in a circle"):
        asyncio.run(session.operations.run_flow(Flow().add("a", depends_on="b").add("b", depends_on="a")))
    with pytest.raises(InvalidValueError, match="expected a node of the flow"):
        asyncio.run(session.operations.run_flow(Flow().add("a", depends_on="b")))
    with pytest.raises(BranchNotFoundError):
        asyncio.run(session.operations.run_flow(Flow().add("a", branch="nowhere")))
    with pytest.raises(InvalidValueError, match="another name"):
        Flow().add("a").add("a")
    assert session.position == before
