"""Sessions to files and back, in the forms that others read and write."""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .._session.names import NameLookup, name_lookup
from ..branch import Branch
from ..domain.errors import InvalidValueError, KeyTakenError, SessionExistsError
from ..domain.json_values import Json, parse_json
from ..domain.message import Message, to_message
from ..domain.state import Status
from ..domain.validation import is_valid_name
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.record_file.io import Target, write_lines
from ..infrastructure.store import Store
from ..projections.catalogue import CatalogueEntry
from ..projections.export import documents
from ..projections.export.chatgpt import Conversation, parse_conversations
from ..projections.export.documents import MORE, DocumentMessage, SessionDocument
from ..projections.prompts.render import offered_tools
from ..session import Session

RECORD = "record"


class ImportPlan(Struct, frozen=True):
    """A session of a JSON document, to be taken over."""

    id: Any
    key: Any
    name: Any
    user: Any
    archived: bool
    messages: list[Any]
    metadata: dict[str, Json]


FORMS: dict[str, Callable[[list[Session]], Iterable[bytes]]] = {
    "json": lambda sessions: [_document([documents.to_json(to_documents(each)) for each in sessions])],
    "markdown": lambda sessions: [documents.to_markdown(to_documents(each)).encode() for each in sessions],
    "html": lambda sessions: [documents.to_html(to_documents(each)).encode() for each in sessions],
    "openai": lambda sessions: map(_openai_line, sessions),
    "sharegpt": lambda sessions: [documents.to_sharegpt_line(to_documents(each)) for each in sessions],
}
"""The forms beside the exact record, and how sessions are told in them."""

SUFFIXES = {".jsonl": RECORD, ".json": "json", ".md": "markdown", ".html": "html"}
SINGLE_SESSION_FORMS = frozenset({"html"})
"""Forms that hold one session."""


def form_of(path: Path, form: str | None) -> str:
    """The form that is asked for, or the one that the file is named for."""
    known = [RECORD, *FORMS]
    if form is None:
        form = SUFFIXES.get(path.suffix)
    if form not in known:
        what = f"is not given, and not told by the file's name {path.name!r}" if form is None else f"is {form!r}"
        raise InvalidValueError("the form", f"{what}: expected one of {', '.join(known)}")
    return form


def to_documents(session: Session) -> SessionDocument:
    """A session as a document tells it: what its default branch shows."""
    names = name_lookup(session)
    return SessionDocument(
        session.name,
        [_document_message(message, names) for message in session.messages],
        session.metadata,
        session.created_at,
        session.updated_at,
        session.id,
        session.key,
        session.user,
        session.status,
    )


def write_documents(target: Target, form: str, sessions: Iterable[Session], *, overwrite: bool = False) -> None:
    """Write sessions to a stream or a file in one of the forms; a file is there when it is complete."""
    found = list(sessions)
    if form in SINGLE_SESSION_FORMS and len(found) != 1:
        raise InvalidValueError(f"the form {form!r}", f"holds one session, and these are {len(found)}: expected one")
    write_lines(target, FORMS[form](found), overwrite=overwrite)


def _openai_line(session: Session) -> bytes:
    """A line for the fine-tuning of a chat model: the session as a prompt, and the tools that were offered in it."""
    return documents.to_openai_line(session.to_chat("openai"), offered_tools(session.messages, "openai"))


def _document_message(message: Message, names: NameLookup) -> DocumentMessage:
    shown = names.message(message)
    chat = dict(message.items())
    by = message.created_at, shown.sender, shown.recipient
    return DocumentMessage(chat, message.text, *by, message.metadata, message.redacted)


def _document(found: list[dict[str, Json]]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(found[0] if len(found) == 1 else found), indent=2) + b"\n"


# Reading


def read_documents(store: Store, text: bytes, name: str | None, replacing: bool) -> list[Session]:
    """The sessions of a JSON file, each put on the record at once, or none if one of them cannot be.

    It may hold a session as `json` writes it, several of them, messages alone, or the conversations of ChatGPT.
    """
    try:
        found = parse_json(text.removeprefix(BOM_UTF8))
    except InvalidValueError as reason:
        raise InvalidValueError("the file", f"cannot be imported: its {reason}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        raise InvalidValueError(
            "the file", f"is no JSON: {reason}; export the session as `record` or `json`, which can be imported"
        ) from None
    if _is_chatgpt(found):
        check_exact(name, replace=replacing)
        return list(_converse(store, found))
    plans = list(_plans(found, name))
    _check_apart(plans)
    for plan in plans:
        _check_free(store, plan, replacing)
    records = [_record(store, plan) for plan in plans]
    return [_load(store, plan, record) for plan, record in zip(plans, records, strict=True)]


def check_exact(name: str | None, *, replace: bool) -> None:
    """Raise for a name, or the wish to replace, where a file decides that itself."""
    for what, given in ("name", name is not None), ("replace", replace):
        if given:
            raise InvalidValueError(
                what, "does not apply to this file: its sessions keep their ids, and none is replaced"
            )


def _is_chatgpt(found: Json) -> bool:
    first = found[0] if isinstance(found, list) and found else found
    return isinstance(first, dict) and "mapping" in first


def _plans(found: Json, name: str | None) -> Iterator[ImportPlan]:
    if found == [] and name is None:  # what an export of no sessions says
        return
    if isinstance(found, list) and all(isinstance(each, dict) and "messages" not in each for each in found):
        found = {"messages": found}
    several = found if isinstance(found, list) else [found]
    for place, each in enumerate(several):
        if not isinstance(each, dict) or not isinstance(each.get("messages"), list):
            raise InvalidValueError(
                f"session {place} of the file", "has no messages: expected a list of dicts under 'messages'"
            )
        metadata = {} if each.get("metadata") is None else each["metadata"]
        if not isinstance(metadata, dict):
            raise InvalidValueError(f"metadata of session {place}", f"are a {type(metadata).__name__}: expected a dict")
        times = {key: each[key] for key in ("created_at", "updated_at") if key in each}
        plan = ImportPlan(
            id=each.get("id"),
            key=each["key"] if "key" in each else each.get("name"),
            name=each.get("name"),
            user=each.get("user"),
            archived=each.get("status") == Status.ARCHIVED.value,
            messages=[_message(message) for message in each["messages"]],
            metadata={**({"imported": times} if times else {}), **metadata},
        )
        yield plan if name is None or len(several) > 1 else replace(plan, id=None, key=name, name=name)


def _message(given: Json) -> Message | Json:
    """A message of a document, with its sender, recipient and metadata; one that was redacted becomes an empty one."""
    if not isinstance(given, dict) or MORE not in given:
        return given
    more = given[MORE]
    if not isinstance(more, dict) or not more.keys() <= {"sender", "recipient", "metadata", "redacted"}:
        raise InvalidValueError(
            f"{MORE!r} of a message", "must be a dict with sender, recipient, metadata and redacted"
        )
    chat = {key: value for key, value in given.items() if key != MORE}
    return to_message(chat, **{key: value for key, value in more.items() if key != "redacted"})


def _check_apart(plans: list[ImportPlan]) -> None:
    """Raise if two sessions of a file have one key or one id."""
    for place, plan in enumerate(plans):
        if plan.key is not None and plan.key in [other.key for other in plans[:place]]:
            raise KeyTakenError(None, str(plan.key), "another session of the file")
        if plan.id is not None and plan.id in [other.id for other in plans[:place]]:
            raise InvalidValueError(f"session {place} of the file", f"has the id {plan.id!r}, as one before it")


def _check_free(store: Store, plan: ImportPlan, replacing: bool) -> None:
    """Raise if a session may not be taken over, since it is there or nothing says which one it replaces."""
    by_key, by_id = _by_key(store, plan), _by_id(store, plan)
    if by_key is not None and (not replacing or (by_id is not None and by_id.session != by_key.session)):
        raise KeyTakenError(None, str(plan.key))
    if by_id is not None and not replacing:
        raise SessionExistsError(by_id.session)
    if replacing and plan.key is None and plan.id is None:
        raise InvalidValueError(
            "replace", "needs a session to replace: the file names neither an id nor a key; give a name"
        )


def _by_key(store: Store, plan: ImportPlan) -> CatalogueEntry | None:
    return None if plan.key is None else store.find_key(plan.key)


def _by_id(store: Store, plan: ImportPlan) -> CatalogueEntry | None:
    """The session that has the id of one of a file; one that was deleted is not brought back, but started anew."""
    entry = None if plan.id is None else store.find_session(plan.id)
    return None if entry is None or entry.status == Status.DELETED.value else entry


def _record(store: Store, plan: ImportPlan) -> bytes:
    """The record of a session of a file, made in memory; raise if it cannot be recorded."""
    id = plan.id if plan.id is None or store.find_session(plan.id) is None else None
    session = Session(
        name=plan.name,
        key=plan.key,
        user=plan.user,
        session_id=id,
        messages=plan.messages,
        metadata=plan.metadata,
        store=Store(MemoryRecorder()),
    )
    if plan.archived:
        session.archive()
    return session.record()


def _load(store: Store, plan: ImportPlan, record: bytes) -> Session:
    there = _by_key(store, plan) or _by_id(store, plan)
    if there is None:
        return Session.from_record(record, store=store)
    session = Session.open(there.session, store=store)
    session.default_branch.replace(plan.messages)
    session.update_metadata(plan.metadata)
    return session


def _converse(store: Store, found: Json) -> Iterator[Session]:
    """Conversations of ChatGPT, each told in memory first, and then taken over whole; those that are there stay."""
    plans = [(str(uuid5(NAMESPACE_URL, f"chatgpt:{each.id}")), each) for each in parse_conversations(found)]
    records = [
        (id, None if store.find_session(id) is not None else _replay(id, conversation)) for id, conversation in plans
    ]
    for id, record in records:
        if record is not None:
            store.import_record(record)
        yield Session.open(id, store=store)


def _replay(id: str, conversation: Conversation) -> bytes:
    memory = Store(MemoryRecorder())
    metadata = {**conversation.metadata, "conversation": conversation.id}
    name = _name(conversation.title)
    session = Session(session_id=id, name=name, metadata=metadata, default_branch=None, store=memory)
    branches: list[Branch] = []
    places: dict[str, Message] = {}
    for line in conversation.lines:
        if line.parent is None or line.after is None:
            branch = session.create_branch()
        else:
            branch = session.fork(branches[line.parent], at=places[line.after])
        branches.append(branch)
        for given, message in zip(line.messages, branch.add_many(line.messages), strict=True):
            places[given["node"]] = message
    return memory.record_of(id)


def _name(title: str | None) -> str | None:
    text = (title or "")[:255].strip()
    if not is_valid_name(text):
        text = "".join(each if each.isprintable() else " " for each in text).strip()
    return text if is_valid_name(text) else None
