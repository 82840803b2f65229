"""The documents say what is so: their programs run, their links lead somewhere, nothing public goes unmentioned."""

import inspect
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

import hansard
from hansard.domain.content import KINDS
from hansard.domain.events import STORED_NAMES
from hansard.infrastructure.postgres.address import understood
from hansard.infrastructure.redis.address import parsed

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
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


WITH_PROGRAMS = [document for document in DOCUMENTS if list(programs(document))]


# --- Programs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", WITH_PROGRAMS, ids=name_of)
def test_the_programs_of_a_document_print_what_it_shows(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANSARD_STORE", raising=False)

    names: dict[str, object] = {"__name__": "__main__"}  # the programs of one document follow each other
    for program in programs(document):
        code = "\n" * program.code.line + program.code.text  # so that errors name the line of the document
        exec(compile(code, document, "exec"), names)
        assert capsys.readouterr().out == program.output, f"{name_of(document)}, line {program.code.line}"


def test_the_program_of_the_readme_and_its_output_stand_before_line_40() -> None:
    first = next(programs(README))
    output = blocks(README)[1]

    assert first.output == output.text
    assert output.end_line < 40
    assert len([line for line in first.code.text.splitlines() if line]) <= 15


def test_the_program_of_the_readme_says_the_same_when_it_is_run_again(tmp_path: Path) -> None:
    program = next(programs(README))
    settings = {name: value for name, value in os.environ.items() if name != "HANSARD_STORE"}

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


def test_every_public_name_is_explained() -> None:
    written = "\n".join(document.read_text("utf-8") for document in DOCUMENTS)
    mentioned = set(re.findall(r"\w+", "\n".join(re.findall(r"`[^`\n]+`", written))))

    silent = [name for name in hansard.__all__ if not own_words(getattr(hansard, name)) and name not in mentioned]
    assert silent == []


def test_every_public_method_says_what_the_caller_gets() -> None:
    silent = [
        f"{name}.{member}"
        for name in hansard.__all__
        if inspect.isclass(kind := getattr(hansard, name)) and kind.__module__.startswith("hansard.")
        for member, value in vars(kind).items()
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
        if not inspect.getdoc(getattr(kind, member))
    ]
    assert silent == []


def test_the_stored_format_names_every_stored_name_and_content() -> None:
    said = set(re.findall(r"`([^`\n]+)`", prose(ROOT / "docs" / "record-format.md")))

    tags = {kind.__struct_config__.tag for kind in KINDS}
    assert {*STORED_NAMES, *tags} - said == set()


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
        assert (understood if address.startswith("postgres") else parsed)(address)


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
