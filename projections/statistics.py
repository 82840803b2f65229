"""How much there is in a store and when it was used, out of what is known of its sessions."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import TypedDict

from .session_info import SessionInfo

MOST_ACTIVE = 5
MEGABYTE = 1024 * 1024


class Statistics(TypedDict):
    """Totals over sessions, and the names of those used last."""

    total_sessions: int
    total_messages: int
    total_size_mb: float
    active_sessions: list[str | None]


def statistics(sessions: Iterable[SessionInfo]) -> Statistics:
    """Totals over sessions, and the names of those used last, the latest first."""
    infos = sorted(sessions, key=lambda info: info.updated_at, reverse=True)
    return Statistics(
        total_sessions=len(infos),
        total_messages=sum(info.message_count for info in infos),
        total_size_mb=sum(info.size_bytes for info in infos) / MEGABYTE,
        active_sessions=[info.name for info in infos[:MOST_ACTIVE]],
    )


def activity(sessions: Iterable[SessionInfo], since: datetime) -> dict[date, int]:
    """By local day, how many messages the sessions have that were last used on it."""
    days: Counter[date] = Counter()
    for info in sessions:
        if info.updated_at > since:
            days[info.updated_at.astimezone().date()] += info.message_count
    return dict(sorted(days.items()))
