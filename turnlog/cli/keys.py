"""Keys of a terminal, one by one and without echo."""

import os
import select
import signal
import sys
import termios
import tty
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

SHORTLY = 0.05
"""Seconds to wait for the other bytes of a key that sends several; a lone Escape has none."""


class Key(Enum):
    """Keys without a character."""

    RIGHT = "right"
    LEFT = "left"
    UP = "up"
    DOWN = "down"
    HOME = "home"
    END = "end"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    ESCAPE = "escape"
    RESIZED = "the terminal has another size"
    CLOSED = "the terminal is closed"


SEQUENCES = {
    b"[C": Key.RIGHT,
    b"OC": Key.RIGHT,
    b"[D": Key.LEFT,
    b"OD": Key.LEFT,
    b"[A": Key.UP,
    b"OA": Key.UP,
    b"[B": Key.DOWN,
    b"OB": Key.DOWN,
    b"[H": Key.HOME,
    b"OH": Key.HOME,
    b"[1~": Key.HOME,
    b"[7~": Key.HOME,
    b"[F": Key.END,
    b"OF": Key.END,
    b"[4~": Key.END,
    b"[8~": Key.END,
    b"[5~": Key.PAGE_UP,
    b"[6~": Key.PAGE_DOWN,
    b"": Key.ESCAPE,
}
"""The bytes that terminals send after Escape."""


@contextmanager
def read_keys() -> Iterator[Iterator[Key | str]]:
    """Yield the keys until the terminal is closed; restore the terminal afterwards."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    resized, resize = os.pipe()
    os.set_blocking(resize, False)
    handler = signal.signal(signal.SIGWINCH, lambda *_: _wake(resize))
    try:
        tty.setcbreak(terminal)  # Ctrl-C still interrupts
        yield _keys(terminal, resized)
    finally:
        signal.signal(signal.SIGWINCH, handler)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        os.close(resized)
        os.close(resize)


def _wake(resize: int) -> None:
    with suppress(BlockingIOError):  # a full pipe wakes the reader too
        os.write(resize, b"\0")


def _keys(terminal: int, resized: int) -> Iterator[Key | str]:
    decoder = getincrementaldecoder("utf-8")("replace")
    while True:
        ready, _, _ = select.select([terminal, resized], [], [])
        if resized in ready:
            os.read(resized, 4096)
            yield Key.RESIZED
            continue
        first = os.read(terminal, 1)
        if not first:
            break
        if first != b"\x1b":
            yield from decoder.decode(first)
            continue
        key = SEQUENCES.get(_rest(terminal))
        if key is not None:
            yield key
    yield Key.CLOSED


def _rest(terminal: int) -> bytes:
    """The bytes of one key after Escape."""
    found = b""
    while select.select([terminal], [], [], SHORTLY)[0]:
        byte = os.read(terminal, 1)
        found += byte
        if not byte or (len(found) > 1 and (byte.isalpha() or byte == b"~")):
            break
    return found
