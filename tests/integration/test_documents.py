"""The documents say what is so: their programs run, their links lead somewhere, nothing public goes unmentioned."""

import inspect
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import pytest

import turnlog
from turnlog.domain.content import KINDS
from turnlog.domain.events import STORED_NAMES
from turnlog.infrastructure.postgres import address as postgres_address
from turnlog.infrastructure.redis import address as redis_address

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
ON_POSTGRES = {ROOT / "docs" / "how-to" / "postgresql.md"}
"""Documents whose programs and commands are run on a server."""
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)
VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:\d\d))?)?"), "<time>"),
    (re.compile(r"postgresql://\S+"), "<address>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{8})\b"), "<digest>"),
    (re.compile(r"^(bytes\s+)\d+$", re.M), r"\1<bytes>"),  # how long a call took has one digit more or less
)
FILE = re.compile(r"# (?P<name>\w+\.py)\n")
"""The first line of a program that is to be saved under a name, for commands to run."""
SOME_POSTGRES = "postgresql://user@host/database"
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str
    start: int
    """Where it starts in the document, as an offset."""
    line: int
    end_line: int


@dataclass(frozen=True)
class Program:
    """A block of Python, and the output shown under it: nothing if nothing is shown."""

    document: Path
    code: Block
    output: str


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path) -> list[Block]:
    text = document.read_text("utf-8")
    return [
        Block(
            found["language"],
            found["text"],
            found.start(),
            1 + text.count("\n", 0, found.start()),
            1 + text.count("\n", 0, found.end()),
        )
        for found in FENCE.finditer(text)
    ]


def programs(document: Path) -> Iterator[Program]:
    found = blocks(document)
    for block, following in zip_longest(found, found[1:]):
        if block.language == "python":
            shown = following is not None and not following.language and following.line == block.end_line + 2
            yield Program(document, block, following.text if following is not None and shown else "")


def prose(document: Path) -> str:
    """The text of a document without its fenced blocks."""
    return FENCE.sub("", document.read_text("utf-8"))


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links name them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def own_words(thing: object) -> str | None:
    """What a class or function says of itself; a value has only the words of its class."""
    return inspect.getdoc(thing) if inspect.isclass(thing) or inspect.isroutine(thing) else None


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block ("$ ..."), each with the output shown under it."""
    for found in COMMAND.finditer(block.text):
        yield found["command"], found["output"]


def normalised(output: str) -> str:
    """What is printed, but for what differs each time: ids, times, digests, sizes and how wide a line is filled."""
    for pattern, instead in VARYING:
        output = pattern.sub(instead, output)
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def run_command(command: str) -> str:
    """What a command prints on a terminal's two outputs, in the working directory."""
    scripts = Path(sys.executable).parent
    unset = {"TURNLOG_STORE", "PYTHONPATH", "NO_COLOR", "FORCE_COLOR"}
    settings = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={**settings, "PATH": f"{scripts}:{settings['PATH']}", "COLUMNS": "110", "USER": "ada", "LOGNAME": "ada"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def new_database(request: pytest.FixtureRequest) -> str:
    """The address of a database with nothing in it, on a server that is there until the test is over."""
    server = request.getfixturevalue("postgres_server")
    name = server.new_database()
    request.addfinalizer(lambda: server.drop_database(name))
    address: str = server.address(name)
    return address


EXECUTED = [
    document
    for document in DOCUMENTS
    if list(programs(document)) or any(block.language == "console" for block in blocks(document))
]


# --- Programs and commands --------------------------------------------------------------------------------


@pytest.mark.parametrize("document", EXECUTED, ids=name_of)
def test_the_programs_and_commands_of_a_document_print_what_it_shows(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNLOG_STORE", raising=False)
    server = new_database(request) if document in ON_POSTGRES else None

    def here(shown: str) -> str:
        """What is shown, on a server that is there."""
        return shown if server is None else shown.replace(SOME_POSTGRES, server)

    names: dict[str, object] = {"__name__": "__main__"}  # what a document does follows on what it did before
    outputs = {program.code: program.output for program in programs(document)}
    for block in blocks(document):
        where = f"{name_of(document)}, line {block.line}"
        if block.language == "python" and (file := FILE.match(block.text)):
            Path(file["name"]).write_text(here(block.text), "utf-8")
        elif block in outputs:
            code = "\n" * block.line + here(block.text)  # so that errors name the line of the document
            said = StringIO()
            with redirect_stdout(said):
                exec(compile(code, document, "exec"), names)
            assert said.getvalue() == here(outputs[block]), where
        elif block.language == "console":
            for command, output in commands(block):
                unquoted = SOME_POSTGRES in command.replace(f'"{SOME_POSTGRES}"', "")
                assert not (server and unquoted), f"{where}: an address may have an & in it, which ends a command"
                assert normalised(run_command(here(command))) == normalised(here(output)), f"{where}: {command}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_console_block_begins_with_a_command(document: Path) -> None:
    consoles = [block for block in blocks(document) if block.language == "console"]

    assert [block.line for block in consoles if not block.text.startswith("$ ")] == []


def test_the_program_of_the_readme_and_its_output_stand_before_line_40() -> None:
    first = next(programs(README))
    output = blocks(README)[1]

    assert first.output == output.text
    assert output.end_line < 40
    assert len([line for line in first.code.text.splitlines() if line]) <= 15


def test_the_program_of_the_readme_says_the_same_when_it_is_run_again(tmp_path: Path) -> None:
    program = next(programs(README))
    settings = {name: value for name, value in os.environ.items() if name != "TURNLOG_STORE"}

    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-P", "-W", "error", "-c", program.code.text],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == (program.output, "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_the_commands_that_a_document_names_are_there(document: Path) -> None:
    named = set(re.findall(r"(?<![\w./])scripts/\w+", document.read_text("utf-8")))

    assert [command for command in sorted(named) if not os.access(ROOT / command, os.X_OK)] == []


# --- Words ------------------------------------------------------------------------------------------------


def public_modules() -> list[ModuleType]:
    """The package itself, and the modules and packages beside it that users import from."""
    names = sorted(path.stem for path in (ROOT / "turnlog").glob("[a-z]*.py"))
    return [turnlog, *(import_module(f"turnlog.{name}") for name in [*names, "projections", "testing"])]


def public_names(module: ModuleType) -> list[str]:
    """The names that a module publishes."""
    return list(getattr(module, "__all__", ()))


def test_every_public_name_is_explained() -> None:
    written = "\n".join(document.read_text("utf-8") for document in DOCUMENTS)
    mentioned = set(re.findall(r"\w+", "\n".join(re.findall(r"`[^`\n]+`", written))))

    silent = [
        f"{module.__name__}.{name}"
        for module in public_modules()
        for name in public_names(module)
        if not own_words(getattr(module, name)) and name not in mentioned
    ]
    assert silent == []


def test_every_public_method_says_what_the_caller_gets() -> None:
    silent = [
        f"{name}.{member}"
        for module in public_modules()
        for name in public_names(module)
        if inspect.isclass(kind := getattr(module, name)) and kind.__module__.startswith("turnlog.")
        for member, value in vars(kind).items()
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
        if not inspect.getdoc(getattr(kind, member))
    ]
    assert silent == []


def test_the_stored_format_names_every_stored_name_and_content() -> None:
    said = set(re.findall(r"`([^`\n]+)`", prose(ROOT / "docs" / "record-format.md")))

    tags = {kind.__struct_config__.tag for kind in KINDS}
    assert {*STORED_NAMES, *tags} - said == set()


def test_the_reference_of_events_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "scripts" / "events_program.py"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    assert (ROOT / "docs" / "events.md").read_text("utf-8") == done.stdout


def test_every_event_says_what_has_happened() -> None:
    assert [name for name, kind in STORED_NAMES.items() if not vars(kind).get("__doc__")] == []


def test_the_stored_format_names_every_table_and_column() -> None:
    said = set(re.findall(r"`([^`\n]+)`", prose(ROOT / "docs" / "record-format.md")))
    schema = (ROOT / "infrastructure" / "sqlite" / "schema.sql").read_text("utf-8")

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        named = connection.execute(
            "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
            " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        ).fetchall()
    assert {name for row in named for name in row} - said == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_the_addresses_of_servers_that_a_document_shows_are_understood(document: Path) -> None:
    shown = re.findall(r'[`"]((?:postgres(?:ql)?|rediss?|unix)://[^`"\s]+)[`"]', document.read_text("utf-8"))

    for address in shown:
        assert (postgres_address if address.startswith("postgres") else redis_address).parse_address(address)


# --- Links ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    broken = []
    for found in LINK.finditer(prose(document)):
        path, _, anchor = found["target"].partition("#")
        target = document.parent / path if path else document
        if "://" in path or not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(found["target"])

    assert broken == []


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (document.parent / found["target"].partition("#")[0]).resolve()
        for document in DOCUMENTS
        for found in LINK.finditer(prose(document))
    }

    assert [name_of(document) for document in DOCUMENTS if document not in {*linked, README}] == []


def test_every_file_and_folder_that_a_document_names_is_there() -> None:
    missing = [
        f"{name_of(document)}: {path}"
        for document in DOCUMENTS
        for path in re.findall(r"`(\w+/(?:|[\w./]*\.\w+|[\w./]*/))`", prose(document))
        if not (ROOT / path).exists()
    ]

    assert missing == []


NAMED = re.compile(r"`(?P<name>[\w.]+)`(?:\*\*)? (?:in |\()`(?P<file>[\w/]+\.py)`")
"""A class, function or method, and the file that a document says it is in."""


def defines(source: str, name: str) -> bool:
    """Whether a module has a class, function, method or constant of a name."""
    return bool(re.search(rf"^ *(?:class|def|async def) {name}\b|^{name}\b *[:=]", source, re.MULTILINE))


def test_the_architecture_page_names_each_thing_with_its_file() -> None:
    page = prose(ROOT / "docs" / "architecture.md")
    found = [(match["name"], match["file"]) for match in NAMED.finditer(page)]

    missing = [
        f"{name} in {file}"
        for name, file in found
        for part in name.split(".")
        if part != Path(file).stem and not defines((ROOT / file).read_text("utf-8"), part)
    ]
    assert len(found) > 15
    assert missing == []


def test_the_architecture_page_follows_a_call_in_at_most_eight_steps() -> None:
    sections = prose(ROOT / "docs" / "architecture.md").split("\n## ")
    steps = [re.findall(r"^(\d+)\. \*\*`", section, re.MULTILINE) for section in sections if "\n1. **" in section]

    assert [[int(step) for step in walk] for walk in steps] == [list(range(1, 9)), list(range(1, 9))]
