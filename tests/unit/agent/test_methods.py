"""Named methods: what each sets, what a run may change of it, and one name for every option."""

from __future__ import annotations

import pytest
import typer

from geofix.agent.cli.app import app
from geofix.agent.cli.run_options import FLAGS
from geofix.agent.context import Context, checked_context
from geofix.agent.draft.presets import PRESETS
from geofix.agent.errors import OptionError
from geofix.agent.methods.table import METHODS
from geofix.agent.run.option_table import OPTIONS
from geofix.evaluation.run.ablations import parse_ablation


def test_img2loc_is_what_its_paper_says() -> None:
    context = Context(method="img2loc")
    assert (context.vectors, context.positives, context.negatives) == ("raw", 16, 16)
    assert (context.preset, context.samples, context.answer_by) == ("img2loc", 1, "model")
    assert (context.geometry_pictures, context.reject_scenes, context.max_rounds) == (0, False, 1)
    assert PRESETS[context.preset].neighbours == (None,)


def test_g3_asks_four_times_for_five_answers_and_compares_places() -> None:
    context = Context(method="g3")
    assert (context.samples, context.temperature, context.answer_by) == (5, 1.2, "image-place")
    assert PRESETS[context.preset].neighbours == (0, 5, 10, 15)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_sets_what_there_is_and_is_told_by_its_name_alone(name: str) -> None:
    context = checked_context({"method": name})
    assert context.told() == name
    for option, value in METHODS[context.method].options.items():
        assert getattr(context, option) == value
        assert OPTIONS[option].of_method, f"the table says nothing of methods at {option}"


def test_what_a_run_gives_counts_more_than_the_method_and_is_told() -> None:
    context = Context(method="img2loc", positives=5, max_cost=1.0)
    assert context.positives == 5 and context.negatives == 16
    assert context.told() == "img2loc, positives=5"
    stored = Context.kept(context.model_dump(mode="json"))
    assert stored == context and stored.told() == context.told()


def test_options_that_contradict_each_other_are_refused_together() -> None:
    with pytest.raises(OptionError, match="do not go together: the answer cannot be the model's"):
        checked_context({"answer_by": "model", "preset": "none"})
    with pytest.raises(OptionError, match="answers after one round, so max_rounds cannot be 2"):
        checked_context({"method": "img2loc", "max_rounds": 2})
    with pytest.raises(OptionError, match="there is no option 'k'; the options are method, "):
        checked_context({"k": 5})


def test_every_option_has_one_name_at_every_door() -> None:
    assert list(Context.model_fields) == list(OPTIONS)
    command = typer.main.get_command(app)
    for name in ("locate", "eval", "calibrate"):
        flags = {
            flag
            for parameter in command.commands[name].params  # type: ignore[attr-defined]
            for flag in parameter.opts
        }
        for option in OPTIONS:
            assert FLAGS.get(option, f"--{option.replace('_', '-')}") in flags, (name, option)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_can_be_ablated_by_its_name(name: str) -> None:
    option, value = OPTIONS[name], "city,world"
    if option.kind == "choice":
        value = option.choices[-1]
    elif option.kind == "yes or no":
        value = "no" if option.default else "yes"
    elif option.kind in ("whole", "number"):
        value = {"coverage": "0.5", "claim_level": "0.5", "image_px": "64"}.get(name, "1")
    made = parse_ablation(f"{name.replace('_', '-')}={value}", ())
    (changed,) = made.options
    assert changed == name
    assert made.options[name] == getattr(checked_context({name: made.options[name]}), name)


@pytest.mark.parametrize("method", [["img2loc"], {"name": "knn"}, None, 7])
def test_a_method_that_is_no_word_is_refused_like_any_other(method: object) -> None:
    with pytest.raises(OptionError, match="the option 'method' cannot be"):
        checked_context({"method": method})


@pytest.mark.parametrize("option", ["max_cost", "max_seconds"])
def test_a_limit_without_end_is_refused_because_json_has_none(option: str) -> None:
    with pytest.raises(OptionError, match=f"'{option}' cannot be inf: Input should be a finite"):
        checked_context({option: float("inf")})
