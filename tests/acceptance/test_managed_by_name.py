"""Sessions by name: a manager as chat programs on one machine use it, from the first message to the last export."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnlog import Session, SessionManager
from turnlog.catalogue import SessionInfo
from turnlog.errors import InvalidValueError, KeyTakenError, SessionError, SessionNotFoundError
from turnlog.manager import SessionStorage


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return {"session": {"storage_path": str(tmp_path / "sessions")}}


@pytest.fixture
def manager(config: dict[str, Any]) -> Iterator[SessionManager]:
    with SessionManager(config) as manager:
        yield manager


def test_a_session_is_created_filled_saved_and_there_again_in_another_manager(config: dict[str, Any]) -> None:
    with SessionManager(config) as manager:
        session = manager.create_session("my-chat")
        session.add({"role": "user", "content": "Hello!"})
        session.add({"role": "assistant", "content": "Hi there!"})
        assert session.get_messages() == [
            {"role": "user", "content": "Hello!"},
            {"role": "assistant", "content": "Hi there!"},
        ]
        saved = manager.save(session)
        assert (saved.session_id, saved.position, saved.message_count) == (session.id, 4, 2)

    with SessionManager(config) as manager:
        again = manager.create_session("my-chat")
        assert again == session
        assert again.get_messages(limit=1) == [{"role": "assistant", "content": "Hi there!"}]


def test_the_folder_of_the_sessions_may_be_in_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with SessionManager({"session": {"storage_path": "~/.coda/sessions"}}) as manager:
        manager.create_session("my-chat")

    assert (tmp_path / ".coda/sessions/turnlog.db").is_file()


def test_a_branch_has_the_history_of_the_session_it_comes_from_and_goes_its_own_way(manager: SessionManager) -> None:
    main = manager.create_session("project-chat", user="ada", metadata={"topic": "x"})
    for number in range(3):
        main.add({"role": "user", "content": f"message {number}"})
    branch = manager.create_session("project-chat-v2", branch_from="project-chat")
    assert branch.get_messages() == main.get_messages()
    branch.add({"role": "user", "content": "Let's try a different approach..."})
    manager.save(main)
    manager.save(branch)

    assert len(main.get_messages()) == 3
    assert len(branch.get_messages()) == 4
    assert (branch.user, branch.metadata) == ("ada", {"topic": "x"})
    info = manager.get_session_info("project-chat-v2")
    assert info is not None
    assert (info.message_count, info.user, info.metadata) == (4, "ada", {"topic": "x"})
    assert branch.lineage()[0][0] == main.id


def test_a_branch_is_refused_without_its_origin_and_under_a_name_that_is_taken(manager: SessionManager) -> None:
    manager.create_session("one").add("hello")
    manager.create_session("two").add("hello")

    with pytest.raises(SessionNotFoundError, match="session 'nowhere' does not exist"):
        manager.create_session("three", branch_from="nowhere")
    with pytest.raises(KeyTakenError):
        manager.create_session("two", branch_from="one")
    assert [info.name for info in manager.list_sessions()] == ["one", "two"]
    assert len(manager.create_session("two").get_messages()) == 1


def test_sessions_are_listed_and_known_without_their_messages(manager: SessionManager) -> None:
    session = manager.create_session("my-chat", metadata={"topic": "Python"})
    session.add({"role": "user", "content": "x" * 1000})
    info = manager.get_session_info("my-chat")

    assert isinstance(info, SessionInfo)
    assert (info.name, info.message_count, info.metadata) == ("my-chat", 1, {"topic": "Python"})
    assert (info.created_at, info.updated_at) == (session.created_at, session.updated_at)
    assert 1000 < info.size_bytes < 1500
    assert manager.list_sessions() == [info]
    assert manager.get_session_info("nowhere") is None
    assert manager.get_session_info("") is None
    assert manager.get_session_info(session.id) == info


def test_a_deleted_session_sets_its_name_free(manager: SessionManager) -> None:
    old = manager.create_session("old-chat")
    old.add("hello")
    manager.delete("old-chat")

    assert manager.list_sessions() == []
    assert manager.get_session_info("old-chat") is None
    with pytest.raises(SessionNotFoundError):
        manager.delete("old-chat")
    new = manager.create_session("old-chat")
    assert new.id != old.id
    assert new.get_messages() == []
    assert [info.session_id for info in manager.list_sessions(status="deleted")] == [old.id]


def test_a_session_keeps_what_came_with_its_messages_and_its_metadata(manager: SessionManager) -> None:
    session = manager.create_session("chat")
    said = {"role": "user", "content": "What is Python?", "timestamp": datetime.now().astimezone().isoformat()}
    session.add(said)
    session.add({"role": "assistant", "content": "A language.", "model": "gpt-4"})
    session.update_metadata({"topic": "Python programming", "model": "gpt-4", "tags": ["tutorial", "basics"]})

    assert session.get_messages()[0] == said
    assert session.get_messages()[1]["model"] == "gpt-4"
    assert session.metadata["tags"] == ["tutorial", "basics"]
    assert manager.create_session("chat").metadata == session.metadata


def test_messages_are_cleared_and_truncated_without_being_erased(manager: SessionManager) -> None:
    session = manager.create_session("chat")
    for number in range(60):
        session.add({"role": "user", "content": f"{number}"})
    session.default_branch.truncate(50)
    assert [message["content"] for message in session.get_messages(limit=2)] == ["58", "59"]
    assert len(session.get_messages()) == 50
    session.default_branch.clear()

    assert session.get_messages() == []
    assert len(session.at(61).messages) == 59


def test_a_chat_loop_saves_what_was_said(manager: SessionManager) -> None:
    provider = SimpleNamespace(
        chat=lambda messages, model: SimpleNamespace(content=f"{len(messages)} so far, says {model}")
    )
    session = manager.create_session("coding-help")
    for user_input in ("hello", "again"):
        session.add({"role": "user", "content": user_input})
        response = provider.chat(messages=session.get_messages(), model="gpt-4")
        session.add({"role": "assistant", "content": response.content, "model": "gpt-4"})
    manager.save(session)

    assert [message["content"] for message in session.get_messages()] == [
        "hello",
        "1 so far, says gpt-4",
        "again",
        "3 so far, says gpt-4",
    ]


def test_sessions_are_found_by_topic_as_a_program_would_do_it(manager: SessionManager) -> None:
    manager.create_session("by metadata").update_metadata({"topic": "Learning PYTHON"})
    manager.create_session("by message").add({"role": "user", "content": "Is python slow?"})
    manager.create_session("neither").add({"role": "user", "content": "Good morning"})

    def find_sessions_by_topic(manager: SessionManager, topic: str) -> list[str | None]:
        matching = []
        for session_info in manager.list_sessions():
            if topic.lower() in session_info.metadata.get("topic", "").lower():
                matching.append(session_info.name)
                continue
            session = manager.create_session(str(session_info.name))
            for msg in session.get_messages(limit=10):
                if topic.lower() in msg.get("content", "").lower():
                    matching.append(session_info.name)
                    break
        return matching

    assert find_sessions_by_topic(manager, "python") == ["by metadata", "by message"]
    assert [info.name for info in manager.search("Python")] == ["by message", "by metadata"]
    assert [info.name for info in manager.search("python", limit=1)] == ["by message"]
    assert [info.name for info in manager.search(metadata={"topic": "Learning PYTHON"})] == ["by metadata"]
    assert manager.search("nothing of that kind") == []


def test_tokens_are_counted_about_before_a_limit_is_reached(manager: SessionManager) -> None:
    session = manager.create_session("chat")
    assert session.token_count() == 0
    session.add({"role": "user", "content": "Python is a language. " * 20})
    tokens = session.token_count()
    assert 80 <= tokens <= 120

    for _ in range(40):
        session.add({"role": "assistant", "content": "Python is a language. " * 20})
    assert session.token_count() > 3000
    session.default_branch.truncate(1)
    assert session.token_count() == tokens
    assert manager.create_session("chat").token_count() == tokens


class TemplateSession:
    """Pre-configured sessions, as a program would make them."""

    @staticmethod
    def code_review(manager: SessionManager, name: str) -> Session:
        session = manager.create_session(name)
        text = "You are an expert code reviewer. Analyze code for bugs, security issues, performance, and style."
        session.add({"role": "system", "content": text})
        session.update_metadata({"template": "code_review", "created_from_template": True})
        return session

    @staticmethod
    def tutoring(manager: SessionManager, name: str, subject: str) -> Session:
        session = manager.create_session(name)
        text = f"You are a patient and knowledgeable tutor for {subject}. Use the Socratic method when appropriate."
        session.add({"role": "system", "content": text})
        session.update_metadata({"template": "tutoring", "subject": subject})
        return session


def test_templates_as_a_program_would_make_them(manager: SessionManager) -> None:
    review = TemplateSession.code_review(manager, "pr-123-review")
    tutor = TemplateSession.tutoring(manager, "python-basics", "Python")

    assert [message["role"] for message in review.get_messages()] == ["system"]
    assert tutor.get_messages()[0]["content"].startswith("You are a patient and knowledgeable tutor for Python.")
    assert manager.list_sessions(metadata={"template": "code_review"})[0].name == "pr-123-review"
    assert tutor.metadata == {"template": "tutoring", "subject": "Python"}
    TemplateSession.code_review(manager, "pr-123-review")  # the session has its first one in front: this one is behind
    assert [message.text for message in manager.get("pr-123-review").messages] == [review.messages[0].text] * 2


def test_a_session_is_exported_and_imported_as_a_program_would_do_it(
    manager: SessionManager, tmp_path: Path, config: dict[str, Any]
) -> None:
    session = manager.create_session("to share")
    session.add({"role": "user", "content": "Hello!", "timestamp": "2024-01-01T00:00:00"})
    session.add({"role": "assistant", "content": "Hi!"})
    session.update_metadata({"tags": ["a"]})
    path = tmp_path / "session-export.json"
    data = {
        "name": session.name,
        "messages": session.get_messages(),
        "metadata": session.metadata,
        "created_at": session.created_at.isoformat(),
        "updated_at": session.updated_at.isoformat(),
    }
    with path.open("w") as file:
        json.dump(data, file, indent=2)

    with SessionManager({"session": {"storage_path": str(tmp_path / "elsewhere")}}) as other:
        with path.open() as file:
            data = json.load(file)
        imported = other.create_session(data["name"])
        imported.messages = data["messages"]
        imported.update_metadata(data["metadata"])
        other.save(imported)
        assert imported.get_messages() == session.get_messages()
        assert imported.metadata == session.metadata

    written = manager.export_sessions(tmp_path / "written.json", "to share")
    found = json.loads(written.read_text("utf-8"))
    assert {key: found[key] for key in data} == data
    assert set(found) - set(data) == {"id", "key", "status", "user"}


class Files(SessionStorage):
    """Storage of one's own: a file per session, with what its messages are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, session: Session) -> None:
        data = {"messages": session.get_messages(), "metadata": session.metadata}
        (self.folder / f"{session.name}.json").write_text(json.dumps(data), "utf-8")

    def load(self, name: str) -> Session | None:
        path = self.folder / f"{name}.json"
        if not path.exists():
            return None
        data = json.loads(path.read_text("utf-8"))
        return Session(name=name, messages=data["messages"], metadata=data["metadata"])

    def delete(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink()

    def list_all(self) -> list[SessionInfo]:
        found = []
        for path in sorted(self.folder.glob("*.json")):
            data = json.loads(path.read_text("utf-8"))
            when = datetime.fromtimestamp(path.stat().st_mtime)  # noqa: DTZ006 (as a program for one machine would)
            size = path.stat().st_size
            found.append(SessionInfo(path.stem, len(data["messages"]), when, when, data["metadata"], size))
        return found


def test_sessions_are_kept_in_storage_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    with SessionManager(storage=Files(tmp_path / "kept")) as manager:
        session = manager.create_session("mine")
        session.add({"role": "user", "content": "Hello!", "n": 1})
        session.update_metadata({"topic": "x"})
        manager.save(session)
        assert manager.create_session("mine") == session

    with SessionManager(storage=Files(tmp_path / "kept")) as manager:
        again = manager.get("mine")
        assert again.get_messages() == [{"role": "user", "content": "Hello!", "n": 1}]
        assert [(info.name, info.message_count) for info in manager.list_sessions()] == [("mine", 1)]
        assert manager.get_session_info("mine") == manager.list_sessions()[0]
        branch = manager.create_session("branch", branch_from="mine")
        branch.add("more")
        manager.save(branch)
        assert manager.get_statistics()["total_messages"] == 3
        manager.delete("mine")
        with pytest.raises(SessionNotFoundError):
            manager.get("mine")
        assert len(manager.get("branch").get_messages()) == 2
    assert not (tmp_path / "turnlog.db").exists()


def test_middleware_as_a_program_would_write_it(manager: SessionManager) -> None:
    class SessionMiddleware:
        def __init__(self, session: Session) -> None:
            self.session = session

        def add_message(self, message: dict[str, Any]) -> None:
            if "timestamp" not in message:
                message["timestamp"] = datetime.now().astimezone().isoformat()
            message["token_estimate"] = len(message["content"]) // 4
            if "```" in message["content"]:
                message["has_code"] = True
            self.session.add(message)

    enhanced = SessionMiddleware(manager.create_session("enhanced-chat"))
    enhanced.add_message({"role": "user", "content": "Show me ```python```"})

    (message,) = enhanced.session.get_messages()
    assert (message["token_estimate"], message["has_code"]) == (5, True)


def test_analytics_as_a_program_would_write_them(manager: SessionManager) -> None:
    for number in range(7):
        session = manager.create_session(f"session {number}")
        for _ in range(number):
            session.add({"role": "user", "content": "hello"})
    sessions = manager.list_sessions()
    active_sessions = sorted(sessions, key=lambda s: s.updated_at, reverse=True)[:5]
    stats = {
        "total_sessions": len(sessions),
        "total_messages": sum(s.message_count for s in sessions),
        "total_size_mb": sum(s.size_bytes for s in sessions) / 1024 / 1024,
        "active_sessions": [s.name for s in active_sessions],
    }
    cutoff = datetime.now() - timedelta(days=7)  # noqa: DTZ005 (as a program for one machine would)
    daily_activity: Counter[Any] = Counter()
    for info in sessions:
        if info.updated_at > cutoff:
            daily_activity[info.updated_at.astimezone().date()] += info.message_count

    assert stats["total_messages"] == 21
    assert stats["active_sessions"] == [f"session {number}" for number in (6, 5, 4, 3, 2)]
    assert manager.get_statistics() == stats
    assert manager.get_activity_timeline() == dict(daily_activity)
    assert manager.get_activity_timeline(days=0) == {}
    assert f"Storage used: {stats['total_size_mb']:.1f} MB" == "Storage used: 0.0 MB"


def test_errors_as_a_program_would_handle_them(manager: SessionManager) -> None:
    with pytest.raises(SessionError):
        manager.get("nonexistent")
    with pytest.raises(SessionNotFoundError):
        manager.get("nonexistent")


CONFIGURATION = """
[session]
# Storage backend: "sqlite" or "memory"
backend = "sqlite"
storage_path = "~/.coda/sessions"
message_cache_size = 1000
autosave_interval = 300
connection_pool_size = 5
compress_messages = true
max_session_size = 100
"""


def test_the_configuration_of_the_document_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config.toml").write_text(CONFIGURATION, "utf-8")
    with SessionManager(tomllib.loads(CONFIGURATION)) as manager:
        manager.create_session("chat").add("hello")
    with SessionManager(tmp_path / "config.toml") as manager:
        assert len(manager.create_session("chat").messages) == 1
        assert manager.settings.connection_pool_size == 5


def test_compression_that_is_asked_for_makes_the_file_smaller_and_the_sessions_the_same(tmp_path: Path) -> None:
    text = "It keeps every change as one immutable event, and derives all else. " * 20
    for compress in (True, False):
        config = {"session": {"storage_path": str(tmp_path / f"{compress}.db"), "compress_messages": compress}}
        with SessionManager(config) as manager:
            session = manager.create_session("chat")
            session.add("user", text)
            assert manager.get_session_info("chat").size_bytes > len(text)  # type: ignore[union-attr]  # it is there
        stored = (tmp_path / f"{compress}.db").read_bytes()
        assert (text.encode() in stored) is not compress
        with SessionManager({"session": {"storage_path": str(tmp_path / f"{compress}.db")}}) as manager:
            assert manager.get("chat").get_messages() == [{"role": "user", "content": text}]


def test_a_session_in_memory_is_gone_with_its_manager() -> None:
    with SessionManager({"session": {"backend": "memory"}}) as manager:
        manager.create_session("chat").add("hello")
        assert len(manager.create_session("chat").messages) == 1
    with SessionManager({"session": {"backend": "memory"}}) as manager:
        assert manager.list_sessions() == []


@pytest.mark.parametrize(
    ("method", "arguments", "refusal"),
    [
        ("list_sessions", {"limit": 0}, "expected a number from 1 to 10000"),
        ("list_sessions", {"after": "garbage"}, "the mark of a page"),
        ("list_sessions", {"created_since": "yesterday"}, "a time is 'yesterday': expected a datetime"),
        ("search", {"text": "x", "limit": -1}, "expected a number from 1"),
        ("get_activity_timeline", {"days": -1}, "days is -1"),
        ("archive_inactive", {"days": float("nan")}, "days is nan"),
        ("archive_inactive", {"days": 1e12}, "expected a number from 0 to 365000"),
        ("sweep", {"ttl": 10**30}, "expected whole seconds from 0"),
        ("create_session", {"name": ""}, "a session name has 0 characters"),
        ("create_session", {"branch_from": "x"}, "is given without a name"),
        ("create_session", {"name": "y", "metadata": {"a": float("inf")}}, "metadata holds inf"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    manager: SessionManager, method: str, arguments: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(InvalidValueError, match=refusal):
        getattr(manager, method)(**arguments)
    assert manager.list_sessions() == []


@pytest.mark.parametrize("wrong", [7, object()])
def test_what_is_no_storage_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"without .*: expected a Store, an address or a"):
        SessionManager(store=wrong)
    with pytest.raises(InvalidValueError, match=r"without .*: expected a Store, an address or a"):
        SessionManager(storage=wrong)


def test_a_store_is_given_by_its_address_too(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'x.db'}"
    with SessionManager(store=address) as manager:
        manager.create_session("desk").add("user", "hi")

    assert (tmp_path / "x.db").exists()
    with SessionManager(store=address) as manager:
        assert [message.text for message in manager.create_session("desk").messages] == ["hi"]


class Shelf(SessionStorage):
    """Storage that answers with whatever it is told to, and asks its manager back when it is called."""

    manager: SessionManager | None = None

    def __init__(self, loaded: Any = None, listed: Any = ()) -> None:
        self.loaded, self.listed = loaded, listed
        self.saved: list[str | None] = []

    def save(self, session: Session) -> None:
        if self.manager is not None:
            self.manager.get_session_info("another")
        self.saved.append(session.name)

    def load(self, name: str) -> Session | None:
        return self.loaded  # type: ignore[no-any-return]  # it is what it is

    def delete(self, name: str) -> None:
        pass

    def list_all(self) -> list[SessionInfo]:
        return list(self.listed)


def test_storage_that_answers_with_something_else_is_told_what_is_expected() -> None:
    with SessionManager(storage=Shelf(loaded={"name": "x"}, listed=["x"])) as manager:
        with pytest.raises(InvalidValueError, match="Shelf answers with a dict when it is asked to load a session"):
            manager.get("x")
        with pytest.raises(InvalidValueError, match="Shelf answers with a str when it is asked for what there is"):
            manager.list_sessions()


def test_storage_may_ask_its_manager_while_it_is_called() -> None:
    shelf = Shelf()
    with SessionManager(storage=shelf) as manager:
        shelf.manager = manager
        manager.create_session("one").add("hello")
        manager.create_session("two").add("hello")

    assert sorted(map(str, shelf.saved)) == ["one", "two"]


def test_a_list_of_no_sessions_is_no_session(manager: SessionManager, tmp_path: Path) -> None:
    path = manager.export_sessions(tmp_path / "none.json")

    assert manager.import_sessions(path) == []
    assert manager.list_sessions() == []


def test_a_setting_that_is_misspelled_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_MAX_SESION_SIZE", "1")
    with pytest.raises(InvalidValueError, match="did you mean 'TURNLOG_MAX_SESSION_SIZE'"):
        SessionManager({"session": {"backend": "memory"}})
    monkeypatch.delenv("TURNLOG_MAX_SESION_SIZE")
    monkeypatch.setenv("TURNLOG_MODEL", "openai/gpt-4o-mini")
    monkeypatch.setenv("TURNLOG_OF_SOMEBODY_ELSE", "1")
    SessionManager({"session": {"backend": "memory"}}).close()
