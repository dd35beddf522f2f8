"""What libraries say is held back, however many threads are inside at once."""

from __future__ import annotations

import warnings
from threading import Barrier, Event

import pytest

from geofix.tools.errors import quiet
from tests.fakes import both


def test_two_threads_are_quiet_at_once_and_the_filters_come_back() -> None:
    together, first_left = Barrier(2, timeout=10), Event()
    before = list(warnings.filters)

    def first() -> None:
        with quiet():
            together.wait()
        first_left.set()

    def second() -> None:
        with quiet():
            together.wait()
            assert first_left.wait(10)
            warnings.warn("the other has left, this one has not", stacklevel=1)

    both(first, second)
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_quiet_inside_quiet_stays_quiet() -> None:
    with quiet():
        with quiet():
            warnings.warn("inside", stacklevel=1)
        warnings.warn("still inside", stacklevel=1)
