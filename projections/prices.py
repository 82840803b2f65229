"""What tokens cost, by model: a table to be replaced by one's own. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Price(msgspec.Struct, frozen=True):
    """US dollars for a million tokens, those that go in and those that come out."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "gpt-4o": Price(2.5, 10.0),
        "gpt-4o-mini": Price(0.15, 0.6),
        "gpt-4.1": Price(2.0, 8.0),
        "gpt-4.1-mini": Price(0.4, 1.6),
        "gpt-4.1-nano": Price(0.1, 0.4),
        "o3": Price(2.0, 8.0),
        "o4-mini": Price(1.1, 4.4),
        "claude-3-5-haiku": Price(0.8, 4.0),
        "claude-3-5-sonnet": Price(3.0, 15.0),
        "claude-3-7-sonnet": Price(3.0, 15.0),
        "claude-sonnet-4": Price(3.0, 15.0),
        "claude-opus-4": Price(15.0, 75.0),
        "gemini-2.0-flash": Price(0.1, 0.4),
        "gemini-2.5-flash": Price(0.3, 2.5),
        "gemini-2.5-pro": Price(1.25, 10.0),
    }
)
"""List prices as published in the middle of 2025, without discounts; whoever counts money brings their own."""

DATED = re.compile(r"[-:@](latest|preview|\d[\d-]*|v\d+)$")


def price_of(model: str, prices: Mapping[str, Price] = PRICES) -> Price | None:
    """The price of a model; a provider in front and a date behind its name make no difference."""
    name = model
    while name not in prices:
        shorter = DATED.sub("", name)
        if shorter == name:
            return prices.get(name.rpartition("/")[2]) if "/" in name else None
        name = shorter
    return prices[name]


def cost_of(
    model: str | None,
    input_tokens: int | None,
    output_tokens: int | None,
    prices: Mapping[str, Price] = PRICES,
) -> float | None:
    """The cost of a call in US dollars; None if the model has no price."""
    price = price_of(model or "", prices)
    return None if price is None else price.of(input_tokens or 0, output_tokens or 0)
