"""A run's figures as tables of text, for Markdown, the page and the terminal alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geofix.evaluation.metrics import Difference, Share
from geofix.evaluation.report.comparison import Comparison
from geofix.evaluation.report.scorecard import AreaScore, Scorecard

MOST_COUNTRIES = 30


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows below a head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(card: Scorecard) -> list[ReportTable]:
    """Return the tables of one run; those that would be empty are left out."""
    tables = [
        _methods(card),
        _gap(card),
        _answers(card),
        _abstentions(card),
        _risk(card),
        _rejected(card),
        _coverage(card),
        _calibration(card),
        _places("By continent, abstentions counted as wrong", card.continents),
        _places("By country, abstentions counted as wrong", card.countries[:MOST_COUNTRIES]),
        _time(card),
        _excluded(card),
    ]
    return [table for table in tables if table.rows]


def comparison_table(comparison: Comparison) -> ReportTable:
    """Return what changed from the base, in points of percent."""
    rows = []
    told = (
        ("answers", comparison.accuracy),
        ("first candidates", comparison.first),
        ("the model's own word", comparison.model),
    )
    for name, at in told:
        for km, one in at.items():
            test = one.test
            rows.append(
                (
                    name,
                    within(km),
                    points(one.difference),
                    f"{test.only_a} / {test.only_b}",
                    f"{test.p_value:.3g}",
                )
            )
    rows.append(("GeoScore", "", _signed(comparison.geoscore, 1.0, ".0f"), "", ""))
    rows.append(("answered", "", points(comparison.answered), "", ""))
    head = ("", "within", "difference (95 %)", "right here / there only", "McNemar p")
    title = f"{comparison.label} against {comparison.base}, {comparison.photos} photos"
    return ReportTable(title, head, tuple(rows))


def _methods(card: Scorecard) -> ReportTable:
    distances = tuple(card.methods[0].accuracy) if card.methods else ()
    rows = tuple(
        (
            method.name,
            *(share(method.accuracy[km]) for km in distances),
            length(method.median_km),
            f"{method.geoscore:,.0f}",
        )
        for method in card.methods
    )
    some = any(method.accuracy[km].photos for method in card.methods for km in distances)
    head = ("% within (95 %)", *map(within, distances), "median", "GeoScore")
    return ReportTable("Accuracy", head, rows if some else ())


def _gap(card: Scorecard) -> ReportTable:
    rows = [
        (method.name, *(_percent(method.gap_closed[km]) for km in method.gap_closed))
        for method in card.methods[:-1]
        if any(not math.isnan(value) for value in method.gap_closed.values())
    ]
    distances = card.methods[0].gap_closed if card.methods else {}
    head = ("% of the way from nearest photo to oracle", *map(within, distances))
    return ReportTable("How much of the gap the choice closes", head, tuple(rows))


def _answers(card: Scorecard) -> ReportTable:
    distances = tuple(card.among_answered)
    rows = []
    if card.answered.photos:
        left = Share(1 - card.answered.value, 1 - card.answered.high, 1 - card.answered.low, 0)
        rows = [
            ("answered", share(card.answered), *_shares(card.among_answered)),
            ("abstained or failed", share(left), *_shares(card.among_abstained)),
        ]
    head = ("", "% of photos", *(f"right {within(km)}" for km in distances))
    title = "Right among the answers, and first candidates where it abstained"
    return ReportTable(title, head, tuple(rows))


def _shares(by_km: Mapping[float, Share]) -> list[str]:
    return [share(value) for value in by_km.values()]


def _abstentions(card: Scorecard) -> ReportTable:
    rows = [
        (one.rule, str(one.right), str(one.wrong), str(one.no_place)) for one in card.abstentions
    ]
    if rows:
        rows.append(("% of right ones withheld", share(card.wrongly_abstained), "", ""))
    head = ("abstained for", "right withheld", "wrong saved", "no place")
    title = "The price of abstaining: first candidates within 25 km"
    return ReportTable(title, head, tuple(rows))


def _risk(card: Scorecard) -> ReportTable:
    rows = tuple(
        (_percent(one.coverage), f"{one.threshold:.2f}", share(one.right)) for one in card.risk
    )
    title = "Selective risk: first candidates, if only those with the highest scores were answered"
    return ReportTable(title, ("% answered", "score from", "% right within 25 km (95 %)"), rows)


def _rejected(card: Scorecard) -> ReportTable:
    rows = tuple((kind, str(value.photos), share(value)) for kind, value in card.rejected.items())
    return ReportTable("Photos that show no place", ("kind", "photos", "% abstained"), rows)


def _coverage(card: Scorecard) -> ReportTable:
    rows = tuple(
        (f"{float(level):.0%}", share(inside), str(inside.photos), length(radius_km))
        for level, (inside, radius_km) in card.coverage.items()
    )
    return ReportTable(
        "Radius; a truth that is a city is taken for its center",
        ("promised", "% held (95 %)", "answers", "median radius"),
        rows,
    )


def _calibration(card: Scorecard) -> ReportTable:
    rows = tuple((scale, f"{error:.3f}") for scale, error in card.calibration_error.items())
    return ReportTable("Confidence", ("scale", "expected calibration error"), rows)


def _places(title: str, places: Sequence[AreaScore]) -> ReportTable:
    distances = tuple(places[0].accuracy) if places else ()
    rows = tuple(
        (
            place.name,
            str(place.photos),
            *(share(place.accuracy[km]) for km in distances),
            length(place.median_km),
        )
        for place in places
    )
    return ReportTable(title, ("", "photos", *map(within, distances), "median"), rows)


def _time(card: Scorecard) -> ReportTable:
    cost = "not known" if card.cost_usd is None else f"${card.cost_usd:.4f}"
    rows = [
        ("a photo, median", f"{card.seconds[0]:.2f} s"),
        ("a photo, 95th percentile", f"{card.seconds[1]:.2f} s"),
        *((f"{node}, mean", f"{ms:.0f} ms") for node, ms in card.node_ms.items()),
        ("cost of all photos", cost),
        ("failed", str(card.failed)),
    ]
    return ReportTable("Time and cost", ("", ""), tuple(rows))


def _excluded(card: Scorecard) -> ReportTable:
    rows = tuple((kind, f"{mean:.1f}") for kind, mean in card.excluded.items())
    return ReportTable("Gallery photos left out as leaks", ("kind", "mean a photo"), rows)


def within(km: float) -> str:
    """Return a distance as people say it: `25 m`, `200 km`."""
    return f"{km * 1000:g} m" if km < 1 else f"{km:g} km"


def length(km: float) -> str:
    """Return a measured distance."""
    if math.isnan(km):
        return "-"
    if math.isinf(km):
        return "none"
    return f"{km * 1000:.0f} m" if km < 1 else f"{km:,.1f} km" if km < 100 else f"{km:,.0f} km"


def share(value: Share) -> str:
    """Return a share in percent with its interval."""
    if math.isnan(value.value):
        return "-"
    return f"{value.value:.1%} ({value.low * 100:.1f}-{value.high * 100:.1f})".replace("%", "")


def points(value: Difference) -> str:
    """Return a difference of shares in points of percent."""
    return _signed(value, 100.0, ".1f")


def _signed(value: Difference, scale: float, form: str) -> str:
    if math.isnan(value.value):
        return "-"
    ends = f"{value.low * scale:+{form}} to {value.high * scale:+{form}}"
    return f"{value.value * scale:+{form}} ({ends})"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}".replace("%", "")
