"""The block of lionpride's document."""

from tests.compat.running import Ran, Run, Table
from turnlog.content import MessageRole


def quick_start(ran: Ran) -> None:
    session, branch = ran["session"], ran["branch"]
    assert ran["user_msg"].role is MessageRole.USER
    assert ran["assistant_msg"].role is MessageRole.ASSISTANT
    assert (branch.name, branch.capabilities, branch.resources) == ("main", {"Analysis", "Summary"}, {"gpt-4o-mini"})
    assert str(ran["result"]) == "Hi there."
    assert [message.text for message in session.messages[branch]] == ["Hello!", "Hi there."]

    assert ran.messages(session.id, "main") == [("user", "Hello!"), ("assistant", "Hi there.")]
    ordinary = ran.opened(session.id).branches["main"]
    assert ordinary.id == branch.id
    assert ordinary.capabilities == frozenset({"Analysis", "Summary"})
    assert ordinary.resources == frozenset({"gpt-4o-mini"})
    (request,) = ran.world.server.requests
    assert request.body["model"] == "gpt-4o-mini"
    assert request.body["messages"] == [{"role": "user", "content": "Hello!"}]


TABLE: Table = {1: Run(quick_start, replies=("Hi there.",))}
