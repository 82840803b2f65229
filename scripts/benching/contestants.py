"""Who is measured, what each needs from the registry, and the environment each gets of its own."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LIMIT = "limit"
OURS = "turnlog"
STOCK = "eventsourcing"


@dataclass(frozen=True)
class Contestant:
    """One that takes part; those that are `at_home` run where Turnlog is installed."""

    name: str
    title: str
    family: str
    driver: str
    needs: tuple[str, ...] = ()
    most: int | None = None
    """The longest session it is asked to keep, if its way of recording takes too long for more."""
    why_most: str = ""

    @property
    def at_home(self) -> bool:
        return not self.needs


ADK_SLOW = (
    "it records one message a commit, some 5 to 20 ms each: to fill a session of this length takes {minutes} minutes"
)
LIONAGI_SLOW = "it is not asked for so many: at 20 k a fork takes seconds already"
ADK = ("google-adk", "sqlalchemy", "greenlet", "aiosqlite", "psycopg[binary]")
LANGGRAPH = ("langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "psycopg[binary,pool]")

ALL = (
    Contestant(LIMIT, "bare sqlite3 (the limit)", "sqlite", "bare_sqlite"),
    Contestant(OURS, "Turnlog", "sqlite", "turnlog_store"),
    Contestant("agents", "OpenAI Agents SDK, SQLiteSession", "sqlite", "agents_sdk", ("openai-agents",)),
    Contestant(
        "agents-advanced",
        "OpenAI Agents SDK, AdvancedSQLiteSession",
        "sqlite",
        "agents_sdk_advanced",
        ("openai-agents",),
    ),
    Contestant("langgraph", "LangGraph, SqliteSaver", "sqlite", "langgraph_sqlite", LANGGRAPH),
    Contestant("adk", "Google ADK, DatabaseSessionService", "sqlite", "adk", ADK, 1_000, ADK_SLOW),
    Contestant(
        "lionagi",
        "LionAGI, Session (in memory)",
        "sqlite",
        "lionagi_session",
        ("lionagi", "pandas"),
        20_000,
        LIONAGI_SLOW,
    ),
    Contestant(STOCK, "eventsourcing, stock application", "sqlite", "stock_sqlite", ("eventsourcing[postgres]",)),
    Contestant(LIMIT, "bare psycopg (the limit)", "postgres", "bare_postgres"),
    Contestant(OURS, "Turnlog", "postgres", "turnlog_store"),
    Contestant("langgraph", "LangGraph, PostgresSaver", "postgres", "langgraph_postgres", LANGGRAPH),
    Contestant("adk", "Google ADK, DatabaseSessionService", "postgres", "adk", ADK, 1_000, ADK_SLOW),
    Contestant(STOCK, "eventsourcing, stock application", "postgres", "stock_postgres", ("eventsourcing[postgres]",)),
)


def environments() -> Path:
    """Where the environments of the contestants are kept from run to run."""
    return Path(os.environ.get("TURNLOG_BENCH_CACHE") or Path.home() / ".cache" / "turnlog-bench")


def environment_of(needs: Sequence[str]) -> Path:
    """The folder of the environment that has these packages; another Python has another."""
    wanted = hashlib.sha256(repr((sorted(needs), sys.version)).encode()).hexdigest()[:10]
    return environments() / f"{needs[0].partition('[')[0]}-{wanted}"


def python_of(contestant: Contestant) -> Path:
    """The Python that its driver runs by."""
    if contestant.at_home:
        return Path(sys.executable)
    return environment_of(contestant.needs) / "bin" / "python"


def install(contestants: Sequence[Contestant], say: Callable[[str], None]) -> dict[str, str]:
    """Makes the environments that are missing, two at a time; for each contestant that cannot be had, why."""
    wanted = {each.needs: each for each in contestants if not each.at_home}
    with ThreadPoolExecutor(2) as pool:
        failed = dict(zip(wanted, pool.map(lambda needs: _installed(needs, say), wanted), strict=True))
    return {each.name: why for each in contestants if (why := failed.get(each.needs))}


def _installed(needs: tuple[str, ...], say: Callable[[str], None]) -> str | None:
    folder = environment_of(needs)
    if (folder / "complete").exists():
        return None
    say(f"Installing {', '.join(needs)} into {folder}")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True, text=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *needs]
        subprocess.run(pip, check=True, capture_output=True, text=True)
    except (subprocess.CalledProcessError, OSError) as reason:
        last = (getattr(reason, "stderr", "") or str(reason)).strip().splitlines()[-1]
        return f"could not be installed: {last}"
    (folder / "complete").write_text("\n".join(needs))
    return None
