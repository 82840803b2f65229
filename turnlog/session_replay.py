"""Stepping through a session that takes changes, and forking it where one stands."""

from ._session_context import SessionContext
from .branch import Branch
from .branch_view import BranchView
from .replay import Replay
from .session_view import SessionView


class SessionReplay(Replay[SessionView]):
    """A walk through a session that takes changes."""

    def __init__(self, context: SessionContext) -> None:
        super().__init__(context.stream, SessionView)
        self._context = context

    def fork_here(self, branch: BranchView | str | int | None = None, name: str | None = None) -> Branch:
        """A new branch that shows what a branch, or the default one, showed here."""
        there = self.view
        source = there.default_branch if branch is None else there.branches[_reference(branch)]
        return Branch(self._context, source.number).fork(self.position, name)


def _reference(branch: BranchView | str | int) -> str | int:
    return branch.number if isinstance(branch, BranchView) else branch
