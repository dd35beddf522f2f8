"""`geofix eval` as a shell sees it: a data set, ablations, files, comparison."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from geofix import Settings, open_agent
from geofix.agent.verify.scorers import HAND_SET
from geofix.evaluation.run.ablations import Ablation, hooked
from geofix.tools.photo.samples import sample_path
from tests.integration.cli.conftest import Geofix, geofix
from tests.integration.explained import explained

__all__ = ["geofix"]


def test_a_data_set_is_evaluated_told_and_compared(
    geofix: Geofix, starter_url: str, dataset: Path, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "csv", "md", "html")}
    named = ("--json-file", "--csv", "--markdown", "--page")
    asked = [one for pair in zip(named, files.values(), strict=True) for one in pair]
    done = geofix(
        "eval", dataset, "--ablate", "max_rounds=2", "--ablate", "scorer=top1",
        "--ablate", "method=knn",
        "--exclude", "author,near,hash", *asked, url=starter_url,
    )  # fmt: skip
    assert done.code == 0, done.err
    told = json.loads(files["json"].read_text())
    labels = [run["evaluation"]["label"] for run in told["runs"]]
    assert labels == ["base", "max_rounds=2", "scorer=top1", "method=knn", "with leaks"]
    assert [one["base"] for one in told["comparisons"]] == ["base"] * 4
    assert told["runs"][0]["figures"]["methods"][0]["accuracy"]["25"]["photos"] == 3
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert {row["status"] for row in rows} >= {"located", "failed"} and len(rows) == 4
    assert files["md"].read_text().strip() == done.out.strip()
    _is_self_contained(files["html"].read_text())
    differs = "Not as asked, 3 of 4 answers: retrieve: the paper of knn embeds photos with"
    assert told["runs"][3]["not_as_asked"][0].startswith(differs)
    assert all(differs in files[name].read_text() for name in ("md", "html"))

    ids = [run["evaluation"]["id"] for run in told["runs"]]
    compared = geofix("eval", "--compare", ids[1], ids[0], "--json", url=starter_url)
    assert json.loads(compared.out)["comparisons"] == told["comparisons"][:1]
    assert "method `geofix, max_rounds=2`" in files["md"].read_text()
    shown = geofix("eval", "--list", url=starter_url, COLUMNS="240").out
    for told_apart in ("geofix, max_rounds=2", "consensus", "efficientnet-lite0", "seed"):
        assert told_apart in shown
    listed = geofix("eval", "--list", "--json", url=starter_url)
    assert {one["id"] for one in json.loads(listed.out)} == {ids[0], ids[1], ids[3], ids[4]}


def _is_self_contained(page: str) -> None:
    assert page.count("data:image/svg+xml;base64,") >= 2
    assert not re.search(r'(src|href)="(?!data:)', page)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--ablate", "sky=1"), "sky=1"),
        (("--exclude", "names"), "names"),
        (("--column", "path"), "OURS=THEIRS"),
        (("--method", "knn", "--exemplars", "2"), "these options do not go together"),
        (("--method", "knn", "--ablate", "exemplars=2"), "these options do not go together"),
        (("--compare", "a", "b"), "two evaluations"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_opened(
    geofix: Geofix, dataset: Path, args: tuple[str, ...], words: str
) -> None:
    done = geofix("eval", dataset, *args)
    assert done.code in (2, 4, 5) and words in done.said


def test_a_method_without_its_model_is_refused_before_the_base_is_run(
    geofix: Geofix, starter_url: str, dataset: Path
) -> None:
    done = geofix("eval", dataset, "--ablate", "method=img2loc", url=starter_url)
    assert done.code == 5 and "'img2loc' asks a chat model" in done.said
    assert json.loads(geofix("eval", "--list", "--json", url=starter_url).out) == []


def test_an_ablation_changes_what_chooses_and_undoes_it(starter_url: str) -> None:
    with open_agent(Settings(database_url=starter_url)) as agent:

        def terms() -> set[str]:
            return set(explained(agent, sample_path()).candidates[0].terms)

        before = terms()
        with hooked(agent.services, Ablation("likeness", without=("likeness",))):
            assert before - terms() == {"likeness"}
        with hooked(agent.services, Ablation("scorer=hand-set", scorer="hand-set")):
            assert terms() == set(HAND_SET.place.coefficients)
        assert terms() == before


def test_without_matplotlib_a_page_says_what_to_install(
    geofix: Geofix, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    done = geofix("eval", dataset, "--page", tmp_path / "report.html")
    assert done.code == 5 and "geofix[eval]" in done.said
