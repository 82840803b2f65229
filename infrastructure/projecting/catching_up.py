"""How the built-in projections that are kept in a store's database take in a redaction at once."""

from ...domain.errors import TurnlogError
from ...domain.store_errors import NotSupported, RedactionPendingError
from ...projections.built_in import BUILT_IN
from ...projections.definition import Projection
from ..recorder import Recorder
from .inline import Inline
from .ledger import Ledger, ledger_shapes
from .opening import target_of
from .target import Target


def catch_up(recorder: Recorder) -> None:
    """Bring the rows that are kept in the store's own database up to date, whichever process keeps them.

    Where a session waits behind a dead letter, or the work is shared by shards, it is left to the runner.
    """
    try:
        target = target_of(recorder)
    except NotSupported:
        return
    for projection in _kept(target):
        try:
            Inline(recorder, target).attach(projection)
        except TurnlogError as reason:
            which = (
                f"the rows of the projection {projection.name!r} cannot be brought up to date: {type(reason).__name__}"
            )
            raise RedactionPendingError(recorder.name, which) from reason


def _kept(target: Target) -> list[Projection]:
    with target.reading() as transaction:
        if not transaction.exists(ledger_shapes(target)[-1]):
            return []
        ledger = Ledger(target, transaction)
        return [kind() for kind in BUILT_IN if _is_kept(ledger, kind)]


def _is_kept(ledger: Ledger, kind: type[Projection]) -> bool:
    name = ledger.find_name(kind.name)
    if name is None or name.version != kind.version or any(ledger.letters(kind.name, kind.version)):
        return False
    return len(ledger.checkpoints(kind.name, kind.version)) == 1
