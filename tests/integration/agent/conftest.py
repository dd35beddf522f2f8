from __future__ import annotations

from collections.abc import Iterator

import pytest

from geofix import Agent, Settings, open_agent
from geofix.tools.encoders import Encoder


@pytest.fixture
def agent(starter_url: str, encoder: Encoder) -> Iterator[Agent]:
    """An open agent on the starter gallery, without a model."""
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_agent(shared_starter_url: str, encoder: Encoder) -> Iterator[Agent]:
    """The same, for tests that add at most runs."""
    with open_agent(Settings(database_url=shared_starter_url), encoder=encoder) as opened:
        yield opened
