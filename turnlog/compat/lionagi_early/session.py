"""A session: a system text, a service, and branches of which the first is "main"."""

from typing import TYPE_CHECKING, Any, Self

from ... import Session as OrdinarySession
from ... import Store
from ...errors import InvalidValueError
from ...models import LanguageModel
from .branch import Branch, Branches
from .history import data_frame

if TYPE_CHECKING:
    import pandas

__all__ = ["Session"]

MAIN = "main"


class Session:
    """One conversation; `turnlog` is the ordinary session, which has the record."""

    def __init__(
        self,
        system: Any = None,
        *,
        service: LanguageModel | str | None = None,
        tools: Any = None,
        name: str | None = None,
        user: str | None = None,
        store: Store | str | None = None,
    ) -> None:
        self.turnlog = OrdinarySession(
            system, default_branch=MAIN, default_generate_model=service, tools=tools, name=name, user=user, store=store
        )

    @classmethod
    def open(cls, session_id: str, *, store: Store | str | None = None) -> Self:
        """Return a session that is on the record of a store."""
        session = cls.__new__(cls)
        session.turnlog = OrdinarySession.open(session_id, store=store)
        return session

    def __repr__(self) -> str:
        return f"<Session {self.id}: branches {', '.join(self.branches)}>"

    @property
    def id(self) -> str:
        """The id of the session."""
        return self.turnlog.id

    @property
    def branches(self) -> Branches:
        """The branches by name; "main" is there from the start."""
        return Branches(self.turnlog)

    @property
    def default_branch(self) -> Branch:
        """The branch that `chat` and `messages` use."""
        return Branch(self.turnlog.default_branch)

    @property
    def messages(self) -> "pandas.DataFrame":
        """The messages of the default branch: node_id, timestamp, role, sender, content."""
        return self.default_branch.messages

    @property
    def all_messages(self) -> "pandas.DataFrame":
        """The messages of all branches, each once, in the order they were recorded."""
        return data_frame(self.turnlog.concat_messages())

    async def chat(self, instruction: Any = None, *args: Any, **given: Any) -> str:
        """Send an instruction to the model on the default branch, as `Branch.chat`; return its text."""
        return await self.default_branch.chat(instruction, *args, **given)

    def new_branch(self, branch_name: str, system: Any = None, tools: Any = None) -> Branch:
        """Create a branch."""
        return Branch(self.turnlog.create_branch(branch_name, system=system, tools=tools))

    def change_default_branch(self, branch: Branch | str) -> None:
        """Make a branch the one that `chat` and `messages` use."""
        self.turnlog.change_default_branch(_reference(branch))

    def merge_branch(self, from_: Branch | str, to_: Branch | str, del_: bool = False) -> None:
        """Add the messages of one branch to another; with `del_`, remove the first."""
        source, target = self.turnlog.get_branch(_reference(from_)), self.turnlog.get_branch(_reference(to_))
        if del_:
            self._require_not_default(source.name)
        self.turnlog.merge(source, target)
        if del_:
            self.turnlog.remove_branch(source)

    def delete_branch(self, branch: Branch | str) -> None:
        """Remove a branch that is not the default one; it stays readable at earlier positions."""
        found = self.turnlog.get_branch(_reference(branch))
        self._require_not_default(found.name)
        self.turnlog.remove_branch(found)

    def _require_not_default(self, name: str) -> None:
        if name == self.default_branch.name:
            raise InvalidValueError(
                "the branch", f"{name!r} is the default: expected another, or another default first"
            )


def _reference(branch: Branch | str) -> Any:
    return branch.turnlog if isinstance(branch, Branch) else branch
