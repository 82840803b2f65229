"""The installed command, run as a person runs it: in a pipe, and in a terminal of its own (a pty) with real keys."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, open_store

COMMAND = str(Path(sys.executable).with_name("turnlog"))
"""The entry point that installing the package made."""

PATIENCE = 60.0
"""Seconds until a command that says nothing is taken for one that hangs, and the test fails."""

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str = ""
    raw: bytes = b""

    @property
    def lines(self) -> list[str]:
        """The lines of the answer."""
        return self.out.splitlines()


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], size: tuple[int, int]) -> None:
        self.said = ""
        self._controls, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=folder,
            env={**env, "TERM": "xterm-256color"},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)

    @property
    def text(self) -> str:
        """What it said, without what steers the terminal."""
        return STEERING.sub("", self.said).replace("\r\n", "\n")

    def until(self, expected: str) -> str:
        """What was said since the last call, up to a text that has to come, without what steers the terminal."""
        start = len(self.said)
        while expected not in STEERING.sub("", self.said[start:]):
            assert self._read(), f"it ended without {expected!r}, and said:\n{self.text}"
        return STEERING.sub("", self.said[start:])

    def strike(self, keys: bytes) -> None:
        """Strikes keys."""
        os.write(self._controls, keys)

    def resize(self, width: int, height: int) -> None:
        """Changes its size."""
        fcntl.ioctl(self._controls, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def end(self) -> Ended:
        """Waits for its end."""
        while self._read():
            pass
        return Ended(self.process.wait(PATIENCE), self.text)

    def close(self) -> None:
        """Ends it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self._controls)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._controls], [], [], PATIENCE)
        assert ready, f"it says nothing any more; it said:\n{self.text}"
        try:
            data = os.read(self._controls, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.said += data.decode("utf-8", "replace")
        return bool(data)


class Command:
    """Runs `turnlog` in a folder."""

    def __init__(self, folder: Path, compiled: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("TURNLOG_", "NO_COLOR"))}
        self.env |= {"LOGNAME": "grace", "COLUMNS": "", "LINES": "", "PYTHONPYCACHEPREFIX": str(compiled)}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of starts are to compile but once
        self._open: list[Any] = []

    def __call__(self, *arguments: str, input: str | bytes | None = None, env: Mapping[str, str] = {}) -> Ended:
        """Runs it to its end with pipes on all sides."""
        given = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**self.env, **env},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(), done.stdout)

    def in_terminal(self, *arguments: str, size: tuple[int, int] = (100, 30), env: Mapping[str, str] = {}) -> Terminal:
        """Starts it in a terminal."""
        environment = {name: value for name, value in {**self.env, **env}.items() if value or name == "NO_COLOR"}
        terminal = Terminal(arguments, self.folder, environment, size)
        self._open.append(terminal)
        return terminal

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts it with its output in a pipe."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._open.append(process)
        return process

    def close(self) -> None:
        """Ends whatever is left."""
        for each in self._open:
            if isinstance(each, Terminal):
                each.close()
            else:
                each.kill()
                each.wait(PATIENCE)
                each.stdout.close()
                each.stderr.close()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands keep what Python compiles."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def turnlog(tmp_path: Path, compiled: Path) -> Iterator[Command]:
    """The command, in an empty folder."""
    command = Command(tmp_path, compiled)
    yield command
    command.close()


@pytest.fixture
def talk(turnlog: Command) -> str:
    """The id of a session in the folder's store: a question, an answer, and another answer on a fork."""
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        session = Session("You are terse.", name="support", key="talk", user="ada", session_id="5e55-talk", store=store)
        main = session.default_branch
        main.add("Explain event sourcing")
        main.add({"assistant_response": "Keep facts, derive state."})
        main.fork(at=4, name="retry").add({"assistant_response": "Never update, only append."})
        return session.id


Fill = Callable[[int], str]


@pytest.fixture
def fill(turnlog: Command) -> Fill:
    """Makes a session of so many messages in the folder's store, and answers with its id."""

    def filled(count: int) -> str:
        with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
            session = Session(session_id="long", store=store)
            session.default_branch.add_many(f"message {number}" for number in range(count))
            return session.id

    return filled
