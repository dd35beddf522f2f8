"""What may be asked of the benchmark of galleries, and which sizes follow from it."""

from __future__ import annotations

import pytest

from benchmarks.gallery.growth import sizes_up_to
from benchmarks.gallery.options import PARTS, read_options


@pytest.mark.parametrize(
    ("arguments", "rows", "dimension"),
    [
        ("", 100_000, 768),
        ("--rows 1000000 --dimension 64", 1_000_000, 64),
        ("--vectors geoclip", 99_800, 512),
        ("--vectors geoclip --rows 20000 --dimension 512", 20_000, 512),
    ],
)
def test_rows_and_dimension_follow_the_vectors(arguments: str, rows: int, dimension: int) -> None:
    options = read_options(arguments.split())
    assert (options.rows, options.dimension) == (rows, dimension)
    assert options.part == list(PARTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--vectors geoclip --rows 100000", "100000 are more than GeoCLIP has"),
        ("--vectors geoclip --dimension 768", "768: GeoCLIP's vectors have 512"),
        ("--rows 999", "999 are too few"),
        ("--vectors other", "invalid choice: 'other'"),
    ],
)
def test_what_cannot_be_had_is_said(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_options(arguments.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (3_000, [3_000]),
        (99_800, [10_000, 25_000, 99_800]),
        (100_000, [10_000, 25_000, 100_000]),
        (1_000_000, [10_000, 25_000, 100_000, 1_000_000]),
    ],
)
def test_growth_ends_with_the_rows_there_are(rows: int, sizes: list[int]) -> None:
    assert sizes_up_to(rows) == sizes
