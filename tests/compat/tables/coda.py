"""The blocks of coda's document."""

import builtins
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import turnlog
from tests.compat.running import NotRun, Ran, Run, Signature, Table, World
from turnlog.compat.coda.base.session import Session, SessionInfo, SessionManager

FOLDER = {"session": {"storage_path": "~/.coda/sessions"}}
GREETING = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hi there!"}]
TYPES = {"Session": Session, "SessionInfo": SessionInfo, "datetime": datetime}


# What the document uses and nowhere defines


def sessions(**texts: list[str]) -> Callable[[World], Mapping[str, Any]]:
    """The types of the document; sessions with messages are created, as by another process."""

    def given(_: World) -> Mapping[str, Any]:
        with SessionManager(FOLDER) as manager:
            for name, contents in texts.items():
                session = manager.create_session(name.replace("_", "-"))
                for content in contents:
                    session.add_message({"role": "user", "content": content})
        return TYPES

    return given


def keyboard(world: World) -> Mapping[str, Any]:
    """A user who types three lines."""
    lines = iter(["What is a fold?", "And a left fold?", "Quit"])
    monkeypatch = world.request.getfixturevalue("monkeypatch")
    monkeypatch.setattr(builtins, "input", lambda prompt: next(lines))
    return {}


# What is checked


def now() -> datetime:
    """The time without a zone, as the document has it."""
    return datetime.now()  # noqa: DTZ005 compared with the times of the document's programs


def recorded(ran: Ran, name: str) -> list[tuple[str, str]]:
    """Role and text of the messages of a session, read from the file as an ordinary session."""
    file = ran.world.folder / ".coda" / "sessions" / "turnlog.db"
    with turnlog.open_store(file) as store, turnlog.SessionManager(store=store) as manager:
        return [(message.role.value, message.text) for message in manager.get(name).messages]


def quick_start(ran: Ran) -> None:
    assert ran["messages"] == GREETING
    assert [type(message) for message in ran["messages"]] == [dict, dict]
    assert recorded(ran, "my-chat") == [("user", "Hello!"), ("assistant", "Hi there!")]


def branched(ran: Ran) -> None:
    assert (ran["session"].name, ran["branch"].name) == ("project-chat", "project-chat-v2")
    assert ran["branch"].messages == [{"role": "user", "content": "Plan it."}]
    assert ran["branch"].turnlog.lineage()[0][0] == ran["session"].turnlog.id


def saved(ran: Ran) -> None:
    assert recorded(ran, "my-chat") == [("user", "Hello!"), ("assistant", "Hi there!")]


def deleted(ran: Ran) -> None:
    assert ran["manager"].get_session_info("old-chat") is None
    assert [info.name for info in ran["manager"].list_sessions()] == ["my-chat"]


def listed(ran: Ran) -> None:
    assert ran.output == "my-chat: 2 messages\nother: 1 messages\n"


def informed(ran: Ran) -> None:
    created, updated = ran["info"].created_at, ran["info"].updated_at
    assert ran.output == f"Created: {created}\nUpdated: {updated}\n"
    assert created <= updated <= now()


def asked(ran: Ran) -> None:
    (message,) = ran["session"].get_messages(limit=1)
    assert (message["role"], message["content"]) == ("user", "What is Python?")
    assert datetime.fromisoformat(message["timestamp"]) <= now()
    assert recorded(ran, "my-chat")[-1] == ("user", "What is Python?")


def limited(ran: Ran) -> None:
    assert len(ran["all_messages"]) == 14
    assert [message["content"] for message in ran["recent"]] == [f"message {number}" for number in range(2, 12)]


def cleared(ran: Ran) -> None:
    assert ran["session"].messages == []
    assert recorded(ran, "my-chat") == []
    past = ran["session"].turnlog.at(ran["session"].turnlog.position - 1)
    assert [message.text for message in past.messages] == ["Hello!", "Hi there!"]


def described(ran: Ran) -> None:
    expected = {"topic": "Python programming", "model": "gpt-4", "tags": ["tutorial", "basics"]}
    assert ran["session"].metadata == expected
    assert ran["manager"].get_session_info("my-chat").metadata == expected


def counted(ran: Ran) -> None:
    assert type(ran["tokens"]) is int
    assert ran["tokens"] > 3000
    assert ran.output == "Approaching context limit\n"


def truncated(ran: Ran) -> None:
    contents = [message["content"] for message in ran["session"].messages]
    assert contents == [f"message {number}" for number in range(10, 60)]
    assert ran["manager"].get_session_info("my-chat").message_count == 50


def in_sqlite(ran: Ran) -> None:
    with SessionManager(ran["config"]) as manager:
        assert manager.turnlog.settings.connection_pool_size == 5
        manager.create_session("my-chat").add_message(GREETING[0])
    assert recorded(ran, "my-chat") == [("user", "Hello!")]


def in_memory(ran: Ran) -> None:
    with SessionManager(ran["config"]) as manager:
        manager.create_session("my-chat").add_message(GREETING[0])
        assert manager.load_session("my-chat").messages == GREETING[:1]
    assert SessionManager(ran["config"]).list_sessions() == []
    assert list(ran.world.folder.rglob("*.db")) == []


def conversed(ran: Ran) -> None:
    question = {"role": "user", "content": "What is a fold?"}
    answer = {"role": "assistant", "content": "A reduction."}
    assert ran["session"].messages == [
        question,
        {**answer, "model": "gpt-4"},
        {"role": "user", "content": "And a left fold?"},
        {"role": "assistant", "content": "From the left.", "model": "gpt-4"},
    ]
    assert ran.output == "AI: A reduction.\nAI: From the left.\n"
    first, second = ran.world.server.requests
    assert (first.body["model"], first.body["messages"]) == ("gpt-4", [question])
    assert second.body["messages"] == [question, answer, {"role": "user", "content": "And a left fold?"}]
    assert [text for _, text in recorded(ran, "coding-help")] == [
        "What is a fold?",
        "A reduction.",
        "And a left fold?",
        "From the left.",
    ]


def experimented(ran: Ran) -> None:
    assert ran.output == "Branch has 2 messages\n"
    parent = [("user", "Build it."), ("user", "Faster.")]
    assert recorded(ran, "main-project") == parent
    assert recorded(ran, "main-project-experiment") == [*parent, ("user", "Let's try a different approach...")]


def searched(ran: Ran) -> None:
    assert ran["python_sessions"] == ["my-chat", "by-text"]
    assert len(ran["manager"].list_sessions()) == 3


def from_templates(ran: Ran) -> None:
    review, tutor = ran["review_session"], ran["tutor_session"]
    assert review.messages[0]["role"] == "system"
    assert review.messages[0]["content"].startswith("You are an expert code reviewer.")
    assert review.metadata == {"template": "code_review", "created_from_template": True}
    assert tutor.messages[0]["content"].startswith("You are a patient and knowledgeable tutor for Python.")
    assert tutor.metadata == {"template": "tutoring", "subject": "Python"}
    assert [role for role, _ in recorded(ran, "pr-123-review")] == ["system"]


def exported(ran: Ran) -> None:
    session, imported = ran["session"], ran["imported"]
    data = json.loads((ran.world.folder / "session-export.json").read_text("utf-8"))
    assert (data["name"], data["messages"], data["metadata"]) == ("my-chat", GREETING, {"topic": "Python"})
    assert data["created_at"] == session.created_at.isoformat()
    assert (imported.name, imported.messages, imported.metadata) == ("my-chat", GREETING, {"topic": "Python"})
    assert imported.created_at == session.created_at


def own_storage(ran: Ran) -> None:
    manager = ran["manager"]
    assert manager.list_sessions() == []
    session = manager.create_session("kept-nowhere")
    session.add_message(GREETING[0])
    manager.save_session(session)
    assert session.messages == GREETING[:1]
    assert not (ran.world.folder / ".coda").exists()


def enhanced(ran: Ran) -> None:
    (message,) = ran["session"].messages
    assert datetime.fromisoformat(message.pop("timestamp")) <= now()
    assert message == {"role": "user", "content": "Show me Python code", "token_estimate": 4}
    ran["enhanced"].add_message({"role": "assistant", "content": "```python\n1\n```"})
    assert ran["session"].messages[1]["has_code"] is True


def analyzed(ran: Ran) -> None:
    stats = ran["stats"]
    assert (stats["total_sessions"], stats["total_messages"]) == (2, 3)
    assert stats["active_sessions"] == ["other", "my-chat"]
    assert stats["total_size_mb"] > 0
    assert ran.output == f"Total sessions: 2\nStorage used: {stats['total_size_mb']:.1f} MB\n"
    timeline = ran["analytics"].get_activity_timeline()
    assert sum(timeline.values()) == 3
    assert set(timeline) <= {now().date(), (now() - timedelta(days=1)).date()}


def errors_handled(ran: Ran) -> None:
    assert ran.output == "Session not found\n"
    assert ran["session"].name == "my-chat"
    assert issubclass(ran["SessionNotFoundError"], ran["SessionError"])


def with_topic(world: World) -> Mapping[str, Any]:
    """The sessions that the search finds by topic and by text, and one that it does not find."""
    names = sessions(by_text=["I like PYTHON."], unrelated=["I like tea."])(world)
    with SessionManager(FOLDER) as manager:
        manager.load_session("my-chat").update_metadata({"topic": "Python programming"})
    return names


def to_export(world: World) -> Mapping[str, Any]:
    """The session of the quick start, with metadata."""
    with SessionManager(FOLDER) as manager:
        manager.load_session("my-chat").update_metadata({"topic": "Python"})
    return TYPES


TABLE: Table = {
    1: NotRun("a shell command that installs the original from the package index; turnlog has no extra for sessions"),
    2: Run(quick_start),
    3: Signature("base.session"),
    4: Run(branched, after=(2,), given=sessions(project_chat=["Plan it."])),
    5: Run(saved, after=(2,)),
    6: Run(deleted, after=(2,), given=sessions(old_chat=["Old."])),
    7: Run(listed, after=(2,), given=sessions(other=["Hello?"])),
    8: Run(informed, after=(2,)),
    9: Signature("base.session"),
    10: Run(asked, after=(2,), given=sessions()),
    11: Run(limited, after=(2,), given=sessions(my_chat=[f"message {number}" for number in range(12)])),
    12: Run(cleared, after=(2,)),
    13: Run(described, after=(2,)),
    14: Run(counted, after=(2,), given=sessions(my_chat=["many words " * 6000])),
    15: Run(truncated, after=(2,), given=sessions(my_chat=[f"message {number}" for number in range(60)])),
    16: Signature("base.session"),
    17: Run(in_sqlite),
    18: Run(in_memory),
    19: Run(conversed, after=(17,), given=keyboard, replies=("A reduction.", "From the left.")),
    20: Run(experimented, after=(2,), given=sessions(main_project=["Build it.", "Faster."])),
    21: Run(searched, after=(2,), given=with_topic),
    22: Run(from_templates, after=(2,), given=sessions()),
    23: Run(exported, after=(2,), given=to_export),
    24: Run(own_storage, after=(17,), given=lambda _: {**TYPES, "SessionManager": SessionManager}),
    25: Run(enhanced, after=(2,), given=sessions()),
    26: Run(analyzed, after=(2,), given=sessions(other=["Hello?"])),
    27: Run(errors_handled, after=(2,)),
    28: NotRun("settings in TOML and no program; test_the_printed_settings_are_the_defaults has a manager with them"),
}
