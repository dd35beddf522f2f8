"""Every option of a run: its default, its bounds and its words, once for all doors.

`Context` takes its fields from here, the command line its flags, `geofix eval --ablate` its names.
No pydantic here, so that `--help` needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from geofix.agent.draft import NegativesBy, PresetName, Routing
from geofix.agent.methods import AnswerBy, MethodName
from geofix.agent.run import Pause
from geofix.tools.statistics import LEVELS, PLACE_KM

Vectors = Literal["centred", "raw"]
"""How vectors are compared."""

Kind = Literal["whole", "number", "yes or no", "names", "choice"]


@dataclass(frozen=True, slots=True)
class RunOption:
    """One option of a run."""

    kind: Kind
    default: Any
    help: str
    """What it does, for a person, without the default."""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    """The value has to be greater than this."""
    choices: tuple[str, ...] = ()
    of_method: bool = False
    """Whether a method may have a default of its own."""

    def default_told(self) -> str:
        """Return the default in words."""
        if self.default in (None, ()):
            return ""
        if isinstance(self.default, bool):
            return f"Default: {'yes' if self.default else 'no'}."
        told = f"{self.default:g}" if self.kind in ("whole", "number") else str(self.default)
        return f"Default: {told}{', unless the method has another' if self.of_method else ''}."


def _whole(
    default: int | None, low: float, high: float | None, help: str, **more: Any
) -> RunOption:
    return RunOption("whole", default, help, low=low, high=high, **more)


def _number(default: float | None, help: str, **bounds: Any) -> RunOption:
    return RunOption("number", default, help, **bounds)


def _choice(default: str | None, words: Any, help: str, **more: Any) -> RunOption:
    return RunOption("choice", default, help, choices=get_args(words), **more)


OPTIONS: dict[str, RunOption] = {
    "method": _choice(
        "geofix",
        MethodName,
        "Whose method to follow: a named set of the options below (docs/methods.md). What you give"
        " beside it counts more.",
    ),
    "answer_by": _choice(
        "verdict",
        AnswerBy,
        "What chooses the answer. 'verdict': geofix weighs all evidence and may abstain. The others"
        " check nothing and abstain only where there is nothing to choose from. 'model': the"
        " model's coordinates. 'nearest': the most similar photo. 'density': where similar photos"
        " are densest. 'image-place': of drafts and similar photos the place most like the photo by"
        " GeoCLIP. 'geoclip': of GeoCLIP's own 100,000 places the most like the photo.",
        of_method=True,
    ),
    "photos_compared": _whole(
        1,
        0,
        200,
        "With `answer_by` image-place: how many of the similar photos, the most similar first, are"
        " compared by their place beside the drafts. Without a draft all are.",
        of_method=True,
    ),
    "positives": _whole(
        16, 1, 200, "Number of similar gallery photos to retrieve.", of_method=True
    ),
    "negatives": _whole(
        16, 0, 200, "Number of dissimilar gallery photos to retrieve.", of_method=True
    ),
    "negatives_by": _choice(
        "dissimilar",
        NegativesBy,
        "Which counter-examples the model is shown. 'dissimilar': photos that look different, as in"
        " Img2Loc. 'far': photos that look similar but were taken far from the leading place."
        " 'none': no counter-examples.",
        of_method=True,
    ),
    "far_km": _number(
        200.0,
        "Minimum distance of 'far' counter-examples from the leading place, in km.",
        above=0,
        high=20_000,
    ),
    "negatives_apart_km": _number(
        PLACE_KM,
        "Minimum distance of counter-examples from every place of the similar photos, in km. 0"
        " takes them wherever they are, as the papers do.",
        low=0,
        high=20_000,
        of_method=True,
    ),
    "negatives_vectors": _choice(
        None,
        Vectors,
        "How vectors are compared to find counter-examples: 'centred' or 'raw'. Default: as"
        " `vectors`.",
    ),
    "vectors": _choice(
        "centred",
        Vectors,
        "'centred' subtracts the mean of all vectors before comparing; 'raw' compares them as they"
        " are, as the papers do.",
        of_method=True,
    ),
    "galleries": RunOption(
        "names", (), "Names of the galleries to search; without any, all are searched."
    ),
    "exact": RunOption(
        "yes or no",
        False,
        "Compare with every vector instead of using the index. Slower, and misses nothing.",
    ),
    "preset": _choice(
        "geofix",
        PresetName,
        "Which prompt the model gets. 'geofix' shows candidates with place names and asks for"
        " reasons. Those of the papers show only coordinates; 'g3' makes four calls of five answers"
        " each. 'none' asks no model.",
        of_method=True,
    ),
    "route": _choice(
        "off",
        Routing,
        "'retrieval' shows the model 0, 5 or 10 neighbours, depending on how clear the search"
        " result is, as in G3. 'off' shows them all. The benefit is not measured yet.",
    ),
    "samples": _whole(
        None, 1, 20, "Number of answers to each request. Default: the preset's.", of_method=True
    ),
    "temperature": _number(
        None,
        "Sampling temperature of the model. Default: the preset's, or the model's own if the preset"
        " has none.",
        low=0,
        high=2,
        of_method=True,
    ),
    "image_px": _whole(
        None,
        64,
        2048,
        "Longer side in pixels of the images that the model gets. Default: what suits the"
        " provider.",
    ),
    "exemplars": _whole(
        0,
        0,
        8,
        "Number of candidates that are shown to the model with a gallery photo. These photos are"
        " sent to wherever the model runs.",
    ),
    "geometry_pictures": _whole(
        16,
        0,
        64,
        "Number of the most similar gallery photos that are matched with the photo point by point,"
        " on this machine; 0 matches none.",
        of_method=True,
    ),
    "max_cost": _number(None, "Maximum cost of the model in this run, in US dollars.", low=0),
    "max_tokens": _whole(
        None, 0, None, "Maximum number of model tokens in this run, input and output together."
    ),
    "max_seconds": _number(
        None,
        "Time in seconds from the start of the run after which the model is asked no more. The run"
        " then answers with what it has.",
        low=0,
    ),
    "max_rounds": _whole(
        1,
        1,
        6,
        "Maximum number of rounds of search and draft. More than one has not improved answers where"
        " it was measured (docs/evaluation.md).",
        of_method=True,
    ),
    "finest_km": _number(
        PLACE_KM,
        "Stop narrowing the search when a place is known to this many km.",
        above=0,
        high=2500,
    ),
    "accept_margin": _number(
        0.15,
        "Minimum lead in score of the first candidate over the second for it to be accepted.",
        low=0,
        high=1,
    ),
    "accept_score": _number(
        0.0,
        "Minimum score of the first candidate for it to be accepted. The selective risk that"
        " `geofix eval` tells shows what a value withholds and what it saves.",
        low=0,
        high=1,
    ),
    "best_guess": RunOption(
        "yes or no",
        False,
        "Give the first candidate as the answer also where geofix is undecided, because two places"
        " score nearly the same, no place has half of the votes, or its score is lower than asked"
        " for. The answer is then marked as a guess.",
    ),
    "impostor_share": _number(
        0.10,
        "Abstain if more than this share of gallery photos have a far-away photo that matches them"
        " as well as the best hit matches this photo.",
        above=0,
        high=1,
    ),
    "reject_scenes": RunOption(
        "yes or no",
        True,
        "Abstain if the photo seems to show no place, such as a room, food, a drawing or blank"
        " sky.",
        of_method=True,
    ),
    "pause": _choice(
        "never",
        Pause,
        "When a run pauses for a person to decide. 'unsure': where it would abstain only because"
        " two candidates score nearly the same, no place has half of the votes, or the score is"
        " lower than asked for. 'every_round': after every round. 'never': it does not pause.",
    ),
    "coverage": _number(
        0.9,
        f"Coverage of a calibrated `radius_km`: {', '.join(map(str, LEVELS))}.",
    ),
    "every_candidate": RunOption(
        "yes or no",
        False,
        "List every candidate in the answer, also small ones and those after the tenth; the answer"
        " is then as long as it has to be.",
    ),
    "claim_level": _number(
        0.05,
        "Maximum share of true claims that are called inconsistent, on average over calibrations.",
        above=0,
        high=0.5,
    ),
}
"""In the order in which they are shown."""
