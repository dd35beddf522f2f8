"""What a run may spend on a model, and has spent: money, tokens, time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from geofix.tools.errors import ModelError
from geofix.tools.models import COUNTED
from geofix.tools.models.cache import Journal
from geofix.tools.models.failures import status_of
from geofix.tools.models.prices import Price, is_free
from geofix.tools.models.privacy import (
    ANYWHERE,
    IN_PROCESS,
    BeforeSend,
    Destination,
    Privacy,
    address_of,
    outbound,
    require_here,
)
from geofix.tools.models.providers import PROVIDERS
from geofix.tools.models.reply import Reply


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent, or what is left; None in what is left means no limit."""

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
    failed call is not counted, since nobody says what it cost.
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
        """What was spent so far."""
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
            return "a response gave no usable token count, so the budget cannot be enforced"
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
            f"a budget of ${budget.max_cost:g} cannot be enforced for {model!r}: its price is not"
            " known; give one, as US dollars per million tokens of input and output ('2.50/10', or"
            " '0/0' if it is free), or limit tokens or seconds"
        )


def price_at(address: Destination, *names: str | None) -> Price | None:
    """Return the price of a model; None if it is not known.

    Args:
        address: Where its calls go.
        names: Names it may go by, the most reliable first, with or without a date.
    """
    if address.host == IN_PROCESS:
        return Price(0.0, 0.0, source="runs in this process, so nobody is paid")
    known = (row.prices for row in PROVIDERS.values() if row.priced_at == address.host)
    plain = [_DATED.sub("", name) for name in names if name]
    found = (prices[name] for prices in known for name in plain if name in prices)
    return next(found, None)


_DATED = re.compile(r"^models/|-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


class CallFailed(ModelError):
    """The model or its server failed; the text says how."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        """Say why.

        Args:
            reason: For the trail.
            refused: Whether the server rejected the form of the request.
        """
        super().__init__(reason)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a question: what it may cost, and how it is asked."""

    budget: Budget | None = None
    price: Price | None = None
    before_send: BeforeSend | None = None
    temperature: float | None = None
    keep: bool | None = None
    picture_sizes: tuple[int, ...] = ()
    """Bytes of each picture in the question, all checked to be bare pixels."""
    closed: str | None = None
    """Why no call may be made, so that only kept answers are given; None where calls may be."""
    privacy: Privacy = ANYWHERE
    """What may leave this machine."""
    journal: Journal | None = None
    """Where each answer is kept before it is used."""
    answer_tokens: int | None = None
    """Most tokens of one answer; the model's own limit holds where that is smaller."""
    free_form: bool = False
    """Whether no schema is sent, since the question itself says in which form to answer."""


class CallAccount:
    """Allows the calls of one question while the budget lasts, and counts them."""

    def __init__(self, model: BaseChatModel, terms: Terms) -> None:
        """Open an account for a question.

        Raises:
            ModelError: Outbound calls are forbidden and this model's would be, or the budget is in
                money and the model's price is unknown.
        """
        self.calls = 0
        self.cost: float | None = 0.0
        self.uncounted = 0
        self.name = str(model._get_ls_params().get("ls_model_name", type(model).__name__))
        self._terms = terms
        self._address = address_of(model)
        require_here(f"the model {self.name!r}", self._address, offline=terms.privacy.offline)
        require_price(terms.budget, self._price(), self.name)

    @property
    def left_s(self) -> float | None:
        """Seconds left; None without a limit."""
        return None if self._terms.budget is None else self._terms.budget.left.seconds

    @property
    def spent(self) -> str | None:
        """Why no further call may be made; None while one may."""
        if self._terms.closed is not None or self._terms.budget is None:
            return self._terms.closed
        return self._terms.budget.exhausted()

    def begin(self, messages: Sequence[BaseMessage]) -> None:
        """Announce a call.

        Raises:
            CallFailed: The budget forbids it.
        """
        if self.spent is not None:
            raise CallFailed(f"the model was not asked: {self.spent}")
        if self._terms.before_send is not None:
            sizes = self._terms.picture_sizes
            self._terms.before_send(outbound(self._address, messages, sizes))
        self.calls += 1
        if self._price() is None:
            self.cost = None

    def failed(self, error: Exception) -> None:
        """Note a call that failed."""
        if status_of(error) is None and not is_free(self._price()):
            # Cut off or timed out: the server may have worked, and charge for it.
            self.cost = None

    def count(self, reply: Reply) -> None:
        """Note what a call used."""
        self.uncounted += not reply.tokens.keys() >= set(COUNTED)
        price = self._price(reply.model)
        cost = None if price is None else price.cost(reply.tokens)
        self.cost = None if cost is None or self.cost is None else self.cost + cost
        if self._terms.budget is not None:
            self._terms.budget.add(reply.tokens, cost)

    def _price(self, reported: str | None = None) -> Price | None:
        return self._terms.price or price_at(self._address, reported, self.name)
