"""What a run may spend on a model: money, tokens, time. Calls that it forbids are not begun."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from geofix.tools.answers import COUNTED
from geofix.tools.errors import ModelError
from geofix.tools.prices import Price


@dataclass(frozen=True, slots=True)
class Spent:
    """What went, or what is left; None in what is left stands for no limit."""

    cost: float | None
    """US dollars."""
    tokens: int | None
    """Input and output together."""
    seconds: float | None
    """Since the budget was made."""


class Budget:
    """A limit that several calls share, from several threads too.

    A call is begun while something is left, so the last may go past a limit by its own size, and so
    may each of several under way at once. Seconds bind more strictly: they bound the call itself. A
    call that came to nothing is not counted: nobody says what it cost.
    """

    def __init__(
        self,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        *,
        before: Spent | None = None,
    ) -> None:
        """Begin to count.

        Args:
            max_cost: US dollars.
            max_tokens: Input and output together.
            max_seconds: From now on, or from as much earlier as `before` says.
            before: What went already; a cost or tokens of None in it were not counted.

        Raises:
            ModelError: A limit is negative.
        """
        limits = {"max_cost": max_cost, "max_tokens": max_tokens, "max_seconds": max_seconds}
        for name, limit in limits.items():
            if limit is not None and not limit >= 0:
                raise ModelError(f"the budget's {name} cannot be {limit!r}; give 0 or more")
        self.max_cost = max_cost
        self.max_tokens = max_tokens
        self.max_seconds = max_seconds
        went = before or Spent(0.0, 0, 0.0)
        self._began = time.monotonic() - (went.seconds or 0.0)
        self._lock = threading.Lock()
        self._cost = went.cost or 0.0
        self._tokens = went.tokens or 0
        self._uncounted = (max_cost is not None and went.cost is None) or (
            max_tokens is not None and went.tokens is None
        )

    def add(self, tokens: dict[str, int], cost: float | None) -> None:
        """Count a call that was made.

        Args:
            tokens: As the server counted them; without those it did not count.
            cost: US dollars; None if unknown.
        """
        with self._lock:
            self._tokens += sum(max(0, tokens.get(kind, 0)) for kind in COUNTED)
            self._cost += max(0.0, cost or 0.0)
            without_tokens = self.max_tokens is not None and not tokens.keys() >= set(COUNTED)
            without_cost = self.max_cost is not None and cost is None
            self._uncounted = self._uncounted or without_tokens or without_cost

    @property
    def spent(self) -> Spent:
        """What went so far."""
        with self._lock:
            return Spent(self._cost, self._tokens, time.monotonic() - self._began)

    @property
    def left(self) -> Spent:
        """What is left, never below 0."""
        spent = self.spent
        return Spent(
            _rest(self.max_cost, spent.cost),
            None if self.max_tokens is None else max(0, self.max_tokens - (spent.tokens or 0)),
            _rest(self.max_seconds, spent.seconds),
        )

    def exhausted(self) -> str | None:
        """Return why no further call may be made; None while one may."""
        spent, left = self.spent, self.left
        if self._uncounted:
            return "a call came without a usable count of its tokens, so the budget cannot be kept"
        if left.cost == 0:
            return f"the budget of ${self.max_cost:g} is spent (${spent.cost:.4f})"
        if left.tokens == 0:
            return f"the budget of {self.max_tokens:,} tokens is spent ({spent.tokens:,})"
        if left.seconds == 0:
            return f"the budget of {self.max_seconds:g} s is spent"
        return None


def _rest(limit: float | None, spent: float | None) -> float | None:
    return None if limit is None else max(0.0, limit - (spent or 0.0))


def require_price(budget: Budget | None, price: Price | None, model: str) -> None:
    """Check that a budget's `max_cost` can be kept with this model.

    Raises:
        ModelError: Its price is not known.
    """
    if budget is not None and budget.max_cost is not None and price is None:
        raise ModelError(
            f"a budget of ${budget.max_cost:g} cannot be kept with {model!r}: its price is not"
            " known; give one, as US dollars per million tokens of input and output ('2.50/10', or"
            " '0/0' if it is free), or limit tokens or seconds"
        )
