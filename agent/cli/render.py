"""How a fix looks in a terminal: the answer first, then candidates, then why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from geofix.agent.answer import Claim, ClaimCheck, format_coordinates
from geofix.agent.cli.terminal import count, degraded, escaped, kilometers
from geofix.agent.state import Candidate, Settled
from geofix.tools.statistics import SCALES

VERDICT_COLORS = {"consistent": "green", "inconsistent": "red", "undecidable": "yellow"}


def radius_text(fix: Settled) -> str:
    """Return the radius with its coverage, or with a note that it is not calibrated."""
    within = f"within {kilometers(fix.radius_km or 0)}"
    stated = _stated(fix)
    return f"{within}[dim], not calibrated[/]" if stated is None else f"{stated:.0%} {within}"


def levels_line(fix: Settled) -> str:
    """Return the radii at the other coverages."""
    # Sorted, because an answer that was read back from the trail has another order.
    others = [level for level in sorted(fix.radii_km) if float(level) != _stated(fix)]
    return ", ".join(
        f"{float(level):.0%} within {kilometers(fix.radii_km[level])}" for level in others
    )


def confidence_line(fix: Settled) -> str:
    """Return the probability that the answer is right, by scale."""
    return "right within " + ", ".join(
        f"{km:,.0f} km {fix.confidence[scale]:.0%}"
        for scale, km in SCALES.items()
        if scale in fix.confidence
    )


def claim_line(check: ClaimCheck) -> str:
    """Return the result of checking a claimed place."""
    color = VERDICT_COLORS[check.verdict]
    where = format_coordinates(check.latitude, check.longitude)
    away = "" if check.distance_km is None else f", {kilometers(check.distance_km)} from the answer"
    p_value = "" if check.p_value is None else f" (p = {check.p_value:.3f})"
    return f"{where}{away}: [{color}]{check.verdict}[/]{p_value}, {escaped(check.reason)}"


def _stated(fix: Settled) -> float | None:
    """Return the highest coverage that has the answer's radius; none if it is not calibrated."""
    if not fix.radius_calibrated:
        return None
    return max(float(level) for level, km in fix.radii_km.items() if km == fix.radius_km)


MOST_CANDIDATES = 5


def print_fix(fix: Settled, console: Console) -> None:
    """Print a fix for a person."""
    _answer(fix, console)
    if fix.candidates:
        console.print(_candidates(fix))
        console.print()
    console.print("[bold]Why[/]", _bullets(escaped(reason) for reason in fix.reasons))
    _evidence(fix, console)
    if fix.claim is not None:
        _claim(fix.claim, fix.radius_km, console)
    if fix.claim_check is not None:
        console.print("\n[bold]The claim[/]", _bullets([claim_line(fix.claim_check)]))
    if fix.photo_notes:
        console.print("\n[bold]The file[/]", _bullets(escaped(note) for note in fix.photo_notes))
    unsure = None if fix.calibration is None else fix.calibration.reason
    for said in [
        *([f"The radius is not calibrated: {unsure}"] if unsure else []),
        *_whole_earth(fix),
    ]:
        console.print(f"\n[dim]{escaped(said)}[/]")
    if fix.degraded:
        console.print()
    for reason in fix.degraded:
        console.print(degraded(reason))
    console.print(f"\n[dim]Every step: geofix trail {escaped(fix.run or '')}[/]")


def _answer(fix: Settled, console: Console) -> None:
    by = f"drafted by {fix.drafted_by}, {count(fix.rounds, 'round')}"
    if fix.status == "waiting":
        console.print("[bold yellow]Choose one of these candidates.[/]")
        console.print(f"[dim]geofix resume {escaped(fix.run or '')} --pick NUMBER[/]\n")
        return
    if fix.latitude is None or fix.longitude is None:
        console.print("[bold yellow]No answer: geofix abstains.[/]")
        console.print(f"[dim]{escaped(by)}[/]\n")
        return
    where = fix.place.label if fix.place is not None else "no named place"
    console.print(f"[bold green]{escaped(where)}[/]")
    console.print(
        f"[bold]{format_coordinates(fix.latitude, fix.longitude)}[/]   {radius_text(fix)}"
    )
    if fix.radius_calibrated:
        console.print(f"[dim]{levels_line(fix)}[/]")
        console.print(f"[dim]{confidence_line(fix)}[/]")
    console.print(f"[dim]{escaped(by)}[/]\n")


def _candidates(fix: Settled) -> Table:
    table = Table(title="Candidates", title_justify="left", title_style="bold", box=None)
    table.add_column("#", justify="right")
    table.add_column("place", overflow="fold")
    table.add_column("position", no_wrap=True)
    table.add_column("from #1", justify="right", no_wrap=True)
    table.add_column("photos", justify="right")
    table.add_column("score", justify="right")
    for candidate in fix.candidates[:MOST_CANDIDATES]:
        table.add_row(
            str(candidate.rank),
            escaped(candidate.place or "no named place"),
            format_coordinates(candidate.latitude, candidate.longitude),
            kilometers(candidate.distance_km) if candidate.rank > 1 else "",
            str(candidate.photos),
            _standing(candidate),
        )
    more = len(fix.candidates) - MOST_CANDIDATES
    if more > 0:
        table.caption = f"and {more} more"
        table.caption_justify = "left"
    return table


def _standing(candidate: Candidate) -> str:
    if candidate.vetoed is not None:
        return "vetoed"
    return "left out" if candidate.held_back is not None else f"{candidate.score:.2f}"


def _evidence(fix: Settled, console: Console) -> None:
    if not fix.evidence:
        return
    lines = []
    for photo in fix.evidence:
        whose = photo.attribution or photo.author or photo.source
        terms = f", {photo.licence}" if photo.licence else ""
        lines.append(
            f"similarity {photo.similarity:.2f}, {kilometers(photo.distance_km)} from the"
            f" answer: {escaped(photo.external_id)} [dim]({escaped(whose)}{escaped(terms)})[/]"
        )
    console.print("\n[bold]Evidence[/]", _bullets(lines))


def _bullets(lines: Iterable[str]) -> Table:
    """Return a bulleted list with a hanging indent."""
    grid = Table.grid(padding=(0, 1))
    for line in lines:
        grid.add_row(" -", line)
    return grid


def _claim(claim: Claim, radius_km: float | None, console: Console) -> None:
    parts = []
    if claim.latitude is not None and claim.longitude is not None:
        parts.append(f"at {format_coordinates(claim.latitude, claim.longitude)}")
    if claim.distance_km is not None:
        away = f"{kilometers(claim.distance_km)} from the answer"
        agrees = claim.distance_km <= (radius_km or 0)
        parts.append(away if agrees else f"[yellow]{away}[/]")
    parts += [escaped(text) for text in (claim.taken_at, claim.camera) if text]
    console.print(
        "\n[bold]What the file's EXIF says[/] [dim](it can be forged, and was not used)[/]"
    )
    console.print(_bullets(parts))


def _whole_earth(fix: Settled) -> list[str]:
    return [] if fix.calibration is None else [f"Note: {note}" for note in fix.calibration.notes]
