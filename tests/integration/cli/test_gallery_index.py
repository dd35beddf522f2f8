"""`geofix gallery status`, `check`, `index` and `reindex`, on the starter gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geofix.agent.cli.gallery_index import NO_PHOTO
from geofix.tools.encoders import STARTER
from tests.integration.cli.conftest import Geofix

COMMANDS = [("check",), ("index",), ("index", "--drop"), ("reindex",)]


@pytest.fixture
def two_encoders(geofix: Geofix, starter_url: str, tmp_path: Path) -> str:
    """URL of the starter gallery with forty vectors of an encoder `other` beside it."""
    path = tmp_path / "vectors.npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    rows = "".join(f"p{row},{row},2.5\n" for row in range(40))
    path.with_suffix(".csv").write_text("id,latitude,longitude\n" + rows)
    done = geofix("gallery", "ingest", path, "--embedded-by", "other", url=starter_url)
    assert done.code == 0
    return starter_url


def row_of(geofix: Geofix, url: str, encoder: str) -> list[str]:
    """Return the cells of an encoder's row: its name, photos, index, indexed and so on."""
    shown = geofix("gallery", "status", url=url, COLUMNS="200").out.splitlines()
    (row,) = [line.split() for line in shown if line.split()[:1] == [encoder]]
    return row


def test_an_index_is_built_told_and_dropped(geofix: Geofix, starter_url: str) -> None:
    encoder = row_of(geofix, starter_url, _starter(geofix, starter_url))[0]
    assert row_of(geofix, starter_url, encoder)[1:4] == ["162", "none", "0"]
    built = geofix("gallery", "index", "--m", "8", "--ef-construction", "40", url=starter_url)
    assert built.code == 0
    assert built.out.startswith(f"{encoder}: 162 photos in the full index, ")
    assert row_of(geofix, starter_url, encoder)[1:4] == ["162", "full", "162"]
    dropped = geofix("gallery", "index", "--drop", url=starter_url)
    assert (
        dropped.out == f"{encoder}: the index is removed, and searches compare with every vector\n"
    )
    assert row_of(geofix, starter_url, encoder)[1:4] == ["162", "none", "0"]


def test_a_compact_index_stays_compact_when_it_is_built_anew(
    geofix: Geofix, starter_url: str
) -> None:
    encoder = _starter(geofix, starter_url)
    built = geofix("gallery", "index", "--compact", url=starter_url)
    assert built.out.startswith(f"{encoder}: 162 photos in the compact index, ")
    before = row_of(geofix, starter_url, encoder)
    again = geofix("gallery", "reindex", url=starter_url)
    assert again.code == 0 and "in the compact index" in again.out
    after = row_of(geofix, starter_url, encoder)
    assert before[2] == after[2] == "compact"
    assert "version" in before and before[5] != after[5]


def test_check_tells_recall_both_ways_and_a_script_may_ask_for_a_least(
    geofix: Geofix, starter_url: str
) -> None:
    done = geofix("gallery", "check", "--queries", "5", "--k", "8", url=starter_url)
    assert done.code == 0
    head, nearest, dissimilar = (line.split() for line in done.out.splitlines())
    assert head[:2] == ["direction", "recall@8"]
    assert nearest[:2] == ["nearest", "1.000"] and nearest[-1] == "exact"
    assert dissimilar[:3] == ["most", "dissimilar", "1.000"]
    asked = ("gallery", "check", "--queries", "5", "--least", "1")
    assert geofix(*asked, url=starter_url).code == 0


def test_recall_below_the_least_is_exit_code_5(
    geofix: Geofix, starter_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    geofix("gallery", "index", "--m", "2", "--ef-construction", "4", url=starter_url)
    monkeypatch.setattr("geofix.db.search.plan.EXACT_ROWS", 0)
    monkeypatch.setattr("geofix.db.search.plan.NEAREST_EF", 1)
    done = geofix("gallery", "check", "--queries", "30", "--least", "1", url=starter_url)
    assert done.code == 5
    assert "index" in done.out and "recall is below 1" in done.said


@pytest.mark.parametrize("command", COMMANDS)
def test_with_several_encoders_one_has_to_be_named(
    geofix: Geofix, two_encoders: str, command: tuple[str, ...]
) -> None:
    unnamed = geofix("gallery", *command, url=two_encoders)
    assert (unnamed.code, unnamed.out) == (5, "")
    assert "choose one with `--encoder`: '" in unnamed.said
    unknown = geofix("gallery", *command, "--encoder", "nosuch", url=two_encoders)
    assert (unknown.code, unknown.out) == (5, "")
    assert "there are no vectors of encoder 'nosuch'; there are vectors of: '" in unknown.said
    assert geofix("gallery", *command, "--encoder", "other", url=two_encoders).code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_photo_it_is_said_what_to_do(
    geofix: Geofix, database_url: str, command: tuple[str, ...]
) -> None:
    done = geofix("gallery", *command, url=database_url)
    assert (done.code, done.out) == (5, "")
    assert NO_PHOTO in done.said
    told = geofix("gallery", "status", url=database_url)
    assert told.code == 0
    assert told.out == f"{NO_PHOTO}\n"


def test_an_index_is_of_one_kind_or_none(geofix: Geofix, starter_url: str) -> None:
    done = geofix("gallery", "index", "--drop", "--compact", url=starter_url)
    assert (done.code, done.out) == (2, "")
    assert "--drop" in done.said


def _starter(geofix: Geofix, url: str) -> str:
    (name,) = [
        line.split()[0]
        for line in geofix("gallery", "status", url=url, COLUMNS="200").out.splitlines()[1:]
        if line.split()[1:2] == ["162"]
    ]
    assert STARTER.partition(":")[2] in name or STARTER in name
    return name


def test_neighbors_and_candidates_have_to_fit_each_other(geofix: Geofix, starter_url: str) -> None:
    wide = geofix("gallery", "index", "--m", "80", url=starter_url)
    assert wide.code == 0
    done = geofix("gallery", "index", "--m", "80", "--ef-construction", "100", url=starter_url)
    assert (done.code, done.out) == (5, "")
    assert "--ef-construction 100 is too small" in done.said
