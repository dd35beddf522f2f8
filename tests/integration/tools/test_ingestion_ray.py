"""A load through a Ray cluster of two workers against the same load in one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geofix.agent.errors import GeofixError, SourceError
from geofix.agent.services import Services
from geofix.tools.encoders import STARTER, Encoder
from geofix.tools.ingestion import Progress, ingest_source, ingest_with_ray
from geofix.tools.ingestion.decoding import EncoderSpec
from geofix.tools.sources import FolderSource
from tests.files import SEOUL, save_photo
from tests.integration.tools.stored import orphans, stored, vectors_of

# What Ray itself does at a start and an end, in threads and pipes of its own.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two cores on this machine, one for all tests: starting it takes 8 s."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


def folder_of(path: Path, count: int) -> FolderSource:
    for number in range(count):
        save_photo(path / f"{number:02}.jpg", (10.0 + number, 20.0), color=(9 * number, 50, 0))
    (path / "03.jpg").write_text("not a readable image")
    save_photo(path / "05 copy.jpg", (15.0, 20.0), color=(9 * 5, 50, 0))
    return FolderSource(path, name="photos")


def test_a_cluster_stores_what_one_process_stores(
    ray: Any, services: Services, encoder: Encoder, tmp_path: Path
) -> None:
    source = folder_of(tmp_path / "photos", 14)
    told: list[Progress] = []
    alone = ingest_source(source, "one", services.ingest, encoder, batch_size=4)
    spec = EncoderSpec(STARTER)
    options: dict[str, Any] = {"workers": 2, "batch_size": 4, "advance": told.append}
    report = ingest_with_ray(source, "two", services.ingest, spec, **options)
    assert (report.added, report.first_rejects) == (alone.added, alone.first_rejects)
    assert (report.added, told[-1].done) == (13, 15)
    one, two = vectors_of(services, "one"), vectors_of(services, "two")
    assert list(one) == list(two)
    for name in one:
        # A batch of other photos may round otherwise, by one step of a halfvec.
        np.testing.assert_allclose(one[name], two[name], rtol=2**-10, atol=1e-6)
    places = stored(services, "external_id", "latitude", "country", "sha256", "location")
    assert len(places) == 26 and len(set(places)) == 13
    # Again: nothing is left to embed.
    again = ingest_with_ray(source, "two", services.ingest, spec, **options)
    assert (again.added, again.unchanged, again.rejected) == (0, 13, 2)
    assert orphans(services) == (26, 0)


class Failing(FolderSource):
    """Cannot be listed to its end."""

    def __iter__(self) -> Iterator[Any]:
        yield next(super().__iter__())
        raise SourceError("the table ends in the middle of a row")


def test_a_source_that_fails_ends_the_load_with_its_error(
    ray: Any, services: Services, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    with pytest.raises(SourceError, match="in the middle of a row"):
        ingest_with_ray(Failing(tmp_path), "mine", services.ingest, EncoderSpec(STARTER), workers=1)


def test_without_ray_the_extra_is_named(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "a.jpg", SEOUL)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GeofixError, match=r"pip install 'geofix\[ray\]'"):
        ingest_with_ray(
            FolderSource(tmp_path), "mine", services.ingest, EncoderSpec(STARTER), workers=2
        )
