"""The statements of a folder's queries.sql: `-- name --`, a line or more that describe it, and the statement."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- (\w+) --\n", re.MULTILINE)
_DESCRIPTION = re.compile(r"(?:-- .+\n)+")


def load_statements(package: str) -> Mapping[str, str]:
    """Return the statements of a package's queries.sql by name; called once, when the package is imported."""
    return MappingProxyType(parse_statements(files(package).joinpath("queries.sql").read_text("utf-8")))


def parse_statements(text: str) -> dict[str, str]:
    """Return the statements by name; raise ValueError for a name that occurs twice and for a missing part."""
    _, *parts = _NAME.split(text)
    statements: dict[str, str] = {}
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        description = _DESCRIPTION.match(part)
        statement = part[description.end() :].strip() if description else ""
        if not statement or name in statements:
            raise ValueError(f"the statement {name!r} occurs twice, or has no description or no text")
        statements[name] = statement
    return statements
