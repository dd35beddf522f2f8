"""What tokens cost, where that is known: US dollars per million, each with its source and date.

A price holds at the provider's own address only. Elsewhere it is unknown, and stays so: a server
on this machine may be a gateway to one that is paid for, and one of your own costs what you say.
Only a model in this process costs 0. Prices change; `Price.parse` takes your own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from geofix.tools.addresses import IN_PROCESS, Address
from geofix.tools.errors import ModelError

LONG_PROMPT = 100_000
"""Input tokens above which several hosts charge more, so that no cost is given."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Of input read from the host's cache; charged as `input` where it is not known."""
    source: str = "given by the caller"
    """Address of the page it was read from."""
    read_on: str | None = None
    """Date, ISO; of the page itself where it is a transcript with a date."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `input/output` or `input/output/cached`, such as `2.50/10`.

        Raises:
            ModelError: It is no such price.
        """
        try:
            numbers = [float(part) for part in text.split("/")]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 3) or not all(0 <= one < float("inf") for one in numbers):
            raise ModelError(
                f"the price {text!r} is none: write US dollars per million tokens of input and of"
                " output, as '2.50/10', with a third number for cached input; '0/0' is free"
            )
        return cls(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None)

    def cost(self, tokens: dict[str, int]) -> float | None:
        """Return what tokens cost, US dollars; None where they were not counted, or too many."""
        if is_free(self):
            return 0.0
        if "input_tokens" not in tokens or "output_tokens" not in tokens:
            return None
        if self.read_on is not None and tokens["input_tokens"] > LONG_PROMPT:
            return None
        read = min(tokens.get("cached_input_tokens", 0), tokens["input_tokens"])
        cached = self.input if self.cached is None else self.cached
        paid = (tokens["input_tokens"] - read) * self.input + read * cached
        return (paid + tokens["output_tokens"] * self.output) / _MILLION


def is_free(price: Price | None) -> bool:
    """Tell whether nothing is paid, for certain."""
    return price is not None and price.input == price.output == 0


def price_at(address: Address, *names: str | None) -> Price | None:
    """Return the price of a model; None if it is not known.

    Args:
        address: Where its calls go.
        names: What it may be called, the surest first, dated or not.
    """
    if address.host == IN_PROCESS:
        return Price(0.0, 0.0, source="in process: nobody is paid")
    known = PRICES.get(address.host, {})
    plain = (_DATED.sub("", name) for name in names if name)
    return next((known[name] for name in plain if name in known), None)


_DATED = re.compile(r"^models/|-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")

_OPENAI_MODELS = "https://developers.openai.com/api/docs/models/"
_OPENAI_MAY = (
    "https://github.com/api-evangelist/openai/blob/0047de3a/plans/openai-plans-pricing.yml"
    " (of https://developers.openai.com/api/docs/pricing)"
)
_CLAUDE = "https://platform.claude.com/docs/en/about-claude/pricing"
_CLAUDE_5 = "https://platform.claude.com/docs/about-claude/models/whats-new-opus-5"
_SONNET_5 = "https://platform.claude.com/docs/zh-CN/models/sonnet-5/overview"
_GEMINI = (
    "https://github.com/api-evangelist/gemini/blob/3a1090a4/plans/gemini-plans-pricing.yml"
    " (of https://ai.google.dev/gemini-api/docs/pricing)"
)

PRICES: dict[str, dict[str, Price]] = {
    "api.openai.com": {
        "gpt-6.2-sol": Price(2, 10, 0.1, _OPENAI_MODELS + "gpt-6.2-sol.md", "2026-11-22"),
        "gpt-5.5": Price(5, 30, 0.5, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4": Price(2.5, 15, 0.25, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4-mini": Price(0.75, 4.5, 0.075, _OPENAI_MAY, "2026-05-04"),
        "gpt-5.4-nano": Price(0.2, 1.25, 0.02, _OPENAI_MAY, "2026-05-04"),
        "gpt-4.1": Price(
            2, 8, 0.5, "https://vercel.com/ai-gateway/models/gpt-4.1/providers", "2026-11-22"
        ),
    },
    "api.anthropic.com": {
        "claude-opus-5-5": Price(4, 20, None, _CLAUDE_5, "2026-11-22"),
        "claude-opus-5": Price(5, 25, 0.5, _CLAUDE_5, "2026-11-22"),
        "claude-opus-4-8": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-7": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-6": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-opus-4-5": Price(5, 25, 0.5, _CLAUDE, "2026-11-22"),
        "claude-sonnet-5-5": Price(2, 10, None, _CLAUDE_5, "2026-11-22"),
        "claude-sonnet-5": Price(2, 10, 0.2, _SONNET_5, "2026-11-22"),
        "claude-haiku-5-5": Price(0.1, 0.5, None, _CLAUDE_5, "2026-11-22"),
        "claude-haiku-4-5": Price(1, 5, None, _SONNET_5, "2026-11-22"),
    },
    "generativelanguage.googleapis.com": {
        "gemini-3.5-flash": Price(1.5, 9, None, _GEMINI, "2026-09-20"),
        "gemini-3.1-pro-preview": Price(2, 12, None, _GEMINI, "2026-09-20"),
    },
}
"""By host, then by name without its date. A figure nobody could show a page for is not here."""
