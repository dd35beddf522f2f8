"""Changes to a run that are no option of it: what chooses, while an ablation lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from geofix.agent.choice.features import FEATURES
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import HAND_SET, Scorers, default_scorers
from geofix.agent.choice.spot_features import SPOT_FEATURES
from geofix.agent.services import Services
from geofix.evaluation.ablations import Ablation


def feature_names() -> tuple[str, ...]:
    """Return the names of the features that places and spots are chosen by."""
    return (*(feature.name for feature in FEATURES), *SPOT_FEATURES)


@contextmanager
def hooked(services: Services, ablation: Ablation) -> Iterator[None]:
    """Let an ablation change what chooses in each run, and undo it at its end."""
    before = services.change_scorers

    def changed(scorers: Scorers) -> Scorers:
        if ablation.scorer is not None:
            scorers = HAND_SET if ablation.scorer == "hand-set" else default_scorers()
        return leaving_out(scorers, ablation.without)

    services.change_scorers = changed
    try:
        yield
    finally:
        services.change_scorers = before


def leaving_out(scorers: Scorers, features: tuple[str, ...]) -> Scorers:
    """Return scorers in which the features count as nothing, at either level."""
    return Scorers(
        place=_without(scorers.place, features), spot=_without(scorers.of_spots, features)
    )


def _without(scorer: Scorer, features: tuple[str, ...]) -> Scorer:
    # Coefficients are on standardised values: one less is the same as a feature at its mean.
    kept = {name: value for name, value in scorer.coefficients.items() if name not in features}
    return scorer.model_copy(update={"coefficients": kept})
