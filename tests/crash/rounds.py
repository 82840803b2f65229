"""What test_fork.py and test_replaced_files.py run: a program that forks, round after round.

Arguments: the program, the folder for stores and ledgers, the number of rounds, and more for the program. Each round
runs in a process forked from this one, which has no store open then, so that the imports are paid for once. It ends
when the last of its descendants has ended.
"""

import importlib.util
import os
import sys
import traceback

from turnlog import Session, open_store


def main(program: str, folder: str, rounds: str, *arguments: str) -> None:
    """Runs the rounds."""
    spec = importlib.util.spec_from_file_location("program", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["program"] = module
    spec.loader.exec_module(module)
    for number in range(int(rounds)):
        address = f"sqlite:///{folder}/{number}.db"
        with open_store(address) as store:
            session = Session(store=store).id
        end, alive = os.pipe()
        if os.fork() == 0:
            os.close(end)
            try:
                module.main(address, session, f"{folder}/{number}.ledger", *arguments)
            except BaseException:  # noqa: BLE001 (the test shows what is printed)
                traceback.print_exc()
            sys.stdout.flush()
            os._exit(0)
        os.close(alive)
        os.read(end, 1)
        os.close(end)
        os.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
