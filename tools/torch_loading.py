"""Where a network of torch runs, and one load of transformers at a time. Imports torch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from geofix.db.errors import GeofixError
from geofix.tools.threads import tell_torch

_loading = threading.RLock()

# Every network of torch is loaded by way of this module.
tell_torch()


def torch_device(
    name: str | None, error: type[GeofixError], instead: str = "'cpu'"
) -> torch.device:
    """Return the device of that name, or the best there is.

    Args:
        name: As torch spells it, such as "cuda:1"; None for CUDA, then MPS, then the CPU.
        error: What is raised.
        instead: The names that its message advises.

    Raises:
        GeofixError: As `error`: the device is unknown, absent, or computes nothing.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    # A build of torch without CUDA says so by AssertionError; a backend without a module, by
    # ModuleNotFoundError; an unknown name, by RuntimeError.
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as caught:
        raise error(
            f"device {name!r} cannot be used here ({caught}); use {instead} or leave it out"
        ) from caught
    if device.type == "meta":
        raise error(f"device {name!r} cannot compute; use {instead} or leave it out")
    return device


@contextmanager
def transformers_loading() -> Iterator[None]:
    """Let one thread load a model of transformers, without its progress bars and advice.

    Others wait. While it loads, transformers changes what all threads share: torch's default
    number format, how weights are initialised, its own verbosity. Two loads at once would each
    restore what the other had changed.
    """
    # Seconds, and whoever loads a model has paid them.
    from transformers.utils import logging  # noqa: PLC0415

    # transformers annotates few of its functions: Any keeps mypy from refusing to call the others.
    terminal: Any = logging
    with _loading:
        level, bars = terminal.get_verbosity(), terminal.is_progress_bar_enabled()
        terminal.set_verbosity_error()
        terminal.disable_progress_bar()
        try:
            yield
        finally:
            terminal.set_verbosity(level)
            if bars:
                terminal.enable_progress_bar()
