"""The house is built as it says: the package table matches the disk, and imports follow the arrows.

Each rule is a function from source to faults. It is held against the four rooms, and against small wrong
sources, so that a rule which no longer finds anything is noticed.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOOR = "turnlog"
ROOMS = ("domain", "projections", "infrastructure", DOOR)  # each may import itself and those before it

FRAMES = frozenset({"duckdb", "pandas", "polars", "pyarrow"})
FILES_AND_DRIVERS = frozenset(
    {
        *("fileinput", "glob", "io", "mmap", "os", "pathlib", "shutil", "tempfile"),
        *("dbm", "eventsourcing", "httpx", "psycopg", "redis", "sqlite3", "structlog"),
        *("http", "multiprocessing", "select", "socket", "ssl", "subprocess"),
    }
)
CLOCKS_CHANCE_AND_TURNS = frozenset({"asyncio", "importlib", "random", "secrets", "threading", "time"})
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


def room_files(pattern: str) -> list[Path]:
    """Files of the four rooms, relative to the root; the links in the door are not followed."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob(pattern)]
    linked = [ROOT / DOOR / room for room in ROOMS if room != DOOR]
    return sorted(path.relative_to(ROOT) for path in found if not any(path.is_relative_to(link) for link in linked))


def checked_files() -> list[Path]:
    """Every Python file that ruff and mypy check, relative to the root."""
    others = [path.relative_to(ROOT) for folder in ("tests", "scripts") for path in (ROOT / folder).rglob("*.py")]
    return room_files("*.py") + sorted(others)


def package_of(folder: Path) -> str:
    parts = folder.parts if folder.parts[0] == DOOR else (DOOR, *folder.parts)
    return ".".join(parts)


def test_the_package_table_lists_every_package_on_disk_and_no_other() -> None:
    on_disk = {package_of(path.parent): path.parent.as_posix() for path in room_files("__init__.py")}

    assert setuptools_table()["package-dir"] == on_disk
    assert setuptools_table()["packages"] == sorted(on_disk)


def test_every_folder_with_code_is_a_package() -> None:
    assert [path for path in room_files("*.py") if not (ROOT / path.parent / "__init__.py").exists()] == []


def test_every_room_has_its_link_in_the_door() -> None:
    links = {path.name: path.readlink().as_posix() for path in (ROOT / DOOR).iterdir() if path.is_symlink()}

    assert links == {room: f"../{room}" for room in ROOMS if room != DOOR}


def test_the_root_is_not_a_package() -> None:
    assert not (ROOT / "__init__.py").exists()


def test_package_data_covers_every_file_that_is_not_code() -> None:
    covered = setuptools_table()["package-data"]
    data = [path for path in room_files("*") if (ROOT / path).is_file() and path.suffix not in {".py", ".pyc"}]
    left_out = []
    for path in data:
        package = next(folder for folder in path.parents if (ROOT / folder / "__init__.py").is_file())
        globs = covered.get(package_of(package), ())
        if not any(fnmatch(path.relative_to(package).as_posix(), glob) for glob in globs):
            left_out.append(path)

    assert Path(DOOR, "py.typed") in data
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


def room_of(module: str) -> str:
    """The room of a module inside the package; what is in no other room is in the door."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else DOOR


def import_faults(path: Path, source: str) -> list[str]:
    room = path.parts[0]
    return [
        f"{path}:{found.line}: {fault}"
        for found in imports_of(path, ast.parse(source))
        if (fault := import_fault(room, found))
    ]


def import_fault(room: str, found: Import) -> str | None:
    if found.relative:
        return arrow_fault(room, found.module)
    top = found.module.split(".")[0]
    if top in ROOMS:
        return f"`{found.module}` is of the house: import it relatively"
    if room in {"domain", "projections"}:
        return purity_fault(room, top, found.deferred)
    return None


def arrow_fault(room: str, module: str) -> str | None:
    if module.split(".")[0] != DOOR:
        return "a relative import leaves the package"
    target = room_of(module)
    if ROOMS.index(target) > ROOMS.index(room):
        return f"{room} must not import {target} ({module})"
    return None


def purity_fault(room: str, top: str, deferred: bool) -> str | None:
    """What the two pure rooms must not know."""
    forbidden = FILES_AND_DRIVERS | CLOCKS_CHANCE_AND_TURNS if room == "domain" else FILES_AND_DRIVERS
    if top in forbidden:
        return f"{room} must not import {top}"
    if top in sys.stdlib_module_names or top == "msgspec":
        return None
    if room == "domain" or top not in FRAMES:
        return f"{room} may import the standard library and msgspec, not {top}"
    if not deferred:
        return f"{top} is optional: import it in the function that needs it"
    return None


def purity_faults(path: Path, source: str) -> list[str]:
    """Uses of the clock, of chance and of the outside, under whatever name they were imported."""
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


@pytest.mark.parametrize("path", room_files("*.py"), ids=Path.as_posix)
def test_imports_follow_the_arrows(path: Path) -> None:
    assert import_faults(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize("path", [path for path in room_files("*.py") if path.parts[0] == "domain"], ids=Path.as_posix)
def test_the_domain_asks_no_clock_no_chance_and_no_outside(path: Path) -> None:
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
def test_an_import_against_the_arrows_is_found(path: str, source: str, fault: str) -> None:
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
def test_an_import_along_the_arrows_is_allowed(path: str, source: str) -> None:
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
def test_a_clock_or_chance_in_the_domain_is_found(source: str) -> None:
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


# --- Doors and exceptions ---------------------------------------------------------------------------------


def doorway_faults(path: Path, source: str) -> list[str]:
    """A package of a room is a docstring, and `__all__` stands in the door alone."""
    body = ast.parse(source).body
    if path in (Path(DOOR, "__init__.py"), Path(DOOR, "errors.py"), Path("domain/errors/__init__.py")):
        return []
    faults: list[str] = []
    if path.name == "__init__.py" and not (ast.get_docstring(ast.Module(body, [])) and len(body) == 1):
        faults.append(f"{path} must be a docstring and nothing else")
    if any(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(ast.Module(body, []))):
        faults.append(f"{path} must not have __all__: only {DOOR}/__init__.py re-exports")
    return faults


@pytest.mark.parametrize("path", room_files("*.py"), ids=Path.as_posix)
def test_only_the_door_re_exports(path: Path) -> None:
    assert doorway_faults(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("domain/__init__.py", ""),
        ("domain/__init__.py", "from .events import Event"),
        ("domain/__init__.py", '"""What is true."""\nfrom .events import Event'),
        ("domain/events.py", '__all__ = ["Event"]'),
        ("turnlog/session.py", '__all__: list[str] = ["Session"]'),
    ],
)
def test_a_re_export_from_a_room_is_found(path: str, source: str) -> None:
    assert len(doorway_faults(Path(path), source)) == 1


def names_of_the_door(source: str) -> list[str]:
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.expr() as names):
                return list(ast.literal_eval(names))
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as names):
                return list(ast.literal_eval(names))
            case _:
                pass
    raise AssertionError(f"{DOOR}/__init__.py has no __all__")


def test_the_names_of_the_door_are_sorted_and_stand_once() -> None:
    names = names_of_the_door((ROOT / DOOR / "__init__.py").read_text("utf-8"))

    assert names == sorted(set(names))


def test_the_door_has_the_names_that_it_says_and_each_is_meant_for_others() -> None:
    tree = ast.parse((ROOT / DOOR / "_door.py").read_text("utf-8"))
    imported = [name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names]

    assert [name.name for name in imported if name.asname != name.name] == []
    assert sorted(name.name for name in imported) == names_of_the_door((ROOT / DOOR / "__init__.py").read_text("utf-8"))


def test_no_name_of_the_door_is_that_of_a_module_which_would_take_its_place() -> None:
    modules = {path.stem for path in room_files("*.py") if path.parent == Path(DOOR)}

    assert set(names_of_the_door((ROOT / DOOR / "__init__.py").read_text("utf-8"))) & modules == set()


def test_the_door_opens_when_something_is_taken_and_not_before() -> None:
    program = (
        "import sys, turnlog\n"
        "assert 'turnlog.session' not in sys.modules\n"
        "assert set(turnlog.__all__) <= set(dir(turnlog))\n"
        "import turnlog.session_view\n"
        "from turnlog import _door\n"
        "assert all(getattr(turnlog, name) is getattr(_door, name) for name in turnlog.__all__)\n"
        "assert not hasattr(turnlog, 'nothing')\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


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
