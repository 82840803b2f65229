"""What test_backup_kill.py kills: backs up a store, and says when it is done.

Arguments: the address of the store, and the path of the backup.
"""

import sys

from turnlog import open_store

if __name__ == "__main__":
    with open_store(sys.argv[1]) as opened:
        opened.backup(sys.argv[2])
    sys.stdout.write("done\n")
