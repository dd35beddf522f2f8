"""What is made at first use and then shared: made by one thread, while others wait for it.

`functools.cached_property` has no lock from Python 3.12 on, and `lru_cache` never had one: of two
threads that come first each loads the model. Here each function, and each attribute of each object,
has a lock of its own, which is held while the value is made and never while it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

Made = TypeVar("Made")


def once(make: Callable[[], Made]) -> Callable[[], Made]:
    """Return `make`, called once in this process; an error is not kept, so the next call tries."""
    lock = RLock()
    made: list[Made] = []

    @wraps(make)
    def get() -> Made:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


class once_property(Generic[Made]):
    """An attribute that its method makes at first use; an error is not kept.

    What was made lies in the object's `__dict__`, so later uses cost what any attribute costs, and
    it may be assigned instead of made. Methods that use each other must not do so in a circle: each
    would hold what the other waits for.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        """Wrap the method that makes the value."""
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Made: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | Made:
        """Make the value; called only while the object has none."""
        if instance is None:
            return self
        kept = vars(instance)
        with _lock_of(kept, self._name):
            if self._name not in kept:
                kept[self._name] = self._make(instance)
            made: Made = kept[self._name]
            return made


def forget(instance: object, name: str) -> None:
    """Drop what a `once_property` has made; one that is being made is waited for and dropped."""
    kept = vars(instance)
    with _lock_of(kept, name):
        kept.pop(name, None)


def _lock_of(kept: dict[str, Any], name: str) -> AbstractContextManager[Any]:
    # `setdefault` is atomic: whoever comes first, all get the same lock.
    lock: AbstractContextManager[Any] = kept.setdefault(f"{name} is being made", RLock())
    return lock
