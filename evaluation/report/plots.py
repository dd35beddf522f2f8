"""The plots of a report, as SVG: errors, reliability, radius against error, risk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from geofix.agent.errors import GeofixError
from geofix.evaluation.report.abstaining import risk_points
from geofix.evaluation.report.scorecard import errors_of, thresholds_of
from geofix.evaluation.report.tables import within
from geofix.evaluation.run.result import Result
from geofix.tools.statistics import PLACE_KM, SCALES
from geofix.tools.statistics.reliability import reliability_curve

LEAST_KM, MOST_KM = 0.005, 20_038.0
"""Ends of axes of distance; what is nearer is drawn at the end."""

COLORS = ("#0b5fa5", "#7fb2dd", "#8a8a8a", "#c48a1b", "#7a4fa3", "#2c8c4a")
LEVEL = "0.9"
"""The level of the radius that is drawn."""


def new_figure(width: float = 7.2, height: float = 4.4) -> tuple[Any, Any]:
    """Return a figure and its axes; no window is ever opened.

    Raises:
        GeofixError: matplotlib is not installed.
    """
    try:
        # Plots are an extra, and `--help` must not wait for them.
        from matplotlib import figure as figures  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise GeofixError(
            "the page with plots needs matplotlib, which is not installed; run"
            " `pip install 'geofix[eval]'`, or leave --page out"
        ) from error
    with _styled({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}):
        figure = figures.Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()


def drawn(figure: Any, form: str = "svg") -> bytes:
    """Return a figure's file; the same figure gives the same bytes."""
    file = io.BytesIO()
    with _styled({"svg.hashsalt": "geofix"}):
        figure.savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


@contextmanager
def _styled(own: Any) -> Iterator[None]:
    """Draw inside by matplotlib's defaults and `own`, whatever a file of settings says.

    It reads `matplotlibrc` of the working folder first, which is a stranger's where their photos
    are evaluated, and can have text set by a program, LaTeX.
    """
    from matplotlib import rc_context, rcdefaults  # noqa: PLC0415 - an extra

    with rc_context():
        rcdefaults()
        with rc_context(own):
            yield


def plot_errors(results: Sequence[Result], method: str = "geofix") -> Any:
    """Draw the share of photos placed within each distance, by every way to answer."""
    figure, axes = new_figure()
    known = [result.accuracy_km for result in results if result.has_truth]
    for (name, errors), color in zip(errors_of(results, method).items(), COLORS, strict=False):
        told = np.maximum(errors, known)
        shown = np.sort(np.clip(told[np.isfinite(told)], LEAST_KM, MOST_KM))
        share = np.arange(1, len(shown) + 1) / max(1, len(errors))
        steps = np.concatenate([[LEAST_KM], shown, [MOST_KM]])
        height = np.concatenate([[0], share, share[-1:] if len(share) else [0]])
        thick = 2.2 if name == method else 1.2
        line = "--" if name == "oracle" else "-"
        axes.step(
            steps, height, where="post", color=color, label=name, linewidth=thick, linestyle=line
        )
    for km in thresholds_of(results):
        axes.axvline(km, color="#dddddd", linewidth=0.8, zorder=0)
    _distance_axis(axes, "x", thresholds_of(results))
    axes.set_xlim(LEAST_KM, MOST_KM)
    axes.set_ylim(0, 1)
    axes.set(xlabel="error, at most", ylabel="share of photos")
    # Beside the axes: curves of a good and of a bad gallery leave no corner free.
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_reliability(results: Sequence[Result]) -> Any | None:
    """Draw what was promised against what came true; none where nothing was promised."""
    told = [one for one in results if one.has_truth and one.status == "located" and one.confidence]
    if not told:
        return None
    figure, axes = new_figure(4.8, 4.4)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for (scale, km), color in zip(SCALES.items(), COLORS, strict=False):
        pairs = [
            (one.confidence[scale], one.counted_km <= km)
            for one in told
            if scale in one.confidence and one.accuracy_km <= km
        ]
        if not pairs:
            continue
        stated, right = zip(*pairs, strict=True)
        said, true, counts, _ = zip(*reliability_curve(stated, right, bins=10), strict=True)
        label = f"{scale}, {within(km)}"
        axes.plot(said, true, color=color, linewidth=1, label=label)
        axes.scatter(said, true, s=[8 + 90 * n / len(pairs) for n in counts], color=color)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    axes.set(xlabel="confidence stated", ylabel="share that was right")
    axes.legend(frameon=False, loc="upper left")
    return figure


def plot_radius(results: Sequence[Result]) -> Any | None:
    """Draw the radius against the error of every answer; none where there is no answer."""
    pairs = [
        (one.radii_km.get(LEVEL, one.radius_km), one.drawn_km)
        for one in results
        if one.has_truth and one.status == "located"
    ]
    known = [(radius, error) for radius, error in pairs if radius is not None]
    if not known:
        return None
    radii, errors = (np.clip(side, LEAST_KM, MOST_KM) for side in zip(*known, strict=True))
    inside = errors <= radii
    figure, axes = new_figure(5.4, 4.4)
    axes.plot([LEAST_KM, MOST_KM], [LEAST_KM, MOST_KM], color="#bbbbbb", linewidth=1)
    for kept, color, word in ((inside, COLORS[0], "inside"), (~inside, "#c0392b", "outside")):
        label = f"truth {word} the radius: {int(kept.sum())}"
        axes.scatter(radii[kept], errors[kept], s=12, alpha=0.6, color=color, label=label)
    _distance_axis(axes, "x", thresholds_of(results))
    _distance_axis(axes, "y", thresholds_of(results))
    promised = any(LEVEL in one.radii_km for one in results)
    what = "radius promised for 90 %" if promised else "radius (not calibrated)"
    axes.set(xlabel=what, ylabel="error", xlim=(LEAST_KM, MOST_KM), ylim=(LEAST_KM, MOST_KM))
    axes.legend(frameon=False, loc="upper left")
    return figure


def plot_risk(results: Sequence[Result]) -> Any | None:
    """Draw the selective risk of first candidates, and where geofix stands on or off the curve."""
    points = risk_points(results)
    if len(points) < 2:
        return None
    figure, axes = new_figure(5.4, 4.4)
    coverage, risk = [one.coverage for one in points], [one.risk for one in points]
    axes.step(coverage, risk, where="post", color=COLORS[0], label="by the first one's score")
    told = [one for one in results if one.has_truth and one.accuracy_km <= PLACE_KM]
    answered = [one for one in told if one.status == "located"]
    if answered:
        wrong = sum(one.counted_km > PLACE_KM for one in answered) / len(answered)
        axes.plot(len(answered) / len(told), wrong, "o", color="#c0392b", label="geofix")
    axes.set(xlim=(0, 1.02), ylim=(0, max(0.05, 1.05 * max(risk))))
    axes.set(xlabel="share of photos answered", ylabel=f"share wrong at {within(PLACE_KM)}")
    axes.legend(frameon=False, loc="upper left")
    return figure


def plots_of(results: Sequence[Result], method: str = "geofix") -> Mapping[str, Any]:
    """Return the plots that have something to show, by title.

    Args:
        results: Of one run.
        method: Whose method was followed.
    """
    makers: dict[str, Callable[[Sequence[Result]], Any | None]] = {
        "Errors": partial(plot_errors, method=method),
        "Reliability": plot_reliability,
        "Radius against error": plot_radius,
        "Selective risk": plot_risk,
    }
    if not any(result.has_truth for result in results):
        return {}
    made = {title: make(results) for title, make in makers.items()}
    return {title: figure for title, figure in made.items() if figure is not None}


def _distance_axis(axes: Any, which: str, thresholds: Sequence[float]) -> None:
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(thresholds, [within(km) for km in thresholds])
    axis.set_ticks([], minor=True)
    if which == "x":
        # The last ones are too close to each other to stand side by side.
        axes.tick_params(axis="x", labelrotation=45)
