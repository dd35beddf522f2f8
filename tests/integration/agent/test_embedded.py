"""The embedded database as somebody who sets nothing finds it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from geofix.agent import Settings, locate, open_agent
from geofix.agent.services import Services
from geofix.db import schema
from geofix.db.engine import open_engine
from geofix.db.galleries import list_galleries, remove_gallery
from geofix.tools.encoders import Encoder
from geofix.tools.samples import sample_path


@pytest.fixture
def settings() -> Iterator[Settings]:
    # Not pytest's own folder: under root that one is closed to the account Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="geofix-embedded-"))
    home.chmod(0o755)
    yield Settings(data=home)
    shutil.rmtree(home)


def test_the_first_call_sets_everything_up_and_the_last_user_stops_the_server(
    settings: Settings,
) -> None:
    fix = locate(sample_path(), settings=settings)
    assert fix.place is not None and fix.place.label.startswith("Paris")
    with Services(settings) as services:
        assert not services.server.status().running
        assert [gallery.name for gallery in list_galleries(services.engine)] == ["starter"]
        assert services.trail.read(fix.run or "").fix is not None
        assert services.checkpoint_url.endswith("/geofix_checkpoints")


def test_a_first_start_that_was_killed_in_the_middle_is_finished_by_the_next(
    settings: Settings, encoder: Encoder
) -> None:
    with Services(settings) as services:
        engine = open_engine(services.database_url)
        schema.upgrade(engine)
        engine.dispose()
    with open_agent(settings, encoder=encoder) as agent:
        assert agent.locate(sample_path()).status == "located"


def test_a_starter_gallery_that_was_removed_stays_removed(settings: Settings) -> None:
    with Services(settings) as services:
        remove_gallery(services.engine, "starter")
    with Services(settings) as services:
        assert list_galleries(services.engine) == []
