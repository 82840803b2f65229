"""Every time that a command prints is taken back, and means the moment at which the event had been recorded."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session
from turnlog.cli.times import parse_moment, parse_span
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.sqlite.recorder import SQLiteRecorder
from turnlog.infrastructure.store import Store

START = 1_796_041_499_400_000  # 2026-11-30 12:24:59.4 UTC
STEP = 300_000
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
ZONES = ["UTC", "Asia/Tokyo", "America/New_York"]


@pytest.fixture
def talk(turnlog: Any) -> str:
    """A session whose events are a third of a second apart, some of them in the same second."""
    now = iter(range(START, START + 100 * STEP, STEP))
    with Store(SQLiteRecorder(Path(turnlog.folder) / "turnlog.db"), lambda: next(now)) as store:
        session = Session("Be terse.", key="talk", session_id="5e55", store=store)
        for number in range(6):
            session.default_branch.add(f"message {number}")
        session.default_branch.fork(name="retry").add("message 6")
        return session.id


def printed_times(turnlog: Any, zone: str) -> dict[int, str]:
    """The printed time of each event."""
    lines = turnlog("log", "talk", "--all", env={"TZ": zone}).lines
    return {int(line.split()[0]): TIME.findall(line)[0] for line in lines}


@pytest.mark.parametrize("zone", ZONES)
def test_a_printed_time_includes_the_event_it_was_printed_for(turnlog: Any, talk: str, zone: str) -> None:
    printed = printed_times(turnlog, zone)
    last = max(printed)
    moments = {}
    for time in sorted(set(printed.values())):
        moments[time] = json.loads(turnlog("show", talk, "--at", time, "--format", "json", env={"TZ": zone}).out)[
            "position"
        ]
    for position, time in printed.items():
        moment = moments[time]
        assert printed[moment] == time
        assert moment >= position
        assert moment == last or printed[moment + 1] != time
    assert len(moments) > 2


def test_the_times_of_every_reading_command_are_taken_back(turnlog: Any, talk: str) -> None:
    texts = [
        turnlog(*arguments).out
        for arguments in (
            ("show", talk),
            ("log", talk),
            ("show", talk, "--at", "5"),
            ("diff", talk, "main", "retry"),
            ("bisect", talk, "--contains", "message 3"),
            ("search", "message"),
            ("list",),
        )
    ]
    process = turnlog.started("tail", "--session", talk, "--last", "3")
    texts.append("".join(process.stdout.readline() for _ in range(3)))

    assert all(TIME.search(text) for text in texts)
    for time in sorted({time for text in texts for time in TIME.findall(text)}):
        shown = turnlog("log", talk, "--until", time, "--format", "jsonl", "--all")
        assert json.loads(shown.lines[-1])["time"].startswith(f"{time[:10]}T{time[11:19]}")


def test_the_times_of_json_are_taken_back(turnlog: Any, talk: str) -> None:
    for line in turnlog("log", talk, "--format", "jsonl", "--last", "3").lines:
        told = json.loads(line)
        moment = json.loads(turnlog("show", talk, "--at", told["time"], "--format", "json").out)
        assert (moment["position"], moment["time"]) == (told["position"], told["time"])
    told = json.loads(turnlog("show", talk, "--format", "jsonl").lines[3])
    (shown,) = turnlog("show", talk, "--at", told["created_at"], "--last", "1", "--format", "jsonl").lines
    assert json.loads(shown) == told


@pytest.mark.parametrize("span", ["hour", "day", "month"])
def test_the_steps_of_statistics_are_taken_back(turnlog: Any, talk: str, span: str) -> None:
    lines = turnlog("stats", talk, "--span", span).lines
    (head,) = [number for number, line in enumerate(lines) if "EVENTS" in line]
    (step,) = [line.split("\t")[0] for line in lines[head + 1 :]]
    moment = json.loads(turnlog("show", talk, "--at", step, "--format", "json", env={"TZ": "Asia/Tokyo"}).out)

    assert moment["position"] == 11


def test_the_session_of_a_printed_time_is_listed_since_and_until_it(turnlog: Any, talk: str) -> None:
    (time,) = TIME.findall(turnlog("list").out)

    for option in ("--since", "--until"):
        listed = json.loads(turnlog("list", option, time, "--format", "json").out)["sessions"]
        assert [each["session"] for each in listed] == [talk]


def test_a_fork_at_a_printed_time_has_the_event(turnlog: Any, talk: str) -> None:
    time = printed_times(turnlog, "UTC")[7]
    forked = json.loads(turnlog("fork", talk, "--at", time, "--format", "json").out)

    assert forked["forked_at"] >= 7


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-30 12:00:05Z", "2026-11-30T12:00:05+00:00", "2026-11-30T12:00:05.999999+00:00"),
        ("2026-11-30T12:00:05.25+01:00", "2026-11-30T11:00:05.250000+00:00", "2026-11-30T11:00:05.259999+00:00"),
        ("2026-11-30T12:00:05.250001z", "2026-11-30T12:00:05.250001+00:00", "2026-11-30T12:00:05.250001+00:00"),
        ("2026-11-30T12:00-0530", "2026-11-30T17:30:00+00:00", "2026-11-30T17:30:59.999999+00:00"),
        ("2026-11-30 12Z", "2026-11-30T12:00:00+00:00", "2026-11-30T12:59:59.999999+00:00"),
        ("2026-11-30Z", "2026-11-30T00:00:00+00:00", "2026-11-30T23:59:59.999999+00:00"),
        ("2026-12Z", "2026-12-01T00:00:00+00:00", "2026-12-31T23:59:59.999999+00:00"),
        ("2028-02Z", "2028-02-01T00:00:00+00:00", "2028-02-29T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59.999998+00:00"),
    ],
)
def test_a_time_covers_its_last_unit(text: str, first: str, last: str) -> None:
    found = [each.astimezone(UTC).isoformat() for each in parse_span(text)]

    assert found == [first, last]


def test_a_time_without_a_zone_is_local(turnlog: Any, talk: str) -> None:
    local = "2026-11-30T21:25"  # in Tokyo; 12:25 in UTC
    moment = json.loads(turnlog("show", talk, "--at", local, "--format", "json", env={"TZ": "Asia/Tokyo"}).out)

    assert moment == json.loads(turnlog("show", talk, "--at", "2026-11-30T12:25Z", "--format", "json").out)
    assert turnlog("show", talk, "--at", "2026-11-29", env={"TZ": "Asia/Tokyo"}).code == 1
    assert turnlog("show", talk, "--at", "2026-11-30", env={"TZ": "Asia/Tokyo"}).code == 0


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-11-31", "2026-11-30T24:00", "2026-11-30T12:00:60Z", "now", "", "1e3"]
)
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(InvalidValueError, match="is not understood"):
        parse_moment(text)


def test_isoformat_of_a_message_is_taken_back(turnlog: Any, talk: str) -> None:
    with Store(SQLiteRecorder(Path(turnlog.folder) / "turnlog.db")) as store:
        session = Session.open(talk, store=store)
        for message in session.messages:
            assert message.created_at is not None
            for text in (str(message.created_at), message.created_at.isoformat()):
                assert session.at(datetime.fromisoformat(text)).position == message.position
