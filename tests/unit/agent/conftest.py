from __future__ import annotations

from collections.abc import Iterator

import pytest

from geofix.agent.recording import Outgoing, announced


@pytest.fixture(autouse=True)
def _in_a_step() -> Iterator[None]:
    """Calls to a model are made by steps, which note them first."""
    with announced(Outgoing(lambda calls: None)):
        yield
