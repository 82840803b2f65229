"""A branch, and the branches of a session as a dict by name."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ... import Branch as OrdinaryBranch
from ... import Session as OrdinarySession
from .history import data_frame

if TYPE_CHECKING:
    import pandas

__all__ = ["Branch", "Branches"]


class Branch:
    """A thread of a session; `turnlog` is the ordinary branch."""

    def __init__(self, branch: OrdinaryBranch) -> None:
        self.turnlog = branch

    def __repr__(self) -> str:
        return f"<Branch {self.name!r}: {len(self.turnlog.messages)} messages>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Branch) and other.turnlog == self.turnlog

    def __hash__(self) -> int:
        return hash(self.turnlog)

    @property
    def name(self) -> str:
        """The name of the branch."""
        return self.turnlog.name

    @property
    def messages(self) -> "pandas.DataFrame":
        """The messages as a DataFrame: node_id, timestamp, role, sender, content."""
        return data_frame(self.turnlog.messages)

    async def chat(
        self,
        instruction: Any = None,
        context: Any = None,
        sender: str | None = None,
        system: Any = None,
        tools: Any = False,
        **settings: Any,
    ) -> str:
        """Send an instruction to the model; return the text of its response.

        `model` is a model of the service, `max_token` and others are settings of the model. `system` replaces the
        system message; `tools` are True for all, or names, or functions.
        """
        if system is not None:
            await self.turnlog.aset_system(system)
        return await self.turnlog.chat(instruction, context=context, sender=sender, tools=tools or None, **settings)


class Branches(Mapping[str, Branch]):
    """The branches of a session by name, in the order they were created."""

    def __init__(self, session: OrdinarySession) -> None:
        self._session = session

    def __getitem__(self, name: str) -> Branch:
        return Branch(self._session.branches[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._session.branches.keys())

    def __len__(self) -> int:
        return len(self._session.branches)

    def __repr__(self) -> str:
        return repr(dict(self))
