"""A stand-in for the package `geoclip`: its files with random weights, and code that never runs."""

from __future__ import annotations

from pathlib import Path

import torch


def write_package(site: Path, *, given: int = 512) -> Path:
    """Write the package below a folder; return the folder of its weights."""
    weights = site / "geoclip" / "model" / "weights"
    weights.mkdir(parents=True)
    (site / "geoclip" / "__init__.py").write_text("raise ImportError('needs torchvision')\n")
    torch.manual_seed(5)
    torch.save(
        {**_layer("0", 768, 768), **_layer("2", 768, given)},
        weights / "image_encoder_mlp_weights.pth",
    )
    places: dict[str, torch.Tensor] = {}
    for scale in range(3):
        part = f"LocEnc{scale}"
        places[f"{part}.capsule.0.b"] = torch.randn(16, 2)
        places |= _layer(f"{part}.capsule.1", 32, 24)
        places |= _layer(f"{part}.capsule.3", 24, 24)
        places |= _layer(f"{part}.capsule.5", 24, 24)
        places |= _layer(f"{part}.head.0", 24, 512)
    torch.save(places, weights / "location_encoder_weights.pth")
    return weights


def _layer(name: str, taken: int, given: int) -> dict[str, torch.Tensor]:
    return {
        f"{name}.weight": torch.randn(given, taken) / taken**0.5,
        f"{name}.bias": torch.randn(given) * 0.1,
    }
