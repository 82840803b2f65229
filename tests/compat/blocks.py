"""The code blocks of the five documents: read from documents/, or extracted from the documents themselves.

python tests/compat/blocks.py FOLDER           write documents/ anew from the documents in a folder
python tests/compat/blocks.py FOLDER --check   compare the two
"""

import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

DOCUMENTS = {"lionpride": "000", "lionagi": "001", "coda": "002", "pyai": "003", "lionagi_early": "004"}
"""The package of each document's system in `turnlog.compat`, and the beginning of the document's file name."""

TOP_NAMES = {"lionagi_early": "lionagi"}
"""What a document calls the package, where that is not the name in `turnlog.compat`."""

DATA = Path(__file__).with_name("documents")
FENCED = re.compile(r"^(?P<indent>[ \t]*)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```[ \t]*$", re.M | re.S)
STORED = re.compile(
    r"^<!-- block (?P<number>\d+), (?P<language>\w+), sha256 (?P<digest>[0-9a-f]{16}) -->\n"
    r"```\w*\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a document; the first has number 1."""

    document: str
    number: int
    language: str
    text: str

    @property
    def digest(self) -> str:
        """The beginning of the SHA-256 of its text."""
        return sha256(self.text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Its name in messages and test ids."""
        return f"{self.document}-{self.number}"


def extract(document: str, text: str) -> list[Block]:
    """The fenced blocks of a whole document, those in lists without their indent."""
    return [
        Block(document, number, found["language"] or "text", dedent(found["text"]))
        for number, found in enumerate(FENCED.finditer(text), 1)
    ]


def stored_blocks(document: str) -> list[Block]:
    """The blocks of a document that are kept in documents/."""
    kept = (DATA / f"{document}.md").read_text("utf-8")
    return [Block(document, int(found["number"]), found["language"], found["text"]) for found in STORED.finditer(kept)]


def stored_digests(document: str) -> list[str]:
    """The digests that were written beside the blocks when they were extracted."""
    return [found["digest"] for found in STORED.finditer((DATA / f"{document}.md").read_text("utf-8"))]


def written(blocks: list[Block]) -> str:
    """The blocks as documents/ keeps them."""
    return "\n".join(
        f"<!-- block {block.number}, {block.language}, sha256 {block.digest} -->\n"
        f"```{block.language}\n{block.text}```\n"
        for block in blocks
    )


def main(folder: Path, check: bool) -> int:
    """Write the blocks of the documents in a folder to documents/, or compare them; the number of differences."""
    different = 0
    for document, beginning in DOCUMENTS.items():
        (original,) = folder.glob(f"{beginning}_*")
        found = extract(document, original.read_text("utf-8"))
        if check:
            different += found != stored_blocks(document)
        else:
            DATA.mkdir(exist_ok=True)
            (DATA / f"{document}.md").write_text(written(found), "utf-8")
        sys.stdout.write(f"{document}: {len(found)} blocks\n")
    return different


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--check" in sys.argv[2:]))
