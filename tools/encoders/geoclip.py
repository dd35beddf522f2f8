"""How alike a photo and places are, by GeoCLIP: a vector of either, compared by their angle.

Vivanco Cepeda et al., GeoCLIP (NeurIPS 2023, arXiv 2309.16020): CLIP's image features go through a
small network and are trained to be like the vector of where the photo was taken. The networks come
with the package `geoclip` (MIT), of which only the files are read: its own code needs torchvision.
CLIP itself is loaded as any encoder is.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.encoders import load_encoder
from geofix.tools.encoders.geoclip_places import TABLE, GeoclipPlaces, cached_places
from geofix.tools.encoders.location import DIMENSION, LocationEncoder
from geofix.tools.errors import EncoderError
from geofix.tools.once import once_property

if TYPE_CHECKING:
    from torch import Tensor

    from geofix.tools.encoders.huggingface import HuggingFaceEncoder

PACKAGE = "geoclip"

ADVICE = "install it with `pip install --no-deps geoclip==1.3.0`, or unset GEOFIX_IMAGE_PLACE"

CLIP = "openai/clip-vit-large-patch14"
"""What GeoCLIP's image network was trained on."""

CLIP_DIMENSION = 768

Point = tuple[float, float]


class ImagePlace:
    """CLIP, GeoCLIP's image network and its location encoder."""

    def __init__(
        self,
        clip: HuggingFaceEncoder,
        head: dict[str, Tensor],
        places: LocationEncoder,
        gallery: Callable[[], GeoclipPlaces],
    ) -> None:
        """Take loaded parts.

        Args:
            clip: Gives 768 image features.
            head: `image_encoder_mlp_weights.pth`: two layers with a ReLU between.
            places: Gives vectors of places.
            gallery: Reads GeoCLIP's own places, when they are asked for.
        """
        self._clip = clip
        self._head = head
        self._places = places
        self._read_gallery = gallery
        self.name = f"{PACKAGE}:{clip.name}"
        """Name of the photos' vectors."""

    def vector(self, photo: Image.Image) -> NDArray[np.float32]:
        """Return the photo's vector, `[512]`, of unit length.

        Raises:
            EncoderError: CLIP failed on it.
        """
        import torch  # noqa: PLC0415 - whoever compares nothing need not wait for it

        head = self._head
        with torch.inference_mode():
            features = torch.from_numpy(self._clip.features([photo]))
            hidden = (features @ head["0.weight"].T + head["0.bias"]).relu()
            found = hidden @ head["2.weight"].T + head["2.bias"]
        unit: NDArray[np.float32] = _unit(found.numpy())[0]
        return unit

    def similarity(self, vector: NDArray[np.float32], places: Sequence[Point]) -> list[float]:
        """Return how alike a photo and places are: the cosine, -1 to 1.

        Args:
            vector: Of the photo, `[512]`.
            places: Latitude and longitude of each, degrees.
        """
        if not places:
            return []
        latitudes, longitudes = zip(*places, strict=True)
        cosines = _unit(self._places.encode(latitudes, longitudes)) @ vector
        found: list[float] = np.clip(cosines, -1, 1).astype(float).tolist()
        return found

    @once_property
    def _gallery(self) -> GeoclipPlaces:
        return self._read_gallery()

    def most_like(
        self, vector: NDArray[np.float32], count: int
    ) -> list[tuple[float, float, float]]:
        """Return the places of GeoCLIP's own gallery that are most like a photo, best first.

        The first call computes the vectors of 100,000 places, which takes a minute; they are kept.

        Args:
            vector: Of the photo, `[512]`.
            count: How many.

        Returns:
            Latitude, longitude, cosine.

        Raises:
            EncoderError: The package has no such gallery, or a damaged one.
        """
        gallery = self._gallery
        cosines = gallery.vectors.astype(np.float32) @ vector
        best = np.argsort(-cosines, kind="stable")[:count]
        return list(
            zip(
                gallery.latitude[best].tolist(),
                gallery.longitude[best].tolist(),
                np.clip(cosines[best], -1, 1).astype(float).tolist(),
                strict=True,
            )
        )


def load_image_place(
    clip: str, *, device: str | None = None, dtype: str | None = None, offline: bool = False
) -> ImagePlace:
    """Load the model.

    Args:
        clip: `CLIP` on the hub, or a folder with it.
        device: As for `load_encoder`.
        dtype: As for `load_encoder`.
        offline: As for `load_encoder`.

    Raises:
        EncoderError: The package is not installed or damaged, or CLIP cannot be had or is another.
    """
    # Before a gigabyte is read or downloaded.
    folder = _weights_folder()
    head = _read(folder / "image_encoder_mlp_weights.pth", _head_of)
    places = _read(folder / "location_encoder_weights.pth", LocationEncoder)
    encoder = load_encoder(clip, device=device, dtype=dtype, offline=offline)
    if encoder.dimension != CLIP_DIMENSION or not hasattr(encoder, "features"):
        raise EncoderError(
            f"GEOFIX_IMAGE_PLACE cannot be {clip!r}, which gives {encoder.dimension} numbers a"
            f" photo where GeoCLIP takes {CLIP_DIMENSION}: set it to {CLIP!r} or a folder with that"
        )
    from geofix.tools.encoders.huggingface import HuggingFaceEncoder  # noqa: PLC0415 - heavy

    assert isinstance(encoder, HuggingFaceEncoder)
    table, weights = folder.parent / TABLE, folder / "location_encoder_weights.pth"

    def gallery() -> GeoclipPlaces:
        return cast(
            GeoclipPlaces, _read(table, lambda read: cached_places(read, weights.read_bytes()))
        )

    return ImagePlace(encoder, head, places, gallery)


def _weights_folder() -> Path:
    # Finding a package does not import it.
    spec = find_spec(PACKAGE)
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    if not roots:
        raise EncoderError(f"the package {PACKAGE!r} is not installed; {ADVICE}")
    return Path(roots[0]) / "model" / "weights"


def _read(path: Path, make: Any) -> Any:
    try:
        return make(path.read_bytes())
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise EncoderError(
            f"the weights {str(path)!r} of {PACKAGE} cannot be read ({error}); {ADVICE}"
        ) from error


def _head_of(weights: bytes) -> dict[str, Tensor]:
    import torch  # noqa: PLC0415 - as in `ImagePlace.vector`

    head: dict[str, Tensor] = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
    taken, given = head["0.weight"].shape[1], head["2.weight"].shape[0]
    if (taken, given) != (CLIP_DIMENSION, DIMENSION):
        raise ValueError(f"from {taken} to {given} numbers, and not 768 to 512")
    return head


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
