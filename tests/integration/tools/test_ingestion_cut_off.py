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

REPOSITORY = Path(__file__).parents[3]

KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path

from sqlalchemy import event

from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.tools import ingestion
from geofix.tools.sources import FolderSource
from tests.fakes import ColorEncoder

def die():
    os.kill(os.getpid(), signal.SIGKILL)

url, folder, moment = sys.argv[1:]
batches = count(1)

class Poisoned(ColorEncoder):
    batch = 0

    def embed(self, images):
        self.batch = next(batches)
        if moment == "embedding" and self.batch == 2:
            die()
        return super().embed(images)

ingestion.BATCH = 2
encoder = Poisoned()
with Services(Settings(database_url=url)) as services:
    @event.listens_for(services.engine, "before_cursor_execute")
    def watch(connection, cursor, statement, *rest):
        if moment == "storing" and encoder.batch == 2 and "into embeddings" in statement:
            die()

    ingestion.ingest_source(FolderSource(Path(folder)), "mine", services.ingest, encoder)
"""


@pytest.mark.parametrize("moment", ["embedding", "storing"])
def test_killed_and_started_again_nothing_is_there_twice_and_nothing_is_lost(
    ingest: Ingester,
    counting: CountingEncoder,
    services: Services,
    database_url: str,
    tmp_path: Path,
    moment: str,
) -> None:
    for number in range(5):
        save_photo(tmp_path / f"{number}.jpg", SEOUL, color=(40 * number, 0, 0))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, str(tmp_path), moment],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The first batch of two is there whole, the second, in the middle of which it died, not at all.
    assert orphans(services) == (2, 0)
    report = ingest(tmp_path)
    assert (report.added, report.unchanged) == (3, 2)
    assert counting.embedded == 3
    assert stored(services, "external_id") == [f"{number}.jpg" for number in range(5)]
    assert orphans(services) == (5, 0)


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
