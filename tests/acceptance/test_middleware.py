"""What is done to messages on their way into a session, and that the caller's dict stays as it was."""

from datetime import datetime
from typing import Any

import pytest

from turnlog import Session, SessionManager
from turnlog.errors import InvalidValueError
from turnlog.manager import SessionMiddleware, code_detection, timestamps, token_estimates
from turnlog.stores import MemorySessionStore


@pytest.fixture
def session() -> Session:
    return SessionManager(store=MemorySessionStore()).create_session("chat")


def test_messages_get_a_time_an_estimate_of_their_tokens_and_a_word_on_their_code(session: Session) -> None:
    said = {"role": "user", "content": "Show me ```python```", "tags": ["x"]}
    before = {**said, "tags": ["x"]}
    SessionMiddleware(session).add(said)

    assert said == before
    (message,) = session.get_messages()
    assert datetime.fromisoformat(message.pop("timestamp")).tzinfo is not None
    assert message == {**before, "token_estimate": 5, "has_code": True}


def test_a_time_that_is_there_stays_and_a_text_without_code_has_none() -> None:
    assert timestamps({"role": "user", "content": "x", "timestamp": "then"})["timestamp"] == "then"
    assert code_detection({"role": "user", "content": "x"}) == {"role": "user", "content": "x"}
    assert token_estimates({"role": "user", "content": ["x"]})["token_estimate"] == 0


def test_steps_of_ones_own_follow_one_another_and_may_refuse(session: Session) -> None:
    def shout(message: dict[str, Any]) -> dict[str, Any]:
        message["content"] = message["content"].upper()
        message["tags"].append("loud")
        return message

    def check(message: dict[str, Any]) -> dict[str, Any]:
        if "NO" in message["content"]:
            raise PermissionError(message["content"])
        return message

    given = {"role": "user", "content": "yes", "tags": []}
    added = SessionMiddleware(session, shout, check).add(given)
    assert (added.text, added["tags"], given["tags"]) == ("YES", ["loud"], [])
    with pytest.raises(PermissionError):
        SessionMiddleware(session, shout, check).add({**given, "content": "no"})
    with pytest.raises(InvalidValueError, match="a step <lambda> answered with a NoneType: expected a dict"):
        SessionMiddleware(session, lambda message: None).add(given)  # type: ignore[arg-type,return-value]  # refused when it runs
    assert session.message_count == 1
