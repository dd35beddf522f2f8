"""A logistic scorer: small enough that every coefficient can be read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from geofix.agent.state import Candidate, Spot

Weighed = TypeVar("Weighed", Candidate, Spot)

_FARTHEST = 40.0
"""Log odds past which a probability is no longer told from 0 or 1."""


class Scorer(BaseModel):
    """Coefficients over standardised features."""

    model_config = ConfigDict(frozen=True)

    name: str
    """`hand-set`, `default`, or the digest of a calibration."""
    intercept: float = Field(allow_inf_nan=False)
    coefficients: dict[str, float]
    """Per feature, on standardised values."""
    means: dict[str, float]
    scales: dict[str, float]
    trained_on: str
    """For people."""
    photos: int
    """How many it was trained on; 0 where it was set by hand."""
    digest: str | None = None

    @model_validator(mode="after")
    def _of_one_piece(self) -> Scorer:
        """Refuse coefficients that cannot be applied."""
        for name, coefficient in self.coefficients.items():
            scale = self.scales.get(name)
            mean = self.means.get(name)
            if mean is None or scale is None or not scale > 0:
                raise ValueError(
                    f"{name!r} needs a mean and a scale over 0, not {mean!r} and {scale!r}"
                )
            if not all(map(math.isfinite, (coefficient, mean, scale))):
                raise ValueError(f"{name!r} has a number that is not finite")
        return self

    def terms(self, parts: Mapping[str, float]) -> dict[str, float]:
        """Return what each feature adds to the log odds.

        Raises:
            KeyError: A feature the scorer weighs is not among `parts`.
        """
        return {
            name: coefficient * (parts[name] - self.means[name]) / self.scales[name]
            for name, coefficient in self.coefficients.items()
        }

    def with_weight(
        self, name: str, coefficient: float, mean: float = 0.0, scale: float = 1.0
    ) -> Scorer:
        """Return the same scorer with another weight of one feature.

        Args:
            name: The feature's.
            coefficient: Log odds that one `scale` of it adds.
            mean: The value that adds nothing.
            scale: What the feature is divided by.
        """
        changed = {"coefficients": coefficient, "means": mean, "scales": scale}
        return self.model_copy(
            update={
                column: {**getattr(self, column), name: value} for column, value in changed.items()
            }
        )

    def weighed(self, candidate: Weighed) -> Weighed:
        """Return a candidate or a spot with the terms and the score of its features.

        Raises:
            KeyError: A feature the scorer weighs is not among its `parts`.
        """
        terms = self.terms(candidate.parts)
        score = logistic(self.intercept + sum(terms.values()))
        return candidate.model_copy(update={"terms": terms, "score": score})

    def probability(self, parts: Mapping[str, float]) -> float:
        """Return the probability of being right, 0 to 1."""
        return logistic(self.intercept + sum(self.terms(parts).values()))


def logistic(log_odds: float) -> float:
    """Return the probability of log odds, 0 to 1."""
    return 1 / (1 + math.exp(-min(_FARTHEST, max(-_FARTHEST, log_odds))))
