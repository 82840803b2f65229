"""How a block of a document is run, compared or left out, and what is checked after it."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import turnlog
from tests.compat.blocks import TOP_NAMES, Block

if TYPE_CHECKING:
    import pytest

    from tests.model_server import ModelServer, Reply


@dataclass
class World:
    """What surrounds a block while it runs."""

    package: ModuleType
    """The package in `turnlog.compat`."""
    server: ModelServer
    """Answers OpenAI and OpenRouter; the model calls of the block are its `requests`."""
    folder: Path
    """The working directory and home directory; the default store is turnlog.db in it."""
    request: pytest.FixtureRequest
    """For fixtures that few blocks need: `request.getfixturevalue("redis_server")`."""


@dataclass
class Ran:
    """What a block left behind."""

    world: World
    names: dict[str, Any]
    output: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def opened(self, session: str) -> turnlog.Session:
        """A session of the default store, opened as an ordinary one."""
        return turnlog.Session.open(session)

    def messages(self, session: str, branch: str | None = None) -> list[tuple[str, str]]:
        """Role and text of the messages of a branch, as an ordinary session has them."""
        ordinary = self.opened(session)
        shown = ordinary.messages if branch is None else ordinary.branches[branch].messages
        return [(message.role.value, message.text) for message in shown]


def nothing(_: World) -> dict[str, Any]:
    """No names and no replacements."""
    return {}


@dataclass(frozen=True)
class Run:
    """Run the block after those before it that it needs, in one namespace, then check what happened."""

    check: Callable[[Ran], None]
    after: tuple[int, ...] = ()
    """The numbers of the blocks that run first."""
    given: Callable[[World], Mapping[str, Any]] = nothing
    """The names that the document uses and nowhere defines."""
    replies: tuple[str | Reply, ...] = ()
    """What the model server answers, to the blocks before it first."""
    replace: Callable[[World], Mapping[str, str]] = nothing
    """Text to replace, where the document cannot run as printed; `because` has the reason."""
    because: str = ""


@dataclass(frozen=True)
class Signature:
    """Compare the functions, classes and attributes that the block declares with those of the package."""

    owner: str
    """The path in the package of what owns the functions or attributes, such as "Session"; "" is the package."""
    replace: Mapping[str, str] = field(default_factory=dict)
    """Text to replace so that Python parses it, as in a lone method."""
    because: str = ""
    abridged: str = ""
    """Why the document leaves parameters out; then names and defaults are compared, and not the order."""


@dataclass(frozen=True)
class NotRun:
    """Nothing to run: the block is no program of the system."""

    reason: str


@dataclass(frozen=True)
class NotBuilt:
    """The package does not exist; the test fails once it does."""


How: TypeAlias = Run | Signature | NotRun | NotBuilt
Table: TypeAlias = Mapping[int, How]


def not_built(count: int) -> Table:
    """The table of a document whose package does not exist."""
    return {number: NotBuilt() for number in range(1, count + 1)}


# Running


class ReplaceTopName(ast.NodeTransformer):
    """Replaces the top package name in imports, and nothing else."""

    def __init__(self, document: str) -> None:
        self._top, self._package = TOP_NAMES.get(document, document), f"turnlog.compat.{document}"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """Import from the package instead."""
        if node.level == 0 and node.module is not None:
            node.module = self._replaced(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """Import the package under the name that the block uses."""
        for alias in node.names:
            if alias.name.partition(".")[0] == self._top:
                assert alias.asname is not None or alias.name == self._top, "import a.b without as is not supported"
                alias.asname, alias.name = alias.asname or alias.name, self._replaced(alias.name)
        return node

    def _replaced(self, module: str) -> str:
        top, dot, rest = module.partition(".")
        return f"{self._package}{dot}{rest}" if top == self._top else module


def source_of(block: Block, replace: Mapping[str, str], because: str) -> str:
    """The text of a block, with the replacements that its table entry explains."""
    source = block.text
    assert bool(replace) == bool(because), f"{block.name}: a replacement needs a reason, and a reason a replacement"
    for printed, instead in replace.items():
        assert printed in source, f"{block.name} does not contain {printed!r}"
        source = source.replace(printed, instead)
    return source


def run_blocks(blocks: Mapping[int, Block], table: Table, number: int, world: World) -> Ran:
    """Run a block of a document, after those it needs, with only the top package name of its imports replaced."""
    how = table[number]
    assert isinstance(how, Run)
    ran, said = Ran(world, {"__name__": "__main__"}), StringIO()

    async def run() -> None:
        for each in (*how.after, number):
            entry = table[each]
            assert isinstance(entry, Run), f"{blocks[each].name} is not run"
            world.server.will(*entry.replies)
            ran.names |= entry.given(world)
            source = source_of(blocks[each], entry.replace(world), entry.because)
            tree = ReplaceTopName(blocks[each].document).visit(ast.parse(source, blocks[each].name))
            code = compile(tree, blocks[each].name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            waiting = eval(code, ran.names)
            if inspect.isawaitable(waiting):
                await waiting

    with redirect_stdout(said):
        asyncio.run(run())
    ran.output = said.getvalue()
    return ran


# Comparing


def signature_faults(block: Block, how: Signature, package: ModuleType) -> list[str]:
    """Where what a block declares differs from what the package has."""
    tree = ast.parse(source_of(block, how.replace, how.because))
    owner = resolve(package, how.owner)
    return [
        fault
        for node in tree.body
        for fault in declaration_faults(node, owner, how.owner, package, abridged=bool(how.abridged))
    ]


def resolve(package: ModuleType, path: str) -> Any:
    """What a dotted path in a package names; "" is the package."""
    found: Any = package
    for part in path.split(".") if path else ():
        found = getattr(found, part)
    return found


def declaration_faults(
    node: ast.stmt, owner: Any, path: str, package: ModuleType, *, abridged: bool = False
) -> Iterator[str]:
    """Where a declared function, class or attribute differs from that of its owner."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if not hasattr(owner, node.name):
                yield f"{path} has no {node.name}"
            else:
                yield from function_faults(node, getattr(owner, node.name), abridged=abridged)
        case ast.ClassDef():
            kind = getattr(owner, node.name, None)
            if not inspect.isclass(kind):
                yield f"{path or package.__name__} has no class {node.name}"
                return
            for base in map(ast.unparse, node.bases):
                if not issubclass(kind, resolve(package, base)):
                    yield f"{node.name} is no {base}"
            for inner in node.body:
                yield from declaration_faults(inner, kind, node.name, package)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=declared):
            yield from attribute_faults(name, ast.unparse(declared), owner, path, package)
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield from attribute_faults(name, None, owner, path, package)
        case _:
            pass


def attribute_faults(name: str, declared: str | None, owner: Any, path: str, package: ModuleType) -> Iterator[str]:
    """Where an attribute differs: whether it is there, and, for a property, the annotation."""
    known = {*dir(owner), *getattr(owner, "__annotations__", ()), *getattr(owner, "__struct_fields__", ())}
    if name not in known:
        yield f"{path} has no attribute {name}"
    found = getattr(owner, name, None)
    if isinstance(found, property) and declared is not None:
        real = inspect.signature(found.fget).return_annotation  # type: ignore[arg-type]  # a property can be read
        if real != eval(declared, vars(package)):
            yield f"{path}.{name} is a {declared} in the document, and a {real} here"


def function_faults(
    declared: ast.FunctionDef | ast.AsyncFunctionDef, real: Any, *, abridged: bool = False
) -> Iterator[str]:
    """Where a declared function differs: parameters, their order and defaults, and whether it is awaited.

    The real one may have more parameters, if they have defaults and come after the declared ones or by keyword only.
    """
    name, function = declared.name, inspect.unwrap(real)
    if isinstance(declared, ast.AsyncFunctionDef) != inspect.iscoroutinefunction(function):
        yield f"{name}: one is async and the other is not"
    parameters = list(inspect.signature(function).parameters.values())
    given = declared.args
    named = [*given.posonlyargs, *given.args]
    if abridged:
        declared_places = {each.arg: number for number, each in enumerate(named)}
        parameters = sorted(
            (each for each in parameters if each.name in declared_places or each.default is each.empty),
            key=lambda each: declared_places.get(each.name, len(named)),
        )
    defaults = [None] * (len(named) - len(given.defaults)) + list(given.defaults)
    for place, (argument, default) in enumerate(zip(named, defaults, strict=True)):
        if place >= len(parameters) or parameters[place].name != argument.arg:
            there = parameters[place].name if place < len(parameters) else "nothing"
            yield f"{name}: argument {place} is {argument.arg} in the document, and {there} here"
            return
        found = parameters[place].default
        if default is None and found is not inspect.Parameter.empty and argument.arg != "self":
            continue  # here it may be left out
        if default is not None and found != ast.literal_eval(default):
            yield f"{name}: {argument.arg} has the default {ast.unparse(default)} in the document, and {found!r} here"
    if given.kwarg is not None and not any(each.kind is each.VAR_KEYWORD for each in parameters):
        yield f"{name} takes no further keyword arguments"
    for extra in parameters[len(named) :]:
        if extra.default is extra.empty and extra.kind not in (extra.VAR_KEYWORD, extra.VAR_POSITIONAL):
            yield f"{name}: {extra.name} is required, and the document does not have it"
