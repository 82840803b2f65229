"""The blocks of the document of pyai."""

from tests.compat.running import not_built

TABLE = not_built(12)
