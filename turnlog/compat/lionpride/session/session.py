"""A session: branches, services and operations of one conversation."""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias, TypeVar

from .... import UNCHANGED, Message, Store
from .... import Branch as OrdinaryBranch
from .... import Session as OrdinarySession
from ....content import SystemContent
from ....errors import BranchNotFoundError, InvalidBranchError, InvalidValueError
from ....models import LanguageModel
from ....operations import GenerateParams, OperateParams
from ..base import Element
from ..services import ServiceRegistry
from .branch import Branch
from .messages import SessionBranches, SessionMessages

__all__ = ["Session"]

BranchLike: TypeAlias = Branch | str
"""A branch, its name or its id."""

SystemLike: TypeAlias = Message | SystemContent | str

Access: TypeAlias = Collection[str] | Literal[True] | None
"""True is that of the source, None is nothing."""

D = TypeVar("D")
P = TypeVar("P")


class Session(Element):
    """One conversation with its branches; `turnlog` is the ordinary session, which has the record."""

    def __init__(
        self,
        user: str | None = None,
        *,
        services: ServiceRegistry | None = None,
        default_branch: str | None = None,
        default_generate_model: LanguageModel | str | None = None,
        default_parse_model: LanguageModel | str | None = None,
        default_capabilities: Collection[str] | None = None,
        default_system: SystemLike | None = None,
        metadata: Mapping[str, Any] | None = None,
        store: Store | str | None = None,
    ) -> None:
        self.services = ServiceRegistry() if services is None else services
        if default_branch is None and not (default_system is None and default_capabilities is None):
            default_branch = "main"
        self.turnlog = OrdinarySession(
            _system(default_system),
            user=user,
            metadata=metadata,
            default_branch=default_branch,
            default_capabilities=default_capabilities,
            default_generate_model=self._registered(default_generate_model),
            default_parse_model=self._registered(default_parse_model),
            store=store,
        )

    @classmethod
    def open(
        cls, session_id: str, *, services: ServiceRegistry | None = None, store: Store | str | None = None
    ) -> Self:
        """Return a session that is on the record of a store."""
        session = cls.__new__(cls)
        session.services = ServiceRegistry() if services is None else services
        session.turnlog = OrdinarySession.open(session_id, store=store)
        return session

    def __repr__(self) -> str:
        return f"Session(messages={len(self.messages)}, branches={len(self.branches)})"

    @property
    def id(self) -> str:
        """The id of the session."""
        return self.turnlog.id

    @property
    def user(self) -> str | None:
        """The user of the session."""
        return self.turnlog.user

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of the metadata."""
        return self.turnlog.metadata

    @property
    def created_at(self) -> datetime:
        """When the session was created, in UTC."""
        return self.turnlog.created_at

    @property
    def messages(self) -> SessionMessages:
        """The messages of all branches, by id or place, or those of a branch: `session.messages[branch]`."""
        return SessionMessages(self.turnlog)

    # Branches

    @property
    def branches(self) -> SessionBranches:
        """The branches, by name, id or place."""
        return SessionBranches(self.turnlog)

    @property
    def default_branch(self) -> Branch | None:
        """The default branch, if there is one: the first that was created, or the one that was set."""
        found = self.turnlog.find_default_branch()
        return None if found is None else Branch(self.turnlog.get_branch(found.id))

    def set_default_branch(self, branch: BranchLike) -> None:
        """Make a branch the default."""
        self.turnlog.change_default_branch(_reference(branch))

    def create_branch(
        self,
        *,
        name: str | None = None,
        system: SystemLike | None = None,
        capabilities: Collection[str] | None = None,
        resources: Collection[str] | None = None,
        messages: Iterable[Message] | None = None,
    ) -> Branch:
        """Create a branch. Without `capabilities` or `resources` all are allowed, with an empty set none."""
        created = self.turnlog.create_branch(
            name, system=_system(system), capabilities=capabilities, resources=resources, messages=messages
        )
        return Branch(created)

    def get_branch(self, branch: BranchLike, default: D | None = None) -> Branch | D:
        """Return a branch; if it does not exist, the default, or an error without one."""
        try:
            return Branch(self.turnlog.get_branch(_reference(branch)))
        except (BranchNotFoundError, InvalidBranchError):
            if default is None:
                raise
            return default

    def fork(
        self,
        branch: BranchLike,
        *,
        name: str | None = None,
        capabilities: Access = True,
        resources: Access = True,
        system: SystemLike | Literal[True] | None = True,
    ) -> Branch:
        """Create a branch with the messages of another; nothing is copied.

        True takes access and system message from the source. None allows nothing, and sets no system message.
        """
        forked = self.turnlog.fork(
            _reference(branch),
            name=name,
            capabilities=_access(capabilities),
            resources=_access(resources),
            system=UNCHANGED if system is True else _system(system),
        )
        return Branch(forked)

    def merge(self, source: BranchLike, into: BranchLike, *, strategy: str = "append") -> None:
        """Add the messages that only the source has to another branch."""
        self.turnlog.merge(_reference(source), _reference(into), strategy=strategy)

    # Messages

    def add_message(self, message: Message, branches: BranchLike | Iterable[BranchLike] | None = None) -> Message:
        """Add a message to one branch, several, or the default one; return it as it was recorded.

        A system message becomes the one of each branch. A message of this session is shared, not copied.
        """
        single = isinstance(branches, Branch | str) or branches is None
        places: Iterable[BranchLike | None] = [branches] if single else branches  # type: ignore[assignment, list-item]  # narrowed by `single`
        chosen = [self._ordinary(each) for each in places]
        if not chosen:
            raise InvalidValueError("the branches", "are an empty list: expected one or more, or None for the default")
        if isinstance(message.content, SystemContent):
            for branch in chosen:
                branch.set_system(message.content, sender=message.sender, metadata=message.metadata)
            return chosen[0].messages[0]
        recorded = message if message.id is not None and message.session == self.id else chosen.pop(0).add(message)
        for branch in chosen:
            branch.share([recorded])
        return recorded

    def get_branch_system(self, branch: BranchLike) -> Message | None:
        """Return the system message of a branch."""
        return self._ordinary(branch).system

    def set_branch_system(self, branch: BranchLike, system: SystemLike) -> None:
        """Set the system message of a branch; it replaces the present one."""
        self._ordinary(branch).set_system(_system(system))

    # Services and operations

    def set_default_model(self, model: LanguageModel | str, operation: str = "generate") -> None:
        """Set the model for "generate" or "parse", as an object or by the name of a registered one."""
        found = self.services.find(model) if isinstance(model, str) else model
        chosen = found if isinstance(found, LanguageModel) else model
        self.turnlog.set_model(self._registered(chosen), operation)

    def register_operation(
        self, name: str, function: Callable[[Any, Any], Awaitable[object]], *, override: bool = False
    ) -> None:
        """Add an operation: an async function of a `turnlog.operations.RunContext` and parameters."""
        self.turnlog.operations.register(name, function, override=override)

    async def conduct(
        self, operation: str, branch: BranchLike | None = None, params: object = None, **given: Any
    ) -> Any:
        """Run an operation on a branch, or on the default one, and return its result; a failure is raised."""
        if self.services.tools:
            await self.turnlog.aregister_tools(*self.services.tools)
        where = None if branch is None else _reference(branch)
        return await self.turnlog.operations.run(operation, where, self._with_services(params), **given)

    # As a dict

    def to_dict(self) -> dict[str, Any]:
        """Return the session as plain values: its id, and its exact record."""
        return {"id": self.id, "record": b64encode(self.turnlog.record()).decode()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any], *, store: Store | str | None = None) -> Self:
        """Return the session that `to_dict` wrote, with all that happened in it."""
        if not isinstance(given, Mapping) or not isinstance(given.get("record"), str):
            raise InvalidValueError("a session", "cannot be read: expected the dict that to_dict returns")
        try:
            record = b64decode(given["record"], validate=True)
        except ValueError:
            raise InvalidValueError("a session", "cannot be read: its record is no base64") from None
        return cls.open(OrdinarySession.from_record(record, store=store).id, store=store)

    # Inside

    def _ordinary(self, branch: BranchLike | None) -> OrdinaryBranch:
        return self.turnlog.default_branch if branch is None else self.turnlog.get_branch(_reference(branch))

    def _registered(self, model: LanguageModel | str | None) -> LanguageModel | str | None:
        if isinstance(model, LanguageModel) and not self.services.has(model.name):
            self.services.register(model)
        return model

    def _with_services(self, params: P) -> P:
        """The parameters, with the models that they name taken from the services."""
        if isinstance(params, OperateParams) and params.generate is not None:
            params = replace(params, generate=self._with_services(params.generate))
        if isinstance(params, GenerateParams) and isinstance(params.imodel, str):
            found = self.services.find(params.imodel)
            return replace(params, imodel=found) if isinstance(found, LanguageModel) else params
        return params


def _reference(branch: BranchLike) -> Any:
    """What the ordinary session finds a branch by; one of another session raises there."""
    return branch.turnlog if isinstance(branch, Branch) else branch


def _system(given: SystemLike | None) -> Any:
    return given.content if isinstance(given, Message) else given


def _access(given: Access) -> Any:
    return UNCHANGED if given is True else frozenset() if given is None else given
