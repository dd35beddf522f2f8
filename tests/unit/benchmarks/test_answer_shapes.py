"""All 40 shapes of answers of real model families: each is read with one call, or not at all."""

from __future__ import annotations

from benchmarks.answer_shapes import Tried, read_shapes, summary, tried


def test_every_shape_is_read_at_once_and_nothing_is_read_into_one_that_says_nothing() -> None:
    shapes, hits = read_shapes()
    assert len(shapes) == 40 and len({shape["family"] for shape in shapes}) >= 25
    made = [tried(shape, hits) for shape in shapes]
    assert [one for one in made if not one.read] == []
    assert [one for one in made if one.answerable and (one.calls, one.counts) != (1, True)] == []


def test_what_a_shape_costs_is_counted() -> None:
    wrong = Tried("a", "b", answerable=True, read=False, counts=False, calls=2)
    right = Tried("a", "b", answerable=True, read=True, counts=True, calls=1)
    none = Tried("a", "b", answerable=False, read=True, counts=False, calls=1)
    said = summary([wrong, right, none])
    assert said.startswith("1 of 2 answers read (50%), 1 count, nothing read into 1 of 1")
    assert said.endswith("4 calls (1.33 a question)")
