"""Models, their limits, and what they use."""

from collections.abc import Iterable
from typing import Any

from ... import Message, iModel
from ...models import LanguageModel as ChatCompletionEndPoint
from ...models import RateLimit as RateLimitedProcessor
from ...models import count_tokens
from ...operations import OperationResult as RequestResponse

__all__ = ["ChatCompletionEndPoint", "RateLimitedProcessor", "RequestResponse", "TokenCalculator", "iModel"]


class TokenCalculator:
    """Counts tokens: about, or exactly with a tokenizer, such as "o200k_base" with `turnlog[tokens]`."""

    @staticmethod
    def calculate_message_tokens(messages: Iterable[Message | dict[str, Any]], tokenizer: Any = None) -> int:
        """Return how many tokens messages are."""
        return count_tokens(messages, tokenizer)
