"""The blocks of the document of lionagi."""

from tests.compat.running import not_built

TABLE = not_built(34)
