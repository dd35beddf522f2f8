"""Fits weights of places on simulated worlds: `python -m benchmarks.weights --out FILE`.

They ship where FILE is agent/verify/weights.json (`geofix.agent.verify.scorers`). Before, they have
to be tried on real photos, which this command cannot: see why `UNTRUSTED` features are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.page.figures import share_of
from geofix.agent.services import Services
from geofix.agent.verify.scorers import Scorers, default_scorers
from geofix.evaluation.calibrate.cases import Case, digest_of
from geofix.evaluation.calibrate.examples import fit_place, seen
from geofix.evaluation.calibrate.standings import first_km
from geofix.evaluation.metrics import mcnemar
from geofix.evaluation.worlds.asking import asked_world
from geofix.evaluation.worlds.recipe import Scale
from geofix.tools.statistics import PLACE_KM

SCALES: tuple[Scale, ...] = ("world", "city", "street")
QUERIES = 700
NAME = "default"


def main() -> None:
    """Fit weights of places on the training worlds, try them on the test worlds, write them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=QUERIES, help="of each world")
    asked = parser.parse_args()
    with Services() as services:
        train, test = (
            {scale: asked_world(scale, half, QUERIES, services)[1] for scale in SCALES}
            for half in ("train", "test")
        )
    scorers = fit_weights([case for some in train.values() for case in some[: asked.photos]])
    for scale, cases in test.items():
        sys.stdout.write(f"simulated {scale}: {tried(cases[: asked.photos], scorers)}\n")
    asked.out.write_text(scorers.model_dump_json(indent=2) + "\n", encoding="utf-8")


def fit_weights(cases: Sequence[Case]) -> Scorers:
    """Return weights of places fitted on cases, each with and without drafts."""
    some = [*seen(cases, drafts=False), *seen(cases, drafts=True)]
    trained_on = (
        "simulated worlds of other places and seeds (world, city and street), with and without"
        f" simulated drafts, cases {digest_of(cases)[:16]}; the weights of geometry and of drafts"
        " that agree are set by hand"
    )
    return fit_place(some, name=NAME, trained_on=trained_on)


def tried(cases: Sequence[Case], scorers: Scorers) -> str:
    """Say how often the first candidate is right by these weights, and by those that ship."""
    ours, shipped = (
        [first_km(one) <= PLACE_KM for one in seen(cases, drafts=True, scorers=weights)]
        for weights in (scorers, default_scorers())
    )
    test = mcnemar(ours, shipped, [case.group for case in cases])
    return (
        f"{share_of(ours)} within {PLACE_KM:g} km, those that ship {share_of(shipped)}, McNemar by"
        f" place p = {test.p_value:.3f}"
    )


if __name__ == "__main__":
    main()
