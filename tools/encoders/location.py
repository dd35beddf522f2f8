"""GeoCLIP's location encoder: from latitude and longitude to a vector of what it looks like there.

Vivanco Cepeda et al., GeoCLIP (NeurIPS 2023, arXiv 2309.16020): a place is projected (Equal Earth),
lifted by random Fourier features at three scales, and each scale has a small network; the sum is
trained to be like CLIP's image vectors of that place. Written anew: the package's own code needs
torchvision. Imports torch when it is made.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""A1 to A4 of the projection (Savric, Patterson & Jenny 2018)."""

SCALE = 66.50336 / 180.0
"""What GeoCLIP multiplies the projected coordinates with."""

DIMENSION = 512

BLOCK = 5_000


class LocationEncoder:
    """The encoder with its weights."""

    def __init__(self, weights: bytes) -> None:
        """Read the weights.

        Args:
            weights: The package's `location_encoder_weights.pth`; unpickled with `weights_only`.
        """
        import torch  # noqa: PLC0415 - a second; whoever has the vectors needs none of it

        self._state: dict[str, Tensor] = torch.load(
            io.BytesIO(weights), map_location="cpu", weights_only=True
        )

    def encode(self, latitudes: ArrayLike, longitudes: ArrayLike) -> NDArray[np.float32]:
        """Return the vectors of places, `[n, 512]`, not normalised; about 1 ms each.

        Args:
            latitudes: Degrees, `[n]`.
            longitudes: Degrees, `[n]`.
        """
        import torch  # noqa: PLC0415 - as above

        pairs = np.stack([np.asarray(latitudes, float), np.asarray(longitudes, float)], axis=1)
        places = torch.tensor(pairs, dtype=torch.float32)
        with torch.inference_mode():
            blocks = [self._encode(block) for block in torch.split(places, BLOCK)]
        vectors: NDArray[np.float32] = torch.cat(blocks).numpy()
        return vectors

    def _encode(self, places: Tensor) -> Tensor:
        import torch  # noqa: PLC0415 - as above

        state, projected = self._state, _equal_earth(places)
        # Said, since the default is another while a model of half precision is being loaded.
        summed = torch.zeros(len(places), DIMENSION, dtype=torch.float32)
        for scale in range(3):
            part = f"LocEnc{scale}"
            waves = 2 * torch.pi * projected @ state[f"{part}.capsule.0.b"].T
            hidden = torch.cat([waves.cos(), waves.sin()], dim=-1)
            for layer in (1, 3, 5):
                name = f"{part}.capsule.{layer}"
                hidden = (hidden @ state[f"{name}.weight"].T + state[f"{name}.bias"]).relu()
            summed += hidden @ state[f"{part}.head.0.weight"].T + state[f"{part}.head.0.bias"]
        return summed


def _equal_earth(places: Tensor) -> Tensor:
    """Project latitude and longitude in degrees, `[n, 2]`, to x and y as GeoCLIP scales them."""
    import torch  # noqa: PLC0415 - as above

    a1, a2, a3, a4 = EQUAL_EARTH
    latitude, longitude = places.deg2rad().unbind(dim=1)
    theta = (3**0.5 / 2 * latitude.sin()).asin()
    slope = 3 * (9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1)
    x = 2 * 3**0.5 * longitude * theta.cos() / slope
    y = a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta
    return torch.stack([x, y], dim=1) * SCALE
