"""Values that one thread makes at first use, while other threads wait for them.

`functools.cached_property` has no lock since Python 3.12, and `lru_cache` never had one, so two
threads would both load the model. Here every function, and every attribute of every object, has its
own lock, which is held while the value is made and not while it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

Made = TypeVar("Made")


def once(make: Callable[[], Made]) -> Callable[[], Made]:
    """Return a function that calls `make` once in this process; after an error it tries again."""
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
    """An attribute that its method makes at first use; after an error it tries again.

    The value is stored in the object's `__dict__`, so later uses cost no more than any attribute,
    and the value can be assigned instead. Such methods must not use each other in a circle, which
    would be a deadlock.
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
    """Drop the value of a `once_property`; waits if the value is being made."""
    kept = vars(instance)
    with _lock_of(kept, name):
        kept.pop(name, None)


def _lock_of(kept: dict[str, Any], name: str) -> AbstractContextManager[Any]:
    # `setdefault` is atomic: whoever comes first, all get the same lock.
    lock: AbstractContextManager[Any] = kept.setdefault(f"{name} is being made", RLock())
    return lock
