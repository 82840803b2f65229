"""Keys as they are struck, one by one, in a terminal that shows none of them."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

SHORTLY = 0.05
"""Seconds in which the rest of a key that is several bytes comes behind its first; a lone Escape has none."""


class Key(Enum):
    """The keys that have no letter."""

    RIGHT = "right"
    LEFT = "left"
    UP = "up"
    DOWN = "down"
    HOME = "home"
    END = "end"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    ESCAPE = "escape"
    GONE = "the terminal is gone"


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
"""What terminals send behind Escape."""


@contextmanager
def struck() -> Iterator[Iterator[Key | str]]:
    """Around a walk: the keys that are struck, until the terminal is gone; afterwards it is as it was before."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)  # Ctrl-C goes on to interrupt
        yield _keys(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _keys(terminal: int) -> Iterator[Key | str]:
    while first := os.read(terminal, 1):
        if first != b"\x1b":
            yield first.decode("latin-1")
            continue
        key = SEQUENCES.get(_rest(terminal))
        if key is not None:
            yield key
    yield Key.GONE


def _rest(terminal: int) -> bytes:
    """The bytes of one key behind Escape."""
    found = b""
    while select.select([terminal], [], [], SHORTLY)[0]:
        byte = os.read(terminal, 1)
        found += byte
        if not byte or (len(found) > 1 and (byte.isalpha() or byte == b"~")):
            break
    return found
