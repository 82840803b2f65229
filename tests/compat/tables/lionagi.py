"""The blocks of LionAGI's document."""

import logging
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from tests.compat.running import Ran, Run, Signature, Table, World
from tests.model_server import Reply
from turnlog.compat import lionagi as li
from turnlog.content import SystemContent

USER = "3f7c1c1e-3c5d-4f0e-9a53-0a1b2c3d4e5f"


class Report(BaseModel):
    """What the document calls ResearchReport and CodeReport."""

    title: str
    findings: list[str]


def code_analyzer(code: str) -> str:
    """Analyzes code."""
    return f"{len(code)} characters"


def formatter(code: str) -> str:
    """Formats code."""
    raise RuntimeError(f"cannot format {code}")


def calculate(expression: str) -> int:
    """Calculates."""
    assert expression == "2+2"
    return 4


def search(query: str) -> str:
    """Searches."""
    return f"about {query}"


def linter(code: str) -> str:
    """Lints code."""
    return code


def names(world: World) -> dict[str, Any]:
    """The names of the package, as after `from lionagi import *`, and those that the document uses everywhere."""
    package = {name: getattr(world.package, name) for name in world.package.__all__}
    return {**package, "datetime": datetime, "logging": logging, "user_id": USER}


def fresh(world: World) -> dict[str, Any]:
    """A session without branches."""
    return {**names(world), "session": li.Session()}


def models(world: World) -> dict[str, Any]:
    """A session, models and tools."""
    return {
        **fresh(world),
        "chat_model": li.iModel(provider="openai", model="gpt-4o-mini"),
        "parse_model": li.iModel(provider="openai", model="gpt-4o"),
        "code_analyzer": code_analyzer,
        "formatter": formatter,
        "analyze_code": code_analyzer,
        "format_code": formatter,
        "action_manager": li.ActionManager(linter),
    }


def messages_to_begin_with(world: World) -> dict[str, Any]:
    """Two messages on a branch, and their ids in the other order."""
    found = models(world)
    source = found["session"].new_branch(name="source")
    source.msgs.add_message(instruction="First.")
    source.msgs.add_message(instruction="Second.")
    return {
        **found,
        "initial_messages": source.messages,
        "message_progression": li.Progression(source.messages.keys()[::-1]),
    }


def three_branches(world: World) -> dict[str, Any]:
    """Branches under the names that the document has for them."""
    session = li.Session()
    roles = {f"{name}_branch": session.new_branch(name=name, tools=search) for name in ("main", "old", "active")}
    roles["main_branch"].msgs.add_message(instruction="Hello!")
    return {**names(world), "session": session, **roles, "branch": roles["main_branch"]}


def mail_under_way(world: World) -> dict[str, Any]:
    """A branch that has sent a tool and a message to another, which has sent a message back."""
    session = li.Session()
    source, branch = session.new_branch(name="source"), session.new_branch(name="target")
    source.send(recipient=branch.id, category="tool", item=search)
    source.send(branch, "message", "Hello!")
    branch.send(source, "message", {"assistant_response": "Hi."})
    both = {"source": source, "branch": branch, "branch_a": source, "branch_b": branch}
    return {**names(world), "session": session, **both}


def cloned_and_loaded(world: World) -> dict[str, Any]:
    """Messages that were written, cloned and loaded."""
    session = li.Session()
    branch_a = session.new_branch(name="a", messages=[{"assistant_response": "Loaded."}])
    branch_a.msgs.add_message(instruction="Written.")
    branch_b = session.split(branch_a)
    session.new_branch(name="c").msgs.add_message(instruction="Elsewhere.")
    return {**names(world), "session": session, "branch_a": branch_a, "branch_b": branch_b, "branch": branch_a}


def research_tools(world: World) -> dict[str, Any]:
    """Tools that a branch shares."""
    return {**names(world), "research_tools": [search, code_analyzer]}


def researcher(world: World) -> dict[str, Any]:
    """A branch with tools by the names of the document."""
    tools = [li.Tool(search, "web_search"), li.Tool(code_analyzer, "paper_analyzer")]
    branch = li.Branch(tools=tools, chat_model=li.iModel("openai/gpt-4o-mini"))
    return {**names(world), "branch": branch, "ResearchReport": Report}


def response(world: World) -> dict[str, Any]:
    """A response that is no report."""
    return {**models(world), "response": "A report on parsers: they parse.", "CodeReport": Report}


# Sessions and branches


def started(ran: Ran) -> None:
    session = ran["session"]
    assert (session.user, session.name) == (USER, "main")
    assert session.metadata["project"] == "research"
    assert datetime.fromisoformat(session.metadata["created_at"]).tzinfo is not None
    assert (datetime.now(UTC) - datetime.fromisoformat(session.metadata["created_at"])).total_seconds() < 600
    ordinary = ran.opened(session.id)
    assert (ordinary.user, ordinary.name, ordinary.metadata) == (USER, "main", session.metadata)
    assert (len(session.branches), ordinary.branches.keys()) == (0, [])


def configured(ran: Ran) -> None:
    session, branch = ran["session"], ran["branch"]
    assert ran.opened(session.id).branches.keys() == ["source", "research", "coding"]
    assert ran.messages(session.id, "research") == [("system", "You are a helpful assistant")]
    assert ran.messages(session.id, "coding") == [
        ("system", "You are a coding assistant"),
        ("user", "Second."),
        ("user", "First."),
    ]
    assert branch.messages.keys()[1:] == list(ran["message_progression"])
    assert (branch.user, branch.tools) == (USER, {"code_analyzer", "formatter", "linter"})
    assert branch.turnlog.model == "openai/gpt-4o-mini"
    when = datetime.fromisoformat(branch.msgs.system.content.system_datetime)
    assert 0 <= (datetime.now(UTC) - when).total_seconds() < 600


def named_tools(ran: Ran) -> None:
    session, branch = ran["session"], ran["branch"]
    assert ran.messages(session.id, "research_branch") == [("system", "You are a helpful assistant")]
    assert ran.messages(session.id, branch.name) == [("system", "You are a coding assistant")]
    assert (branch.tools, branch.turnlog.model) == ({"code_analyzer", "formatter"}, "openai/gpt-4o-mini")
    assert session.default_branch.name == "research_branch"


def branches_changed(ran: Ran) -> None:
    session = ran["session"]
    assert session.default_branch == ran["active_branch"]
    assert ran.opened(session.id).branches.keys() == ["main", "active", ran["new_branch"].name]
    assert ran.messages(session.id, ran["new_branch"].name) == [("user", "Hello!")]
    assert ran["new_branch"].tools == {"search"}


def branch_replaced(ran: Ran) -> None:
    session = ran["session"]
    assert session.default_branch == ran["new_branch"]
    assert ran.opened(session.id).branches.keys() == ["old", "active", ran["new_branch"].name]
    assert ran.messages(session.id) == [("user", "Hello!")]


def named(*, user: str | None) -> Any:
    def check(ran: Ran) -> None:
        session, branch = ran["session"], ran["branch"]
        assert (branch.name, branch.user) == ("research_analysis", user)
        assert len(session.branches) == 0
        before = session.turnlog.at(3).branches["research_analysis"]
        assert [message.text for message in before.messages] == ["You are a research assistant"]

    return check


def split_twice(ran: Ran) -> None:
    session, branch = ran["session"], ran["branch"]
    assert branch.user == USER
    assert len(ran.opened(session.id).branches) == 3
    for part in (ran["branch_a"], ran["branch_b"]):
        assert ran.messages(session.id, part.name) == [("system", "You are a helpful assistant")]
    assert [message.text for message in ran["messages"]] == ["You are a helpful assistant"]


def created_and_removed(ran: Ran) -> None:
    assert ran.opened(ran["session"].id).branches.keys() == []
    assert nothing_logged(ran)


def nothing_logged(ran: Ran) -> bool:
    """Whether no handler of an error ran."""
    return "error" not in ran.world.request.getfixturevalue("caplog").text


# Mail


def all_received(ran: Ran) -> None:
    session = ran["session"]
    assert ran["branch"].tools == {"search"}
    assert ran.messages(session.id, "target") == [("user", "Hello!")]
    assert ran.messages(session.id, "source") == [("assistant", "Hi.")]
    assert ran.opened(session.id).branches["target"].tools == {"search"}
    assert nothing_logged(ran)


def received_from_source(ran: Ran) -> None:
    assert ran["branch"].tools == {"search"}
    assert ran.messages(ran["session"].id, "target") == [("user", "Hello!")]
    assert ran.messages(ran["session"].id, "source") == []
    assert len(ran["source"].mailbox.inbox) == 1


def received_from_target(ran: Ran) -> None:
    assert ran.messages(ran["session"].id, "source") == [("assistant", "Hi.")]
    assert ran.messages(ran["session"].id, "target") == []
    assert len(ran["branch"].mailbox.inbox) == 2
    assert nothing_logged(ran)


def tools_shared(ran: Ran) -> None:
    assert ran["coding"].tools == {"search", "code_analyzer"}
    assert ran.opened(ran["session"].id).branches["coding"].tools == {"search", "code_analyzer"}
    assert ran["research"].tools == frozenset()


# Messages


def authored(ran: Ran) -> None:
    assert [message.text for message in ran["messages"]] == ["Written."]
    frame = ran["df"]
    assert list(frame.columns)[:5] == ["role", "content", "sender", "recipient", "created_at"]
    assert list(frame["content"]) == ["Loaded.", "Written.", "Elsewhere."]
    assert list(frame["role"]) == ["assistant", "user", "user"]


def concatenated(ran: Ran) -> None:
    assert [message.text for message in ran["messages"]] == ["Loaded.", "Written.", "Elsewhere."]
    assert list(ran["df"]["content"]) == ["Loaded.", "Written.", "Elsewhere."]


def not_loaded(ran: Ran) -> None:
    assert [message.text for message in ran["messages"]] == ["Written.", "Elsewhere."]


def of_one_branch(ran: Ran) -> None:
    assert [message.text for message in ran["messages"]] == ["Loaded.", "Written."]
    assert nothing_logged(ran)


# Models and tools


def calculated(ran: Ran) -> None:
    assert ran["response"] == "2+2 is 4."
    asked, answered = ran.world.server.requests
    assert {tool["function"]["name"] for tool in asked.body["tools"]} == {"calculator", "web_search"}
    assert "Use the calculator tool" in asked.body["messages"][1]["content"]
    assert answered.body["messages"][-1]["content"] == "4"
    assert ran.messages(ran["session"].id)[:2] == [
        ("system", "You are a helpful assistant"),
        ("user", "What is 2+2?"),
    ]
    assert ran.messages(ran["session"].id)[-1] == ("assistant", "2+2 is 4.")


def researched(ran: Ran) -> None:
    assert ran["result"].value == Report(title="Qubits", findings=["entangled"])
    assert (ran["result"].title, ran["result"].action_required) == ("Qubits", False)
    assert [response.result for response in ran["result"].action_responses] == ["about qubits"]
    asked = ran.world.server.requests[0]
    assert {tool["function"]["name"] for tool in asked.body["tools"]} == {"web_search", "paper_analyzer"}


def in_progression(ran: Ran) -> None:
    branch = ran["branch"]
    assert ran["messages"] == branch.messages.progression
    assert list(ran["messages"]) == [branch.msgs.system.id]
    (system,) = ran.opened(branch.turnlog.session_id).messages
    assert (system.role.value, system.text) == ("system", "You are a coding assistant")
    assert isinstance(system.content, SystemContent)
    assert system.content.system_datetime is not None


def tool_failed(ran: Ran) -> None:
    branch = ran["branch"]
    assert branch.tools == {"analyzer", "formatter", "linter"}
    (log,) = ran.opened(branch.turnlog.session_id).logs.filter(type="info")
    assert log.message == "Tool error: tool 'formatter' failed: RuntimeError: cannot format a=1"
    assert len(ran.world.server.requests) == 1


def parsed(ran: Ran) -> None:
    assert ran["result"] == Report(title="Parsers", findings=["they parse"])
    assert [request.body["model"] for request in ran.world.server.requests] == ["gpt-4o"]
    assert ran["branch"].turnlog.model == "openai/gpt-4o-mini"


CALL = Reply(calls=[("call-1", "calculator", '{"expression": "2+2"}')])
SEARCH = Reply(calls=[("call-1", "web_search", '{"query": "qubits"}')])
FORMAT = Reply(calls=[("call-1", "formatter", '{"code": "a=1"}')])

TABLE: Table = {
    1: Signature(""),
    2: Signature("Session"),
    3: Run(started, given=names),
    4: Signature("Session"),
    5: Run(configured, given=messages_to_begin_with),
    6: Run(named_tools, given=models),
    7: Signature("Session"),
    8: Run(branches_changed, given=three_branches),
    9: Run(branch_replaced, given=three_branches),
    10: Signature("Session"),
    11: Run(all_received, given=mail_under_way),
    12: Run(all_received, given=mail_under_way),
    13: Signature("Session"),
    14: Run(authored, given=cloned_and_loaded),
    15: Run(concatenated, given=cloned_and_loaded),
    16: Run(created_and_removed, given=fresh),
    17: Run(received_from_target, given=mail_under_way),
    18: Run(of_one_branch, given=cloned_and_loaded),
    19: Run(tools_shared, given=research_tools),
    20: Run(split_twice, given=fresh),
    21: Run(received_from_source, given=mail_under_way),
    22: Run(named(user=None), given=fresh),
    23: Run(all_received, given=mail_under_way),
    24: Run(not_loaded, given=cloned_and_loaded),
    25: Signature("Session", abridged="the page before has the whole signature, with more parameters between these"),
    26: Signature("Session"),
    27: Signature("Session"),
    28: Run(
        calculated,
        given=lambda world: {**names(world), "calculate": calculate, "search": search},
        replies=(CALL, "2+2 is 4."),
    ),
    29: Run(tools_shared, after=(28,), given=research_tools),
    30: Run(researched, given=researcher, replies=(SEARCH, '{"title": "Qubits", "findings": ["entangled"]}')),
    31: Run(named(user=USER), given=fresh),
    32: Run(in_progression, given=names),
    33: Run(tool_failed, given=models, replies=(FORMAT,)),
    34: Run(parsed, given=response, replies=('{"title": "Parsers", "findings": ["they parse"]}',)),
}
