"""Secrets are taken out, by their names and by their looks; prose stays; no text makes the work grow faster than it."""

from __future__ import annotations

import re
import sys
from re import _constants as sre  # type: ignore[attr-defined]  # the standard library has no public way to look inside
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

import pytest

from turnlog.domain.errors import InvalidValueError, MissingExtraError
from turnlog.domain.log import Log
from turnlog.infrastructure.logs.redaction import assignments, custom_patterns, known_secrets
from turnlog.infrastructure.logs.redaction.redactor import LogRedactor

GONE = "[REDACTED]"
STANDARD = LogRedactor()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: sk-abc", f"Authorization: {GONE}"),
        ("Authorization: Bearer abc123", f"Authorization: {GONE}"),
        ("api_key=sk-12345abcdef67890", f"api_key={GONE}"),
        ('{"password": "x"}', f'{{"password": "{GONE}"}}'),
        ('{"a": "{\\"password\\": \\"hunter2\\"}"}', f'{{"a": "{{\\"password\\": \\"{GONE}\\"}}"}}'),
        ("password='it\\'s me'", f"password='{GONE}'"),
        ("if token == 'x1':", f"if token == '{GONE}':"),
        ("postgresql://ada:s3cret@host/db", f"postgresql://ada:{GONE}@host/db"),
        ("postgresql://ada:p@ss/w0rd@host:5432/db", f"postgresql://ada:{GONE}@host:5432/db"),
        ("redis://:s3cret@h/0", f"redis://:{GONE}@h/0"),
        ("a|http://user:pw@h|https://a:b@c", f"a|http://user:{GONE}@h|https://a:{GONE}@c"),
        ("Bearer abc123def456", f"Bearer {GONE}"),
        ("proxy said Basic dXNlcjpwYXNz", f"proxy said Basic {GONE}"),
        ("Cookie: sid=abc; b=c", f"Cookie: {GONE}"),
        ("run --token hunter2 now", f"run --token {GONE} now"),
        ("<password>swordfish</password>", f"<password>{GONE}</password>"),
        ("password: swordfish", f"password: {GONE}"),
        ("user: bob, password: swordfish, host: h", f"user: bob, password: {GONE}, host: h"),
        ("https://h/p?token=abc&x=1&sig=Zz%2F", f"https://h/p?token={GONE}&x=1&sig={GONE}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 ok", f"{GONE} ok"),
        ("key AKIAIOSFODNN7EXAMPLE.", f"key {GONE}."),
        ("(ghp_abcdefghijklmnopqrstuvwxyz0123456789)", f"({GONE})"),
        ("used sk-proj-abc123DEF today", f"used {GONE} today"),
        ("export OPENAI_API_KEY=abcdef", f"export OPENAI_API_KEY={GONE}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nMI-IE\n-----END RSA PRIVATE KEY-----\nok", f"{GONE}\nok"),
    ],
)
def test_a_secret_in_a_text_is_taken_out_and_once_is_enough(text: str, redacted: str) -> None:
    assert STANDARD.redact_text(text) == redacted
    assert STANDARD.redact_text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://h:1 and mail a@b",
        "http://h:8080/x@y",
        "The bearer of certificates is Basic, and Basic authentication too.",
        "I forgot my password: what do I do?",
        "Please reset the password: now, or never",
        "password: it's not working",
        "Unexpected token: foo",
        "max_tokens=5 input_tokens: 7 token_count=12",
        "The token: first, it is long. The secret: patience.",
        "A task-list of sk-learn-pipelines, and hf_hub_download of npm_config_registry",
        "Authorization: the process of granting",
        "cookie: I want one",
        "see https://example.com/a:b@c",
        "12:30 key: value; the passport: lost",
        "password=null token: None",
        "the secretary passed the compass",
        "card 1234 5678 9012 3456 and ada@example.com",
    ],
)
def test_plain_prose_stays_as_it_was(text: str) -> None:
    assert STANDARD.redact_text(text) == text


def test_a_secret_is_known_by_its_name_at_any_depth() -> None:
    assert STANDARD.redact(
        {
            "apiKey": 1,
            "max_tokens": 4,
            "headers": [["X-Auth-Token", "z"], {"name": "Set-Cookie", "value": "q"}, ("Accept", "z")],
            "a": [[{"deep": [{"dbPassword": {"x": [1]}}]}]],
            "token_type": "bearer",
            "token": "abc",
            "password": None,
            "PASSWORD": "",
            "\N{FULLWIDTH LATIN SMALL LETTER P}assword": "x",
        }
    ) == {
        "apiKey": GONE,
        "max_tokens": 4,
        "headers": [["X-Auth-Token", GONE], {"name": "Set-Cookie", "value": GONE}, ["Accept", "z"]],
        "a": [[{"deep": [{"dbPassword": GONE}]}]],
        "token_type": "bearer",
        "token": GONE,
        "password": None,
        "PASSWORD": "",
        "\N{FULLWIDTH LATIN SMALL LETTER P}assword": GONE,
    }


def test_keys_that_are_secrets_are_taken_out_and_none_is_lost() -> None:
    given = {"AKIAIOSFODNN7EXAMPLE": 1, "AKIAIOSFODNN7EXAMPLF": 2, "a": 3}

    assert STANDARD.redact(given) == {GONE: 1, f"{GONE} 2": 2, "a": 3}


def test_mail_addresses_and_cards_are_taken_out_on_request() -> None:
    redactor = LogRedactor(emails=True, cards=True)

    assert redactor.redact_text("ada@example.com paid with 4111 1111 1111 1111, not 4111 1111 1111 1112") == (
        f"{GONE} paid with {GONE}, not 4111 1111 1111 1112"
    )


def test_keys_and_patterns_of_ones_own_are_taken_out() -> None:
    redactor = LogRedactor(keys=["social_number"], patterns=[r"cust-\d+", r"pin (\d{4})"], replacement="***")

    assert redactor.redact({"socialNumber": 5, "note": "cust-42 has pin 1234"}) == {
        "socialNumber": "***",
        "note": "*** has pin ***",
    }


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", r"(\w+\s?)*", "(ab|a)*c", "(a*)*", "((a|ab)+)+", "(?:a{2,}){3,}"),
        *("(.*)(.*)(.*)(.*)x", "a*a*a*a*a*b", "(a?){64}a{64}", "(.*a){11}$", ".*.*.*=.*", "(a|a|a|a)*$", "(x+x+)+y"),
    ],
)
def test_no_pattern_takes_longer_than_its_text(pattern: str) -> None:
    redactor = LogRedactor(patterns=[pattern])

    for text in ("a" * 50_000, "a" * 63, "ab" * 20_000 + "!", "x" * 50_000, "a\n" * 20_000):
        assert redactor.redact_text(text) is not None


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)", "a++", "(?>a)", "(?<!a)b", "(", "((a{100}){10}){10}", r"[\pL\pN]{900}", "\ud800"]
)
def test_a_pattern_that_the_engine_does_not_support_raises(pattern: str) -> None:
    with pytest.raises(InvalidValueError, match=r"is not supported .*: expected the syntax of RE2"):
        LogRedactor(patterns=[pattern])


@pytest.mark.parametrize("pattern", [b"a", 3, re.compile("a")])
def test_what_is_no_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(InvalidValueError, match="a pattern"):
        LogRedactor(patterns=[pattern])


@pytest.mark.parametrize(
    ("pattern", "text", "redacted"),
    [
        (r"(?i)geheim: (\pL+)", "Geheim: \xe4\u6f22 ja", "Geheim: * ja"),
        ("b+", "\ud800b\x00\xe4", "\ud800*\x00\xe4"),
        (r"\C\z", "\xe4\u6f22\U0001f600", "\xe4\u6f22*"),
    ],
)
def test_patterns_mask_whole_characters_of_any_text(pattern: str, text: str, redacted: str) -> None:
    assert LogRedactor(patterns=[pattern], replacement="*").redact_text(text) == redacted


def test_without_the_extra_only_custom_patterns_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)

    assert LogRedactor(emails=True, cards=True, keys=["pin"]).redact({"pin": 1}) == {"pin": GONE}
    with pytest.raises(MissingExtraError, match=r"turnlog\[logs\]"):
        LogRedactor(patterns=["a"])


@pytest.mark.parametrize("field", ["keys", "patterns"])
def test_one_text_in_the_place_of_many_is_refused(field: str) -> None:
    with pytest.raises(InvalidValueError, match="expected a list"):
        LogRedactor(**{field: "password"})  # type: ignore[arg-type]  # what is tried here is not allowed


def test_every_field_of_a_log_that_says_something_is_redacted_and_its_place_stays() -> None:
    secret = "sk-proj-abc123DEF"
    said = ("message", "source", "model", "provider")
    log = Log(
        "info",
        **dict.fromkeys(said, f"a {secret}"),  # type: ignore[arg-type]  # all of these are text
        request={"a": secret},
        response=[secret],
        duration_ms=12.5,
        input_tokens=3,
        data=secret,
        error=secret,
        id=f"{secret}/1",
        session=secret,
        position=1,
        actor=secret,
        correlation_id=secret,
    )

    redacted = STANDARD.redact_log(log)

    assert redacted == Log(
        "info",
        **dict.fromkeys(said, f"a {GONE}"),  # type: ignore[arg-type]  # all of these are text
        request={"a": GONE},
        response=[GONE],
        duration_ms=12.5,
        input_tokens=3,
        data=GONE,
        error=GONE,
        id=f"{secret}/1",
        session=secret,
        position=1,
        actor=GONE,
        correlation_id=GONE,
    )


# --- Work -------------------------------------------------------------------------------------------------

BUILT_IN = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (known_secrets, assignments)
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}


@pytest.mark.parametrize("pattern", BUILT_IN.values(), ids=BUILT_IN)
def test_every_repetition_without_a_bound_is_never_given_back(pattern: re.Pattern[str]) -> None:
    assert given_back(parser.parse(pattern.pattern, pattern.flags)) == []


def given_back(tree: Any) -> list[int]:
    """The bounds of repetitions that may be tried again shorter, if they are long ones."""
    found: list[int] = []
    for kind, argument in tree:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            _, most, repeated = argument
            found += [int(most)] * (int(most) > 64)
            found += given_back(repeated)
        elif kind is sre.BRANCH:
            found += [bound for choice in argument[1] for bound in given_back(choice)]
        else:
            found += [bound for part in parts(kind, argument) for bound in given_back(part)]
    return found


def parts(kind: Any, argument: Any) -> list[Any]:
    """The patterns that a part of a pattern is made of."""
    if kind is sre.POSSESSIVE_REPEAT:
        return [argument[2]]
    if kind is sre.ATOMIC_GROUP:
        return [argument]
    if kind is sre.SUBPATTERN:
        return [argument[-1]]
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [argument[1]]
    if kind is sre.GROUPREF_EXISTS:
        return [part for part in argument[1:] if part is not None]
    return []


class Counting:
    """A pattern that counts the characters it gives back as found."""

    work = 0

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        return self._counted(self._pattern.match(text, start))

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        found = self._counted(self._pattern.search(text, start))
        Counting.work += (len(text) if found is None else found.start()) - start
        return found

    @staticmethod
    def _counted(found: re.Match[str] | None) -> re.Match[str] | None:
        Counting.work += 1 if found is None else 1 + found.end() - found.start()
        return found


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "password=", "password='", 'password="', 'password=\\"', "password: a ", "password: a,", "://a:"),
        *("authorization: a b ", "authorization: Basic ", "cookie: a\n", "cookie: a ", "<password>", "--token ", "=:"),
        *("-----BEGIN PRIVATE KEY-----", "eyJ", "a@", "1 ", "\\", '"', "bearer ", "sk-", "A", "-", "password:\t"),
    ],
)
def test_the_work_on_a_text_of_names_grows_no_faster_than_the_text(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(assignments).items():
        if isinstance(value, re.Pattern):
            monkeypatch.setattr(assignments, name, Counting(value))
    monkeypatch.setattr(assignments, "_QUOTED", {q: Counting(each) for q, each in assignments._QUOTED.items()})
    text = piece * (20_000 // len(piece))

    Counting.work = 0
    STANDARD.redact_text(text)

    assert Counting.work <= 30 * len(text)


@pytest.mark.parametrize(
    "piece", ["a", "password: a ", "authorization: a b ", "://a:b/@", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_text_of_a_megabyte_is_redacted_whatever_it_is(piece: str) -> None:
    redactor = LogRedactor(emails=True, cards=True)

    assert redactor.redact_text(piece * (1_000_000 // len(piece))) != ""


def test_a_pattern_of_ones_own_meets_a_long_text_in_windows_and_finds_what_lies_across() -> None:
    seen: list[int] = []

    class Watched:
        groups = 0

        def finditer(self, content: bytes, start: int, end: int) -> Any:
            seen.append(min(end, len(content)) - start)
            return re.compile(b"needle").finditer(content, start, end)

    own = custom_patterns.CustomPattern(Watched())
    text = "".join("x" * gap + "needle" for gap in range(1500, 1600))

    assert own.mask(text, "-") == "".join("x" * gap + "-" for gap in range(1500, 1600))
    assert max(seen) == custom_patterns.WINDOW
    assert sum(seen) < 1.5 * len(text)
