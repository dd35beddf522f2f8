"""What `--ablate` names, and changes to a run that are not options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from geofix.agent.context import checked_context
from geofix.agent.errors import OptionError
from geofix.agent.run.option_table import OPTIONS
from geofix.agent.services import Services
from geofix.agent.verify.evidence import FEATURES
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import HAND_SET, Scorers, default_scorers
from geofix.agent.verify.spots import SPOT_FEATURES

SCORERS = ("top1", "density", "hand-set", "default")

PEERS = {"top1": "nearest", "density": "density"}
"""Choosers without a scorer: what they say is known from the base run."""


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
        written: `scorer=top1`, the name of a feature, or an option of the run with its value:
            `negatives=0`, `vectors=raw`.
        features: All there are.

    Raises:
        OptionError: It is none of these.
    """
    name, equals, value = written.partition("=")
    if not equals:
        return _without(written, features)
    if name == "scorer":
        if value not in SCORERS:
            raise OptionError(f"--ablate {written!r} takes {', '.join(map(repr, SCORERS))}")
        if value in PEERS:
            return Ablation(written, peer=PEERS[value])
        return Ablation(written, scorer=value)
    option = name.replace("-", "_")
    if option not in OPTIONS:
        raise OptionError(
            f"--ablate cannot be {written!r}; give scorer=, the name of a feature, or an option of"
            f" the run: {', '.join(OPTIONS)}"
        )
    return Ablation(written, options={option: _value(option, value)})


def _value(option: str, written: str) -> Any:
    """Return the value of an option from what a person writes after the equals sign."""
    given: Any = written
    if OPTIONS[option].kind == "names":
        given = tuple(name for name in written.split(",") if name)
    # Nothing but this option, so that it is checked alone; together they are checked with the run.
    return getattr(checked_context({option: given}), option)


def _without(name: str, features: Sequence[str]) -> Ablation:
    if name not in features:
        raise OptionError(
            f"there is no feature {name!r} to leave out; there are {', '.join(features) or 'none'}"
        )
    return Ablation(name, without=(name,))


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
