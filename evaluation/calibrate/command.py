"""`geofix calibrate DATASET`. Imports nothing heavy before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, printable
from geofix.agent.cli.run_options import with_run_options
from geofix.agent.cli.terminal import err, escaped, out, say
from geofix.evaluation.flags import ModelFlag, Seed, Workers

if TYPE_CHECKING:
    from geofix.evaluation.calibrate.calibrating import Calibrated
    from geofix.evaluation.calibrate.scorers import Trial


@with_run_options
def calibrate_dataset(
    run_options: dict[str, Any],
    dataset: Annotated[
        str,
        typer.Argument(
            help="A folder or a table of photos with their place, as for `geofix eval`.",
            callback=printable,
        ),
    ],
    exclude: Annotated[
        str | None,
        typer.Option(
            help="Leave out gallery photos that would give the answer away, as for `geofix eval`.",
            callback=printable,
        ),
    ] = None,
    model: ModelFlag = None,
    scorer: Annotated[
        bool,
        typer.Option(
            help="Fit scorers of places and spots too; each is kept only if it beats all others."
        ),
    ] = True,
    seed: Seed = 0,
    workers: Workers = 2,
    json: JsonFlag = False,
) -> None:
    """Fit the radius and the confidence of answers on photos of known places.

    At least 150 photos of 40 places must be answered. A place is a folder, or
    what the column `group` says, or else a degree of latitude and longitude; photos
    of one sequence are of one place. The radius then covers photos from new places
    like these, on average over calibrations; more places make it more reliable.

    Both are fitted on all answers, and tested with every answer held out once.
    Before that, scorers of places and of the spots within them are fitted on
    places of their own; if one beats all other ways of choosing, the photos are
    asked again with it. From then on, answers of this encoder and these galleries
    use what was fitted. After an interruption, the same command continues.
    """
    from geofix.agent.settings import Settings  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.calibrate.calibrating import Wanted, calibrate  # noqa: PLC0415
    from geofix.evaluation.run.session import parse_leaks  # noqa: PLC0415

    wanted = Wanted(
        dataset=dataset,
        leaks=parse_leaks(exclude),
        options=run_options,
        model=model,
        seed=seed,
        scorer=scorer,
        workers=workers,
    )
    with err().status("starting") as shown:
        done = calibrate(
            wanted, Settings.from_environment(), lambda line: shown.update(escaped(line))
        )
    _tell(done, json)


def _tell(done: Calibrated, json: bool) -> None:
    from geofix.agent.calibration.promise import PROMISE  # noqa: PLC0415 - as above

    kept = done.kept
    if json:
        import json as json_format  # noqa: PLC0415 - only here

        say(
            json_format.dumps(
                {
                    "calibration": done.id,
                    "asked": done.asked,
                    "answered": done.answered,
                    "fitted_on": done.fitted.photos,
                    "places": done.fitted.places,
                    "left_out": done.left_out,
                    "held_out": kept.answers,
                    "coverage": {f"{k:g}": list(v) for k, v in kept.coverage.items()},
                    "median_radius_km": {f"{k:g}": v for k, v in kept.median_km.items()},
                    "calibration_error": kept.calibration_error,
                    "scorers": {
                        "places": _trial(done.tried.place),
                        "spots": _trial(done.tried.spot),
                    },
                }
            )
        )
        return
    table = Table(box=None)
    held_out = f"held-out coverage by place ({kept.answers} answers of {kept.places} places)"
    for column in ("promised", held_out, "median radius km"):
        table.add_column(column)
    for level, share in kept.coverage.items():
        table.add_row(
            f"{level:.0%}",
            f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})",
            f"{kept.median_km[level]:.3g}",
        )
    out().print(table)
    errors = ", ".join(f"{name} {error:.3f}" for name, error in kept.calibration_error.items())
    say(f"expected calibration error: {errors}")
    for reason in dict.fromkeys((done.tried.place.reason, done.tried.spot.reason)):
        say(reason)
    say(
        f"calibration {done.id} is in force: {done.answered} of {done.asked} photos were answered,"
        f" the radius was fitted on {done.fitted.photos} of {done.fitted.places} places"
    )
    if done.left_out:
        say(
            f"{done.left_out} photos were left out, because the model failed and the photos voted"
            " instead"
        )
    say(PROMISE.format(places=f"{done.fitted.places:,} places"))


def _trial(trial: Trial) -> dict[str, object]:
    return {
        "kept": trial.scorer is not None,
        "why": trial.reason,
        "digest": trial.scorer and trial.scorer.digest,
        "right": trial.right,
    }
