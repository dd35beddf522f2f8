from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from geofix.tools.models.check import SAMPLES, ModelCheck, check_model
from tests.fakes import ScriptedChat


class Spot(BaseModel):
    name: str


class StatusError(Exception):
    def __init__(self, status_code: int, words: str) -> None:
        super().__init__(words)
        self.status_code = status_code


def color(name: str) -> str:
    return json.dumps({"color": name})


def spot(name: str) -> str:
    return json.dumps({"name": name})


SEES = (color("red"), color("blue"))
DRAFTS = tuple(spot("Paris") for _ in range(1 + SAMPLES))


def checked(*answers: Any) -> tuple[ModelCheck, ScriptedChat]:
    model = ScriptedChat(answers=list(answers))
    return check_model(model, [HumanMessage("where?")], Spot, temperature=0.7), model


@pytest.mark.parametrize(
    ("colors", "sight", "drafts"),
    [
        (("red", "blue"), "told apart", True),
        (("Bright Red.", "It is BLUE"), "told apart", True),
        (("green", "blue"), "differ", True),
        (("blue", "red"), "differ", True),
        (("scarred", "blue"), "differ", True),
        (("blue", "blue"), "alike", False),
        (("Red", " red "), "alike", False),
    ],
)
def test_two_pictures_tell_whether_it_sees(
    colors: tuple[str, str], sight: str, drafts: bool
) -> None:
    found, _ = checked(*map(color, colors), *DRAFTS)
    assert found.pictures.sight == sight
    assert found.pictures.named == dict(zip(("red", "blue"), colors, strict=True))
    assert (found.why_not is None) is drafts


def test_the_two_questions_differ_in_nothing_but_the_picture() -> None:
    _, model = checked(*SEES, *DRAFTS)
    (red,), (blue,) = model.seen[:2]
    assert isinstance(red.content, list) and isinstance(blue.content, list)
    assert red.content[0] == blue.content[0]
    assert red.content[1] != blue.content[1]


def test_everything_that_works_is_counted() -> None:
    found, model = checked(*SEES, spot("Paris"), spot("Paris"), spot("Rome"), spot("Paris"))
    assert found.why_not is None
    assert found.drafting.fit == "first try"
    assert found.drafting.answer == spot("Paris")
    assert found.drafting.tokens == {"input_tokens": 100, "output_tokens": 10}
    assert found.drafting.seconds and found.drafting.tokens_per_s
    assert found.drafting.tokens_per_s == pytest.approx(10 / found.drafting.seconds)
    several = found.several
    assert several is not None
    assert (several.asked, several.usable, several.different, several.calls) == (3, 3, 2, 3)
    assert len(model.seen) == 6


def test_a_repair_is_told() -> None:
    found, _ = checked(*SEES, "Paris, I think.", *DRAFTS)
    assert (found.drafting.fit, found.why_not) == ("repaired", None)
    assert found.drafting.problem is not None and "JSON" in found.drafting.problem


def test_a_model_without_a_usable_draft_cannot_draft_and_is_asked_no_more() -> None:
    found, model = checked(*SEES, "Paris.", "Paris!")
    assert (found.drafting.fit, found.several) == ("unusable", None)
    assert found.why_not is not None and "Paris!" in found.why_not
    assert model.answers == []


def test_a_model_that_takes_no_images_is_asked_once() -> None:
    refusal = StatusError(500, "image input is not supported - hint: mmproj")
    found, model = checked(refusal, "never asked")
    assert (found.pictures.sight, found.drafting.fit) == ("refused", "not asked")
    assert found.why_not is not None and "takes no images" in found.why_not
    assert len(model.seen) == 1


def test_a_server_that_fails_is_asked_once() -> None:
    found, model = checked(StatusError(401, "who are you?"), "never asked")
    assert found.pictures.sight == "failed"
    assert found.why_not is not None and "who are you?" in found.why_not
    assert len(model.seen) == 1


def test_prose_about_a_picture_proves_nothing() -> None:
    found, _ = checked("Red!", "It is red.", color("blue"), *DRAFTS)
    assert found.pictures.sight == "unreadable"
    assert found.pictures.named == {"blue": "blue"}
    assert found.why_not is not None and "not known whether it sees" in found.why_not
