"""A process that runs a query is killed: the process of the query ends as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import sleep

QUERIER = Path(__file__).with_name("querier.py")


def ended(pid: int) -> bool:
    """Whether a process is no more, or only waits for its new parent to take note of its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_process_of_a_query_does_not_outlive_its_parent() -> None:
    process = subprocess.Popen([sys.executable, "-P", str(QUERIER)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        pid = int(process.stdout.readline())
        assert process.stdout.readline() == "read\n"
        assert not ended(pid)
        process.kill()
    while not ended(pid):
        sleep(0.01)
