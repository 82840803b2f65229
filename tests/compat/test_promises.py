"""Each promise of a document whose package exists is in docs/promises.md, with a test that is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| (?P<promise>S\d\.\d+) \| [^|]+ \| `(?P<path>[\w/]+\.py)::(?P<test>\w+)(?:\[[\w-]+\])?` \|$", re.MULTILINE
)
COUNTS = {"S0": 40, "S1": 68, "S2": 45, "S3": 25, "S4": 16}
"""How many promises each document makes."""

FOUND = list(ROW.finditer((ROOT / "docs" / "promises.md").read_text("utf-8")))


def functions(path: Path) -> set[str]:
    """The names of the test functions in a file."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_in_the_table_once() -> None:
    expected = [f"{document}.{number}" for document, count in COUNTS.items() for number in range(1, count + 1)]

    assert [row["promise"] for row in FOUND] == expected


def test_the_test_of_every_promise_exists() -> None:
    missing = [row["promise"] for row in FOUND if row["test"] not in functions(ROOT / row["path"])]

    assert missing == []
