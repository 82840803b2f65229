"""What gives a secret away: the name it goes by, or how it looks. Each pattern reads a text once, however long it is.

Every repetition without a bound is possessive, and a pattern begins where a run of letters does; so no text makes one
of them look at a character more than a few times.
"""

import re
from collections.abc import Callable
from typing import TypeAlias
from unicodedata import normalize

Mask: TypeAlias = Callable[[str], str]
"""What is put in the place of a secret."""

_WORDS = re.compile(r"(?:[A-Z](?![a-z]))++|[A-Z]?[a-z]++|[0-9]++")

_ANYWHERE = (
    *("password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "privatekey", "signingkey"),
    *("encryptionkey", "authorization", "credential", "clientsecret", "accesstoken", "authtoken", "bearertoken"),
    *("refreshtoken", "sessiontoken", "idtoken", "setcookie", "connectionstring"),
)
"""Say so in the midst of a name, written with or without separators."""

_AS_A_WORD = frozenset(("secret", "secrets", "cookie", "cookies", "pwd", "jwt", "bearer", "apikeys", "passcode"))
_ALONE = frozenset(("auth", "pass", "dsn", "otp", "sessionid", "xauth"))
_COUNTS_TOKENS = frozenset(
    ("count", "counts", "usage", "limit", "limits", "type", "budget", "rate", "length", "size", "cost", "price", "per")
)


def names_a_secret(name: str) -> bool:
    """Whether what goes by this name is one: `api_key`, `X-Auth-Token`, `dbPassword`; not `max_tokens`."""
    words = [word.lower() for word in _WORDS.findall(name if name.isascii() else normalize("NFKC", name))]
    squeezed = "".join(words)
    if any(known in squeezed for known in _ANYWHERE) or squeezed in _ALONE or not _AS_A_WORD.isdisjoint(words):
        return True
    return "token" in words and _COUNTS_TOKENS.isdisjoint(words)


def looks_secret(word: str) -> bool:
    """Whether a word is hardly one of a language: it has digits, or capitals in its midst, or is very long."""
    return len(word) >= 24 or any(each.isdigit() for each in word) or any(each.isupper() for each in word[1:])


def mask_known(text: str, mask: Mask) -> str:
    """Masks what shows itself: private keys, tokens, what follows `Bearer`, passwords in addresses."""
    text = PRIVATE_KEY.sub(lambda found: mask(found[0]), text)
    text = TOKEN.sub(lambda found: mask(found[0]), text)
    text = PREFIXED.sub(lambda found: mask(found[0]) if looks_secret(found[1]) else found[0], text)
    text = SCHEME.sub(lambda found: found[1] + mask(found[2]) if looks_secret(found[2]) else found[0], text)
    text = ADDRESS.sub(lambda found: _mask_address(found[0], mask), text)
    return SIGNATURE.sub(lambda found: found[1] + mask(found[2]), text)


PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+(?:-----END[A-Z ]{0,50}-----)?"
)
TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"eyJ[A-Za-z0-9_-]{5,}+\.[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+){0,3}"
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])"
    r"|AIza[A-Za-z0-9_-]{30,}+"
    r"|ya29\.[A-Za-z0-9_-]{10,}+"
    r"|SG\.[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+"
    r"|gh[pousr]_[A-Za-z0-9]{16,}+"
    r"|github_pat_[A-Za-z0-9_]{16,}+"
    r"|glpat-[A-Za-z0-9_-]{16,}+"
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,}+"
    r"|(?:hf|gsk|npm|r8|nvapi|pplx|xai|tgp_v1|dop_v1|whsec|pypi|vercel|sbp|dapi)[_-][A-Za-z0-9_-]{24,}+"
    r")"
)
PREFIXED = re.compile(r"(?<![A-Za-z0-9_-])(?:sk|pk|rk|ak|key)[-_]([A-Za-z0-9_-]{6,}+)")
SCHEME = re.compile(r"(?<![A-Za-z0-9_])((?i:bearer|basic|digest)[ \t]{1,8})([A-Za-z0-9._~+/=-]{6,}+)")
ADDRESS = re.compile(r"""://[^\s"'<>]++""")
SIGNATURE = re.compile(
    r"""([?&](?i:sig|signature|x-amz-signature|x-amz-credential|x-goog-signature|code)=)([^\s&"'<>]++)"""
)
EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}+@[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+){1,8}")
CARD = re.compile(r"(?<![0-9])(?<![0-9][ -])(?:[0-9][ -]?){12,18}[0-9](?![0-9])")


def _mask_address(address: str, mask: Mask) -> str:
    """What stands behind `://`, with the password between user and host masked; one address may hold another."""
    return "://".join(_mask_password(piece, mask) for piece in address.split("://"))


def _mask_password(piece: str, mask: Mask) -> str:
    user, colon, rest = piece.partition(":")
    if not colon or "@" not in rest or not user.isprintable() or any(each in user for each in "/?#@"):
        return piece
    if re.match(r"[0-9]{1,5}[/?#]", rest):  # a port, and the @ is in the path
        return piece
    password, _, host = rest.rpartition("@")  # the last one: a password may hold it, and a slash
    return f"{user}:{mask(password)}@{host}" if password else piece


def is_card(text: str) -> bool:
    """Whether the digits are those of a card, which end in a check digit."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0
