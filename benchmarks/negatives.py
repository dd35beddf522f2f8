"""`geofix experiment negatives` on a simulated world, with three scripted models.

python -m benchmarks.negatives makes the tables of docs/negatives.md. No model is asked, so they say
nothing about models: they show that the experiment finds an effect that was planted, and none where
none was. The three read Img2Loc's prompt and do as their names say.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from geofix.agent.settings import Settings
from geofix.evaluation.experiment.session import Wanted, experiment
from geofix.evaluation.experiment.written import as_json, as_markdown, plan_text
from geofix.tools.geo.distance import are_within
from geofix.tools.statistics import PLACE_KM, SCALES_KM

Point = tuple[float, float]

POINT = re.compile(r"\((-?\d+\.\d+), (-?\d+\.\d+)\)")

DISSIMILAR = "dissimilar"
"""The word after which Img2Loc's prompt lists negatives."""

DISTRACTED = 1 / 100
"""Share of photos of which each negative takes away the model's attention."""


def listed(prompt: str) -> tuple[list[Point], list[Point]]:
    """Return the similar and the dissimilar places of Img2Loc's prompt."""
    similar, _, dissimilar = prompt.partition(DISSIMILAR)
    return _points(similar), _points(dissimilar)


def _points(words: str) -> list[Point]:
    return [(float(north), float(east)) for north, east in POINT.findall(words)]


def steady(prompt: str) -> Point:
    """Return the first similar place, whatever the negatives are."""
    return listed(prompt)[0][0]


def distracted(prompt: str) -> Point:
    """Return the last negative for one photo in a hundred by each negative, else as `steady`.

    Which photos goes by their similar places, so that who is distracted by five is by ten.
    """
    similar, dissimilar = listed(prompt)
    digest = hashlib.sha256(repr(similar).encode()).digest()
    drawn = int.from_bytes(digest[:4], "big") / 2**32
    return dissimilar[-1] if drawn < DISTRACTED * len(dissimilar) else similar[0]


def obedient(prompt: str) -> Point:
    """Return the first similar place that no negative is within 25 km of; the first without one."""
    similar, dissimilar = listed(prompt)
    if not dissimilar:
        return similar[0]
    near = are_within(*np.array(similar).T, *np.array(dissimilar).T, PLACE_KM).any(axis=1)
    return next((place for place, hit in zip(similar, near, strict=True) if not hit), similar[0])


MODELS: Mapping[str, Callable[[str], Point]] = {
    "steady": steady,
    "distracted": distracted,
    "obedient": obedient,
}


def said(place: Point) -> str:
    """Return an answer of coordinates."""
    return json.dumps({"latitude": place[0], "longitude": place[1]})


class Scripted(BaseChatModel):
    """Answers by one of `MODELS`, without a server."""

    script: str

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {"ls_provider": "scripted", "ls_model_name": self.script}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        place = MODELS[self.script](messages[-1].text)
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        message = AIMessage(said(place), usage_metadata=usage)  # type: ignore[arg-type]
        return ChatResult(generations=[ChatGeneration(message=message)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiment, and write its tables to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="world:world")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--pilot", type=int, default=None)
    parser.add_argument("--number", type=int, nargs="+", default=())
    parser.add_argument("--km", type=float, nargs="+", default=SCALES_KM)
    parser.add_argument("--json", type=Path, help="also write JSON")
    given = parser.parse_args(arguments)
    wanted = Wanted(
        dataset=given.dataset,
        models=[Scripted(script=name) for name in MODELS],
        limit=given.photos,
        pilot=given.pilot,
        numbers=given.number,
        within_km=given.km,
        control=True,
    )

    def agreed(planned: Any) -> bool:
        sys.stderr.write(plan_text(planned))
        return True

    done = experiment(
        wanted,
        Settings.from_environment(),
        lambda line: print(line, file=sys.stderr),  # noqa: T201 - it is a script
        agreed,
    )
    assert done is not None
    sys.stdout.write(as_markdown(done))
    if given.json is not None:
        given.json.write_text(as_json(done), encoding="utf-8")


if __name__ == "__main__":
    main()
