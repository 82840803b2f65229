"""The other end of a driver: starts it in its own environment, asks, and takes its answers."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import IO, Any

from .contestants import Contestant, python_of

SCRIPTS = Path(__file__).parent.parent


PATIENCE = 900.0
"""Seconds that one request may take; who takes longer is ended, and the others go on."""


class Conversation:
    """One process of one contestant; it answers requests one at a time."""

    def __init__(self, contestant: Contestant, folder: Path, address: str, errors: Path) -> None:
        self.contestant = contestant
        environment = {
            **os.environ,
            "PYTHONPATH": str(SCRIPTS),
            "OTEL_SDK_DISABLED": "true",
            "LANGSMITH_TRACING": "false",
        }
        command = [str(python_of(contestant)), "-P", "-m", f"benching.drivers.{contestant.driver}"]
        with errors.open("ab") as complaints:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, env=environment
            )
        self._errors = errors
        opened = self.ask("open", {"folder": str(folder), "address": address})
        self.ways: Mapping[str, str] = opened.get("ways", {})
        self.cannot: Mapping[str, str] = opened.get("cannot", {})
        self.about: Mapping[str, str] = opened.get("about", {})
        self.broken: str | None = opened.get("failed")

    def ask(self, what: str, arguments: Mapping[str, Any] | None = None, times: int = 1) -> dict[str, Any]:
        """What came of it; `failed` says why nothing did."""
        self.begin(what, arguments, times)
        return self.answer()

    def begin(self, what: str, arguments: Mapping[str, Any] | None = None, times: int = 1) -> None:
        """Asks, and does not wait: several processes can be at work at once."""
        asked = (
            {"do": what, **(arguments or {})}
            if what == "open"
            else {"do": what, "with": arguments or {}, "times": times}
        )
        with suppress(BrokenPipeError):  # it has died, and the answer says so
            print(json.dumps(asked), file=self._stream(self._process.stdin), flush=True)

    def answer(self) -> dict[str, Any]:
        """The answer to what was asked."""
        patience = Timer(PATIENCE, self._process.kill)
        patience.start()
        line = self._stream(self._process.stdout).readline()
        patience.cancel()
        if not line:
            return {"failed": f"its process ended: {_last_line(self._errors)}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Lets it close its store and go."""
        if self._process.poll() is None:
            self.ask("close")
        self._stream(self._process.stdin).close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stream(self._process.stdout).close()

    def _stream(self, stream: IO[str] | None) -> IO[str]:
        assert stream is not None  # it was asked for
        return stream


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
