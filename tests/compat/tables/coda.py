"""The blocks of the document of coda."""

from tests.compat.running import not_built

TABLE = not_built(28)
