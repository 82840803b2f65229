"""Runs a query that takes minutes in one call, and says the id of its process; for a test that kills this one."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from turnlog import Session, open_store
from turnlog.infrastructure.frames import store_frames
from turnlog.infrastructure.frames.messages import message_batches

start = subprocess.Popen


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def announced(*arguments: Any, **settings: Any) -> "subprocess.Popen[bytes]":
    process = start(*arguments, **settings)
    say(process.pid)
    return process


def batches(*arguments: Any) -> Iterator[Any]:
    yield from message_batches(*arguments)
    say("read")


with (
    patch.object(subprocess, "Popen", announced),
    patch.object(store_frames, "message_batches", batches),
    open_store("memory://") as store,
):
    Session(store=store).default_branch.add("one")
    store.sql("SELECT levenshtein(repeat(left(text, 1), 400000), repeat('b', 400000)) AS n FROM messages").rows()
