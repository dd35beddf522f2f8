"""The words a model reads: all it needs, nothing to echo, nothing it must not know."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any, cast

import pytest
from pydantic import ValidationError

from geofix.agent import prompts
from geofix.agent.prompts import DraftAnswer, as_sent, draft_messages, lists_text
from geofix.agent.state import Region
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit

JPEG = b"\xff\xd8 not really \xff\xd9"

ANSWER: dict[str, Any] = {
    "clues": [{"kind": "landmark", "observation": "a white dome"}],
    "hypotheses": ["Paris: the dome", "Lyon: no such dome"],
    "can_tell": True,
    "latitude": 48.8867,
    "longitude": 2.3431,
    "confidence": 0.9,
}


def placed(place: tuple[float, float], name: str | None, similarity: float) -> Any:
    return hit(place, similarity).model_copy(update={"place": name})


POSITIVES = [placed(PARIS, "Paris, France", 0.91), placed(BERLIN, None, 0.52)]
NEGATIVES = [placed(SUVA, "Suva, Fiji", -0.31)]


def test_both_lists_are_there_with_coordinates_places_and_likeness_best_first() -> None:
    text = lists_text(POSITIVES, NEGATIVES, None)
    similar, dissimilar = text.split("\n\n")
    assert "1. 48.88670, 2.34310, Paris, France, 0.91" in similar
    assert "2. 52.51890, 13.40040, unnamed place, 0.52" in similar
    assert "1. -18.14160, 178.44190, Suva, Fiji, -0.31" in dissimilar
    assert "far from these" in dissimilar


def test_empty_lists_and_a_region_are_said() -> None:
    text = lists_text([], [], Region(country_code="FR", name="France"))
    assert text.startswith("The place lies within: France.")
    assert "(none)" in text
    assert "dissimilar" not in text


@pytest.mark.parametrize(
    ("kind", "in_list", "in_system"),
    [
        ("dissimilar", "look dissimilar were taken at", "a list that look dissimilar"),
        ("far", "look similar too, but far from", "a list of similar ones from elsewhere"),
    ],
)
def test_negatives_are_called_what_they_are(kind: Any, in_list: str, in_system: str) -> None:
    system, human = draft_messages(JPEG, POSITIVES, NEGATIVES, None, negatives_by=kind)
    text = cast(Any, human.content)[2]["text"]
    assert in_list in text.split("\n\n")[1]
    assert in_system in " ".join(str(system.content).split())
    others = {"dissimilar", "elsewhere"} - set(in_system.split())
    assert not [word for word in others if word in f"{system.content} {text}"]


@pytest.mark.parametrize("kind", ["none", "far", "dissimilar"])
def test_without_negatives_the_model_is_told_of_one_list(kind: Any) -> None:
    system, human = draft_messages(JPEG, POSITIVES, [], None, negatives_by=kind)
    told = f"{system.content} {cast(Any, human.content)[2]['text']}"
    assert "dissimilar" not in told and "elsewhere" not in told and "lists" not in told
    assert told.count("Photos that look") == 1


def test_the_systems_words_are_one_text_but_for_the_lists() -> None:
    rest = {text.partition("so.\n\n")[2] for text in prompts.SYSTEM.values()}
    assert len(rest) == 1 and "never an" in rest.pop()
    assert max(len(line) for text in prompts.SYSTEM.values() for line in text.splitlines()) <= 100


def test_the_gallerys_own_names_stay_out() -> None:
    known = hit(PARIS, 0.9, photo_id=424242).model_copy(
        update={"source": "paris_by_anna.jpg", "author": "Anna", "external_id": "x/paris.jpg"}
    )
    assert not re.search("anna|jpg|424242", lists_text([known], [known], None), re.IGNORECASE)


def test_the_photo_is_a_plain_block_the_same_every_time() -> None:
    first, second = (draft_messages(JPEG, POSITIVES, NEGATIVES, None) for _ in range(2))
    assert first == second
    block = first[1].content[1]
    assert block == {
        "type": "image",
        "base64": base64.b64encode(JPEG).decode(),
        "mime_type": "image/jpeg",
    }


def test_the_trail_keeps_every_word_and_each_picture_by_its_hash() -> None:
    system, human = as_sent(draft_messages(JPEG, POSITIVES, NEGATIVES, None))
    assert system == {"role": "system", "content": prompts.SYSTEM["dissimilar"]}
    picture = {
        "type": "image",
        "mime_type": "image/jpeg",
        "sha256": hashlib.sha256(JPEG).hexdigest(),
        "bytes": len(JPEG),
    }
    assert human["content"] == [
        {"type": "text", "text": "Image 1 is the photo to locate."},
        picture,
        {"type": "text", "text": lists_text(POSITIVES, NEGATIVES, None)},
    ]


def test_no_words_of_ours_hold_a_number_that_could_pass_for_an_answer() -> None:
    schema = json.dumps(DraftAnswer.model_json_schema())
    assert not re.search(r"\d\.\d", "".join(prompts.SYSTEM.values()) + schema)


def test_the_schema_asks_for_reasons_before_coordinates() -> None:
    fields = list(DraftAnswer.model_json_schema()["properties"])
    assert fields == ["clues", "hypotheses", "can_tell", "latitude", "longitude", "confidence"]


def test_the_schema_holds_only_what_strict_modes_take() -> None:
    schema = DraftAnswer.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["required"] == list(part["properties"])
    refused = {"minimum", "maximum", "default", "maxLength", "minLength", "format", "pattern"}
    assert not refused & set(re.findall(r'"(\w+)":', json.dumps(schema)))


@pytest.mark.parametrize("confidence", [-0.1, 1.1, 85, float("nan"), float("inf")])
def test_a_confidence_that_is_no_chance_is_sent_back(confidence: float) -> None:
    with pytest.raises(ValidationError, match="from 0 to 1"):
        DraftAnswer(**{**ANSWER, "confidence": confidence})


@pytest.mark.parametrize("missing", list(ANSWER))
def test_no_field_may_be_left_out(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        DraftAnswer(**{name: value for name, value in ANSWER.items() if name != missing})


def test_what_postgres_cannot_hold_is_taken_out_of_what_a_model_says() -> None:
    clue = {"kind": "text", "observation": "a\0b"}
    answer = DraftAnswer(**{**ANSWER, "clues": [clue], "hypotheses": ["\0c"]})
    assert (answer.clues[0].observation, answer.hypotheses) == ("ab", ["c"])


def test_a_kind_of_the_models_own_invention_does_not_cost_the_clue() -> None:
    clue = prompts.SeenClue(kind="smell", observation="bread")  # type: ignore[arg-type]
    assert (clue.kind, clue.observation) == ("other", "bread")
