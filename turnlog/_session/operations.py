"""The operations of a session: those that were recorded, and running, resuming and redacting them."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from .._models.registry import Operation
from .._operations.flow import Flow, FlowRun, Node
from .._operations.resume import abandon, resume
from .._operations.run import parse_params, run_operation
from ..branch_view import BranchView
from ..domain.errors import InvalidValueError
from ..domain.validation import validate_name
from ..infrastructure.async_methods import awaited
from ..projections.operations import OperationRecord, operation_record, operation_traces
from .context import SessionContext
from .redact import redact_operation


class SessionOperations(Sequence[OperationRecord]):
    """The operations of a session, in the order they started; a sequence of `OperationRecord`."""

    def __init__(self, context: SessionContext, number_of: Callable[[BranchView | str | int | None], int]) -> None:
        self._context, self._number_of = context, number_of

    def __repr__(self) -> str:
        return f"<{len(self)} operations of session {self._context.stream.id}>"

    def __len__(self) -> int:
        return len(self._records())

    def __iter__(self) -> Iterator[OperationRecord]:
        return iter(self._records())

    @overload
    def __getitem__(self, index: int) -> OperationRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[OperationRecord]: ...
    def __getitem__(self, index: int | slice) -> OperationRecord | list[OperationRecord]:
        return self._records()[index]

    def _records(self) -> list[OperationRecord]:
        return [operation_record(each) for each in operation_traces(self._context.stream.events())]

    async def run(
        self, operation: str, branch: BranchView | str | int | None = None, params: object = None, **given: Any
    ) -> Any:
        """Run a built-in or registered operation on a branch, or on the default one.

        It gets `params`, or the keyword arguments. Its failure is recorded and raised.
        """
        number = self._number_of(branch)
        return await run_operation(
            self._context, operation, number, parse_params(self._context, operation, params, given)
        )

    async def run_flow(self, flow: Flow, *, max_concurrent: int | None = None) -> dict[str, Any]:
        """Run the operations of a flow, each after those it depends on; return the results by node.

        A node that fails stops those that depend on it, and no others; then `FlowError` is raised.
        """
        numbers = {name: self._number_of(node.branch) for name, node in flow.nodes.items()}
        names = {id(node): name for name, node in flow.nodes.items()}

        async def run_node(node: Node, before: Mapping[str, Any]) -> Any:
            given = {key: value(before) if callable(value) else value for key, value in node.given.items()}
            return await self.run(node.operation, numbers[names[id(node)]], **given)

        return await FlowRun(flow, run_node, max_concurrent).run()

    def register(self, name: str, function: Callable[[Any, Any], Awaitable[object]], *, override: bool = False) -> None:
        """Add an operation: an async function of a `RunContext` and parameters.

        It belongs to this session object; what it does through its context is recorded.
        """
        validate_name(name, "an operation")
        if name in self._context.registry.operations and not override:
            raise InvalidValueError("an operation", f"{name!r} exists already; use another name, or override=True")
        self._context.registry.operations[name] = Operation(function)

    async def resume(self, operation: OperationRecord | str, params: object = None) -> Any:
        """Continue an operation that was interrupted; its recorded steps are not repeated.

        `params` are needed only where they cannot be recorded, for example a type as response format.
        """
        return await resume(self._context, operation, params)

    def abandon(self, operation: OperationRecord | str, reason: str | None = None) -> None:
        """End an operation that was interrupted."""
        abandon(self._context.stream, operation, reason)

    def redact(self, operation: OperationRecord | str, reason: str | None = None) -> list[int]:
        """Remove parameters, result or error, and the model calls of an operation, for good.

        Its messages are redacted one by one. Return the positions of the redactions.
        """
        return redact_operation(self._context.stream, operation, reason)

    aabandon = awaited(abandon)
    aredact = awaited(redact)
