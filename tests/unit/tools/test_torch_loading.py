"""Devices by name, and one load of transformers at a time."""

from __future__ import annotations

import pytest
import torch
from transformers.utils import logging

from geofix.tools import torch_loading
from geofix.tools.errors import EncoderError, ModelError
from geofix.tools.torch_loading import torch_device, transformers_loading
from tests.fakes import WatchedLock, both


def test_the_best_device_is_one_that_computes() -> None:
    best = torch_device(None, EncoderError)
    assert torch_device(str(best), EncoderError) == best
    assert torch_device("cpu", EncoderError) == torch.device("cpu")


@pytest.mark.parametrize("name", ["meta", "nonsense", "cpu:x"])
def test_a_device_that_cannot_be_used_is_named_with_what_can(name: str) -> None:
    with pytest.raises(ModelError, match=f"device {name!r} .*use 'cpu', 'auto' or leave it out"):
        torch_device(name, ModelError, "'cpu', 'auto'")


def test_one_model_of_transformers_is_loaded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = WatchedLock()
    monkeypatch.setattr(torch_loading, "_loading", lock)
    said: list[str] = []
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()

    def load() -> None:
        with transformers_loading():
            said.append("begins")
            # Until the other thread waits for this one to be done.
            assert lock.awaited.wait(10)
            said.append("ends")

    both(load, load)
    assert said == ["begins", "ends"] * 2
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)
