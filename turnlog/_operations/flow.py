"""Operations that depend on each other, done as soon as what they depend on is there, so many at a time."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import uuid4

import msgspec

from ..branch_view import BranchView
from ..domain.errors import FlowError, InvalidValueError
from ..domain.validation import validate_name
from ..provenance import acting, provenance


class Node(msgspec.Struct, frozen=True):
    """One operation of a flow: on which branch, with what, and after which others."""

    operation: str
    branch: BranchView | str | int | None
    given: Mapping[str, Any]
    after: tuple[str, ...]


class Flow:
    """A plan of operations; a parameter that is a function gets the results of the nodes it depends on, by name."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(
        self,
        name: str,
        operation: str = "communicate",
        *,
        branch: BranchView | str | int | None = None,
        depends_on: Iterable[str] | str = (),
        **given: Any,
    ) -> "Flow":
        """One more operation, and the flow with it."""
        validate_name(name, "a node")
        if name in self.nodes:
            raise InvalidValueError("a node", f"{name!r} is there already: expected another name")
        after = (depends_on,) if isinstance(depends_on, str) else tuple(depends_on)
        self.nodes[name] = Node(operation, branch, given, after)
        return self

    def sorter(self) -> TopologicalSorter[str]:
        """The order of the nodes; one that depends on itself or on what is not there is refused."""
        for name, node in self.nodes.items():
            for other in node.after:
                if other not in self.nodes:
                    raise InvalidValueError(f"node {name!r}", f"depends on {other!r}: expected a node of the flow")
        sorter = TopologicalSorter({name: node.after for name, node in self.nodes.items()})
        try:
            sorter.prepare()
        except CycleError as cycle:
            raise InvalidValueError(
                "the flow", f"goes in a circle: {' -> '.join(cycle.args[1])}; expected none"
            ) from None
        return sorter


class FlowRun:
    """A flow at work."""

    def __init__(self, flow: Flow, do: Callable[[Node, Mapping[str, Any]], Any], at_once: int | None) -> None:
        if at_once is not None and (isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1):
            raise InvalidValueError("max_concurrent", f"is {at_once!r}: expected a number from 1 on, or None")
        self._flow, self._do, self._at_once = flow, do, at_once
        self._sorter = flow.sorter()
        self.results: dict[str, Any] = {}
        self.failed: dict[str, Exception] = {}
        self.skipped: list[str] = []

    async def run(self) -> dict[str, Any]:
        """The results by name; if some failed, these and what depends on them are told by `FlowError`."""
        named = provenance().correlation_id is None
        with acting(correlation_id=f"flow-{uuid4()}") if named else nullcontext():
            await self._all()
        if self.failed:
            told = tuple((name, f"{type(error).__name__}: {error}") for name, error in self.failed.items())
            failure = FlowError(told, tuple(self.skipped), self.results)
            raise failure from next(iter(self.failed.values()))
        return self.results

    async def _all(self) -> None:
        ready: list[str] = list(self._sorter.get_ready())
        doing: dict[asyncio.Task[Any], str] = {}
        try:
            while ready or doing:
                while ready and (self._at_once is None or len(doing) < self._at_once):
                    self._begin(ready.pop(0), doing)
                if doing:
                    done, _ = await asyncio.wait(doing, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        self._record_end(doing.pop(task), task)
                ready += self._sorter.get_ready()
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    def _begin(self, name: str, doing: dict[asyncio.Task[Any], str]) -> None:
        node = self._flow.nodes[name]
        if any(other in self.failed or other in self.skipped for other in node.after):
            self.skipped.append(name)
            self._sorter.done(name)
            return
        before = {other: self.results[other] for other in node.after}
        doing[asyncio.ensure_future(self._do(node, before))] = name

    def _record_end(self, name: str, task: "asyncio.Task[Any]") -> None:
        error = task.exception()
        if isinstance(error, Exception):
            self.failed[name] = error
        elif error is not None:
            raise error
        else:
            self.results[name] = task.result()
        self._sorter.done(name)
