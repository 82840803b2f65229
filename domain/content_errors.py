"""What can go wrong with contents, values and the forms they are given out in."""

from .errors import Refused, error


@error
class InvalidContent(Refused, ValueError):
    """This cannot become a message: it is empty, or its keys name no content."""

    reason: str
    accepted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.reason}: expected keys among {', '.join(self.accepted)}" if self.accepted else self.reason


@error
class ContentTypeTaken(Refused, ValueError):
    """A kind of content is stored under this name already."""

    name: str
    owner: str

    def __str__(self) -> str:
        return f"the name {self.name!r} is taken by {self.owner}: expected one that no kind of content has"


@error
class ImageRefused(Refused, ValueError):
    """An image is at an address that the session's image policy does not allow."""

    reason: str

    def __str__(self) -> str:
        return f"an image {self.reason}"


@error
class AnswerMisfit(Refused, ValueError):
    """An answer has not the shape that it was asked for in."""

    format: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"the answer does not fit {self.format!r}: at {self.place}, {self.reason}"


@error
class ValueIsReadOnly(Refused, TypeError):
    """A dict or list inside a message was to be changed."""

    def __str__(self) -> str:
        return "what is inside a message cannot be changed: expected a copy of it, as copy.deepcopy makes one"


@error
class UnknownFormat(Refused, ValueError):
    """No provider's prompts go by this name."""

    format: str
    formats: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no format {self.format!r}: expected one of {', '.join(self.formats)}"


@error
class PromptTooLong(Refused, ValueError):
    """Not even the system message and the newest turn fit into the prompt."""

    needed: int
    max_tokens: int

    def __str__(self) -> str:
        return (
            f"the system message and the newest turn are {self.needed} tokens, and max_tokens is {self.max_tokens}: "
            f"expected {self.needed} at least"
        )
