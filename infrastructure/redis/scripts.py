"""The Lua scripts by which the store reads and writes: one round trip each, and each all or nothing."""

from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and the name that a server which has seen it before knows it by."""

    text: bytes
    digest: str


def _script(name: str) -> Script:
    folder = files(__package__)
    text = b"\n".join(folder.joinpath(f"{part}.lua").read_bytes() for part in ("common", name))
    return Script(text, sha1(text, usedforsecurity=False).hexdigest())


APPEND = _script("append")
SETTLE = _script("settle")
READ = _script("read")
READ_PLACES = _script("read_places")
READ_POSITIONS = _script("read_positions")
READ_WRITTEN = _script("read_written")
READ_ALL = _script("read_all")
READ_ENTRIES = _script("read_entries")
READ_LIST = _script("read_list")
NEWEST = _script("newest")
RESTORE_CLEAR = _script("restore_clear")
RESTORE_ROWS = _script("restore_rows")
RESTORE_ENTRIES = _script("restore_entries")
RESTORE_END = _script("restore_end")
AUDIT = _script("audit")
AUDIT_CATALOGUE = _script("audit_catalogue")
