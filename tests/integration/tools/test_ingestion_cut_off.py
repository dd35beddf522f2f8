"""What a kill in the middle of an ingestion costs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from geofix.agent.services import Services
from tests.files import SEOUL, save_photo
from tests.integration.tools.conftest import CountingEncoder, Ingester
from tests.integration.tools.stored import orphans, stored
from tests.integration.tools.vectors import ListedVectors, ingested

REPOSITORY = Path(__file__).parents[3]

KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path

from sqlalchemy import event

from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.tools.ingestion import ingest_source, ingest_vectors
from geofix.tools.sources import FolderSource
from tests.fakes import ColorEncoder
from tests.integration.tools.vectors import ListedVectors

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Poisoned(ColorEncoder):
    batches = count(1)

    def embed(self, images):
        if moment == "embedding" and next(self.batches) == 2:
            die()
        return super().embed(images)

if __name__ == "__main__":
    url, folder, moment, workers = sys.argv[1:]
    with Services(Settings(database_url=url)) as services:
        stores = count(1)

        # Before the commit is sent, so that all of the batch's statements have run.
        @event.listens_for(services.engine, "commit")
        def watch(connection):
            if moment != "embedding" and next(stores) == 2:
                die()

        if moment == "vectors":
            ingest_vectors(ListedVectors(25), "mine", services.ingest, "listed", batch_size=10)
        ingest_source(
            FolderSource(Path(folder)), "mine", services.ingest, Poisoned(), batch_size=2,
            workers=int(workers),
        )
"""


def kill(url: str, folder: Path, moment: str, workers: int = 1) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(folder), moment, str(workers)],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("moment", ["embedding", "storing"])
def test_killed_and_started_again_nothing_is_there_twice_and_nothing_is_lost(
    ingest: Ingester,
    counting: CountingEncoder,
    services: Services,
    database_url: str,
    tmp_path: Path,
    moment: str,
    workers: int,
) -> None:
    for number in range(5):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(40 * number, 0, 0))
    kill(database_url, tmp_path, moment, workers)
    there, without = orphans(services)
    # The second batch of two, in the middle of which it died, is not there at all. The first is
    # whole; unless it died embedding, beside which the first may not have been stored yet.
    assert (there, without) == (2, 0) or (moment, there) == ("embedding", 0)
    report = ingest(tmp_path, workers=workers)
    assert (report.added, report.unchanged) == (5 - there, there)
    assert counting.embedded == 5 - there
    assert stored(services, "external_id") == [f"{number}.jpg" for number in range(5)]
    assert orphans(services) == (5, 0)


def test_a_load_of_vectors_that_was_killed_goes_on_where_it_was(
    services: Services, database_url: str, tmp_path: Path
) -> None:
    kill(database_url, tmp_path, "vectors")
    assert orphans(services) == (9, 0)
    report = ingested(services, ListedVectors(25))
    assert (report.added, report.unchanged, report.rejected) == (15, 9, 1)
    assert orphans(services) == (24, 0)


def test_a_load_cut_off_before_its_end_is_centred_by_the_next_run(
    ingest: Ingester, services: Services, counting: CountingEncoder, tmp_path: Path
) -> None:
    def centrings() -> int:
        with services.engine.connect() as connection:
            return int(connection.execute(text("select count(*) from centrings")).scalar_one())

    for number in range(40):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(6 * number, 255 - number, 0))
    ingest(tmp_path)
    full = centrings()
    with services.engine.begin() as connection:
        connection.execute(text("delete from centrings"))
    assert ingest(tmp_path).unchanged == 40
    assert centrings() == full
