"""The declarative base, and text and JSON made storable on their way in."""

from __future__ import annotations

import math
import re
from typing import Any

from sqlalchemy import MetaData, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

_REFUSED = re.compile("[\0\ud800-\udfff]")


class Base(DeclarativeBase):
    """The declarative base; its metadata names every constraint, so that a migration can too."""

    metadata = MetaData(naming_convention=NAMING)


class _Cleaned(TypeDecorator[Any]):
    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Make the value storable on its way in."""
        return storable(value)


class CleanText(_Cleaned):
    """Text from outside (a model's answer, a camera's name), made storable; see `storable`."""

    impl, cache_ok = Text, True


class CleanJson(_Cleaned):
    """JSON made storable, see `storable`; none is NULL, not JSON's `null`."""

    impl, cache_ok = JSONB(none_as_null=True), True


def storable(value: Any) -> Any:
    """Return `value` as Postgres can hold it.

    NUL and surrogates, which it refuses in text, become U+FFFD; NaN and the infinities, which JSON
    does not have, none, as in pydantic's JSON: a trail records odd answers, it does not fail.
    """
    if isinstance(value, str):
        # 5,000 texts a run, and all but a few are plain.
        if value.isascii() and "\0" not in value:
            return value
        return _REFUSED.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
