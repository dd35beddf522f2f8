"""What an experiment will take, and how small a difference it can find, before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from geofix.agent.facade import Agent
from geofix.db.search.query import Search
from geofix.evaluation.experiment.analysis import CellRun, tests_of
from geofix.evaluation.experiment.design import Cell
from geofix.evaluation.experiment.power import (
    ALPHA,
    pairs_needed,
    power_by_place,
    smallest_difference,
)
from geofix.evaluation.reproduce.attempts import so_far
from geofix.evaluation.reproduce.forecast import (
    Forecast,
    calls_of,
    gallery_bytes,
    rates_of,
    readable,
    timed,
)
from geofix.evaluation.run.result import EvalPhoto, Result
from geofix.evaluation.run.runner import Plan, setup_of
from geofix.evaluation.run.splits import witnesses_of
from geofix.tools.errors import PhotoError

ASSUMED = (0.05, 0.1, 0.2)
"""Shares of discordant pairs that are tried where none is measured or assumed: none is published
for negatives."""

POINTS = (0.01, 0.02, 0.05)
"""Differences of which the photos they need are told."""

WEIGHED = 20
"""Files whose sizes are read; the others are taken to be alike."""


class Discordance(NamedTuple):
    """How often a photo is right with negatives and wrong without, or the other way round."""

    share: float
    photos: int
    """By which it was measured."""


@dataclass(frozen=True, slots=True)
class Found:
    """What so many photos find 80 % of the time, with a share of them discordant."""

    within_km: float | None
    """None where the share is assumed, the same at each distance."""
    discordant: float
    alone: float | None
    """The smallest difference by one test; none where no difference is found."""
    corrected: float | None
    """The same by Holm's first and strictest step."""
    finds: tuple[float | None, float | None]
    """How often the test by place finds either; it is exact, and places are fewer than photos."""
    needed: Mapping[float, float | None]
    """Photos that each of `POINTS` needs by one test; none where so few discordant pairs cannot
    make it."""


@dataclass(frozen=True)
class Planned:
    """An experiment, or its pilot, that has not begun."""

    stage: str
    """`pilot` or `experiment`."""
    method: str
    dataset: str
    models: Sequence[str]
    cells: Sequence[Cell]
    photos: Sequence[EvalPhoto]
    within_km: Sequence[float]
    forecasts: Sequence[Forecast]
    """One a model, of all cells; its photos are photos times cells."""
    left_out: Sequence[str] = ()
    """Rows of the set that could not be used."""
    assumed: float | None = None
    found: Mapping[float, Discordance] | None = None
    """What a pilot found, by distance."""

    @property
    def left(self) -> int:
        """Photos to ask about, over all cells and models."""
        return sum(forecast.left for forecast in self.forecasts)

    @property
    def places(self) -> int:
        """Groups of photos that tests exchange as a whole."""
        return len(self.sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many photos each of them has."""
        return tuple(Counter(witnesses_of(self.photos)).values())

    @property
    def comparisons(self) -> int:
        """Tests of one outcome, which Holm's correction counts."""
        compared = sum(cell.strategy is not None for cell in self.cells)
        return compared * len(self.within_km) * len(self.models)

    def power(self) -> list[Found]:
        """Return what can be found, for each share of discordant pairs."""
        if self.found is not None:
            return [self._found(one.share, km) for km, one in self.found.items()]
        shares = ASSUMED if self.assumed is None else (self.assumed,)
        return [self._found(share, None) for share in shares]

    def _found(self, discordant: float, km: float | None) -> Found:
        pairs = len(self.photos)
        alone = smallest_difference(pairs, discordant)
        strict = ALPHA / max(1, self.comparisons)
        corrected = smallest_difference(pairs, discordant, alpha=strict)
        finds = [
            None
            if difference is None
            else power_by_place(self.sizes, discordant, difference, alpha=alpha)
            for difference, alpha in ((alone, ALPHA), (corrected, strict))
        ]
        return Found(
            within_km=km,
            discordant=discordant,
            alone=alone,
            corrected=corrected,
            finds=(finds[0], finds[1]),
            needed={
                point: pairs_needed(point, discordant) if point <= discordant else None
                for point in POINTS
            },
        )


def piloted(
    runs: Sequence[CellRun], within_km: Sequence[float], seed: int
) -> dict[float, Discordance]:
    """Return how often words are discordant by distance: the mean over cells, of the worst model.

    Where none was, one more photo is taken to have been: few photos do not show that there is none.
    """
    tests = [one for one in tests_of(runs, within_km, seed) if one.outcome == "model"]
    found = {}
    for km in within_km:
        by_model: dict[str, list[float]] = {}
        photos = 0
        for one in (one for one in tests if one.km == km):
            photos = one.at.difference.photos
            if photos:
                differing = one.at.test.only_a + one.at.test.only_b
                by_model.setdefault(one.model, []).append(differing / photos)
        if by_model:
            share = max(fmean(shares) for shares in by_model.values())
            found[km] = Discordance(max(share, 1 / (photos + 1)), photos)
    return found


def forecast_of(
    agent: Agent,
    plans: Sequence[Plan],
    workers: int,
    say: Callable[[str], None],
    *,
    dry: bool,
) -> Forecast:
    """Return what a model's cells will take, together.

    Args:
        agent: With the model.
        plans: A cell each, of the same photos.
        workers: Photos at once.
        say: Called with a line about what is going on.
        dry: Whether no model may be called, not even to take the time.

    Raises:
        GeofixError: The gallery or the set-up is unusable.
    """
    services = agent.services
    search = Search(services.encoder.name, galleries=plans[0].context.galleries)
    services.gallery.require(search)
    results: list[Result] = []
    left: dict[str, EvalPhoto] = {}
    done = 0
    for plan in plans:
        before = so_far(agent, plan, setup_of(agent, plan.context), ahead=True)
        left |= {photo.id: photo for photo in before.left}
        done += len(plan.photos) - len(before.left)
        results += [one for one in before.results.values() if one.photo not in before.silent]
    # The prompt with most negatives takes the longest; of those far away none is timed.
    longest = max(
        (plan.context for plan in plans),
        key=lambda context: (context.negatives_by == "dissimilar", context.negatives),
    )
    calls = calls_of(longest, services.model)
    rates = rates_of(results)
    if rates is None and left and not dry:
        say(f"{services.drafted_by}: timing one photo")
        rates = timed(services, longest, readable(list(left.values())), calls)
    return Forecast(
        photos=len(plans) * len(plans[0].photos),
        done=done,
        calls=calls,
        rates=rates,
        workers=workers,
        photo_bytes=_bytes_of(list(left.values())),
        gallery_photos=services.gallery.count(search),
        gallery_bytes=gallery_bytes(services),
    )


def _bytes_of(photos: Sequence[EvalPhoto]) -> int:
    """Return about how many bytes the files of photos have; they are kept once for all cells."""
    sizes = []
    for photo in photos[:WEIGHED]:
        try:
            sizes.append(len(photo.picture.read()))
        except PhotoError:
            continue
    return round(fmean(sizes) * len(photos)) if sizes else 0
