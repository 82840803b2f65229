"""Commands for files: write sessions to a file or to standard output, and read them again."""

import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer

from .._manager.files import FORMS, RECORD, check_exact, form_of, write_documents
from .._manager.manager import SessionManager
from ..domain.errors import InvalidValueError
from ..domain.json_values import Json
from ..domain.optional_dependencies import require
from ..infrastructure.frames.frame import Frame
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.record_file.importer import check_record
from ..infrastructure.record_file.io import Target, lines_of, write_lines
from ..infrastructure.store import Store
from ..projections.selection import PRESENT
from ..session import Session
from .completion import complete_sessions
from .context import invocation
from .options import FORMAT, QUIET
from .output import Output, count_of, note, print_result
from .progress import progress_bar
from .store import STREAM, store_exists
from .values import NAME, PATH, choice, usage_errors

app = typer.Typer(rich_markup_mode=None)

PARQUET = "parquet"
"""The file format that only the command line writes."""

RECORD_START = b'{"turnlog"'
"""The beginning of an exact record."""

CHUNK = 1 << 20
"""Bytes to copy at once."""


@app.command()
def export(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            parser=PATH,
            help="A new .jsonl (exact record), .json, .md, .html or .parquet; - is standard output.",
        ),
    ],
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION", help="These sessions; default: all.", autocompletion=complete_sessions),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            parser=choice((RECORD, *FORMS, PARQUET)),
            help="record, json, markdown, html, openai, sharegpt or parquet; default: by the name of the file.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite an existing file.")] = False,
    quiet: QUIET = False,
) -> None:
    """Write sessions to a file or to standard output.

    The exact record, a document, prompts for a model, or a table of messages (parquet, with the extra `frames`). The
    record and parquet have all branches, the others only the default branch of each session.
    """
    file = Path(path).expanduser()
    target: Target = sys.stdout.buffer if path == STREAM else file
    chosen = _file_format(path, format_)
    with invocation(ctx).open() as store:
        ids = [store.resolve(reference).session for reference in sessions or []]
        if chosen == RECORD:
            with progress_bar("export", quiet=quiet) as progress:
                events = store.export_record(target, *ids, overwrite=force, progress=progress)
            sentence = count_of(events, "event")
        elif chosen == PARQUET:
            frame = store.frames.messages(sessions=ids or None)
            sentence = count_of(_write_parquet(target, frame, overwrite=force), "message")
        else:
            present = ids or [entry.session for entry in store.sessions() if entry.status in PRESENT]
            opened = [Session.open(id, store=store) for id in present]
            write_documents(target, chosen, opened, overwrite=force)
            _note_left_out(chosen, sum(max(len(each.branches) - 1, 0) for each in opened))
            sentence = count_of(len(present), "session")
    if path == STREAM:
        note(f"{sentence} written to standard output")
    else:
        Output().line(f"{sentence} written to {file}")


@app.command(name="import")
def import_(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(metavar="FILE", parser=PATH, help="An exact record, or a JSON document; - is standard input."),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", parser=NAME, help="The key of the session of a JSON document, instead of the one in it."
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace the messages of existing sessions; not with an exact record."),
    ] = False,
    format_: FORMAT = "text",
    quiet: QUIET = False,
) -> None:
    """Import the sessions of a file: all of them, or none.

    The store is created if it does not exist.
    """
    current = invocation(ctx)
    source = sys.stdin.buffer.read() if path == STREAM else _source(Path(path).expanduser())
    is_record = _is_record(source)
    if is_record:
        with usage_errors("--name"):
            check_exact(name, replace=False)
        with usage_errors("--replace"):
            check_exact(None, replace=replace)
    if not store_exists(current):  # a file that is rejected leaves no empty store behind
        _check_import(source, name, current.most_bytes, is_record=is_record, replace=replace)
    with current.create() as store:
        document, sentence = _import(store, source, name, is_record=is_record, replace=replace, quiet=quiet)
    print_result(document, sentence, format_)


def _note_left_out(format_: str, branches: int) -> None:
    """Print how many branches an export of default branches does not have."""
    if branches:
        left_out = count_of(branches, "branch", "branches")
        note(f"({left_out} not exported: {format_} has default branches only; --format record or parquet has all)")


def _file_format(path: str, format_: str | None) -> str:
    """The format of a file, by the option or by the name of the file."""
    if format_ == PARQUET or (format_ is None and path.endswith(f".{PARQUET}")):
        return PARQUET
    with usage_errors("FILE"):
        return RECORD if path == STREAM and format_ is None else form_of(Path(path), format_)


def _write_parquet(target: Target, frame: Frame, *, overwrite: bool) -> int:
    """Write the rows of a frame, batch by batch; return their number."""
    with require("pyarrow", extra="frames"):
        from pyarrow.parquet import ParquetWriter
    rows = 0
    with TemporaryFile() as file:  # the format needs the position of each batch, which a pipe does not have
        with ParquetWriter(file, frame.schema) as writer:
            for batch in frame:
                writer.write_batch(batch)
                rows += batch.num_rows
        file.seek(0)
        write_lines(target, iter(lambda: file.read(CHUNK), b""), overwrite=overwrite)
    return rows


def _import(
    store: Store, source: Path | bytes, name: str | None, *, is_record: bool, replace: bool, quiet: bool
) -> tuple[dict[str, Json], str]:
    """Import the sessions of a source; return the report as a document and as a sentence."""
    if not is_record:
        with SessionManager(store=store) as manager:
            ids: list[Json] = [session.id for session in manager.import_sessions(source, name=name, replace=replace)]
        return {"sessions": ids}, f"{count_of(len(ids), 'session')} imported"
    with progress_bar("import", quiet=quiet) as progress:
        taken = store.import_record(source, progress=progress)
    document: dict[str, Json] = {
        "sessions": list(taken.sessions),
        "events": taken.events,
        "unchanged": list(taken.unchanged),
    }
    what = f"{count_of(taken.events, 'event')} of {count_of(len(taken.sessions), 'session')}"
    return document, f"{what} imported; {len(taken.unchanged)} unchanged"


def _check_import(
    source: Path | bytes, name: str | None, most_bytes: int | None, *, is_record: bool, replace: bool
) -> None:
    """Raise for a source that an empty store could not import."""
    with Store(MemoryRecorder(), most_bytes=most_bytes) as empty:
        if is_record:
            check_record(empty.recorder, lines_of(source), most_bytes)
        else:
            _import(empty, source, name, is_record=False, replace=replace, quiet=True)


def _source(file: Path) -> Path | bytes:
    """A file that can be read again, or the content of one that cannot, such as a FIFO."""
    try:
        return file if file.is_file() else file.read_bytes()
    except OSError as reason:
        raise _unreadable(file, reason) from reason


def _is_record(source: Path | bytes) -> bool:
    if isinstance(source, bytes):
        return source.startswith(RECORD_START)
    try:
        with source.open("rb") as opened:
            return opened.read(len(RECORD_START)) == RECORD_START
    except OSError as reason:
        raise _unreadable(source, reason) from reason


def _unreadable(file: Path, reason: OSError) -> InvalidValueError:
    return InvalidValueError("the file", f"{file} cannot be read: {reason.strerror}")
