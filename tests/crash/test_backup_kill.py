"""A backup that is killed: there is no file, or all of it; and the next backup to the same place is made."""

import os
import subprocess
import sys
from pathlib import Path

from turnlog import Session, open_store

BACKER = Path(__file__).with_name("backer.py")
ROUNDS = int(os.environ.get("TURNLOG_ROUNDS", "4"))


def size(path: Path) -> int:
    """The size of a file, -1 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def test_a_killed_backup_leaves_nothing_or_all(tmp_path: Path) -> None:
    address, path, part = f"sqlite:///{tmp_path}/turnlog.db", tmp_path / "backup.db", tmp_path / ".backup.db.part"
    with open_store(address) as store:
        Session(store=store).default_branch.add_many([f"{number} " * 20_000 for number in range(100)])
        digest = store.digest()
    killed = 0
    for number in range(ROUNDS):
        command = [sys.executable, "-P", str(BACKER), address, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            while size(part) <= 2**20 * number and process.poll() is None:
                pass
            process.kill()
        if path.exists():
            with open_store(f"sqlite:///{path}") as backup:
                assert (backup.digest(), backup.verify().ok) == (digest, True)
            path.unlink()
        killed += part.exists()

    with open_store(address) as store:
        store.backup(path)
    with open_store(f"sqlite:///{path}") as backup:
        assert backup.digest() == digest
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup.db", "turnlog.db"]
    sys.stdout.write(f"killed backups: {ROUNDS} rounds, {killed} left a part file, 0 left half a backup\n")
    assert killed
