"""A walk through a session by real keys in a terminal."""

from __future__ import annotations

import os
import signal
import termios
from typing import Any

from turnlog import Session, open_store

RIGHT, LEFT, UP, DOWN, HOME, END = b"\x1b[C", b"\x1b[D", b"\x1b[A", b"\x1b[B", b"\x1b[H", b"\x1b[F"
HELP = "q: quit"


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


def test_a_fork_that_is_rejected_is_reported_and_the_replay_continues(turnlog: Any, talk: str) -> None:
    turnlog("archive", talk)
    walk = turnlog.in_terminal("replay", talk, "--at", "4")
    walk.until(HELP)
    walk.strike(b"f")
    walk.until("other keys: no")
    walk.strike(b"y")
    walk.until("is archived")
    walk.strike(b"q")

    assert walk.end().code == 0


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


def test_g_goes_to_a_position_or_a_time(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)
    walk.until(HELP)
    for text, expected in ((b"5", "position 5 of 7"), (b"1\x7f7", "position 7 of 7"), (b"0s", "position 7 of 7")):
        walk.strike(b"g")
        walk.until("Go to position or time: _")
        walk.strike(text + b"\r")
        walk.until(expected)
    walk.strike(b"g99\r")
    walk.until("position 99 does not exist")
    walk.strike(b"gsoon\r")
    walk.until("'soon' is not understood")
    walk.strike(b"g3\x1b")
    assert "position 7 of 7" in walk.until(HELP)
    walk.strike(b"q")
    assert walk.end().code == 0


def test_a_search_goes_to_the_next_and_the_previous_match(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)
    walk.until(HELP)
    walk.strike(b"n")
    walk.until("nothing to search")
    walk.strike("/ÉVENT\x7f\x7f\x7f\x7f\x7fsourcing\r".encode())
    walk.until("found 'sourcing' at 4")
    for keys, expected in (
        (b"n", "no event after position 4 contains 'sourcing'"),
        (b"/append\r", "found 'append' at 5"),
        (b"n", "found 'append' at 7"),
        (b"N", "found 'append' at 5"),
    ):
        walk.strike(keys)
        walk.until(expected)
    walk.strike(b"q")
    assert walk.end().code == 0


def test_b_switches_the_branch(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, "--at", "7")
    assert "[main: 3]  retry: 3" in walk.until(HELP)
    walk.strike(b"b")
    switched = walk.until("branch retry")
    walk.strike(b"b")
    walk.until("branch main")

    assert "main: 3  [retry: 3]" in switched
    assert "Never update, only append." in switched


def test_messages_are_scrolled_by_pages_and_lines(turnlog: Any, fill: Any) -> None:
    session = fill(60)
    walk = turnlog.in_terminal("replay", session, "--at", "62", size=(100, 25))
    end = walk.until(HELP)
    walk.strike(b"\x1b[5~")
    up = walk.until(HELP)
    walk.strike(b"k")
    line = walk.until(HELP)
    walk.strike(b"j")
    walk.until(HELP)
    walk.strike(b"\x1b[6~")
    down = walk.until(HELP)

    assert "\n  message 59" in end
    assert "\n  message 49" not in end
    assert "\n  message 49" in up
    assert "\n  message 59" not in up
    assert "\n  message 39" in line
    assert "\n  message 59" in down


def test_the_screen_follows_the_size_of_the_terminal(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk, size=(100, 30))
    assert "-" * 100 in walk.until(HELP)
    walk.resize(60, 12)
    resized = walk.until("right/left")

    assert "-" * 60 in resized
    assert "-" * 61 not in resized
    walk.strike(b"q")
    assert walk.end().code == 0


def test_a_question_mark_lists_the_keys(turnlog: Any, talk: str) -> None:
    walk = turnlog.in_terminal("replay", talk)
    walk.until(HELP)
    walk.strike(b"?")

    assert "fork the branch at this position, after a confirmation" in walk.until(HELP)


def test_an_inherited_position_of_a_forked_session_is_reached(turnlog: Any, talk: str) -> None:
    fork = turnlog("fork", talk, "--new-session").out.strip()
    walk = turnlog.in_terminal("replay", fork)
    assert "session.started" in walk.until(HELP)
    walk.strike(b"/facts\r")

    assert "Keep facts" in walk.until("found 'facts' at -2")
