"""The public API as type checkers see it. Checked by mypy and pyright, never run.

`assert_type` fails for another type; an ignored error that no longer occurs fails as well.
"""

from collections.abc import Iterator
from typing import Any, assert_type

import anthropic.types
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from turnlog import Branch, BranchView, Message, Session, SessionManager, SessionView, Store, acting, open_store
from turnlog.catalogue import Listing, SessionInfo
from turnlog.content import MessageDict, MessageRole, Origin
from turnlog.mail import Mail, MailSequence, SessionMail, SessionMailView
from turnlog.manager import SaveResult
from turnlog.projections import AnthropicPrompt, Messages
from turnlog.provenance import with_provenance
from turnlog.stores import RecordedEvent, Verification


def sessions(store: Store) -> None:
    session = Session("Be terse.", name="support", user="ada", store=store)
    assert_type(session, Session)
    assert_type(Session.open(session.id), Session)
    assert_type(session.default_branch, Branch)
    assert_type(session.create_branch("x", capabilities={"chat"}, resources=None), Branch)
    assert_type(session.fork(), Branch)
    assert_type(session.fork("main", at=3, name="retry"), Branch)
    assert_type(session.add({"assistant_response": "yes"}), Message)
    assert_type(session.add("user", "yes"), Message)
    assert_type(session.add(role="user", content="yes"), Message)
    assert_type(session.get_messages(limit=3), list[MessageDict])
    assert_type(session.messages, Messages)
    session.messages = ["yes", ("assistant", "no"), {"role": "user", "content": "why?"}]
    assert_type(session.name, str | None)
    assert_type(session.position, int)
    assert_type(session.events(), Iterator[RecordedEvent])

    Session("Be terse.", "support")  # type: ignore[call-arg]  # must be an error
    session.add(5)  # type: ignore[arg-type]  # must be an error
    session.frobnicate()  # type: ignore[attr-defined]  # must be an error
    session.position = 3  # type: ignore[misc]  # must be an error


def branches(session: Session) -> None:
    branch = session.branches["x"]
    assert_type(branch, Branch)
    assert_type(session.branches[0], Branch)
    assert_type(session.branches.get("x"), Branch | None)
    assert_type(session.branches.keys(), list[str])
    assert_type(session.branches.items(), list[tuple[str, Branch]])
    assert_type(next(iter(session.branches)), Branch)
    assert_type(branch.add("x"), Message)
    assert_type(branch.add_many(["x", {"instruction": "y"}]), list[Message])
    assert_type(branch.fork(at=branch.messages[0], name="x"), Branch)
    assert_type(branch.capabilities, frozenset[str] | None)

    branch.add("x", sneder="ada")  # type: ignore[call-arg]  # must be an error
    branch.frobnicate()  # type: ignore[attr-defined]  # must be an error


def messages(branch: Branch) -> None:
    shown = branch.messages
    assert_type(shown, Messages)
    assert_type(shown[0], Message)
    assert_type(shown[1:], Messages)
    assert_type(shown.last(3), Messages)
    assert_type(next(iter(shown)), Message)
    assert_type(branch.system, Message | None)
    message = shown[0]
    assert_type(message.text, str)
    assert_type(message.role, MessageRole)
    assert_type(message.origin, Origin)
    assert_type(message.position, int | None)

    message.text = "x"  # type: ignore[misc]  # must be an error


def views(session: Session) -> None:
    past = session.at(3)
    assert_type(past, SessionView)
    assert_type(past.branches["x"], BranchView)
    assert_type(past.branches["x"].messages[0], Message)
    assert_type(past.default_branch, BranchView)
    assert_type(session.default_branch.at(3), BranchView)

    past.add("x")  # type: ignore[attr-defined]  # must be an error
    past.default_branch.add("x")  # type: ignore[attr-defined]  # must be an error


async def twins(session: Session, branch: Branch) -> None:
    assert_type(await branch.aadd("x", sender="ada"), Message)
    assert_type(await branch.aadd_many(["x"]), list[Message])
    assert_type(await branch.afork(at=3), Branch)
    assert_type(await session.afork("main", at=3, name="x"), Branch)
    assert_type(await session.acreate_branch(), Branch)
    await session.arename(None)

    await branch.aadd("x", sneder="ada")  # type: ignore[call-arg]  # must be an error
    await branch.aadd(5)  # type: ignore[arg-type]  # must be an error
    await session.arename()  # type: ignore[call-arg]  # must be an error


async def mail(session: Session, branch: Branch) -> None:
    assert_type(branch.mail.send(branch, "x", category="message"), Mail)
    assert_type(branch.mail.receive(), list[Mail])
    assert_type(branch.mail.inbox[0], Mail)
    assert_type(branch.mail.inbox[1:], MailSequence)
    assert_type(session.mail.collect(senders=[branch, "x", 0]), int)
    assert_type(session.mail.pop("user"), Mail | None)
    assert_type(session.mail, SessionMail)
    assert_type(session.at(3).mail, SessionMailView)
    assert_type(await session.mail.aroute(receive=True), int)
    assert_type(await session.mail.asend("user", branch, {"x": 1}), Mail)
    assert_type(session.mail.route(), int)

    branch.mail.send(branch, "data", "x")  # type: ignore[call-arg]  # must be an error
    session.mail.send("user", branch, "x", "town")  # type: ignore[call-arg]  # must be an error
    session.at(3).mail.send("user", None, 1)  # type: ignore[attr-defined]  # must be an error
    await session.mail.aroute(receive="x")  # type: ignore[arg-type]  # must be an error


def stores() -> None:
    with open_store() as store:
        assert_type(store, Store)
        assert_type(store.verify(), Verification)
        assert_type(store.read_all(), list[RecordedEvent])


def managers(store: Store) -> None:
    with SessionManager({"session": {"backend": "memory"}}) as manager:
        assert_type(manager.create_session("x", branch_from="y", user="ada"), Session)
        assert_type(manager.get_session_info("x"), SessionInfo | None)
        assert_type(manager.list_sessions(limit=5), Listing)
        assert_type(manager.save(manager.get("x")), SaveResult)

        manager.create_session("x", "y", "ada")  # type: ignore[call-arg]  # must be an error
        SessionManager(storage=5)  # type: ignore[arg-type]  # must be an error


def clients(branch: Branch, completion: ChatCompletion, blocks: anthropic.types.Message, items: Response) -> None:
    assert_type(branch.add(completion.choices[0].message), Message)
    assert_type(branch.add(blocks), Message)
    assert_type(branch.add(blocks.content), Message)
    assert_type(branch.add(("assistant", blocks.content)), Message)
    assert_type(branch.add(items), Message)
    assert_type(branch.add(items.output), Message)
    assert_type(branch.add_many(items.output), list[Message])
    assert_type(branch.to_chat(), list[dict[str, Any]])
    assert_type(branch.to_chat("openai-responses"), list[dict[str, Any]])
    assert_type(branch.to_chat("anthropic"), AnthropicPrompt)
    assert_type(branch.to_chat("plain"), list[dict[str, str]])
    assert_type(branch.to_chat(format="plain", last=3), list[dict[str, str]])

    branch.add(7)  # type: ignore[arg-type]  # must be an error


def provenance(branch: Branch) -> None:
    with acting(actor="ada", correlation_id="run", causation=3):
        add = with_provenance(branch.add)
    assert_type(add("x", sender="ada"), Message)

    add("x", sneder="ada")  # type: ignore[call-arg]  # must be an error
    acting("ada")  # type: ignore[call-arg]  # must be an error


def lookup(session: Session) -> None:
    assert_type(session.get_branch("main"), Branch)
    assert_type(session.get_branch("main", None), Branch | None)
    assert_type(session.at(3).get_branch("main"), BranchView)
    assert_type(session.at(3).get_branch("main", None), BranchView | None)
    assert_type(session.branches["main"], Branch)
