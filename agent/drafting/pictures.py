"""The pictures a model gets: the photo, and photos of the candidates where the user allows it."""

from __future__ import annotations

from PIL import Image

from geofix.agent.context import Context
from geofix.agent.errors import PhotoError
from geofix.agent.prompts.shown import Shown
from geofix.agent.services import Services
from geofix.tools.exemplars import read_exemplar
from geofix.tools.images import from_jpeg, to_jpeg

MODEL_SIDE_PX = 1024
"""Longer side of a picture as a model gets it; local vision models tile or scale larger ones."""

SIDES_PX = {"anthropic": 1568}
"""By provider: Anthropic scales what is larger (its vision guide), and no smaller."""


def side_px(context: Context, services: Services) -> int:
    """Return the longer side of pictures for the model in force, pixels."""
    provider = services.drafted_by.partition(":")[0]
    return context.image_px or SIDES_PX.get(provider, MODEL_SIDE_PX)


def photo(sha256: str, side: int, services: Services) -> bytes:
    """Return the photo as the model gets it: small enough, and nothing but pixels."""
    return _small(from_jpeg(services.queries.find(sha256).jpeg), side)


def exemplars(
    shown: Shown, most: int, side: int, services: Services
) -> tuple[dict[int, bytes], list[str]]:
    """Return a picture of each of the first candidates, by its number, and why others have none.

    Args:
        shown: With the candidates; the best photo of each stands for it.
        most: How many pictures; 0 looks for none.
        side: Longer side, pixels.
        services: To the gallery.
    """
    best = [place.best for place in shown.candidates[:most]]
    if not best:
        return {}, []
    stored = services.pictures.find([hit.photo_id for hit in best])
    found: dict[int, bytes] = {}
    missing: list[str] = []
    for number, hit in enumerate(best, start=1):
        try:
            if hit.photo_id not in stored:
                raise PhotoError("the photo was removed")
            found[number] = _small(read_exemplar(stored[hit.photo_id]), side)
        except PhotoError as error:
            missing.append(f"no picture of candidate {number} was shown: {error}")
    return found, missing


def _small(pixels: Image.Image, side: int) -> bytes:
    pixels.thumbnail((side, side))
    return to_jpeg(pixels)
