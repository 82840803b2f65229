"""Texts as words, and what is looked for among them: one way for every language and every database. Pure.

Databases cut texts into words each in its own way, by the locale they were made with, and not at all where a language
writes no spaces. So texts are cut here. A database gets words that it has no opinion on: letters and digits of ASCII,
one space between them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import takewhile

import msgspec

from ..domain.errors import InvalidValueError

LONGEST_WORD = 64
"""Characters of a word that count; what is longer is no word of a language."""

INDEXED = 200_000
"""Characters of words that are kept of one message, as much as every database has room for."""

WITHOUT_SPACES = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x323AF)),
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese: each letter counts as a word, and a word is found as a phrase."""

LETTERS, ALONE, MARK, OTHER = range(4)

ASCII_WORD = re.compile(r"[a-z0-9]+")
PART = re.compile(r'"([^"]*)"|(\S+)')


class Phrase(msgspec.Struct, frozen=True):
    """Words that follow each other; the last is only a beginning, if that was asked for."""

    words: tuple[str, ...]
    prefix: bool = False


def split_words(text: str) -> Iterator[str]:
    """The words of a text, in their order, without regard to upper and lower case."""
    if text.isascii():
        yield from (found[0][:LONGEST_WORD] for found in ASCII_WORD.finditer(text.lower()))
        return
    word: list[str] = []
    alone = False
    for letter in unicodedata.normalize("NFKC", text).casefold():
        kind = _kind(letter)
        if kind == LETTERS and not alone:
            word.append(letter)
            continue
        if kind == MARK:
            if word:
                word.append(letter)
            continue
        if word:
            yield "".join(word)[:LONGEST_WORD]
        word = [] if kind == OTHER else [letter]
        alone = kind == ALONE
    if word:
        yield "".join(word)[:LONGEST_WORD]


def index_text(text: str) -> str:
    """The words of a text as a database keeps them."""
    kept: list[str] = []
    room = INDEXED
    for word in map(to_ascii, split_words(text)):
        room -= len(word) + 1
        if room < 0:
            break
        kept.append(word)
    return " ".join(kept)


@lru_cache(maxsize=10_000)
def to_ascii(word: str) -> str:
    """The word itself, or letters that stand for it; what begins alike in one way does so in the other."""
    return word if word.isascii() else f"u8{word.encode('utf-8', 'surrogatepass').hex()}"


def parse_query(query: str) -> tuple[Phrase, ...]:
    """What a query asks for: all of its words, "phrases in quotes" and beginnings*."""
    if not isinstance(query, str):
        raise InvalidValueError("the query", f"is a {type(query).__name__}: expected a str")
    phrases = []
    for quoted, bare in PART.findall(query):
        words = tuple(split_words(quoted or bare))
        if words:
            phrases.append(Phrase(words, prefix=bare.endswith("*")))
    if not phrases:
        raise InvalidValueError("the query", f'is {query!r}: expected a word, a beginning* or a "phrase"')
    return tuple(phrases)


def matches(text: str, phrases: Iterable[Phrase]) -> bool:
    """Whether a text has all that is looked for."""
    words = list(split_words(text))
    return all(_place(words, phrase) is not None for phrase in phrases)


def excerpt(text: str, phrases: Sequence[Phrase], width: int = 120) -> str:
    """The part of a text around the first thing that was looked for, on one line."""
    line = " ".join(text.split())
    lowered = line.casefold()
    first = phrases[0].words[0] if phrases else ""
    place = max(lowered.find(first), 0) if len(lowered) == len(line) else 0
    start = max(0, min(place - width // 3, len(line) - width))
    return f"{'…' if start else ''}{line[start : start + width]}{'…' if start + width < len(line) else ''}"


def _place(words: Sequence[str], phrase: Phrase) -> int | None:
    size = len(phrase.words)
    for place in range(len(words) - size + 1):
        here = words[place : place + size]
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, phrase.words, strict=True)))
        if same == size or (phrase.prefix and same == size - 1 and here[-1].startswith(phrase.words[-1])):
            return place
    return None


@lru_cache(maxsize=10_000)
def _kind(letter: str) -> int:
    match unicodedata.category(letter)[0]:
        case "L" | "N":
            return ALONE if any(first <= ord(letter) <= last for first, last in WITHOUT_SPACES) else LETTERS
        case "M":
            return MARK
        case _:
            return OTHER
