"""What a session does with models and tools: conducts operations on its branches, goes on with them, does them over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

from ._as_of import AsOf
from ._branch_operations import register_tools, set_model
from ._models.imodel import LanguageModel
from ._models.tools import Tool
from ._operations.builtin import OPERATIONS
from ._operations.flow import Flow, FlowRun, Node
from ._operations.operate import OperationResult
from ._operations.params import InstructionLike
from ._operations.rerun import BranchComparison, compare_branches, rerun
from ._operations.resume import abandon, resume
from ._operations.run import parse_params, run_operation
from ._redact import redact_operation
from ._session_context import SessionContext
from ._stream import SessionStream
from .branch import Branch
from .branch_view import BranchView
from .domain.errors import InvalidValueError
from .domain.message import ContentGiven, Message
from .domain.validation import validate_name
from .infrastructure.async_methods import awaited, awaited_read
from .projections.operations import OperationRecord, operation_record, operation_traces


class SessionOperations:
    """A session at work. Talking to the session is talking to its default branch."""

    _context: SessionContext
    _stream: SessionStream
    default_branch: Any
    _branch: Callable[[int], Any]
    _number_now: Callable[[Any], int]

    async def conduct(
        self, operation: str, branch: BranchView | str | int | None = None, params: object = None, **given: Any
    ) -> Any:
        """Does an operation, of the house or one that was registered, on a branch, or the default one.

        It gets `params`, or what is given by name. Its failure is raised, and is on the record.
        """
        number = self._number_of(branch)
        return await run_operation(
            self._context, operation, number, parse_params(self._context, operation, params, given)
        )

    async def chat(self, instruction: InstructionLike = None, **given: Any) -> str:
        """Says something to the model on the default branch, and what it answers."""
        text: str = await self.default_branch.chat(instruction, **given)
        return text

    async def communicate(self, instruction: InstructionLike = None, **given: Any) -> Any:
        """Says something to the model on the default branch: its text, or a value of the `response_format`."""
        return await self.default_branch.communicate(instruction, **given)

    def stream(self, instruction: InstructionLike = None, **given: Any) -> AsyncIterator[str]:
        """Says something to the model on the default branch: the text of the answer piece by piece."""
        pieces: AsyncIterator[str] = self.default_branch.stream(instruction, **given)
        return pieces

    async def operate(self, instruction: InstructionLike = None, **given: Any) -> OperationResult:
        """Has the model do something on the default branch."""
        done: OperationResult = await self.default_branch.operate(instruction, **given)
        return done

    def register_operation(
        self, name: str, function: Callable[[Any, Any], Awaitable[object]], *, override: bool = False
    ) -> None:
        """Takes in an operation of one's own: an async function of its `Work` and its parameters.

        It belongs to this handle; what it does through its work is on the record.
        """
        validate_name(name, "an operation")
        if (name in OPERATIONS or name in self._context.registry.operations) and not override:
            raise InvalidValueError(
                "an operation", f"{name!r} is there already: expected another name, or override=True"
            )
        self._context.registry.operations[name] = function

    def set_model(self, model: LanguageModel | str | None, purpose: str = "generate") -> None:
        """The model that branches without one of their own use for a purpose from here on."""
        set_model(self._context, model, purpose, None)

    def register_tools(self, *tools: Tool | Callable[..., object] | Iterable[Tool | Callable[..., object]]) -> None:
        """Puts tools in reach of all branches; in a session that was opened anew, puts them at hand again."""
        register_tools(self._context, tools, None)

    # What was done

    @property
    def operations(self) -> list[OperationRecord]:
        """All operations of this session, in the order they began: what became of each."""
        return [operation_record(each) for each in operation_traces(self._stream.events())]

    async def resume(self, operation: OperationRecord | str, params: object = None) -> Any:
        """Goes on with an operation that was interrupted: what it had done is taken from the record, not done again.

        `params` are needed only where the record cannot have them, as for a type that is wanted.
        """
        return await resume(self._context, operation, params)

    def abandon(self, operation: OperationRecord | str, reason: str | None = None) -> None:
        """Ends an operation that was interrupted."""
        abandon(self._stream, operation, reason)

    def redact_operation(self, operation: OperationRecord | str, reason: str | None = None) -> list[int]:
        """Remove the parameters of an operation, its result or error, and the calls of models that it led to, for good.

        The messages that it left are redacted by themselves. Returns the positions of the redactions.
        """
        return redact_operation(self._stream, operation, reason)

    async def rerun(
        self,
        branch: BranchView | str | int | None = None,
        at: AsOf | None = None,
        *,
        model: LanguageModel | str | None = None,
        tools: str = "recorded",
        edits: Mapping[Message | int | str, Message | ContentGiven] | None = None,
        name: str | None = None,
    ) -> Branch:
        """Forks a branch at a moment and does the same over on the fork, which it answers with.

        Without `model` what was asked before is answered from the record, so the same comes of it without any
        network; from the first difference on, the branch's own model is asked. With `model`, that one is asked all
        along. `edits` has other contents for messages. Results of tools are recorded ones, or "live".
        """
        number = self._number_of(branch)
        fork = await rerun(self._context, number, at, model=model, tools=tools, edits=edits or {}, name=name)
        done: Branch = self._branch(fork)
        return done

    async def flow(self, flow: Flow, *, max_concurrent: int | None = None) -> dict[str, Any]:
        """Does the operations of a flow, each when those it depends on are done: the results by the nodes' names.

        A node that fails stops those that depend on it, and no others; then all of that is raised as `FlowError`.
        """
        numbers = {name: self._number_of(node.branch) for name, node in flow.nodes.items()}
        names = {id(node): name for name, node in flow.nodes.items()}

        async def do(node: Node, before: Mapping[str, Any]) -> Any:
            given = {key: value(before) if callable(value) else value for key, value in node.given.items()}
            return await self.conduct(node.operation, numbers[names[id(node)]], **given)

        return await FlowRun(flow, do, max_concurrent).run()

    def _number_of(self, branch: BranchView | str | int | None) -> int:
        number: int = self.default_branch.number if branch is None else self._number_now(branch)
        return number

    def compare(self, left: BranchView | str | int, right: BranchView | str | int) -> BranchComparison:
        """Two lines beside each other: how they differ, and what each has used."""
        return compare_branches(self._context, self._number_now(left), self._number_now(right))

    aset_model = awaited(set_model)
    aregister_tools = awaited(register_tools)
    aabandon = awaited(abandon)
    aredact_operation = awaited(redact_operation)
    acompare = awaited_read(compare)
