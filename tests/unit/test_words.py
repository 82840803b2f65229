"""Texts are cut into words alike for every language and every database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import InvalidValueError
from turnlog.projections.full_text import (
    INDEXED,
    Phrase,
    excerpt,
    index_text,
    matches,
    parse_query,
    split_words,
    to_ascii,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World! It's 2 o'clock", ["hello", "world", "it", "s", "2", "o", "clock"]),
        ("Größe STRASSE straße", ["grösse", "strasse", "strasse"]),
        ("Ελληνικά Москва", ["ελληνικά", "москва"]),
        ("שלום مرحبا", ["שלום", "مرحبا"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("東京へ行く", ["東", "京", "へ", "行", "く"]),
        ("한국어 검색", ["한국어", "검색"]),
        ("\uff46\uff55\uff4c\uff4c \uff57\uff49\uff44\uff45", ["full", "wide"]),
        ("e\u0301te\u0301 \u00e9t\u00e9", ["été", "été"]),
        ("snake_case a-b c++ 🙂 .", ["snake", "case", "a", "b", "c"]),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_of_any_language(text: str, words: list[str]) -> None:
    assert list(split_words(text)) == words


def test_an_index_gets_words_of_ascii_that_begin_alike_where_the_words_do() -> None:
    assert index_text("Die Größe, bitte") == "die u86772c3b6737365 bitte"
    assert to_ascii("größe").startswith(to_ascii("grö"))


def test_an_index_has_an_end() -> None:
    assert len(index_text("wort " * 200_000)) <= INDEXED
    assert len(index_text("x" * 1_000_000)) == 64


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("Fork", (Phrase(("fork",)),)),
        ("fork merge", (Phrase(("fork",)), Phrase(("merge",)))),
        ('"never update" app*', (Phrase(("never", "update")), Phrase(("app",), prefix=True))),
        ("東京", (Phrase(("東", "京")),)),
        ('"open', (Phrase(("open",)),)),
        ("a-b*", (Phrase(("a", "b"), prefix=True),)),
    ],
)
def test_a_query_asks_for_words_phrases_and_beginnings(query: str, phrases: tuple[Phrase, ...]) -> None:
    assert parse_query(query) == phrases


@pytest.mark.parametrize("query", ["", "  ", '""', "*", "-- ?", None, 5])
def test_a_query_without_words_is_refused(query: str) -> None:
    with pytest.raises(InvalidValueError, match="the query"):
        parse_query(query)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *(("update", True), ("UPDATE never", True), ('"never update"', True), ('"update never"', False)),
        *(("upd", False), ("upd*", True), ('"never upd"*', False), ("missing", False), ("never missing", False)),
    ],
)
def test_a_text_has_all_that_is_looked_for_or_is_not_found(query: str, found: bool) -> None:
    assert matches("Never update; only append.", parse_query(query)) is found


def test_a_word_of_a_language_without_spaces_is_found_inside() -> None:
    assert matches("私は東京へ行く", parse_query("東京"))
    assert not matches("京東", parse_query("東京"))


@given(st.text())
def test_whatever_words_a_text_has_it_is_found_by_each(text: str) -> None:
    words = list(split_words(text))
    assert all(matches(text, [Phrase((word,))]) for word in words)
    assert not words or matches(text, [Phrase(tuple(words))])
    assert index_text(text).isascii()
    assert len(index_text(text).split()) == len(words)


def test_an_excerpt_shows_what_was_found_and_that_there_is_more() -> None:
    text = "word " * 100 + "needle" + " word" * 100
    shown = excerpt(text, parse_query("needle"), 60)

    assert "needle" in shown
    assert (shown[0], shown[-1], len(shown)) == ("…", "…", 62)
    assert excerpt("short\nneedle", parse_query("needle")) == "short needle"
