"""What is made once: by one thread, while others wait, and each attribute apart from the others."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from geofix.tools import once as module
from geofix.tools.once import forget, once, once_property
from tests.fakes import WatchedLock, both

PATIENCE_S = 10.0


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> list[WatchedLock]:
    """The locks made during the test, in order."""
    made: list[WatchedLock] = []

    def new() -> WatchedLock:
        made.append(WatchedLock())
        return made[-1]

    monkeypatch.setattr(module, "RLock", new)
    return made


def awaited(locks: list[WatchedLock]) -> bool:
    """Wait until a second thread waits for what this one makes."""
    return locks[0].awaited.wait(PATIENCE_S)


def test_a_function_runs_once_while_another_thread_waits(locks: list[WatchedLock]) -> None:
    calls: list[bool] = []

    @once
    def load() -> object:
        calls.append(awaited(locks))
        return object()

    first, second = both(load, load)
    assert calls == [True]
    assert first is second is load()


def test_an_attribute_is_made_once_while_another_thread_waits(locks: list[WatchedLock]) -> None:
    calls: list[bool] = []

    class Owner:
        @once_property
        def model(self) -> object:
            calls.append(awaited(locks))
            return object()

    owner = Owner()
    first, second = both(lambda: owner.model, lambda: owner.model)
    assert calls == [True]
    assert first is second is owner.model


def test_making_one_attribute_does_not_hold_up_another_or_another_owner() -> None:
    encoder_asked = Event()

    class Owner:
        @once_property
        def clip(self) -> bool:
            return encoder_asked.wait(PATIENCE_S)

        @once_property
        def encoder(self) -> bool:
            encoder_asked.set()
            return True

    owner = Owner()
    assert both(lambda: owner.clip, lambda: owner.encoder) == [True, True]


def test_an_error_is_not_kept() -> None:
    answers: list[Any] = [OSError("busy"), "made", OSError("busy"), "made"]

    def make(owner: object = None) -> str:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    class Owner:
        model = once_property(make)

    owner, load = Owner(), once(make)
    for get in (load, lambda: owner.model):
        with pytest.raises(OSError, match="busy"):
            get()
        assert get() == get() == "made"


def test_a_value_may_be_assigned_and_attributes_may_use_each_other() -> None:
    class Owner:
        @once_property
        def engine(self) -> str:
            return "engine"

        @once_property
        def gallery(self) -> str:
            return f"gallery of {self.engine}"

    assert Owner().gallery == "gallery of engine"
    owner = Owner()
    owner.engine = "another"  # type: ignore[assignment]
    assert owner.gallery == "gallery of another"


def test_what_is_being_made_is_waited_for_and_forgotten(locks: list[WatchedLock]) -> None:
    made: list[bool] = []
    begun = Event()

    class Owner:
        @once_property
        def engine(self) -> str:
            begun.set()
            made.append(awaited(locks))
            return "engine"

    owner = Owner()

    def close() -> None:
        begun.wait(PATIENCE_S)
        forget(owner, "engine")
        assert made == [True]

    assert both(lambda: owner.engine, close) == ["engine", None]
    assert "engine" not in vars(owner)
