"""How well copies of a picture are told from other pictures (`geofix.tools.geometry.copies`).

The pictures of a folder are saved again in several ways, and each is laid over the original; then
each picture is laid over all others, which is where false positives would come from. Beside it
stand the cosines of the starter encoder's vectors, less the starter gallery's mean, as a search
compares them; of the starter gallery itself only vectors are there, and their cosines are told.

    python -m benchmarks.near_copies FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.gallery.tables import say
from geofix.agent.verify.known_photos import SAME_VECTOR
from geofix.tools.encoders import STARTER, load_encoder
from geofix.tools.geometry.copies import align
from geofix.tools.geometry.local_features import local_features
from geofix.tools.photo.read import read_photo
from geofix.tools.starter import read_starter

Changed = Callable[[Image.Image], Image.Image]


def smaller(share: float) -> Changed:
    """Return what makes a picture smaller."""
    return lambda image: image.resize(
        (max(32, round(share * image.width)), max(32, round(share * image.height)))
    )


def side(px: int) -> Changed:
    """Return what gives a picture's longer side so many pixels, or fewer."""
    return lambda image: smaller(min(1.0, px / max(image.size)))(image)


def cropped(share: float) -> Changed:
    """Return what cuts a share off each side."""
    return lambda image: image.crop(
        (
            int(share * image.width), int(share * image.height),
            int((1 - share) * image.width), int((1 - share) * image.height),
        )
    )  # fmt: skip


WAYS: dict[str, tuple[Changed, int]] = {
    "quality 85": (lambda image: image, 85),
    "quality 50": (lambda image: image, 50),
    "quality 30": (lambda image: image, 30),
    "640 px": (side(640), 80),
    "320 px": (side(320), 80),
    "200 px": (side(200), 60),
    "half": (smaller(0.5), 75),
    "less 5 % a side": (cropped(0.05), 85),
    "less 10 % a side": (cropped(0.10), 85),
    "less 20 % a side": (cropped(0.20), 85),
    "brighter": (lambda image: image.point(lambda value: min(255, int(1.2 * value))), 85),
    "gray": (lambda image: image.convert("L").convert("RGB"), 85),
}
"""What is done to a picture, and JPEG's quality."""


def saved(image: Image.Image, way: str) -> Image.Image:
    """Return a picture changed, saved and read again."""
    change, quality = WAYS[way]
    change(image).save(data := BytesIO(), "JPEG", quality=quality)
    return read_photo(data.getvalue()).pixels


def main() -> None:
    """Measure the pictures of a folder."""
    (folder,) = map(Path, sys.argv[1:])
    starter, encoder = read_starter(), load_encoder(STARTER, device="cpu")
    mean = starter.vectors.mean(axis=0)

    def centred(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        apart = vectors - mean
        unit: NDArray[np.float32] = apart / np.linalg.norm(apart, axis=1, keepdims=True)
        return unit

    shown = centred(starter.vectors)
    apart = (shown @ shown.T)[np.triu_indices(len(shown), 1)]
    say(
        f"{len(apart)} pairs of the starter gallery's {len(shown)} photos: largest cosine"
        f" {apart.max():.3f}, {int((apart >= SAME_VECTOR).sum())} of {SAME_VECTOR} or more"
    )
    images = [read_photo(path).pixels for path in sorted(folder.glob("*.jpg"))]
    features = [local_features(image) for image in images]
    vectors = centred(encoder.embed(images))
    say(f"{len(images)} pictures, saved again: called copies, and the cosine")
    for way in WAYS:
        again = [saved(image, way) for image in images]
        laid = [align(local_features(a), b) for a, b in zip(again, features, strict=True)]
        cosines = (centred(encoder.embed(again)) * vectors).sum(axis=1)
        say(
            f"  {way:17} {sum(one.is_copy for one in laid):3} of {len(laid)};"
            f" smallest cosine {cosines.min():.2f}, median {np.median(cosines):.2f},"
            f" {int((cosines >= SAME_VECTOR).sum())} of {SAME_VECTOR} or more"
        )
    others = [align(features[a], features[b]) for a, b in permutations(range(len(images)), 2)]
    shares = [one.agreeing / max(1, one.matches) for one in others]
    say(
        f"{len(others)} ordered pairs of different pictures: {sum(one.is_copy for one in others)}"
        f" called copies, largest share of matches that agree {max(shares):.2f}"
    )


if __name__ == "__main__":
    main()
