"""What a run uses: a calibration with its scorers, or the shipped scorers and the reason why.

Decided once a round, where the run chooses, from what the run depends on. A calibration holds for
runs that share all of it; where anything has changed, the shipped scorers choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geofix.agent.answer import Calibration
from geofix.agent.calibration.promise import AGAIN, SIGNALS, Fitted
from geofix.agent.context import ASIDE, Context
from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.run.option_table import OPTIONS
from geofix.agent.services import Services
from geofix.agent.state import Draft, State
from geofix.agent.verify.scorers import Scorers, default_scorers, scorers_digest, scorers_of

MOST_GROWTH = 0.2
"""A gallery that grew or shrank by more is another one."""


@dataclass(frozen=True, slots=True)
class RunSetup:
    """What a run depends on that a calibration has to share."""

    encoder: str
    galleries: tuple[str, ...]
    drafted_by: str
    centring_version: int | None
    photos_in_gallery: int
    options: Mapping[str, Any]
    within: str | None = None
    """Name of the region the question gave."""
    steered: str | None = None
    """What a person or the caller changed during the run, as the start of a sentence."""
    by_person: bool = False
    """Whether a person chose the answer."""
    image_place: str | None = None
    """The setting."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What a run uses, and whether a calibration holds for it."""

    scorers: Scorers
    """What chooses: the calibration's where it holds, else those shipped."""
    calibration: Calibration
    """What the answer says of it: its `reason` is why none holds, none where one does."""
    passed_over: str | None = None
    """Why a calibration's own scorers do not choose; none where they do or it has none."""


def drafters(drafts: Sequence[Draft]) -> str:
    """Return who drafted in a run: where a model failed in a later round, both.

    Args:
        drafts: Of all rounds, in order.
    """
    return ", then ".join(dict.fromkeys(draft.drafted_by for draft in drafts)) or CONSENSUS


def run_setup_of(state: State, context: Context, image_place: str | None) -> RunSetup:
    """Return what a run depended on: who did draft, not who was to draft.

    Args:
        state: After drafts.
        context: The run's options.
        image_place: The setting.
    """
    whole = state.searches[0]
    return RunSetup(
        encoder=state.encoder,
        galleries=context.galleries,
        drafted_by=drafters(state.drafts),
        centring_version=whole.centring_version,
        photos_in_gallery=whole.searched,
        options=options_of(context),
        within=None if state.within is None else state.within.name,
        by_person=state.verdict is not None and state.verdict.by_person,
        steered=_steered(state),
        image_place=image_place,
    )


def _steered(state: State) -> str | None:
    if state.given is not None:
        return f"the region was given by {state.given.by}"
    return f"{state.hints[0].by} gave a hint" if state.hints else None


def options_of(context: Context) -> dict[str, Any]:
    """Return the options that shape an answer, as a calibration keeps them."""
    return context.model_dump(mode="json", exclude=set(ASIDE))


def drift(fitted: Fitted, setup: RunSetup) -> str | None:
    """Return why a calibration does not hold for a run; none where it does."""
    again = f"; {AGAIN}"
    unknown = sorted(fitted.confidence.means.keys() - SIGNALS)
    if unknown:
        return f"calibrated by another version of geofix, on {', '.join(unknown)}{again}"
    for name, then, now in (
        ("encoder", fitted.encoder, setup.encoder),
        ("galleries", sorted(fitted.galleries), sorted(setup.galleries)),
        ("drafter", fitted.drafted_by, setup.drafted_by),
        ("image-place model", fitted.image_place, setup.image_place),
        ("centring version", fitted.centring_version, setup.centring_version),
    ):
        if then != now:
            return f"calibrated with the {name} {then!r}, and now it is {now!r}{again}"
    if setup.by_person:
        return "a person chose the answer, and the calibration is only for what geofix chooses"
    if setup.steered is not None:
        return f"{setup.steered}, and the calibration is only for what geofix does alone"
    if setup.within is not None:
        return (
            f"the question is limited to {setup.within}, and the calibration photos were searched"
            " for everywhere"
        )
    growth = setup.photos_in_gallery / fitted.photos_in_gallery - 1
    if abs(growth) > MOST_GROWTH:
        return (
            f"{setup.photos_in_gallery} photos were searched, and {fitted.photos_in_gallery} when"
            f" it was calibrated: {growth:+.0%}{again}"
        )
    for name, now in setup.options.items():
        # A calibration of an earlier version has no options that came later: it is for what they
        # are unless they are given.
        then = fitted.options.get(name, OPTIONS[name].default)
        if now != then:
            return f"calibrated with the option {name} = {then!r}, and asked with {now!r}"
    return None


def in_force(services: Services, setup: RunSetup) -> InForce:
    """Return what a run uses: its calibration where that holds, else what is shipped.

    Args:
        services: To the calibrations, and to what an evaluation changes.
        setup: What the run depends on; its calibration is the newest of whoever drafted.
    """
    found = services.known_calibrations.of(setup.encoder, setup.galleries, setup.drafted_by)
    shipped = default_scorers()
    if isinstance(found, str):
        nothing = Calibration(fitted=False, reason=found)
        return InForce(services.change_scorers(shipped), nothing)
    fitted, own, unusable = found.fitted, shipped, None
    try:
        own = scorers_of(fitted.scorers)
    except ValueError as error:
        unusable = f"its scorers cannot be used: {str(error).splitlines()[0]}"
    reason = drift(fitted, setup) or unusable
    passed_over = reason if fitted.scorers is not None else None
    scorers: Scorers = services.change_scorers(own if reason is None else shipped)
    if reason is None and scorers_digest(scorers) != fitted.chosen_by:
        reason = (
            "the scorers have changed since the calibration, because this is another version of"
            f" geofix or an evaluation that changes them; {AGAIN}"
        )
    known = found.known.model_copy(update={"reason": reason})
    return InForce(scorers, known, passed_over)
