from __future__ import annotations

import pytest

from geofix.agent.errors import OptionError
from geofix.evaluation.run.ablations import Ablation, parse_ablation
from geofix.evaluation.run.session import parse_leaks
from geofix.tools.geo.borders import read_table
from geofix.tools.geo.continents import continent_of

FEATURES = ("density", "margin")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("negatives=0", Ablation("negatives=0", options={"negatives": 0})),
        ("negatives-by=far", Ablation("negatives-by=far", options={"negatives_by": "far"})),
        ("positives=5", Ablation("positives=5", options={"positives": 5})),
        ("vectors=raw", Ablation("vectors=raw", options={"vectors": "raw"})),
        ("reject-scenes=no", Ablation("reject-scenes=no", options={"reject_scenes": False})),
        ("galleries=a,b", Ablation("galleries=a,b", options={"galleries": ("a", "b")})),
        ("scorer=top1", Ablation("scorer=top1", peer="nearest")),
        ("scorer=hand-set", Ablation("scorer=hand-set", scorer="hand-set")),
        ("margin", Ablation("margin", without=("margin",))),
    ],
)
def test_what_is_written_is_meant(written: str, meant: Ablation) -> None:
    assert parse_ablation(written, FEATURES) == meant


@pytest.mark.parametrize(
    "written",
    ["negatives=201", "negatives=x", "max_rounds=0", "vectors=", "scorer=best", "sky", "k=3"],
)
def test_what_cannot_be_is_refused_by_its_name(written: str) -> None:
    with pytest.raises(OptionError, match=written.split("=")[0]):
        parse_ablation(written, FEATURES)


def test_leaks_are_words_parted_by_commas() -> None:
    assert parse_leaks(None) == ("hash",)
    assert parse_leaks("hash, author") == ("author", "hash")
    assert parse_leaks("") == ()
    with pytest.raises(OptionError, match="names"):
        parse_leaks("names")


def test_every_country_that_borders_know_has_a_continent() -> None:
    for code in read_table("codes")["codes"].tolist():
        assert continent_of(code)
    assert continent_of(None) == "at sea"
