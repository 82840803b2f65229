"""What a session and the branches got from it share in this process."""

from ._mail.delivery_loop import MailRuntime
from ._models.registry import Registry
from ._stream import SessionStream


class SessionContext:
    """The stream of a session, with the models, tools and mail locks of this process."""

    def __init__(self, stream: SessionStream) -> None:
        self.stream = stream
        self.registry = Registry()
        self.mail = MailRuntime(stream.id, self.registry)
