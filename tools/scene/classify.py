"""What kind of scene a photo shows, and whether it can show a place at all.

Two witnesses that need no training: the classes of EfficientNet-Lite0, whose weights come with a
package, summed by kind of scene; and what no camera makes: large parts of exactly one color, or
nothing with an edge.

The bounds were set on photos that may not be shipped (November 2026), and tried on the same: of 300
of streets 2.3 % were taken for something else, of 240 of roads elsewhere 2.9 %, of 157 of the open
set 1.3 %; of 214 of food, skies, drawings, charts, screens and things 98 % were recognised, of 123
rooms, half of them chapels, halls and passages, 90 %.

The classes in their usual order (Russakovsky et al. 2015, ILSVRC 2012). What stands outdoors and
what grows or lies there counts as outdoors; what no group names is a thing that can be anywhere
and mostly stands in a room: also the vault, the altar, the library and the restaurant, since of
photos of streets few and of rooms many are taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.scene import SceneKind

ANIMALS = frozenset(range(398))

OUTDOORS = frozenset(
    (
        # aircraft carrier to boathouse
        *(403, 404, 407, 408, 410, 425, 436, 437, 442, 444, 448, 449),
        # breakwater to dome
        *(460, 466, 468, 471, 472, 475, 476, 483, 484, 489, 498, 500, 510, 511, 517, 525, 536),
        # dome to half track
        *(538, 540, 547, 554, 555, 557, 561, 562, 565, 569, 571, 573, 575, 576, 580, 581, 586, 595),
        # horse cart to moving van
        *(603, 609, 612, 625, 627, 628, 634, 637, 640, 645, 646, 649, 654, 656, 657, 660, 661, 663),
        *(665, 668, 670, 671, 672, 675),
        # obelisk to radio telescope
        *(682, 690, 694, 698, 703, 704, 706, 708, 716, 717, 718, 724, 730, 733, 734, 751),
        *(755, 757, 779, 780, 781),
        # snowmobile to swing
        *(802, 803, 807, 812, 814, 817, 820, 821, 825, 829, 832, 833, 835, 839, 843),
        # tank to yurt
        *(847, 853, 856, 858, 863, 864, 866, 867, 871, 873, 874, 879, 880, 888, 900, 904, 912),
        *(913, 914, 915),
        # street sign, traffic light; alp to volcano
        *(919, 920, *range(970, 981)),
    )
)

STOREFRONTS = frozenset({415, 424, 454, 467, 509, 582, 727, 788, 819, 860, 865})
"""Shops and the like: seen from the street as often as from within."""

INSIDE_OR_OUT = frozenset({497, 705, 743})
"""Church, railway carriage, prison: named for chapels and passages as often as for fronts, so they
speak for neither."""

FOOD = frozenset({*range(923, 970), 504, 505, 550, 567, 618, 659, 809, 891, 910, 987})
"""Dishes, fruit, drinks, and what they are made and served in."""

SCREENS_AND_PAPER = frozenset(
    {446, 508, 527, 549, 590, 592, 620, 664, 681, 688, 782, 851, 916, 917, 918, 921, 922}
)
"""Web sites, comics, menus, monitors."""

GROUPS = {
    "outdoors": OUTDOORS,
    "storefronts": STOREFRONTS,
    "inside or out": INSIDE_OR_OUT,
    "animals": ANIMALS,
    "food": FOOD,
    "screens and paper": SCREENS_AND_PAPER,
}
"""Disjoint; a test holds it."""


OUTDOORS_ENOUGH = 0.45
"""Share of what stands outdoors among all that stands either there or in a room."""

LEAST_INDOORS = 0.1
"""Share of all that has to stand in a room: what looks like a church alone may be its front."""

MOSTLY_FOOD, MOSTLY_ANIMALS = 0.3, 0.5
"""Share of all that is seen; from there on, the photo shows no place."""

DRAWN_FLATNESS = 0.65
"""Share of neighbouring pixels that are the same, from which on no camera made a picture."""

EMPTY_EDGES = 0.02
"""Share of neighbouring pixels that differ clearly, below which there is nothing to see."""

_SIDE_PX = 320
_SAME, _CLEAR = 1, 24


@runtime_checkable
class Classifier(Protocol):
    """What tells ImageNet's classes; the starter encoder does so in the pass that embeds."""

    def logits(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return ImageNet logits `[n, 1000]`, in the usual order of classes."""
        ...

    def embed_and_classify(
        self, images: Sequence[Image.Image]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `Encoder.embed` and what `logits` return, in one pass."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a photo shows."""

    kind: SceneKind
    shares: dict[str, float]
    """Probability by group of classes, and of `indoors`, which is all the rest; together 1."""
    flatness: float
    """Share of neighbouring pixels of the same color, 0 to 1."""
    edges: float
    """Share of neighbouring pixels that differ clearly, 0 to 1."""


def read_scene(image: Image.Image, logits: NDArray[np.float32]) -> Scene:
    """Return what a photo shows.

    Args:
        image: Upright, in any of Pillow's modes.
        logits: Of ImageNet's classes, `[1000]`, by EfficientNet-Lite0.
    """
    shares = group_shares(logits)
    flatness, edges = texture(image)
    return Scene(_kind(shares, flatness, edges), shares, flatness, edges)


def group_shares(logits: NDArray[np.float32]) -> dict[str, float]:
    """Return the probability of each group of classes, from logits `[1000]`."""
    weights = np.exp(logits.astype(np.float64) - float(logits.max()))
    weights /= weights.sum()
    shares = {name: float(weights[sorted(classes)].sum()) for name, classes in GROUPS.items()}
    return {**shares, "indoors": max(0.0, 1.0 - sum(shares.values()))}


def texture(image: Image.Image) -> tuple[float, float]:
    """Return which shares of neighbouring pixels are the same, and differ clearly."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    pixels = np.asarray(small, np.int16)
    steps = [np.abs(np.diff(pixels, axis=axis)).max(axis=2).ravel() for axis in (0, 1)]
    between = np.concatenate(steps)
    return float((between <= _SAME).mean()), float((between > _CLEAR).mean())


def _kind(shares: dict[str, float], flatness: float, edges: float) -> SceneKind:
    if flatness >= DRAWN_FLATNESS:
        return "drawn"
    if edges < EMPTY_EDGES:
        return "sky"
    if shares["food"] > MOSTLY_FOOD:
        return "food"
    if shares["animals"] > MOSTLY_ANIMALS:
        return "animals"
    outdoors = shares["outdoors"] + shares["storefronts"]
    things = shares["indoors"] + shares["screens and paper"]
    if things < LEAST_INDOORS or outdoors >= OUTDOORS_ENOUGH * (outdoors + things):
        return "outdoors"
    return "indoors" if shares["indoors"] >= shares["screens and paper"] else "screens and paper"
