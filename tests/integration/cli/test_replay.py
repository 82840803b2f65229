"""A walk through a session by real keys in a terminal."""

from __future__ import annotations

import os
import signal
import termios
from typing import Any

from turnlog import Session, open_store

RIGHT, LEFT, UP, DOWN, HOME, END = b"\x1b[C", b"\x1b[D", b"\x1b[A", b"\x1b[B", b"\x1b[H", b"\x1b[F"
HELP = "q: end"


def test_arrow_keys_step_through_a_session(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)

    assert "position 1 of 7" in walk.until(HELP)
    for keys, position, event in (
        (RIGHT, 2, "branch.created"),
        (RIGHT, 3, "branch.system_set"),
        (END, 7, "message.appended"),
        (RIGHT, 7, "message.appended"),
        (LEFT, 6, "branch.created"),
        (HOME, 1, "session.started"),
        (LEFT, 1, "session.started"),
        (DOWN, 7, "message.appended"),
        (UP, 1, "session.started"),
        (b"\x1bOC", 2, "branch.created"),
        (b"\x1b[4~", 7, "message.appended"),
    ):
        walk.strike(keys)
        seen = walk.until(HELP)
        assert f"position {position} of 7" in seen
        assert event in seen
    walk.strike(b"q")
    assert walk.end().code == 0


def test_what_was_said_by_then_is_shown_and_what_changed_on_request(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, "--at", "4")
    said = walk.until(HELP)
    walk.strike(b"d")
    changed = walk.until(HELP)
    walk.strike(RIGHT)
    next_one = walk.until(HELP)

    assert "Explain event sourcing" in said
    assert "Keep facts" not in said
    assert "+ user: Explain event sourcing" in changed
    assert "You are terse." not in changed
    assert "+ assistant: Keep facts, derive state." in next_one


def test_f_forks_where_one_stands_and_says_so(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, "--at", "4", "--actor", "ada")
    walk.until(HELP)
    walk.strike(b"f")
    walk.until("Fork main at 4? The new branch stays on the record. y: fork, other keys: no")
    walk.strike(b"y")
    walk.until("forked branch main-fork at 4")
    walk.strike(b"q")
    assert walk.end().code == 0

    session = Session.open(talk, store=open_store(f"sqlite:///{turnlog.folder}/turnlog.db"))
    assert [message.text for message in session.branches["main-fork"].messages][1:] == ["Explain event sourcing"]
    assert next(iter(session.events(after=7))).actor == "ada"


def test_f_forks_nothing_unless_it_is_confirmed(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, "--at", "4")
    walk.until(HELP)
    for key in (b"n", b"q", b"f", RIGHT, b"\r"):
        walk.strike(b"f")
        walk.until("other keys: no")
        walk.strike(key)
        walk.until("not forked")
        walk.strike(b"d")
        assert "position 4 of 7" in walk.until(HELP)
    walk.strike(b"f")
    walk.until("other keys: no")
    os.kill(walk.process.pid, signal.SIGHUP)
    walk.process.wait(60)

    assert Session.open(talk, store=open_store(f"sqlite:///{turnlog.folder}/turnlog.db")).position == 7


def test_where_there_is_no_branch_yet_nothing_is_forked(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)
    walk.until(HELP)
    walk.strike(b"f")
    walk.until("has no branch")
    walk.strike(b"q")

    assert walk.end().code == 0
    assert Session.open(talk, store=open_store(f"sqlite:///{turnlog.folder}/turnlog.db")).position == 7


def test_a_branch_can_be_followed(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, "--branch", "retry", "--at", "7")

    assert "Never update, only append." in walk.until(HELP)


def test_the_terminal_is_as_before_however_it_ends(turnlog: Any, talk: str) -> None:
    for ending, code in ((b"q", 0), (b"\x03", 130)):
        walk = turnlog.in_terminal("replay", talk)
        before = termios.tcgetattr(walk._controls)
        walk.until(HELP)
        during = termios.tcgetattr(walk._controls)
        walk.strike(ending)
        done = walk.end()

        assert during[3] & termios.ECHO == 0
        assert before[3] & termios.ECHO
        assert done.code == code
        assert walk.said.endswith("\x1b[?1049l")
        assert "Traceback" not in done.out


def test_a_narrow_terminal_wide_characters_and_hostile_words_break_nothing(turnlog: Any, talk: str) -> None:
    turnlog("add", talk, "漢字" * 30 + "\x1b]0;owned\x07\x1b[2Jend")
    walk = turnlog.in_terminal("replay", talk, "--at", "8", size=(20, 12), env={"NO_COLOR": "1"})
    walk.until("right/left")
    walk.strike(b"q")
    walk.end()

    assert "\x1b]0;" not in walk.said
    assert "owned\\x07" in walk.text
    assert walk.said.count("\x1b[2J") == 1
    assert "\x1b[3" not in walk.said


def test_a_terminal_that_goes_away_ends_the_walk(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)
    walk.until(HELP)
    os.kill(walk.process.pid, signal.SIGHUP)

    assert walk.process.wait(60) == -signal.SIGHUP


def test_without_a_terminal_it_says_what_to_do_instead(turnlog: Any, talk: str) -> None:
    done = turnlog("replay", talk)

    assert (done.code, done.out) == (1, "")
    assert "replay needs a terminal: `turnlog log SESSION`" in done.err
