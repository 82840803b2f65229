"""A session: branches, and mail between them."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from .... import Message, Store
from .... import Session as OrdinarySession
from ....content import SystemContent
from ....errors import InvalidValueError, NameTakenError
from ....models import ActionManager, LanguageModel
from ..mail import Exchange, MailManager
from ..messages import System
from ..piles import Pile, Progression
from ..protocols import ID, Communicatable, JsonValue, Relational, SenderRecipient, participant, reference, references
from .branch import Branch, ToolLike, all_tools

if TYPE_CHECKING:
    import pandas

__all__ = ["Session"]

COLUMNS = ["role", "content", "sender", "recipient", "created_at", "id", "metadata"]


class Session(Relational, Communicatable):
    """Branches, and mail between them; `turnlog` is the ordinary session, which has the record."""

    turnlog: OrdinarySession

    def __init__(
        self,
        *,
        user: SenderRecipient | None = None,
        name: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        store: Store | str | None = None,
    ) -> None:
        self.turnlog = OrdinarySession(
            user=participant(user), name=name, metadata=metadata, default_branch=None, store=store
        )

    @classmethod
    def open(cls, session_id: str, *, store: Store | str | None = None) -> Self:
        """Return a session that is on the record of a store."""
        session = cls.__new__(cls)
        session.turnlog = OrdinarySession.open(session_id, store=store)
        return session

    def __repr__(self) -> str:
        return f"Session({self.name!r}, branches={len(self.branches)})"

    @property
    def created_at(self) -> datetime:
        """When the session was created, in UTC."""
        return self.turnlog.created_at

    # Branches

    @property
    def branches(self) -> Pile[Branch]:
        """The branches."""
        return Pile(map(Branch.of, self.turnlog.branches))

    @property
    def default_branch(self) -> Branch:
        """The first branch, or the one that was made the default; it is created if there is none."""
        if self.turnlog.find_default_branch() is None:
            with suppress(NameTakenError):  # another thread has just created it
                self.turnlog.create_branch("main")
        return Branch.of(self.turnlog.default_branch)

    def new_branch(
        self,
        system: System | JsonValue = None,
        system_sender: SenderRecipient | None = None,
        system_datetime: bool | str | None = None,
        user: SenderRecipient | None = None,
        name: str | None = None,
        imodel: LanguageModel | str | None = None,
        messages: Iterable[Any] | None = None,
        progress: Progression | Iterable[ID.Ref] | None = None,
        tool_manager: ActionManager | None = None,
        tools: ToolLike | Iterable[ToolLike] | None = None,
        **kwargs: Any,
    ) -> Branch:
        """Create a branch; the first one becomes the default.

        `progress` chooses among the messages, by their ids, or among those of the session. Messages of the session
        are shown on the branch as well, others are added. `kwargs` may be `parse_model`, `metadata`, `capabilities`
        and `resources`.
        """
        first = self._messages(messages, progress)
        if first and isinstance(first[0].content, SystemContent):
            before = first.pop(0)
            if system is None:
                system, system_sender = before.content, before.sender
        share = all(each.session == self.id and not isinstance(each.content, SystemContent) for each in first)
        created = self.turnlog.create_branch(
            name,
            system=system,
            system_sender=participant(system_sender),
            system_datetime=system_datetime,
            user=participant(user),
            model=imodel,
            tools=all_tools(tool_manager, tools),
            messages=[] if share else first,
            share=first if share else [],
            **kwargs,
        )
        return Branch.of(created)

    def remove_branch(self, branch: ID.Ref, delete: bool = False) -> None:
        """Remove a branch; if it was the default, the oldest other one becomes the default.

        It stays on the record, also with `delete`.
        """
        self.turnlog.remove_branch(reference(branch))

    def split(self, branch: ID.Ref) -> Branch:
        """Return a new branch with the messages and tools of another; the messages count as cloned."""
        return Branch.of(self.turnlog.split(reference(branch)))

    async def asplit(self, branch: ID.Ref) -> Branch:
        """Return a new branch with the messages and tools of another; the messages count as cloned."""
        return Branch.of(await self.turnlog.asplit(reference(branch)))

    def change_default_branch(self, branch: ID.Ref) -> None:
        """Make a branch the default."""
        self.turnlog.change_default_branch(reference(branch))

    # Mail

    @property
    def mail_transfer(self) -> Exchange:
        """The mail of the session, as the public API has it."""
        return self.turnlog.mail

    @property
    def mail_manager(self) -> MailManager:
        """Moves mail step by step; `async with mail_manager.sources` keeps other tasks from moving mail."""
        return MailManager(self.branches, self.turnlog.mail)

    def send(self, to_: ID.RefSeq | None = None) -> None:
        """Deliver the mail that branches sent, to some branches or to all."""
        mail, recipients = self.turnlog.mail, references(to_)
        for recipient in recipients or ():
            mail.mailbox(recipient)  # which raises before anything is moved
        with mail.lock:
            mail.collect()
            mail.deliver(recipients)

    def collect(self, from_: ID.RefSeq | None = None) -> None:
        """Deliver the mail that some branches sent, or all, and receive it.

        Messages are added to their recipient, tools registered, and a model is set.
        """
        mail, senders = self.turnlog.mail, references(from_)
        with mail.lock:
            mail.route(senders)
            for branch in self.turnlog.branches:
                for sender in [None] if senders is None else senders:
                    branch.mail.receive(sender)

    def collect_send_all(self, receive_all: bool = False) -> None:
        """Deliver all mail; with `receive_all`, each branch receives its mail."""
        self.turnlog.mail.route(receive=receive_all)

    async def acollect_send_all(self, receive_all: bool = False) -> None:
        """Deliver all mail; with `receive_all`, each branch receives its mail."""
        await self.turnlog.mail.aroute(receive=receive_all)

    # Messages

    def concat_messages(
        self, branches: ID.RefSeq | None = None, exclude_clone: bool = False, exclude_load: bool = False
    ) -> Pile[Message]:
        """Return the messages of some branches or of all, each once, in the order they were recorded."""
        return Pile(self.turnlog.concat_messages(references(branches), exclude_clone, exclude_load))

    def to_df(
        self, branches: ID.RefSeq | None = None, exclude_clone: bool = False, exclude_load: bool = False
    ) -> "pandas.DataFrame":
        """Return the messages as a DataFrame: role, content as text, sender, recipient, created_at, id, metadata."""
        frame = self.turnlog.to_df(references(branches), exclude_clone, exclude_load)
        return frame.drop(columns="content").rename(columns={"text": "content"})[COLUMNS]

    # As a dict

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the session as plain values: its id, and its exact record."""
        return {"id": self.id, "record": b64encode(self.turnlog.record()).decode()}

    @classmethod
    def from_dict(cls, given: Mapping[str, JsonValue], *, store: Store | str | None = None) -> Self:
        """Return the session that `to_dict` wrote."""
        try:
            record = b64decode(given["record"], validate=True)
        except (LookupError, TypeError, ValueError):
            raise InvalidValueError("a session", "cannot be read: pass the dict that to_dict returned") from None
        return cls.open(OrdinarySession.from_record(record, store=store).id, store=store)

    def _messages(self, messages: Iterable[Any] | None, progress: Iterable[ID.Ref] | None) -> list[Message]:
        """The messages that a new branch begins with."""
        if messages is None and progress is None:
            return []
        known: Pile[Any] = self.concat_messages() if messages is None else Pile(messages)
        given = Pile(each if isinstance(each, Message) else Message(each) for each in known)
        return list(given if progress is None else given[Progression(progress)])
