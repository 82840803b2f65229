"""The architecture: what is packaged, which way imports point, and how large the public API is.

Each rule of imports is a function from source to faults. It is applied to the four packages, and to small wrong
sources, so that a rule that no longer finds anything is noticed.
"""

import ast
import inspect
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import turnlog
import turnlog._api

ROOT = Path(__file__).parents[2]
PACKAGE = "turnlog"
PACKAGES = ("domain", "projections", "infrastructure", PACKAGE)  # each may import itself and those before it

FRAMES = frozenset({"duckdb", "pandas", "polars", "pyarrow"})
FILES_AND_DRIVERS = frozenset(
    {
        *("fileinput", "glob", "io", "mmap", "os", "pathlib", "shutil", "tempfile"),
        *("dbm", "eventsourcing", "httpx", "psycopg", "redis", "sqlite3", "structlog"),
        *("http", "multiprocessing", "select", "socket", "ssl", "subprocess"),
    }
)
CLOCKS_RANDOMNESS_AND_THREADS = frozenset({"asyncio", "importlib", "random", "secrets", "threading", "time"})
IMPURE_NAMES = frozenset(
    {
        *(
            "datetime.date.today",
            "datetime.datetime.now",
            "datetime.datetime.today",
            "datetime.datetime.utcnow",
        ),
        *("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"),
    }
)
IMPURE_BUILTINS = frozenset({"__import__", "input", "open", "print"})


# --- The package table ------------------------------------------------------------------------------------


def setuptools_table() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    return table


def package_files(pattern: str) -> list[Path]:
    """Files of the four packages, relative to the root; links are not followed."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob(pattern)]
    linked = [ROOT / PACKAGE / package for package in PACKAGES if package != PACKAGE]
    return sorted(path.relative_to(ROOT) for path in found if not any(path.is_relative_to(link) for link in linked))


def checked_files() -> list[Path]:
    """Every Python file that ruff and mypy check, relative to the root."""
    others = [path.relative_to(ROOT) for folder in ("tests", "scripts") for path in (ROOT / folder).rglob("*.py")]
    return package_files("*.py") + sorted(others)


def package_of(folder: Path) -> str:
    parts = folder.parts if folder.parts[0] == PACKAGE else (PACKAGE, *folder.parts)
    return ".".join(parts)


def test_the_package_table_lists_every_package_on_disk_and_no_other() -> None:
    on_disk = {package_of(path.parent): path.parent.as_posix() for path in package_files("__init__.py")}

    assert setuptools_table()["package-dir"] == on_disk
    assert setuptools_table()["packages"] == sorted(on_disk)


def test_every_folder_with_code_is_a_package() -> None:
    assert [path for path in package_files("*.py") if not (ROOT / path.parent / "__init__.py").exists()] == []


def test_every_package_has_its_link() -> None:
    links = {path.name: path.readlink().as_posix() for path in (ROOT / PACKAGE).iterdir() if path.is_symlink()}

    assert links == {package: f"../{package}" for package in PACKAGES if package != PACKAGE}


def test_the_root_is_not_a_package() -> None:
    assert not (ROOT / "__init__.py").exists()


def test_package_data_covers_every_file_that_is_not_code() -> None:
    covered = setuptools_table()["package-data"]
    data = [path for path in package_files("*") if (ROOT / path).is_file() and path.suffix not in {".py", ".pyc"}]
    left_out = []
    for path in data:
        package = next(folder for folder in path.parents if (ROOT / folder / "__init__.py").is_file())
        globs = covered.get(package_of(package), ())
        if not any(fnmatch(path.relative_to(package).as_posix(), glob) for glob in globs):
            left_out.append(path)

    assert Path(PACKAGE, "py.typed") in data
    assert left_out == []


def test_nothing_is_packaged_that_the_table_does_not_name() -> None:
    assert setuptools_table()["include-package-data"] is False


# --- The arrows -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One imported module, and whether importing the file imports it too."""

    line: int
    module: str
    relative: bool
    deferred: bool


def imports_of(path: Path, tree: ast.AST, deferred: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(node.lineno, alias.name, relative=False, deferred=deferred)
            case ast.ImportFrom():
                for module in modules_named(path, node):
                    yield Import(node.lineno, module, relative=node.level > 0, deferred=deferred)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from imports_of(path, node, deferred=True)
            case ast.If() if ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
                yield from imports_of(path, ast.Module(node.body, []), deferred=True)
                yield from imports_of(path, ast.Module(node.orelse, []), deferred)
            case _:
                yield from imports_of(path, node, deferred)


def modules_named(path: Path, node: ast.ImportFrom) -> list[str]:
    """The absolute names of what a `from` statement imports: `from . import a` may name modules."""
    if node.level == 0:
        return [node.module or ""]
    package = package_of(path.parent).split(".")
    base = package[: len(package) - node.level + 1]
    if node.module:
        return [".".join([*base, node.module])]
    return [".".join([*base, alias.name]) for alias in node.names]


def package_part(module: str) -> str:
    """Which of the four packages a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in PACKAGES else PACKAGE


def import_faults(path: Path, source: str) -> list[str]:
    package = path.parts[0]
    return [
        f"{path}:{found.line}: {fault}"
        for found in imports_of(path, ast.parse(source))
        if (fault := import_fault(package, found))
    ]


def import_fault(package: str, found: Import) -> str | None:
    if found.relative:
        return direction_fault(package, found.module)
    top = found.module.split(".")[0]
    if top in PACKAGES:
        return f"`{found.module}` is part of the package: import it relatively"
    if package in {"domain", "projections"}:
        return purity_fault(package, top, found.deferred)
    return None


def direction_fault(package: str, module: str) -> str | None:
    if module.split(".")[0] != PACKAGE:
        return "a relative import leaves the package"
    target = package_part(module)
    if PACKAGES.index(target) > PACKAGES.index(package):
        return f"{package} must not import {target} ({module})"
    return None


def purity_fault(package: str, top: str, deferred: bool) -> str | None:
    """Imports that the two pure packages must not have."""
    forbidden = FILES_AND_DRIVERS | CLOCKS_RANDOMNESS_AND_THREADS if package == "domain" else FILES_AND_DRIVERS
    if top in forbidden:
        return f"{package} must not import {top}"
    if top in sys.stdlib_module_names or top == "msgspec":
        return None
    if package == "domain" or top not in FRAMES:
        return f"{package} may import the standard library and msgspec, not {top}"
    if not deferred:
        return f"{top} is optional: import it in the function that needs it"
    return None


def purity_faults(path: Path, source: str) -> list[str]:
    """Uses of clocks, randomness and I/O, under whatever name they were imported."""
    tree = ast.parse(source)
    imported = imported_names(tree)
    faults: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and (name := dotted_name(node, imported)) in IMPURE_NAMES:
            faults.append(f"{path}:{node.lineno}: {name} must come in as an argument")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS:
            faults.append(f"{path}:{node.lineno}: {node.func.id}() reaches outside")
    return faults


def imported_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted_name(node: ast.AST, imported: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return imported.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted_name(value, imported)}.{attr}"
        case _:
            return ""


@pytest.mark.parametrize("path", package_files("*.py"), ids=Path.as_posix)
def test_imports_point_one_way(path: Path) -> None:
    assert import_faults(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "path", [path for path in package_files("*.py") if path.parts[0] == "domain"], ids=Path.as_posix
)
def test_the_domain_uses_no_clock_no_randomness_and_no_io(path: Path) -> None:
    assert purity_faults(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("domain/a.py", "from ..projections import views", "domain must not import projections"),
        ("domain/a.py", "from .. import infrastructure", "domain must not import infrastructure"),
        ("domain/a.py", "from .. import Session", "domain must not import turnlog"),
        ("domain/decisions/a.py", "from ...session import Session", "domain must not import turnlog"),
        ("domain/a.py", "from ...elsewhere import a", "leaves the package"),
        (
            "domain/a.py",
            "def f():\n    from ..projections import views",
            "domain must not import projections",
        ),
        (
            "domain/a.py",
            "if TYPE_CHECKING:\n    from ..projections import views",
            "domain must not import projections",
        ),
        ("domain/a.py", "import domain.events", "import it relatively"),
        ("domain/a.py", "import time", "domain must not import time"),
        ("domain/a.py", "from os.path import join", "domain must not import os"),
        ("domain/a.py", "def f():\n    import sqlite3", "domain must not import sqlite3"),
        ("domain/a.py", "class A:\n    import random", "domain must not import random"),
        ("domain/a.py", "import structlog", "domain must not import structlog"),
        ("domain/a.py", "import numpy", "not numpy"),
        ("domain/a.py", "def f():\n    import pandas", "not pandas"),
        (
            "projections/a.py",
            "from ..infrastructure.settings import Settings",
            "must not import infrastructure",
        ),
        ("projections/a.py", "import pyarrow as pa", "import it in the function"),
        (
            "projections/a.py",
            "try:\n    import polars\nexcept ImportError:\n    pass",
            "import it in the function",
        ),
        (
            "projections/a.py",
            "if TYPE_CHECKING:\n    pass\nelse:\n    import duckdb",
            "import it in the function",
        ),
        ("projections/a.py", "def f():\n    import pathlib", "projections must not import pathlib"),
        ("projections/a.py", "def f():\n    import httpx", "projections must not import httpx"),
        ("projections/a.py", "import numpy", "not numpy"),
        ("infrastructure/a.py", "from .. import Session", "infrastructure must not import turnlog"),
        ("infrastructure/sqlite/a.py", "from ... import branch", "infrastructure must not import turnlog"),
        ("infrastructure/a.py", "from turnlog.domain.events import Event", "import it relatively"),
        ("infrastructure/a.py", "from projections import views", "import it relatively"),
        ("turnlog/a.py", "import turnlog.domain", "import it relatively"),
    ],
)
def test_an_import_in_the_wrong_direction_is_found(path: str, source: str, fault: str) -> None:
    found = import_faults(Path(path), source)

    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("domain/a.py", "import msgspec\nfrom datetime import datetime\nfrom . import events"),
        ("domain/decisions/a.py", "from ..events import Event\nfrom .. import state"),
        ("projections/a.py", "from ..domain.events import Event\nfrom .messages import rows"),
        ("projections/a.py", "def f():\n    import pyarrow"),
        ("projections/a.py", "if TYPE_CHECKING:\n    import pyarrow"),
        (
            "infrastructure/sqlite/a.py",
            "import sqlite3\nfrom ...domain import events\nfrom ..settings import Settings",
        ),
        ("turnlog/a.py", "import structlog\nfrom .infrastructure.sqlite import store\nfrom . import session"),
    ],
)
def test_an_import_in_the_right_direction_is_allowed(path: str, source: str) -> None:
    assert import_faults(Path(path), source) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()",
        "import datetime as dt\ndt.datetime.utcnow()",
        "from datetime import date as day\nday.today()",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid1 as fresh\nfresh()",
        "from uuid import uuid4\nfield(default_factory=uuid4)",
        "open('a')",
        "__import__('time')",
    ],
)
def test_a_clock_or_randomness_in_the_domain_is_found(source: str) -> None:
    assert len(purity_faults(Path("domain/a.py"), source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.fromisoformat(text)",
        "from uuid import UUID, uuid5\nuuid5(UUID(a), b)",
        "state.open()\ncommand.now",
    ],
)
def test_a_value_passed_to_the_domain_is_allowed(source: str) -> None:
    assert purity_faults(Path("domain/a.py"), source) == []


# --- The graph of imports -----------------------------------------------------------------------------------


def module_of(path: Path) -> str:
    package = package_of(path.parent)
    return package if path.name == "__init__.py" else f"{package}.{path.stem}"


MODULES = {module_of(path): path for path in package_files("*.py")}


def own_imports(module: str) -> tuple[set[str], set[str]]:
    """The modules of the package that a module imports: at the top, also for type checking, and in functions."""
    path = MODULES[module]
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    top: set[str] = set()
    late: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            (late if id(node) in inside else top).update(targets(path, node))
    return top - {module}, late - {module}


def targets(path: Path, node: ast.ImportFrom) -> set[str]:
    """The modules that `from .a import b` imports: a, or b if that is a module."""
    package = package_of(path.parent).split(".")
    base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
    names = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
    return names or ({base} & MODULES.keys())


def longest_chain(graph: dict[str, list[str]]) -> list[str]:
    """The longest path through the graph; a cycle is an error."""
    chains: dict[str, list[str]] = {}
    open_modules: list[str] = []

    def chain(module: str) -> list[str]:
        assert module not in open_modules, f"cycle: {[*open_modules[open_modules.index(module) :], module]}"
        if module not in chains:
            open_modules.append(module)
            chains[module] = [module, *max((chain(each) for each in graph[module]), key=len, default=[])]
            open_modules.pop()
        return chains[module]

    return max((chain(module) for module in graph), key=len)


LONGEST_CHAIN = 28
"""Modules on the longest chain of imports. It may become lower, never higher."""


COMPAT = f"{PACKAGE}.compat"
LONGEST_COMPAT_CHAIN = 8
"""Modules of one compat package on a chain; below them is the public API, whose chain is counted by itself."""


def test_imports_have_no_cycle_and_no_long_chain() -> None:
    graph = {module: sorted(own_imports(module)[0]) for module in MODULES}
    inner = {module: imported for module, imported in graph.items() if not module.startswith(COMPAT)}
    compat = {module: [each for each in graph[module] if each.startswith(COMPAT)] for module in graph.keys() - inner}

    assert [module for module, imported in inner.items() if any(each.startswith(COMPAT) for each in imported)] == []
    assert len(chain := longest_chain(inner)) <= LONGEST_CHAIN, chain
    assert len(chain := longest_chain(compat)) <= LONGEST_COMPAT_CHAIN, chain


def test_a_cycle_is_found() -> None:
    with pytest.raises(AssertionError, match=r"cycle: \['a', 'b', 'a'\]"):
        longest_chain({"a": ["b"], "b": ["c", "a"], "c": []})


LATE_IMPORTS = {
    "turnlog",  # its import takes a second
    "turnlog.infrastructure.open_store",  # opens one of four databases
    "turnlog.infrastructure.read_models.open_row_store",
    "turnlog.infrastructure.postgres.log_adapter",  # its driver is slow to import
    "turnlog.infrastructure.logs.webhook",  # its client is an extra
}
"""Modules with imports in functions, and why."""


def test_functions_import_nothing_of_the_package() -> None:
    late = {
        module
        for module in MODULES
        if not module.startswith(("turnlog.cli", "turnlog.adapters"))
        if own_imports(module)[1]
    }

    assert late <= LATE_IMPORTS


# --- The compat packages ------------------------------------------------------------------------------------


MOST_LINES = 600
"""Lines of all modules of one compat package, without empty ones."""


def compat_faults(path: Path, source: str) -> list[str]:
    """Imports of a compat package that are not public, or belong to another compat package."""
    own = ".".join(module_of(path).split(".")[:3])
    relative = [found for found in imports_of(path, ast.parse(source)) if found.relative]
    return [
        f"{path}:{found.line}: {found.module} is not public"
        for found in relative
        if not is_public(found.module) and f"{found.module}.".removeprefix(f"{own}.") == f"{found.module}."
    ]


def is_public(module: str) -> bool:
    """Whether users import from a module: `turnlog`, a module beside it, or the projections."""
    parts = module.split(".")
    if module not in MODULES:  # a name of the package, from `from .. import Session`
        return len(parts) == 2 and parts[1] in turnlog._api.__all__
    inner = {"compat", "domain", "infrastructure", "cli"}
    return len(parts) <= 2 and not any(part.startswith("_") for part in parts) and not inner & set(parts)


COMPAT_FILES = [path for path in package_files("*.py") if path.parts[:2] == (PACKAGE, "compat")]


@pytest.mark.parametrize("path", COMPAT_FILES, ids=Path.as_posix)
def test_a_compat_package_imports_the_public_api_only(path: Path) -> None:
    assert compat_faults(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("from .. import Session", 0),
        ("from ..errors import TurnlogError", 0),
        ("from ..projections import Messages", 0),
        ("from ..stores import Store", 0),
        ("from .. import _api", 1),
        ("from .._session.stream import SessionStream", 1),
        ("from ..domain.message import Message", 1),
        ("from ..projections.messages import Messages", 1),
        ("from .. import infrastructure", 1),
        ("def f():\n    from ..infrastructure.store import Store", 1),
        ("from .coda import session", 1),
    ],
)
def test_an_import_that_is_not_public_is_found(source: str, faults: int) -> None:
    assert len(compat_faults(Path("turnlog/compat/a.py"), source)) == faults


def test_a_compat_package_is_thin() -> None:
    lines: dict[str, int] = {}
    for path in COMPAT_FILES:
        package = path.parts[2]
        text = (ROOT / path).read_text("utf-8").splitlines()
        lines[package] = lines.get(package, 0) + sum(bool(line.strip()) for line in text)

    assert {package: count for package, count in lines.items() if count > MOST_LINES} == {}


def compat_modules() -> list[str]:
    """The modules of the compat packages."""
    return [module_of(path) for path in COMPAT_FILES]


@pytest.mark.parametrize("module", compat_modules())
def test_every_name_of_a_compat_module_is_there_once(module: str) -> None:
    there = import_module(module)

    assert there.__all__ == sorted(set(there.__all__))
    assert [name for name in there.__all__ if not hasattr(there, name)] == []


def test_importing_a_compat_package_imports_nothing_heavy() -> None:
    """Nothing outside the package that the import of `turnlog.Session` does not import itself."""
    program = (
        "import sys\nfrom turnlog import Session\n"
        "import turnlog.logs, turnlog.mail, turnlog.models, turnlog.operations\n"
        "before = {name.partition('.')[0] for name in sys.modules}\n"
        "from importlib import import_module\n"
        f"for module in {compat_modules()}:\n    import_module(module)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - before))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")


# --- The public API -----------------------------------------------------------------------------------------


def public_modules() -> list[ModuleType]:
    """The modules that users import from: those without an underscore beside `turnlog/__init__.py`."""
    names = sorted(path.stem for path in (ROOT / PACKAGE).glob("[a-z]*.py"))
    return [import_module(f"{PACKAGE}.{name}") for name in [*names, "projections"] if name != "testing"]


def public_classes() -> list[tuple[str, type]]:
    found = {
        (name, value)
        for module in [turnlog, *public_modules()]
        for name in getattr(module, "__all__", ())
        if inspect.isclass(value := getattr(module, name))
    }
    return sorted(found, key=lambda each: (each[0], each[1].__module__))


def test_the_root_has_few_names() -> None:
    names = dir(turnlog)
    public = [name for name in turnlog._api.__all__ if name in names]

    assert public == sorted(turnlog._api.__all__)
    assert len(public) <= 34


def test_importing_the_root_imports_little() -> None:
    program = (
        "import sys, turnlog\n"
        "assert 'turnlog.session' not in sys.modules\n"
        "from turnlog import *\n"
        "assert Session.__module__ == 'turnlog.session'\n"
        "assert turnlog.__version__ and not hasattr(turnlog, 'nothing')\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there_once() -> None:
    for module in [turnlog._api, *public_modules(), import_module(f"{PACKAGE}.testing")]:
        names = list(module.__all__)
        assert names == sorted(set(names)), module.__name__
        assert all(hasattr(module, name) for name in names), module.__name__


def test_no_two_public_classes_have_the_same_name() -> None:
    names = [name for name, _ in public_classes()]

    assert sorted({name for name in names if names.count(name) > 1}) == []


MOST_MEMBERS = 45


def own_members(kind: type) -> set[str]:
    """The public members of a class and its private bases, without the async twins of other members."""
    public_bases = {each for _, each in public_classes()} - {kind}
    bases = [base for base in kind.__mro__ if base not in public_bases and base.__module__.startswith(PACKAGE)]
    public = {name for base in bases for name in vars(base) if not name.startswith("_")}
    return {name for name in public if not (name.startswith("a") and name[1:] in public)}


def test_no_public_class_has_many_members() -> None:
    large = {name: count for name, kind in public_classes() if (count := len(own_members(kind))) > MOST_MEMBERS}

    assert large == {}


def test_a_store_has_at_most_35_members_and_no_base_class() -> None:
    public = {name for name in vars(turnlog.Store) if not name.startswith("_")}
    twins = {name for name in public if name.startswith("a") and name[1:] in public}

    assert turnlog.Store.__bases__ == (object,)
    assert len(public - twins) <= 35


# --- Exceptions to lint and types ---------------------------------------------------------------------------


DIRECTIVE = re.compile(r"#\s*(noqa|ruff:|type:\s*ignore|mypy:|pyright:)", re.IGNORECASE)
WORDS = re.compile(r"[A-Za-z][a-z']+,? (?!noqa)[a-z']+")


def unexplained_exceptions(source: str) -> list[int]:
    """Lines with an exception to lint or types that neither they nor a comment above explain."""
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    return [line for line in comments if not is_explained(line, comments)]


def is_explained(line: int, comments: dict[int, tokenize.TokenInfo]) -> bool:
    directive = DIRECTIVE.match(comments[line].string)
    if not directive:
        return True
    above = comments.get(line - 1)
    own_words = WORDS.search(comments[line].string, directive.end())
    return bool(own_words or (above and above.line.lstrip().startswith("#")))


@pytest.mark.parametrize("path", checked_files(), ids=Path.as_posix)
def test_every_exception_to_lint_and_types_says_why(path: Path) -> None:
    assert unexplained_exceptions((ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "a = 1  # noqa",
        "a = 1  # noqa: E501",
        "a = 1  # noqa: E501, F401",
        "a = 1  # type: ignore[attr-defined]",
        "a = 1  # type: ignore[attr-defined]  # noqa: E501",
        "# ruff: noqa: E501",
        "# mypy: disable-error-code=misc",
        "b = 2  # of another line\na = 1  # noqa: E501",
    ],
)
def test_an_exception_without_a_reason_is_found(source: str) -> None:
    assert len(unexplained_exceptions(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "a = 1  # noqa: E501 the address cannot be broken",
        "a = 1  # type: ignore[attr-defined]  # the driver has no types",
        "# The address cannot be broken.\na = 1  # noqa: E501",
        "a = '# noqa'",
        "a = 1  # any comment",
    ],
)
def test_an_exception_with_a_reason_is_allowed(source: str) -> None:
    assert unexplained_exceptions(source) == []
