"""Files that commands write and read: none is overwritten by accident, and `-` is standard output or input."""

from __future__ import annotations

import os
import signal
import stat
import threading
from typing import Any


def test_export_overwrites_a_file_on_request_only(turnlog: Any, talk: str) -> None:
    path = turnlog.folder / "all.jsonl"
    path.write_text("the only copy")
    refused = turnlog("export", "all.jsonl")
    assert (refused.code, refused.out, path.read_text()) == (1, "", "the only copy")
    assert "all.jsonl exists" in refused.err
    assert "--force" in refused.err

    assert turnlog("export", "all.jsonl", "--force").out == "7 events written to all.jsonl\n"
    assert path.read_bytes().startswith(b'{"turnlog"')


def test_a_dash_is_standard_output_and_standard_input(turnlog: Any, talk: str) -> None:
    turnlog("export", "all.jsonl")
    record = turnlog("export", "-")
    page = turnlog("export", "-", talk, "--format", "html")

    assert record.out == (turnlog.folder / "all.jsonl").read_text()
    assert record.err == "7 events written to standard output\n"
    assert page.out.startswith("<!doctype html>")
    assert not (turnlog.folder / "-").exists()
    taken = turnlog("--store", "sqlite:///other.db", "import", "-", input=record.out)
    assert (taken.code, taken.out) == (0, "7 events of 1 session imported; 0 unchanged\n")
    messages = turnlog(
        "--store", "sqlite:///third.db", "import", "-", "--name", "k", input='[{"role": "user", "content": "hi"}]'
    )
    assert (messages.code, messages.out) == (0, "1 session imported\n")


def test_export_and_import_go_through_a_fifo(turnlog: Any, talk: str) -> None:
    fifo, came = turnlog.folder / "all.jsonl", list[bytes]()
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: came.append(fifo.read_bytes()))
    reader.start()
    assert turnlog("export", "all.jsonl", "--force").code == 0
    reader.join()
    writer = threading.Thread(target=lambda: fifo.write_bytes(came[0]))
    writer.start()
    taken = turnlog("--store", "sqlite:///other.db", "import", "all.jsonl")
    writer.join()

    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert taken.out == "7 events of 1 session imported; 0 unchanged\n"


def test_an_export_to_a_closed_pipe_ends_cleanly(turnlog: Any, fill: Any) -> None:
    fill(20_000)
    for form in ("record", "json"):
        process = turnlog.started("export", "-", "--format", form)
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 128 + signal.SIGPIPE
