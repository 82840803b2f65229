"""The demo without the command line: `python -m hansard.demo [ADDRESS]`."""

import sys

from ..infrastructure.opening import open_store
from .telling import tell

ADDRESS = "sqlite:///hansard-demo.db"

if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else ADDRESS
    with open_store(address) as store:
        tell(store, address)
