"""The full set-up's road, on a tiny SigLIP: ingest with it, locate with it, refuse another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers.models.siglip import modeling_siglip as siglip
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from geofix import Settings, open_agent
from geofix.agent.errors import GalleryError
from geofix.agent.services import Services
from geofix.tools.ingestion import ingest_source
from geofix.tools.photo.samples import sample_path
from geofix.tools.sources import TableSource

PLACES = {
    "outdoor/montmartre_far.jpg": (48.8867, 2.3431),
    "false_positive/notre_dame.jpg": (48.85296, 2.34989),
    "indoor/gcs_far.jpg": (40.75273, -73.97723),
}


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """A folder with a SigLIP vision tower of random weights, as the hub would hold one."""
    folder = tmp_path / "tiny-siglip"
    torch.manual_seed(0)
    config = siglip.SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    siglip.SiglipVisionModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of real photos, many enough for a mean: each at several sizes."""
    lines = ["path,latitude,longitude"]
    for name, (latitude, longitude) in PLACES.items():
        for width in range(300, 900, 100):
            path = tmp_path / f"{Path(name).stem}-{width}.jpg"
            with Image.open(sample_path(name)) as photo:
                photo.convert("RGB").resize((width, width)).save(path)
            lines.append(f"{path.name},{latitude},{longitude}")
    path = tmp_path / "photos.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_gallery_of_a_vision_tower_answers_that_tower_only(
    database_url: str, tower: Path, table: Path
) -> None:
    settings = Settings(database_url=database_url, encoder=str(tower))
    with Services(settings) as services:
        report = ingest_source(TableSource(table), "mine", services.ingest, services.encoder)
        name = services.encoder.name
    assert (report.added, report.rejected) == (18, 0)
    assert name.startswith("tiny-siglip@")
    with open_agent(settings) as agent:
        fix = agent.locate(sample_path("outdoor/montmartre_far.jpg"), impostor_share=1.0)
        assert fix.status == "located"
        assert fix.place is not None and fix.place.label.startswith("Paris")
        assert agent.services.trail.read(fix.run or "").setup["encoder"] == name
    with (
        open_agent(Settings(database_url=database_url)) as other,
        pytest.raises(GalleryError, match=rf"{name}.*efficientnet-lite0"),
    ):
        other.locate(sample_path())
