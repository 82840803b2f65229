"""No room left: the file may not grow, and the store says so and goes on when it may again."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import resource, sys
from turnlog import Session, open_store
from turnlog.errors import DatabaseError

store = open_store(sys.argv[1])
main = Session("Be brief.", store=store).default_branch
main.add("before")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
refused = 0
for size in (2 << 20, 4 << 20):
    try:
        main.add("x" * size)
    except DatabaseError as reason:
        refused += 1
        print(reason)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(refused, main.add("after").position, [message.text for message in main.messages])
print(store.verify())
"""


def test_a_full_disk_is_a_named_error_and_the_store_is_usable_afterwards(tmp_path: Path) -> None:
    program = [sys.executable, "-P", "-c", PROGRAM, f"sqlite:///{tmp_path}/full.db"]

    done = subprocess.run(program, capture_output=True, text=True, check=True)

    *sentences, answer, verification = done.stdout.splitlines()
    assert len(sentences) == 2
    assert all(f"the store sqlite:///{tmp_path}/full.db failed: " in sentence for sentence in sentences)
    assert answer == "2 5 ['Be brief.', 'before', 'after']"
    assert verification == "Verification(ok=True, sessions=1, events=5, faults=(), unscrubbed=False, unchecked=())"
