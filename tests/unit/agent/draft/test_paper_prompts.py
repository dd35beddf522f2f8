"""The papers' prompts: bare coordinates, so many of either list, their form, the guard."""

from __future__ import annotations

import re

import pytest

from geofix.agent.context import Context
from geofix.agent.draft.answers import PointAnswer
from geofix.agent.draft.messages import draft_messages
from geofix.agent.draft.presets import PRESETS, Preset
from geofix.agent.draft.prompts import GUARD
from geofix.agent.state import Region
from tests.unit.agent.answers import lists
from tests.unit.agent.hits import hit

MANY = [hit((float(i), 100.5), 0.9 - i / 100) for i in range(1, 21)]
FEWER = [hit((-float(i), -100.5), -0.5) for i in range(1, 21)]

PAPERS = [preset for name, preset in PRESETS.items() if name != "geofix"]


def test_img2loc_shows_sixteen_of_each_in_one_call() -> None:
    preset = PRESETS["img2loc"]
    assert (preset.neighbours, preset.samples, preset.temperature) == ((None,), 1, None)
    assert (Context().positives, Context().negatives) == (16, 16)
    text = preset.question(lists(MANY, FEWER, neighbours=16))
    similar, dissimilar = text.split("dissimilar")
    assert similar.count("100.50000") == dissimilar.count("-100.50000") == 16
    assert "(16.00000, 100.50000)" in similar and "17.0" not in text
    assert "(-1.00000, -100.50000)" in dissimilar
    assert preset.free_form and "JSON" not in text


def test_g3_asks_with_four_lists_several_times_and_freely() -> None:
    preset = PRESETS["g3"]
    assert (preset.neighbours, preset.samples, preset.temperature) == ((0, 5, 10, 15), 5, 1.2)
    texts = [preset.question(lists(MANY, FEWER, neighbours=k)) for k in (0, 5, 10, 15)]
    assert [text.count(" 100.50000") + text.count("(100.5") for text in texts] == [0, 5, 10, 15]
    assert [text.count("-100.50000") for text in texts] == [0, 5, 10, 15]
    assert "similar" not in texts[0]
    assert all("JSON object with the fields latitude and longitude" in text for text in texts)


def test_street_level_rag_shows_all_that_was_retrieved_once() -> None:
    preset = PRESETS["street-level-rag"]
    assert (preset.neighbours, preset.samples, preset.temperature) == ((None,), 1, None)
    text = preset.question(lists(MANY, FEWER))
    assert text.count(" 100.50000") == text.count("-100.50000") == 20
    assert text.index("look similar") < text.index("look dissimilar") < text.index("Where was")


@pytest.mark.parametrize("preset", PAPERS)
def test_a_paper_has_coordinates_only_and_the_guard(preset: Preset) -> None:
    shown = lists()
    assert preset.schema is PointAnswer
    assert preset.system(shown) == GUARD
    assert not re.search(r"Paris|Fiji|0\.91|0\.52", preset.lists(shown) + preset.question(shown))


@pytest.mark.parametrize("preset", PAPERS)
def test_a_region_is_told_in_any_words(preset: Preset) -> None:
    region = Region.model_construct(country_code="FR", name="Fra\nnce")
    assert 'The place lies within: "Fra nce".' in preset.question(lists(region=region))


def test_words_stand_before_the_photo_where_the_paper_has_them_there() -> None:
    for name, preset in PRESETS.items():
        content = draft_messages(preset, b"", lists())[1].content
        kinds = [block["type"] for block in content if isinstance(block, dict)]
        last = "image" if name in ("g3", "img2loc") else "text"
        assert kinds[-1] == last


def test_a_runner_up_that_is_still_searched_is_told_too() -> None:
    told = lists(region=Region(name="Paris"), rival=Region(name='Ber"lin')).within()
    assert told == '"Paris" or "Ber\'lin"'
