"""What `--ablate` names, and changes to a run that are not options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args

from geofix.agent.draft import NegativesBy
from geofix.agent.errors import OptionError
from geofix.agent.services import Services
from geofix.agent.verify.evidence import FEATURES
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import HAND_SET, Scorers, default_scorers
from geofix.agent.verify.spots import SPOT_FEATURES

SCORERS = ("top1", "density", "hand-set", "default")

PEERS = {"top1": "nearest", "density": "density"}
"""Choosers without a scorer: what they say is known from the base run."""

MOST_ROUNDS = 6


@dataclass(frozen=True)
class Ablation:
    """One thing changed."""

    label: str
    """As written."""
    options: dict[str, Any] = field(default_factory=dict)
    """Fields of `Context`."""
    scorer: str | None = None
    """`hand-set` or `default`."""
    without: tuple[str, ...] = ()
    """Features whose coefficient is zero."""
    peer: str | None = None
    """A name in `Result.peers_km`: no further run is needed."""

    def hooks(self) -> dict[str, Any]:
        """Return what is changed beside the options, as an evaluation keeps it."""
        changed: dict[str, Any] = {}
        if self.scorer is not None:
            changed["scorer"] = self.scorer
        if self.without:
            changed["without"] = list(self.without)
        return changed


def parse_ablation(written: str, features: Sequence[str]) -> Ablation:
    """Return what is meant by one `--ablate`.

    Args:
        written: `negatives=0`, `negatives-by=far`, `rounds=1`, `geometry=off`, `scorer=top1`, or
            the name of a feature.
        features: All there are.

    Raises:
        OptionError: It is none of these.
    """
    name, equals, value = written.partition("=")
    if not equals:
        return _without(written, features)
    if name == "negatives":
        return Ablation(written, options={"negatives": _whole(written, value, 0, 200)})
    if name == "rounds":
        return Ablation(written, options={"max_rounds": _whole(written, value, 1, MOST_ROUNDS)})
    if name == "negatives-by":
        return Ablation(
            written, options={"negatives_by": _one_of(written, value, get_args(NegativesBy))}
        )
    if name == "geometry":
        _one_of(written, value, ("off",))
        return Ablation(written, options={"geometry_pictures": 0})
    if name == "scorer":
        chosen = _one_of(written, value, SCORERS)
        if chosen in PEERS:
            return Ablation(written, peer=PEERS[chosen])
        return Ablation(written, scorer=chosen)
    raise OptionError(
        f"--ablate cannot be {written!r}; give negatives=, negatives-by=, rounds=, geometry=off,"
        " scorer= or the name of a feature"
    )


def _without(name: str, features: Sequence[str]) -> Ablation:
    if name not in features:
        raise OptionError(
            f"there is no feature {name!r} to leave out; there are {', '.join(features) or 'none'}"
        )
    return Ablation(name, without=(name,))


def _whole(written: str, value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise OptionError(f"--ablate {written!r} takes a whole number from {least} to {most}")
    return int(value)


def _one_of(written: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise OptionError(f"--ablate {written!r} takes {', '.join(map(repr, choices))}")
    return value


def feature_names() -> tuple[str, ...]:
    """Return the names of the features that places and spots are chosen by."""
    return (*(feature.name for feature in FEATURES), *SPOT_FEATURES)


@contextmanager
def hooked(services: Services, ablation: Ablation) -> Iterator[None]:
    """Let an ablation change the scorers inside the block."""
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
        place=_without_kinds(scorers.place, features),
        spot=_without_kinds(scorers.of_spots, features),
    )


def _without_kinds(scorer: Scorer, features: tuple[str, ...]) -> Scorer:
    # Coefficients are on standardised values: one less is the same as a feature at its mean.
    kept = {name: value for name, value in scorer.coefficients.items() if name not in features}
    return scorer.model_copy(update={"coefficients": kept})
