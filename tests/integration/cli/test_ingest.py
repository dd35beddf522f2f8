"""One door for photos and vectors, whatever embeds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geofix.agent.cli.ingest import Options, load_source
from geofix.agent.errors import SourceError
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.load.galleries import list_galleries
from geofix.tools.encoders import Encoder
from geofix.tools.ingestion import Progress
from geofix.tools.sources import NpySource, open_source
from tests.fakes import ColorEncoder
from tests.files import save_photo
from tests.integration.tools.stored import orphans, vectors_of
from tests.integration.tools.vectors import ListedVectors


@pytest.fixture
def colors(services: Services) -> Services:
    encoder: Encoder = ColorEncoder()
    services.__dict__["encoder"] = encoder
    return services


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        save_photo(tmp_path / f"{number}.jpg", (48.0 + number, 2.0), color=(200, 50 * number, 0))
    save_photo(tmp_path / "nowhere.jpg")
    return tmp_path


def encoders(services: Services) -> dict[str, tuple[str, ...]]:
    return {one.name: one.encoders for one in list_galleries(services.engine)}


@pytest.mark.parametrize("workers", [1, 2])
def test_photos_are_embedded_here(colors: Services, folder: Path, workers: int) -> None:
    told: list[Progress] = []
    rejects = folder / "rejects.jsonl"
    options = Options("mine", workers=workers, rejects=rejects)
    report = load_source(open_source(folder), colors, options, told.append)
    assert (report.added, report.rejected, told[-1].done) == (3, 1, 4)
    assert "nowhere.jpg" in rejects.read_text()
    assert encoders(colors) == {"mine": ("color",)}
    assert orphans(colors) == (3, 0)


@pytest.mark.parametrize(
    ("embedded_by", "kept_as"), [("elsewhere-v2", "elsewhere-v2"), (None, "color")]
)
def test_vectors_are_kept_under_the_name_of_their_encoder(
    colors: Services, tmp_path: Path, embedded_by: str | None, kept_as: str
) -> None:
    vectors = np.eye(3, dtype=np.float32)
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "v.csv").write_text("id,latitude,longitude\na,48,2\nb,49,2\nc,50,2\n")
    source = open_source(tmp_path / "v.npy")
    assert isinstance(source, NpySource)
    report = load_source(source, colors, Options("mine", embedded_by), lambda progress: None)
    assert report.added == 3
    assert encoders(colors) == {"mine": (kept_as,)}
    there = vectors_of(colors, "mine")
    assert [there[name].tolist() for name in "abc"] == vectors.tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"embedded_by": "clip"}, "'clip' can be given only for vectors.* set GEOFIX_ENCODER"),
        ({"workers": 2, "ray": 3}, "--ray 3 and --workers 2 exclude each other"),
    ],
)
def test_photos_take_no_encoders_name_and_one_kind_of_worker(
    colors: Services, folder: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        load_source(open_source(folder), colors, Options("mine", **options), lambda progress: None)
    assert encoders(colors) == {}


@pytest.mark.parametrize("options", [{"workers": 2}, {"ray": 1}])
def test_vectors_take_no_workers(colors: Services, options: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="leave out --workers and --ray"):
        load_source(ListedVectors(5), colors, Options("mine", **options), lambda progress: None)
    assert encoders(colors) == {}


def test_vectors_need_no_encoder_of_ours_to_be_there(database_url: str) -> None:
    settings = Settings(database_url=database_url, encoder="/no/such/model")
    with Services(settings) as services:
        options = Options("mine", embedded_by="listed")
        report = load_source(ListedVectors(5), services, options, lambda progress: None)
        assert report.added == 4
        assert encoders(services) == {"mine": ("listed",)}
