"""How many shapes of answers are read, by how many calls: `python -m benchmarks.answer_shapes`.

The shapes are in tests/data/answer_shapes.json: forms in which real model families answer, written
by us after their model cards, beside the reader. They show which forms are read, and not how often
a model uses them. A model that answers in such a form answers so again when it is asked to mend its
answer, so what is not read at once costs a second call and is not read then either.

`--before FOLDER` names a checkout of an earlier version; its code reads the same shapes in a
process of its own, and the two are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from geofix.agent.draft import answers
from geofix.agent.draft.lists import shown
from geofix.agent.state import Draft, Hit, Retrieval
from geofix.tools.models.ask import ask

SHAPES = Path(__file__).parents[1] / "tests" / "data" / "answer_shapes.json"

CLOSE_DEGREES = 0.001
"""DMS rounds to a third of it."""

PACKAGES = ("agent", "tools", "db", "evaluation", "migrations")


@dataclass(frozen=True)
class Tried:
    """What came of one shape."""

    family: str
    form: str
    answerable: bool
    """Whether it says where the photo was taken, so that anything can be read."""
    read: bool
    """Whether what it says was read; where it says nothing, whether nothing was."""
    counts: bool
    """Whether the draft counts for a candidate."""
    calls: int


class OneForm(BaseChatModel):
    """Answers in one form, whatever it is told."""

    message: AIMessage

    @property
    def _llm_type(self) -> str:
        return "one form"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.message)])


def read_shapes() -> tuple[list[dict[str, Any]], list[Hit]]:
    """Return the shapes, and the photos whose places are the candidates."""
    known = json.loads(SHAPES.read_text(encoding="utf-8"))
    hits = [
        Hit(
            photo_id=number,
            latitude=latitude,
            longitude=longitude,
            similarity=0.9 - number / 10,
            gallery="shapes",
            source="shapes",
            external_id=str(number),
        )
        for number, (latitude, longitude) in enumerate(known["candidates"])
    ]
    return known["shapes"], hits


def tried(shape: dict[str, Any], hits: Sequence[Hit]) -> Tried:
    """Return what is made of one shape by the code that is imported."""
    schema: Any = answers.DraftAnswer if shape["asked"] == "draft" else answers.PointAnswer
    calls = [{"name": "answer", "args": shape["tool"], "id": "1"}] if "tool" in shape else []
    said = {"finish_reason": shape.get("finish", "stop")}
    message = AIMessage(shape["text"], tool_calls=calls, response_metadata=said)  # type: ignore[arg-type]
    answer = ask(OneForm(message=message), [HumanMessage("Where?")], schema)
    draft = None if answer.parsed is None else _draft(answer.parsed, hits)
    expected = shape["expected"]
    place = None if draft is None or draft.latitude is None else (draft.latitude, draft.longitude)
    return Tried(
        family=shape["family"],
        form=shape["form"],
        answerable=expected is not None,
        read=place is None if expected is None else _is_close(place, expected),
        counts=place is not None and getattr(draft, "copied_from", None) is None,
        calls=answer.calls,
    )


def _draft(answer: Any, hits: Sequence[Hit]) -> Draft:
    found = Retrieval(round=0, region=None, positives=list(hits), negatives=[], searched=len(hits))
    lists = shown(found, None, None)
    asked = Draft(round=0, drafted_by="shapes:one", latitude=None, longitude=None)
    # Versions before 5 of the prompts read drafts in `answers`, and took the digits alone.
    before: Any = getattr(answers, "read_draft", None)
    if before is not None:
        made: Draft = before(answer, asked, lists.listed(), hits)
        return made
    from geofix.agent.draft.reading import read_draft  # noqa: PLC0415 - not there before

    return read_draft(answer, asked, lists, hits)


def _is_close(place: Any, expected: Sequence[float]) -> bool:
    return place is not None and all(
        abs(one - other) <= CLOSE_DEGREES for one, other in zip(place, expected, strict=True)
    )


def of_checkout(folder: Path) -> list[Tried]:
    """Return what the code of another checkout makes of the shapes."""
    with tempfile.TemporaryDirectory() as links:
        package = Path(links) / "geofix"
        package.mkdir()
        for file in (folder / "geofix").glob("*.py"):
            (package / file.name).symlink_to(file.resolve())
        for name in PACKAGES:
            (package / name).symlink_to((folder / name).resolve())
        done = subprocess.run(
            [sys.executable, __file__, "--tell"],
            env={**os.environ, "PYTHONPATH": links},
            capture_output=True,
            text=True,
            check=True,
        )
    return [Tried(**one) for one in json.loads(done.stdout)]


def summary(some: Sequence[Tried]) -> str:
    """Return parse rate and calls of all shapes on one line."""
    answerable = [one for one in some if one.answerable]
    others = [one for one in some if not one.answerable]
    calls = sum(one.calls for one in some)
    return (
        f"{sum(one.read for one in answerable)} of {len(answerable)} answers read"
        f" ({sum(one.read for one in answerable) / len(answerable):.0%}),"
        f" {sum(one.counts and one.read for one in answerable)} count,"
        f" nothing read into {sum(one.read for one in others)} of {len(others)} that say nothing,"
        f" {calls} calls ({calls / len(some):.2f} a question)"
    )


def main() -> None:
    """Print what is read, by form, before and after."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--tell", action="store_true", help="print this version's figures as JSON")
    asked = parser.parse_args()
    shapes, hits = read_shapes()
    after = [tried(shape, hits) for shape in shapes]
    if asked.tell:
        sys.stdout.write(json.dumps([asdict(one) for one in after]))
        return
    before = [None] * len(after) if asked.before is None else of_checkout(asked.before)
    sys.stdout.write(f"{'family':<24}{'form':<36}{'before':<18}after\n")
    for old, new in zip(before, after, strict=True):
        sys.stdout.write(f"{new.family:<24}{new.form:<36}{_said(old):<18}{_said(new)}\n")
    known = [one for one in before if one is not None]
    if known:
        sys.stdout.write(f"before: {summary(known)}\n")
    sys.stdout.write(f"after: {summary(after)}\n")
    if known:
        rates = [sum(one.read for one in some if one.answerable) for some in (known, after)]
        calls = [sum(one.calls for one in some) for some in (known, after)]
        sys.stdout.write(
            f"read {rates[1] / max(1, rates[0]):.2f} times as many, with"
            f" {calls[1] / calls[0]:.2f} times the calls\n"
        )


def _said(one: Tried | None) -> str:
    if one is None:
        return "-"
    word = "read" if one.answerable else "nothing there"
    if not one.read:
        word = "not read" if one.answerable else "misread"
    elif one.answerable and not one.counts:
        word = "void"
    return f"{word}, {one.calls}"


if __name__ == "__main__":
    main()
