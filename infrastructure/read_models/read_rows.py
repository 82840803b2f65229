"""The rows of a projection for whoever asks: those of the version that counts, as they are at that moment."""

from collections.abc import Sequence

from ...domain.errors import InvalidValueError
from ...domain.errors.base import projection_not_found
from ...projections.projection import Projection
from ...projections.rows import ReadOnlyTableRows, Rows
from ...projections.table_schema import Key, Stored, TableCodec
from .ledger import Ledger, ledger_shapes
from .row_store import RowStore, RowTransaction
from .versions import check_counting


def read_rows(target: RowStore, projection: Projection) -> Rows:
    """The rows of the version that counts when each question is asked; nothing that is put there is written."""
    return Rows(target.shapes(projection), _Current(target, projection), ReadOnlyTableRows)


class _Current:
    """Asks the version that counts, whichever that is at the moment."""

    def __init__(self, target: RowStore, projection: Projection) -> None:
        self._target = target
        self._projection = projection

    def fetch(self, shape: TableCodec, keys: Sequence[Key]) -> Sequence[Stored]:
        with self._target.reading() as transaction:
            return list(transaction.fetch(self._shape(transaction, shape), keys))

    def scan(self, shape: TableCodec, prefix: Key) -> Sequence[Stored]:
        with self._target.reading() as transaction:
            return list(transaction.scan(self._shape(transaction, shape), prefix))

    def _shape(self, transaction: RowTransaction, shape: TableCodec) -> TableCodec:
        ledger = Ledger(self._target, transaction)
        if not transaction.exists(ledger_shapes(self._target)[-1]):
            raise projection_not_found(self._target.name, self._projection.name, ())
        name = ledger.find_name(self._projection.name)
        if name is None:
            known = tuple(each.projection for each in ledger.names())
            raise projection_not_found(self._target.name, self._projection.name, known)
        if name.version == self._projection.version:
            return shape
        version = check_counting(ledger, name)
        if shape.table not in ledger.tables(version):
            raise InvalidValueError(
                f"the rows of the projection {name.projection!r}",
                f"are those of version {name.version} still, whose tables are different: expected to wait until "
                f"version {self._projection.version} counts",
            )
        return TableCodec(shape.table, self._target.place(name.projection, shape.table.name, name.version))
