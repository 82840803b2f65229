"""What analysts ask a store for: frames, SQL over them, and files that others read."""

from typing import cast

from .frames.store_frames import Frames
from .library.application import HansardApplication
from .reading import Source


class AnalysedStore(HansardApplication):
    """The part of a store that answers with frames."""

    @property
    def frames(self) -> Frames:
        """Messages, events and usage of all sessions as Arrow batches, in memory that does not grow with the store."""
        return Frames(self.recorder, cast(Source, self))
