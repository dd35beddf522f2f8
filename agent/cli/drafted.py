"""How a terminal shows what models saw, weighed and were shown."""

from __future__ import annotations

from geofix.agent.cli.terminal import escaped
from geofix.agent.fix.contract import Fix


def drafted_lines(fix: Fix) -> list[str]:
    """Return a line for each clue, hypothesis and group of pictures; empty without a model."""
    drafts = {*(one.draft for one in fix.clues), *(one.draft for one in fix.hypotheses)}
    models = {*(one.model for one in fix.clues), *(one.model for one in fix.hypotheses)}

    def by(draft: int, model: str) -> str:
        # One draft of one model needs no name on every line.
        said = [f"draft {draft}"] if len(drafts) > 1 else []
        said += [model] if len(models) > 1 else []
        return f" [dim]({escaped(', '.join(said))})[/]" if said else ""

    lines = [
        f"{escaped(one.kind)}: {escaped(one.observation)}{by(one.draft, one.model)}"
        for one in fix.clues
    ]
    lines += [
        f"[dim]hypothesis[/] {escaped(one.hypothesis)}{by(one.draft, one.model)}"
        for one in fix.hypotheses
    ]
    if fix.pictures_shown:
        shown = "; ".join(
            f"candidate {one.candidate}: {escaped(one.photo)}" for one in fix.pictures_shown
        )
        lines.append(f"[dim]it was shown pictures of[/] {shown}")
    return lines
