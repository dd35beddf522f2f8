from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from geofix.db.errors import GalleryError
from geofix.db.load.photo_rows import (
    PHOTO_FIELDS,
    GeotaggedPhoto,
    PhotoColumns,
    as_columns,
    check_storable,
)


def photos(count: int = 5, **changes: Any) -> list[GeotaggedPhoto]:
    """Photos of which the third has `changes`."""
    made = [GeotaggedPhoto("street", f"p{i}", 10.0, 20.0, country="DE") for i in range(count)]
    made[2] = replace(made[2], **changes)
    return made


def refusal(columns: PhotoColumns) -> str:
    with pytest.raises(GalleryError) as refused:
        check_storable(columns)
    return str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("latitude", 90.5, "90.5"),
        ("latitude", -91.0, "-91.0"),
        ("latitude", float("nan"), "nan"),
        ("longitude", 180.01, "180.01"),
        ("longitude", float("-inf"), "-inf"),
        ("accuracy_km", -1.0, "-1.0"),
        ("accuracy_km", float("nan"), "nan"),
        ("accuracy_km", float("inf"), "inf"),
        ("country", "DEU", "'DEU'"),
        ("country", "", "''"),
        ("country", "ÄÖ", "'ÄÖ'"),
        ("country", "de", "'de'"),
        ("author", "An\0na", r"'\x00'"),
        ("location", "/photos/\udce4.jpg", r"'\udce4'"),
        ("captured_at", datetime(2020, 1, 2, 3, 4), "2020-01-02T03:04:00"),
    ],
)
def test_a_refusal_names_photo_field_and_value(field: str, value: Any, shown: str) -> None:
    said = refusal(as_columns(photos(**{field: value})))
    assert "'p2' of 'street'" in said
    assert field in said
    assert shown in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 90.0), ("latitude", -90.0), ("longitude", 180.0), ("longitude", -180.0),
        ("accuracy_km", 0.0), ("country", None), ("country", "ZZ"), ("author", ""),
        ("author", "\\N\tÄ\n"), ("captured_at", datetime(2020, 1, 2, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_what_can_be_stored_is_let_through(field: str, value: Any) -> None:
    check_storable(as_columns(photos(**{field: value})))


def test_a_photo_named_twice_is_refused_at_its_second_place() -> None:
    said = refusal(as_columns([*photos(3), *photos(2 + 1)[1:]]))
    assert "'p1' of 'street'" in said
    assert "twice" in said


def test_the_same_id_of_another_source_is_another_photo() -> None:
    check_storable(as_columns(photos(external_id="p1", source="roof")))


def test_one_photo_named_twice_among_many_is_found_at_once() -> None:
    names = [f"p{i}" for i in range(100_000)]
    columns = as_columns(photos(1 + 2))
    many = {
        name: np.resize(values, len(names)) if isinstance(values, np.ndarray)
        else [values[0]] * len(names)
        for name, values in ((name, getattr(columns, name)) for name in PHOTO_FIELDS)
    }  # fmt: skip
    many["external_id"] = [*names[:-1], names[0]]
    began = time.process_time()
    assert "'p0' of 'street'" in refusal(PhotoColumns(**many))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", [name for name in PHOTO_FIELDS if name != "external_id"])
def test_a_column_of_another_length_is_refused(name: str) -> None:
    columns = as_columns(photos())
    said = refusal(replace(columns, **{name: getattr(columns, name)[:3]}))
    assert said == f"3 values of {name!r} came with 5 ids"


def test_rows_become_columns_of_the_stored_types() -> None:
    columns = as_columns(photos(latitude=1, accuracy_km=2.5))
    assert len(columns) == 5
    assert columns.latitude.dtype == columns.longitude.dtype == np.float64
    assert columns.accuracy_km.dtype == np.float32
    assert columns.latitude[2] == 1.0
    assert columns.identities()[2] == ("street", "p2")
    assert as_columns(columns) is columns


def test_no_photos_are_columns_of_nothing() -> None:
    columns = as_columns([])
    check_storable(columns)
    assert len(columns) == 0
