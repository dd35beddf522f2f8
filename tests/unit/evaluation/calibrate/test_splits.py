from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geofix.evaluation.run.result import EvalPhoto, digest_of
from geofix.evaluation.run.splits import groups_of, places_of, split, witnesses_of
from geofix.tools.sources.picture_files import MemoryPicture

NAMES = st.none() | st.sampled_from("abcde")
PHOTOS = st.lists(st.tuples(NAMES, NAMES), max_size=30)


def photos_of(names: list[tuple[str | None, str | None]]) -> list[EvalPhoto]:
    return [
        EvalPhoto(str(at), MemoryPicture("m", b""), 1.0, 2.0, group=place, sequence=walk)
        for at, (place, walk) in enumerate(names)
    ]


def test_a_walk_through_two_places_makes_them_one_group() -> None:
    photos = photos_of([("a", None), ("a", "w"), ("b", "w"), ("b", None), (None, None)])
    groups = groups_of(photos)
    assert len(set(groups[:4])) == 1 and groups[4] not in groups[:4]


def test_a_place_has_the_name_of_its_first_group_and_a_lonely_photo_its_own() -> None:
    photos = photos_of([("b", "w"), ("a", "w"), (None, None), (None, "v"), (None, "v")])
    names = places_of(photos, [f"photo {at}" for at in range(5)])
    assert names == ["a", "a", "photo 2", "photo 3", "photo 3"]


def test_a_set_of_one_place_is_told_by_its_photos() -> None:
    assert len(set(witnesses_of(photos_of([("a", None)] * 5)))) == 5
    assert len(set(witnesses_of(photos_of([("a", None)] * 5 + [("b", None)])))) == 2


@given(PHOTOS, st.floats(0, 1), st.integers(0, 9))
def test_no_place_and_no_sequence_is_in_both_parts(
    names: list[tuple[str | None, str | None]], share: float, seed: int
) -> None:
    photos = photos_of(names)
    first, second = split(photos, share, seed)
    assert sorted(photo.id for photo in [*first, *second]) == sorted(p.id for p in photos)
    for kind in ("group", "sequence"):
        sides = [{getattr(photo, kind) for photo in part} - {None} for part in (first, second)]
        assert not sides[0] & sides[1]
    assert split(photos, share, seed)[0] == first


def test_a_split_of_single_photos_has_the_share_asked_for() -> None:
    photos = photos_of([(None, None)] * 100)
    assert len(split(photos, 0.3, 1)[0]) == 30
    assert split(photos, 0.3, 1)[0] != split(photos, 0.3, 2)[0]


def test_the_digest_of_a_set_does_not_depend_on_its_order_but_on_its_truth() -> None:
    photos = photos_of([("a", "w"), ("b", None)])
    assert digest_of(photos) == digest_of(photos[::-1])
    assert digest_of(photos) != digest_of(photos_of([("a", "w"), ("b", "w")]))
