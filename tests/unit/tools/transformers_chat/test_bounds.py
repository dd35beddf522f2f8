"""Schemas are bounded, so that a model that repeats itself comes to an end."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from geofix.tools.transformers_chat.constraint import (
    LARGEST_NUMBER,
    LONGEST_STRING,
    MOST_ITEMS,
    OpenString,
    bounded,
    field_names,
)
from tests.unit.tools.transformers_chat.conftest import Place


class Odd(BaseModel):
    type: str
    kinds: list[Literal["string", "array"]] = Field(max_length=3)
    share: float = Field(ge=0, le=1)
    title: str = Field(max_length=100)
    code: str = Field(max_length=5)
    maybe: list[float] | None = None


def test_what_has_no_limit_gets_one_and_the_rest_stays() -> None:
    schema = Odd.model_json_schema()
    made, longest = bounded(schema)
    fields = made["properties"]
    assert fields["kinds"]["maxItems"] == 3
    assert fields["kinds"]["items"]["enum"] == ["string", "array"]
    assert (fields["share"]["minimum"], fields["share"]["maximum"]) == (0, 1)
    assert fields["code"]["maxLength"] == 5
    assert "maxLength" not in fields["title"]
    assert longest == 100
    inner = fields["maybe"]["anyOf"][0]
    assert inner["maxItems"] == MOST_ITEMS
    assert inner["items"]["maximum"] == LARGEST_NUMBER
    assert fields["maybe"]["default"] is None
    assert schema == Odd.model_json_schema()


def test_without_limits_on_strings_there_is_one_for_all() -> None:
    assert bounded(Place.model_json_schema())[1] == LONGEST_STRING


def test_more_items_stay_allowed_where_the_schema_wants_them() -> None:
    made, _ = bounded({"type": "array", "minItems": 40})
    assert made["maxItems"] == 40


def test_names_of_nested_fields_are_found() -> None:
    names = field_names(Place.model_json_schema())
    assert {"kind", "observation", "clues", "latitude"} <= set(names)


@pytest.mark.parametrize(
    ("written", "length"),
    [
        (b'{"a', 1),
        (b'{"a"', None),
        (b'{"a": "', 0),
        (b'{"a": "x\\"y', 3),
        (b'{"a": "x\\\\"', None),
        ('{"a": "Zürich'.encode(), 6),
        (b'{"a": [1, {"b": "c"}]}', None),
    ],
)
def test_an_open_string_is_followed_through_escapes_and_umlauts(
    written: bytes, length: int | None
) -> None:
    whole, bytewise = OpenString(), OpenString()
    whole.write(written)
    for byte in written:
        bytewise.write(bytes([byte]))
    assert whole.length == bytewise.length == length


def test_a_literal_is_no_schema() -> None:
    literal: dict[str, Any] = {"const": {"type": "array"}}
    assert bounded(literal)[0] == literal
