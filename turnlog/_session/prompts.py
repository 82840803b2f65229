"""Prompts: what a branch shows, in the words of a model provider, and how many tokens it is."""

from collections.abc import Iterable
from typing import Literal, overload

from ..domain.json_values import Json
from ..domain.message import ContentGiven, Message, to_message
from ..infrastructure.async_methods import awaited_read
from ..infrastructure.tokenizers import Tokenizer, token_counter
from ..projections.messages import Messages
from ..projections.prompts.anthropic import AnthropicPrompt
from ..projections.prompts.render import Prompt, render_prompt, render_tools, select_messages
from ..projections.prompts.tokens import messages_tokens


class PromptMethods:
    """Whatever shows messages can be shown to a model; a session shows what its default branch does."""

    @property
    def messages(self) -> Messages:
        """What is shown."""
        raise NotImplementedError

    @overload
    def to_chat(
        self,
        format: Literal["openai", "openai-responses"] = "openai",
        new: Message | ContentGiven | None = None,
        last: int | None = None,
        max_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> list[dict[str, Json]]: ...
    @overload
    def to_chat(
        self,
        format: Literal["anthropic"],
        new: Message | ContentGiven | None = None,
        last: int | None = None,
        max_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> AnthropicPrompt: ...
    @overload
    def to_chat(
        self,
        format: Literal["plain"],
        new: Message | ContentGiven | None = None,
        last: int | None = None,
        max_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> list[dict[str, str]]: ...
    @overload
    def to_chat(
        self,
        format: str,
        new: Message | ContentGiven | None = None,
        last: int | None = None,
        max_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> Prompt: ...
    def to_chat(
        self,
        format: str = "openai",
        new: Message | ContentGiven | None = None,
        last: int | None = None,
        max_tokens: int | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> Prompt:
        """What is shown as a prompt: for "openai" a list of messages, for "anthropic" a mapping of system and messages.

        "openai-responses" is a list of input items, "plain" a list of role and text. `new` is about to be asked; it
        comes last and is not recorded. `last` keeps that many of the newest turns, `max_tokens` as many as fit; the
        system message is kept and counted, and a call is never parted from its result. Tokens are estimated unless
        there is a tokenizer.
        """
        asked = None if new is None else to_message(new)
        return render_prompt(select_messages(self.messages, asked, last, max_tokens, token_counter(tokenizer)), format)

    def to_tools(
        self,
        format: Literal["openai", "anthropic", "openai-responses"] = "openai",
        new: Message | ContentGiven | None = None,
    ) -> list[Json]:
        """The tools that the newest instruction offers, for the `tools` of a request."""
        return render_tools(self.messages, None if new is None else to_message(new), format)

    def token_count(self, tokenizer: Tokenizer | None = None) -> int:
        """How many tokens what is shown is: about, or exactly with a tokenizer, and some for each message and image.

        A tokenizer is a function from text to its tokens or their number, or "o200k_base" or "cl100k_base", which
        come with the extra `turnlog[tokens]`.
        """
        return count_tokens(self.messages, tokenizer)

    ato_chat = awaited_read(to_chat)
    ato_tools = awaited_read(to_tools)
    atoken_count = awaited_read(token_count)


def count_tokens(messages: Iterable[Message | ContentGiven], tokenizer: Tokenizer | None = None) -> int:
    """Return how many tokens messages are, on the record or not; as `token_count` of a branch."""
    return messages_tokens(map(to_message, messages), token_counter(tokenizer))
