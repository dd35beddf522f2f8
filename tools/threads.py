"""How many threads torch and OpenCV compute with: one number for the whole process.

Both keep the number for the process and not for a caller, so of two agents in one process the one
opened last decides for both. Torch's are those of OpenMP, a team for each thread that computes.
"""

from __future__ import annotations

import sys

_wanted: int | None = None


def use_threads(number: int) -> None:
    """Set the number, for the whole process; a thread that computed before keeps its own of torch.

    Args:
        number: At least 1. Torch, if it is imported later, is told when it is.
    """
    global _wanted
    # A tenth of a second, which whoever sets no number need not wait for.
    import cv2  # noqa: PLC0415

    _wanted = number
    cv2.setNumThreads(number)
    if "torch" in sys.modules:
        tell_torch()


def tell_torch() -> None:
    """Set torch's number to the one that was asked for, if any was."""
    # Whoever calls this has imported it.
    import torch  # noqa: PLC0415

    if _wanted is not None:
        torch.set_num_threads(_wanted)
