"""What a model's tokens cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

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
    """Price of input read from the host's cache; `input` is charged where it is not known."""
    source: str = "given by the caller"
    """Address of the page it was read from."""
    read_on: str | None = None
    """Date, ISO; of the page itself where it is a transcript with a date."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `input/output` or `input/output/cached`, such as `2.50/10`.

        Raises:
            ModelError: The text is not a price.
        """
        try:
            numbers = [float(part) for part in text.split("/")]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 3) or not all(0 <= one < float("inf") for one in numbers):
            raise ModelError(
                f"the price {text!r} cannot be read; write US dollars per million tokens of input"
                " and of output, as '2.50/10', with a third number for cached input; '0/0' is free"
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
