"""How an answer looks in a terminal: the place first, then candidates, then why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from geofix.agent.answer import Code, format_coordinates
from geofix.agent.cli.terminal import count, degraded, escaped
from geofix.agent.fix.contract import (
    CheckedClaim,
    FileClaim,
    Fix,
    FixCandidate,
    FixEvidence,
    Position,
)
from geofix.agent.fix.forms import (
    by_method,
    coordinates_of,
    drafted_lines,
    guess_in,
    headline,
    kilometers,
    known_sentence,
    label_of,
)

VERDICT_COLORS = {"consistent": "green", "inconsistent": "red", "undecidable": "yellow"}

AFTER_THE_ANSWER = frozenset({Code.NOT_CALIBRATED, Code.WHOLE_EARTH, Code.PROMISE})
"""Warnings about the radius; they are printed as notes, and all others as degraded."""


def radius_line(position: Position, why_not: str | None) -> str:
    """Return the radius with its coverage, or the reach of the evidence.

    Args:
        position: Of the answer.
        why_not: Why the radius is not calibrated, if it is not.
    """
    distance = kilometers(position.radius_m)
    if position.coverage is None:
        because = "" if why_not is None else f": {escaped(why_not)}"
        return f"[dim]reach of the evidence: {distance} (not calibrated{because})[/]"
    return f"within {distance} with {position.coverage:.0%} coverage"


def levels_line(position: Position) -> str:
    """Return the radii at the other coverages."""
    return ", ".join(
        f"{radius.coverage:.0%} within {kilometers(radius.radius_m)}"
        for radius in position.radii
        if radius.coverage != position.coverage
    )


def confidence_line(fix: Fix) -> str:
    """Return the probability that the answer is right, by scale."""
    return "right within " + ", ".join(
        f"{one.within_km:,.0f} km {one.probability:.0%}" for one in fix.confidence
    )


def claim_line(check: CheckedClaim) -> str:
    """Return the result of checking a claimed place."""
    color = VERDICT_COLORS[check.verdict]
    where = format_coordinates(check.latitude, check.longitude)
    away = "" if check.distance_m is None else f", {kilometers(check.distance_m)} from the answer"
    p_value = "" if check.p_value is None else f" (p = {check.p_value:.3f})"
    return f"{where}{away}: [{color}]{check.verdict}[/]{p_value}, {escaped(check.text)}"


MOST_CANDIDATES = 5


def print_fix(fix: Fix, console: Console, *, every_candidate: bool = False) -> None:
    """Print an answer for a person."""
    _answer(fix, console)
    if fix.candidates:
        most = len(fix.candidates) if every_candidate else MOST_CANDIDATES
        console.print(_candidates(fix, most))
        console.print()
    guess = guess_in(fix)
    # A guess has said its own reason above.
    why = [one.text for one in fix.reasons if guess is None or not guess.text.endswith(one.text)]
    if why:
        console.print("[bold]Why[/]", _bullets(map(escaped, why)))
    if drafted := drafted_lines(fix):
        console.print("\n[bold]What the model says[/]", _bullets(map(escaped, drafted)))
    _evidence(fix, console)
    _known(fix, console)
    if fix.claim is not None and fix.claim.exif is not None:
        _claim(fix.claim.exif, fix.position, console)
    if fix.claim is not None and fix.claim.checked is not None:
        console.print("\n[bold]The claim[/]", _bullets([claim_line(fix.claim.checked)]))
    _warnings(fix, console)
    console.print(f"\n[dim]Every step: geofix trail {escaped(fix.run)}[/]")


def _answer(fix: Fix, console: Console) -> None:
    method = "" if fix.method.name == "geofix" else f"method {fix.method.name}, "
    by = f"{method}drafted by {fix.method.drafted_by}, {count(fix.method.rounds, 'round')}"
    if fix.status == "waiting":
        console.print("[bold yellow]A person has to decide.[/]")
        if (proposed := _proposed(fix)) is not None:
            console.print(f"geofix proposes to {escaped(proposed)}; --go-on does that.")
        console.print(f"[dim]geofix resume {escaped(fix.run)} --pick NUMBER[/]")
        console.print(
            "[dim]Instead of --pick: --accept, --look REGION, --hint WORDS, --go-on or --stop[/]\n"
        )
        return
    if fix.position is None:
        cut_off = "No answer: the run was cut off"
        why = cut_off if fix.abstention is None else headline(fix.abstention)
        console.print(f"[bold yellow]{escaped(why)}.[/]")
        console.print(f"[dim]{escaped(by)}[/]\n")
        return
    if (guess := guess_in(fix)) is not None:
        console.print(f"[bold yellow]{escaped(guess.text[0].upper() + guess.text[1:])}.[/]")
    if (where := label_of(fix)) is not None:
        console.print(f"[bold green]{escaped(where)}[/]")
    console.print(f"[bold]{coordinates_of(fix, fix.position)}[/]")
    console.print(radius_line(fix.position, _why_not_calibrated(fix)))
    if fix.position.radii:
        console.print(f"[dim]{levels_line(fix.position)}[/]")
    if fix.confidence:
        console.print(f"[dim]{confidence_line(fix)}[/]")
    console.print(f"[dim]{escaped(by)}[/]\n")


def _proposed(fix: Fix) -> str | None:
    """Say what geofix would do; none of a run of an earlier version, which does not say."""
    if fix.question is None:
        return None
    proposes = fix.question.proposes
    if proposes.action == "refine":
        return f"look closer within {' and '.join(proposes.regions)}"
    return "accept the first candidate" if proposes.action == "accept" else "give no answer"


def _why_not_calibrated(fix: Fix) -> str | None:
    why = (one.text for one in fix.warnings if one.code == Code.NOT_CALIBRATED)
    return next(why, None)


def _candidates(fix: Fix, most: int) -> Table:
    table = Table(title="Candidates", title_justify="left", title_style="bold", box=None)
    table.add_column("#", justify="right")
    table.add_column("place", overflow="fold")
    table.add_column("position", no_wrap=True)
    table.add_column("from #1", justify="right", no_wrap=True)
    table.add_column("photos", justify="right")
    table.add_column("score", justify="right")
    # Those of the answer have no more digits than its headline.
    radius_km = 0.0 if fix.radius_km is None or by_method(fix) else fix.radius_km
    for candidate in fix.candidates[:most]:
        table.add_row(
            str(candidate.rank),
            escaped(candidate.label or "no named place"),
            format_coordinates(candidate.latitude, candidate.longitude, radius_km=radius_km),
            kilometers(candidate.distance_m) if candidate.rank > 1 else "",
            str(candidate.photos),
            _standing(candidate),
        )
    more = max(0, len(fix.candidates) - most) + fix.candidates_not_listed
    if more > 0:
        table.caption = f"and {more} more"
        table.caption_justify = "left"
    return table


def _standing(candidate: FixCandidate) -> str:
    return "excluded" if candidate.excluded is not None else f"{candidate.score:.2f}"


def _evidence(fix: Fix, console: Console) -> None:
    if not fix.evidence:
        return
    lines = []
    for photo in fix.evidence:
        terms = f", {photo.licence}" if photo.licence else ""
        lines.append(
            f"similarity {photo.similarity:.2f}, {_speaking(photo, fix)}: {escaped(photo.photo)}"
            f" [dim]({escaped(photo.attribution or photo.source)}{escaped(terms)})[/]"
        )
    console.print("\n[bold]Evidence[/]", _bullets(lines))


def _speaking(photo: FixEvidence, fix: Fix) -> str:
    """Say what a photo speaks for: the answer, or candidates that a person can compare."""
    if fix.position is None:
        ranks = [one.rank for one in fix.candidates if one.id in photo.supports]
        away = f"{kilometers(photo.distance_m)} from #1"
        return f"for {' and '.join(f'#{rank}' for rank in ranks)}" if ranks else away
    against = ", contradicting it" if photo.contradicts else ""
    return f"{kilometers(photo.distance_m)} from the answer{against}"


def _known(fix: Fix, console: Console) -> None:
    """Say where the photo itself is in a gallery, apart from the answer."""
    if not fix.known_photos:
        return
    lines = []
    for photo in fix.known_photos:
        said = escaped(known_sentence(photo, gallery=f"gallery {photo.gallery}"))
        away = (
            "" if photo.distance_m is None else f", {kilometers(photo.distance_m)} from the answer"
        )
        lines.append(f"{said}{away}: {escaped(photo.photo)} [dim]({escaped(photo.source)})[/]")
    # A search leaves out the file itself, and finds a copy like any other photo.
    copies = any(photo.kind != "exact" for photo in fix.known_photos)
    note = "a copy counts as a similar photo" if copies else "the answer does not depend on it"
    console.print(f"\n[bold]This photo is known[/] [dim]({note})[/]")
    console.print(_bullets(lines))


def _bullets(lines: Iterable[str]) -> Table:
    """Return a bulleted list with a hanging indent."""
    grid = Table.grid(padding=(0, 1))
    for line in lines:
        grid.add_row(" -", line)
    return grid


def _claim(claim: FileClaim, position: Position | None, console: Console) -> None:
    parts = []
    if claim.latitude is not None and claim.longitude is not None:
        parts.append(f"at {format_coordinates(claim.latitude, claim.longitude)}")
    if claim.distance_m is not None:
        away = f"{kilometers(claim.distance_m)} from the answer"
        agrees = position is not None and claim.distance_m <= position.radius_m
        parts.append(away if agrees else f"[yellow]{away}[/]")
    parts += [escaped(text) for text in (claim.taken_at, claim.camera) if text]
    console.print(
        "\n[bold]What the file's EXIF says[/] [dim](it can be forged, and was not used)[/]"
    )
    console.print(_bullets(parts))


def _warnings(fix: Fix, console: Console) -> None:
    of_the_file = [one.text for one in fix.warnings if one.code == Code.PHOTO_NOTE]
    if of_the_file:
        console.print("\n[bold]The file[/]", _bullets(map(escaped, of_the_file)))
    for warning in fix.warnings:
        if warning.code in AFTER_THE_ANSWER - {Code.NOT_CALIBRATED}:
            console.print(f"\n[dim]Note: {escaped(warning.text)}[/]")
    told = {*AFTER_THE_ANSWER, Code.PHOTO_NOTE, Code.BEST_GUESS}
    others = [one for one in fix.warnings if one.code not in told]
    if others:
        console.print()
    for warning in others:
        console.print(degraded(warning.text))
