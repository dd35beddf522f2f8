from __future__ import annotations

import time

import pytest


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits that were asked for, not spent."""
    spent: list[float] = []
    monkeypatch.setattr(time, "sleep", spent.append)
    return spent
