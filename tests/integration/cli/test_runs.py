"""`geofix resume`, `trail` and `runs` on the starter gallery."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from geofix.tools.photo.samples import sample_path
from tests.files import GPS, exif_of, gps_of
from tests.integration.cli.conftest import Geofix, fix_of


def test_a_person_chooses(geofix: Geofix, starter_url: str, tmp_path: Path) -> None:
    # The same church in Tokyo and in Lima: nobody but a person can tell.
    for name, place in (("tokyo", (35.6, 139.7)), ("lima", (-12.0, -77.0))):
        with Image.open(sample_path()) as pixels:
            tags = exif_of({**gps_of(*place), GPS.GPSAltitude: 1.0})
            pixels.convert("RGB").save(tmp_path / f"{name}.png", exif=tags)
    assert geofix("gallery", "ingest", tmp_path, url=starter_url).code == 0
    asked = geofix("locate", "--ask", "--run", "case", url=starter_url)
    assert asked.code == 3
    assert asked.out.startswith("A person has to decide.")
    assert "geofix resume case --pick NUMBER" in asked.out
    listed = " ".join(geofix("runs", url=starter_url).out.split())
    assert "not finished" in listed and listed.endswith("geofix resume RUN")
    wrong = geofix("resume", "case", "--pick", "99", url=starter_url)
    assert (wrong.code, wrong.out) == (4, "")
    assert "no candidate 99" in wrong.err
    waiting = geofix("locate", "--ask", "--run", "case", "--json", url=starter_url)
    second = fix_of(waiting).candidates[1]
    done = geofix("resume", "case", "--pick", "2", "--json", url=starter_url)
    fix = fix_of(done)
    assert (done.code, fix.status) == (0, "located")
    assert (fix.latitude, fix.longitude) == (second.latitude, second.longitude)
    assert fix.reasons[0].code == "person_chose"


def test_a_person_steers(geofix: Geofix, starter_url: str) -> None:
    asked = geofix("locate", "--pause", "every_round", "--run", "case", url=starter_url)
    assert asked.code == 3 and "--look REGION" in asked.out
    two = geofix("resume", "case", "--accept", "--stop", url=starter_url)
    assert (two.code, two.out) == (2, "")
    assert "--accept and --stop are 2 decisions" in " ".join(two.err.replace("│", " ").split())
    alone = geofix("resume", "case", "--by", "Ada", url=starter_url)
    assert alone.code == 2
    wrong = geofix("resume", "case", "--look", "Nowhereland", url=starter_url)
    assert (wrong.code, wrong.out) == (4, "")
    assert "unknown country 'Nowhereland'" in wrong.err
    looked = geofix("resume", "case", "--look", "Japan", "--by", "Ada", url=starter_url)
    assert looked.code == 3 and "no photo was found in Japan" in looked.out
    hinted = geofix("resume", "case", "--hint", "Paris", "--json", url=starter_url)
    assert fix_of(hinted).status == "waiting"
    done = geofix("resume", "case", "--go-on", "--json", url=starter_url)
    assert (done.code, fix_of(done).status) == (0, "located")
    trail = " ".join(geofix("trail", "case", url=starter_url).out.split())
    assert "Ada asked to look in Japan" in trail and "given by Ada" in trail
    assert "a person let geofix go on" in trail


def test_the_trail_shows_every_step_and_json_everything(geofix: Geofix, starter_url: str) -> None:
    assert geofix("runs", url=starter_url).out == "There is no run yet.\n"
    assert geofix("locate", "--run", "a [bold]case[/]", url=starter_url).code == 0
    trail = geofix("trail", "a [bold]case[/]", url=starter_url)
    assert trail.code == 0
    assert trail.out.startswith("Run a [bold]case[/]  photo sha256 ")
    for step in ("embed", "retrieve", "draft", "verify", "settle"):
        assert f" {step} " in trail.out
    assert "Answer Paris" in trail.out
    everything = json.loads(geofix("trail", "a [bold]case[/]", "--json", url=starter_url).out)
    assert len(everything["steps"][1]["detail"]["positives"]) == 16
    runs = geofix("runs", url=starter_url)
    assert "a [bold]case[/]" in runs.out and "Paris" in runs.out
    (listed,) = json.loads(geofix("runs", "--json", url=starter_url).out)
    assert listed["id"] == "a [bold]case[/]"


def test_one_thread_is_one_photo(geofix: Geofix, starter_url: str, tmp_path: Path) -> None:
    assert geofix("locate", "--run", "case", url=starter_url).code == 0
    Image.effect_noise((64, 64), 99).save(tmp_path / "other.png")
    other = geofix("locate", tmp_path / "other.png", "--run", "case", url=starter_url)
    assert (other.code, other.out) == (4, "")
    assert "the run 'case' is about another photo" in other.err
