"""What one question may spend and has spent: its terms, its calls, their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from geofix.tools.addresses import address_of
from geofix.tools.answers import COUNTED, Reply
from geofix.tools.budget import Budget, require_price
from geofix.tools.errors import ModelError
from geofix.tools.failures import status_of
from geofix.tools.offline import require_here
from geofix.tools.outbound import BeforeSend, outbound
from geofix.tools.prices import Price, is_free, price_at


class CallFailed(ModelError):
    """The model or its server failed; the text says how."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        """Say why.

        Args:
            reason: For the trail.
            refused: Whether the server took offence at the request, not at its content.
        """
        super().__init__(reason)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a model is asked."""

    budget: Budget | None = None
    price: Price | None = None
    before_send: BeforeSend | None = None
    temperature: float | None = None
    keep: bool | None = None
    picture_sizes: tuple[int, ...] = ()
    """Of the pictures in the question, bytes, once they were found to be bare."""
    closed: str | None = None
    """Why no call may be made, so that only kept answers are given; None where calls may be."""


class Account:
    """Lets calls be made while they may be, and counts them."""

    def __init__(self, model: BaseChatModel, terms: Terms) -> None:
        """Open one for a question.

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
        require_here(f"the model {self.name!r}", self._address)
        require_price(terms.budget, self._price(), self.name)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None without a limit."""
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
        """Note a call that came to nothing."""
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
