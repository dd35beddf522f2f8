"""What an image encoder is, and from a name to one. Nothing heavy is imported before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.errors import EncoderError


class Encoder(Protocol):
    """Turns photos into vectors of unit length, so that a dot product is a cosine."""

    @property
    def name(self) -> str:
        """Identity of the weights; recorded with each vector, never compared across names."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos.

        Args:
            images: upright photos of any size.

        Returns:
            `[n, dimension]`, each row of L2 norm 1, in the order given; `[0, dimension]` for none.

        Raises:
            EncoderError: the model failed, or gave a vector that is not finite.
        """


STARTER = "efficientnet-lite0"
"""Comes with its weights, needs no download; for trying out and for dense street-level sets."""

DEFAULT_FULL = "google/siglip2-so400m-patch14-384"
"""The encoder for real galleries; 1152-d, about 1.7 GB of vision weights in float32."""


def load_encoder(
    name: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
    revision: str | None = None,
    offline: bool = False,
) -> Encoder:
    """Load an image encoder.

    Args:
        name: `STARTER`; a folder that holds a SigLIP, SigLIP 2, CLIP or DINOv2 model with its
            image processor; a Hugging Face hub id of one; or the `name` of an encoder loaded
            from the hub before.
        device: "cuda", "cuda:1", "mps", "cpu"; by default the first of these that is there, and
            for the starter the CPU, which needs no torch.
        dtype: "float32", "bfloat16" or "float16"; by default float16 on CUDA, float32 elsewhere.
        batch_size: photos in one forward pass; by default 64 on CUDA, 16 on MPS, 8 on the CPU.
        revision: branch, tag or commit on the hub.
        offline: whether calls that leave this machine, such as downloads, are forbidden.

    Raises:
        EncoderError: the name is unknown, the weights cannot be had or are incomplete, or the
            device or a number is unusable.
    """
    if not name.strip():
        raise EncoderError(
            f"encoder name {name!r} is empty; give {STARTER!r}, a folder or a hub id"
        )
    if batch_size is not None and batch_size < 1:
        raise EncoderError(f"batch size {batch_size!r} is not usable; give 1 or more")
    if name == STARTER or name.startswith(f"{STARTER}-"):
        return _load_starter(name, device, dtype, batch_size, revision)
    # torch takes seconds to import, and the starter does not need it.
    from geofix.tools.encoders.placement import place  # noqa: PLC0415

    placement = place(device, dtype, batch_size)
    # The hub's client alone, so that a wrong name fails before transformers is imported.
    from geofix.tools.encoders.snapshots import find_snapshot  # noqa: PLC0415

    snapshot = find_snapshot(name, revision, offline=offline)
    # transformers takes seconds to import.
    from geofix.tools.encoders import huggingface  # noqa: PLC0415

    return huggingface.load(snapshot, placement)


def _load_starter(
    name: str,
    device: str | None,
    dtype: str | None,
    batch_size: int | None,
    revision: str | None,
) -> Encoder:
    # Imports OpenCV and the package that holds the weights.
    from geofix.tools.encoders import efficientnet_lite0  # noqa: PLC0415

    if revision is not None or name not in (STARTER, efficientnet_lite0.NAME):
        raise EncoderError(
            f"encoder {name!r} at revision {revision!r} is not here; "
            f"this geofix has {efficientnet_lite0.NAME!r}, without revisions"
        )
    if device in (None, "cpu") and dtype in (None, "float32"):
        return efficientnet_lite0.EfficientNetLite0Encoder()
    # torch takes seconds to import.
    from geofix.tools.encoders.lite0_torch import TorchLite0Encoder  # noqa: PLC0415
    from geofix.tools.encoders.placement import place  # noqa: PLC0415

    return TorchLite0Encoder(place(device, dtype, batch_size))
