"""The blocks of early LionAGI's document."""

import sys
from types import ModuleType
from typing import Any

from tests.compat.running import Ran, Run, Table, World

COLUMNS = ["node_id", "timestamp", "role", "sender", "content"]
PERSONA = "you are sarcastically funny comedian"
INSTRUCTION = "very short joke: a blue whale and a big shark meet at the bar and start dancing"


class Markdown:
    """Stands for IPython's, which displays text and refuses anything else."""

    shown: list[str] = []  # noqa: RUF012 one list, emptied before each block

    def __init__(self, data: str) -> None:
        if type(data) is not str:
            raise TypeError("Markdown expects text")
        self.shown.append(data)


def notebook(world: World) -> dict[str, Any]:
    """IPython, where it is not installed, for as long as the block runs."""
    Markdown.shown.clear()
    display = ModuleType("IPython.display")
    display.__dict__["Markdown"] = Markdown
    monkeypatch = world.request.getfixturevalue("monkeypatch")
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return {}


def persona(ran: Ran) -> None:
    session = ran["comedian1"]
    assert list(session.branches) == ["main"]
    assert ran.messages(session.id) == [("system", PERSONA)]
    assert ran.opened(session.id).branches.keys() == ["main"]


def joke(ran: Ran) -> None:
    assert ran["joke1"] == "The shark led."
    assert type(ran["joke1"]) is str
    assert ran.messages(ran["comedian1"].id) == [
        ("system", PERSONA),
        ("user", INSTRUCTION),
        ("assistant", "The shark led."),
    ]
    (request,) = ran.world.server.requests
    assert (request.body["model"], request.body["max_completion_tokens"]) == ("gpt-4o-mini", 50)


def displayed(ran: Ran) -> None:
    assert Markdown.shown == ["The shark led."]


def other_model(ran: Ran) -> None:
    assert ran["joke2"] == "The whale did."
    request = ran.world.server.requests[-1]
    assert (request.body["model"], request.headers["authorization"]) == (
        "mistralai/mistral-7b-instruct",
        "Bearer sk-of-the-router",
    )
    assert (request.body.get("max_tokens") or request.body.get("max_completion_tokens")) == 50
    throttle = ran["service"].throttle
    assert (throttle.requests, throttle.tokens, throttle.interval) == (10, 1000, 60)
    assert ran.messages(ran["comedian2"].id) == [
        ("system", PERSONA),
        ("user", INSTRUCTION),
        ("assistant", "The whale did."),
    ]


def both_displayed(ran: Ran) -> None:
    assert Markdown.shown == ["The shark led.", "The whale did."]


def history(ran: Ran) -> None:
    session = ran["comedian2"]
    for frame in (session.messages, session.branches["main"].messages, session.all_messages):
        assert list(frame.columns) == COLUMNS
        assert list(frame["role"]) == ["system", "user", "assistant"]
        assert list(frame["node_id"]) == [message.id for message in ran.opened(session.id).messages]
        assert not frame.isna().any().any()


TABLE: Table = {
    1: Run(persona),
    2: Run(joke, after=(1,), replies=("The shark led.",)),
    3: Run(displayed, after=(1, 2), given=notebook),
    4: Run(other_model, after=(1, 2), given=lambda world: {"li": world.package}, replies=("The whale did.",)),
    5: Run(both_displayed, after=(1, 2, 3, 4)),
    6: Run(
        history,
        after=(1, 2, 4),
        replace=lambda _: {"comedian2.all_messages. #": "comedian2.all_messages #"},
        because="the document has a dot behind all_messages, which Python cannot parse",
    ),
}
