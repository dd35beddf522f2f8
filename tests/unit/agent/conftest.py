from __future__ import annotations

from collections.abc import Iterator

import pytest

from geofix.agent.run.outgoing import Outgoing, collected


class NothingKept:
    """Keeps no answer."""

    def kept_answer(self, task_id: str, request: str, number: int) -> None:
        return None

    def keep_answer(self, task_id: str, request: str, number: int, answer: str) -> None:
        return None


@pytest.fixture(autouse=True)
def _in_a_step() -> Iterator[None]:
    """Calls to a model are made by steps, which note them first."""
    with collected(Outgoing(lambda calls: None, "task", NothingKept())):
        yield
