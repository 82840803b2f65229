"""Every code block of the five documents: run with only the top package name of its imports replaced, or compared."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest

from tests.compat.blocks import DOCUMENTS, Block, extract, stored_blocks, stored_digests, written
from tests.compat.running import (
    How,
    NotBuilt,
    NotRun,
    ReplaceTopName,
    Run,
    Signature,
    Table,
    World,
    declaration_faults,
    function_faults,
    run_blocks,
    signature_faults,
    source_of,
)
from tests.compat.tables.coda import TABLE as CODA
from tests.compat.tables.lionagi import TABLE as LIONAGI
from tests.compat.tables.lionagi_early import TABLE as LIONAGI_EARLY
from tests.compat.tables.lionpride import TABLE as LIONPRIDE
from tests.compat.tables.pyai import TABLE as PYAI
from tests.model_server import ModelServer
from turnlog import open_store

TABLES: dict[str, Table] = {
    "lionpride": LIONPRIDE,
    "lionagi": LIONAGI,
    "coda": CODA,
    "pyai": PYAI,
    "lionagi_early": LIONAGI_EARLY,
}
BLOCKS = {document: {block.number: block for block in stored_blocks(document)} for document in DOCUMENTS}
COUNTS = {"lionpride": 1, "lionagi": 34, "coda": 28, "pyai": 12, "lionagi_early": 6}


H = TypeVar("H", bound=How)


def entries(kind: type[H]) -> list[tuple[Block, H]]:
    """The blocks whose table entry is of a kind."""
    return [
        (BLOCKS[document][number], how)
        for document, table in TABLES.items()
        for number, how in table.items()
        if isinstance(how, kind)
    ]


def package(document: str) -> ModuleType:
    """The package of a document's system."""
    return import_module(f"turnlog.compat.{document}")


# The table


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_in_the_table(document: str) -> None:
    assert list(BLOCKS[document]) == list(range(1, COUNTS[document] + 1))
    assert sorted(TABLES[document]) == sorted(BLOCKS[document])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_blocks_are_as_they_were_extracted(document: str) -> None:
    blocks = list(BLOCKS[document].values())

    assert [block.digest for block in blocks] == stored_digests(document)
    assert extract(document, written(blocks)) == blocks


def test_a_block_that_is_not_run_has_a_reason() -> None:
    reasons = [how.reason for _, how in entries(NotRun)]

    assert [reason for reason in reasons if len(reason) < 20] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_package_that_exists_is_tested(document: str) -> None:
    built = find_spec(f"turnlog.compat.{document}") is not None

    assert built == (not any(isinstance(how, NotBuilt) for how in TABLES[document].values()))


# The blocks


@pytest.mark.parametrize("block", [block for block, _ in entries(Run)], ids=lambda block: block.name)
def test_a_block_runs_as_printed(
    block: Block, server: ModelServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    world = World(package(block.document), server, tmp_path, request)
    ran = run_blocks(BLOCKS[block.document], TABLES[block.document], block.number, world)

    how = TABLES[block.document][block.number]
    assert isinstance(how, Run)
    how.check(ran)
    assert server.replies == []
    for database in tmp_path.rglob("*.db"):
        with open_store(database) as store:
            assert store.verify().faults == ()


def test_declarations_have_the_signatures_of_the_documents() -> None:
    faults = [
        f"{block.name}: {fault}"
        for block, how in entries(Signature)
        for fault in signature_faults(block, how, package(block.document))
    ]

    assert faults == []


def test_only_a_block_with_an_error_or_an_address_is_changed() -> None:
    for block, how in entries(Run):
        if how.because and "://" not in block.text:
            with pytest.raises(SyntaxError):
                ast.parse(block.text)


# The harness itself


@pytest.mark.parametrize(
    ("printed", "run"),
    [
        ("from coda.base.session import A", "from turnlog.compat.coda.base.session import A"),
        ("from coda import A as B", "from turnlog.compat.coda import A as B"),
        ("import coda as c", "import turnlog.compat.coda as c"),
        ("import coda", "import turnlog.compat.coda as coda"),
        ("import coda.base as b", "import turnlog.compat.coda.base as b"),
        ("from codas import A", "from codas import A"),
        ("print('from coda import A')", "print('from coda import A')"),
    ],
)
def test_only_the_top_name_of_imports_is_replaced(printed: str, run: str) -> None:
    assert ast.unparse(ReplaceTopName("coda").visit(ast.parse(printed))) == run


def takes(a: object, b: int = 1, *, c: int = 2) -> None: ...


@pytest.mark.parametrize(
    ("declared", "faults"),
    [
        ("def takes(a, b=1): ...", 0),
        ("def takes(a): ...", 0),
        ("def takes(b, a): ...", 1),
        ("def takes(a, b=2): ...", 1),
        ("def takes(a, b=1, d=None): ...", 1),
        ("def takes(a, b=1, **more): ...", 1),
        ("def takes(): ...", 1),
        ("async def takes(a, b=1): ...", 1),
    ],
)
def test_a_signature_that_differs_is_found(declared: str, faults: int) -> None:
    (node,) = ast.parse(declared).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)

    assert len(list(function_faults(node, takes))) == faults


def test_an_abridged_signature_may_leave_parameters_out() -> None:
    (node,) = ast.parse("def takes(a, c=2): ...").body
    assert isinstance(node, ast.FunctionDef)

    assert list(function_faults(node, takes, abridged=True)) == []
    assert len(list(function_faults(node, takes))) == 1


@pytest.mark.parametrize(
    ("declared", "faults"),
    [
        ("class Session(Element, Communicatable): ...", []),
        ("class Session(Node): ...", ["Session is no Node"]),
        ("class Sessions: ...", ["turnlog.compat.lionagi has no class Sessions"]),
        ("class Session:\n    def send(self, to_=None): ...", []),
        ("class Session:\n    def send(self, to=None): ...", ["send: argument 1 is to in the document, and to_ here"]),
        ("class Session:\n    branches: Pile[Branch] = 1", []),
        ("class Session:\n    colour = 1", ["Session has no attribute colour"]),
    ],
)
def test_a_class_that_differs_is_found(declared: str, faults: list[str]) -> None:
    (node,) = ast.parse(declared).body
    lionagi = package("lionagi")

    assert list(declaration_faults(node, lionagi, "", lionagi)) == faults


def test_a_property_with_another_annotation_is_found() -> None:
    (node,) = ast.parse("branches: Pile[Session] = 1").body
    lionagi = package("lionagi")

    (fault,) = declaration_faults(node, lionagi.Session, "Session", lionagi)
    assert fault.startswith("Session.branches is a Pile[Session] in the document")


def test_a_replacement_without_a_reason_is_found() -> None:
    block = Block("coda", 1, "python", "a.")

    with pytest.raises(AssertionError, match="needs a reason"):
        source_of(block, {"a.": "a"}, "")
    with pytest.raises(AssertionError, match="does not contain"):
        source_of(block, {"b": "a"}, "a reason")
    assert source_of(block, {"a.": "a"}, "a reason") == "a"
