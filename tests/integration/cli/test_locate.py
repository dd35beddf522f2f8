"""`geofix locate` on the starter gallery."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from shapely.geometry import Point, shape
from sqlalchemy import create_engine, text

from geofix.db.engine import parse_url
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.samples import sample_path
from tests.files import GPS, exif_of, gps_of
from tests.integration.cli.conftest import Geofix, fix_of

SACRE_COEUR = (48.8867, 2.3431)


def execute(url: str, statement: str) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_the_answer_comes_first_then_candidates_then_why(
    geofix: Geofix, shared_starter_url: str
) -> None:
    done = geofix("locate", url=shared_starter_url)
    assert done.code == 0
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0].startswith("Paris") and lines[0].endswith("France")
    assert lines[1].startswith("48.8") and lines[2].startswith("reach of the evidence: 1.0 km")
    order = [lines.index(title) for title in ("Candidates", "Why", "Evidence")]
    assert order == sorted(order)
    assert any(line.startswith(" 2") and " km " in line for line in lines)
    assert lines[-1].startswith("Every step: geofix trail ")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.out + done.err


def test_json_is_one_object_and_nothing_else(geofix: Geofix, shared_starter_url: str) -> None:
    done = geofix("locate", sample_path(), "--json", url=shared_starter_url)
    fix = fix_of(done)
    assert (done.code, fix.status, done.err) == (0, "located", "")
    assert done.out.isascii()
    assert fix.place is not None and fix.place.label.startswith("Paris, Île-de-France")
    assert fix.latitude is not None and fix.longitude is not None
    assert haversine_km(fix.latitude, fix.longitude, *SACRE_COEUR) < 1


@pytest.mark.parametrize(
    "within",
    ["France", "fr", "FRA", "48.86,2.35,50", " 48.86 , 2.35 , 50 ", "-48.8,2.2,49,2.5"],
)
def test_a_region_that_holds_the_place_keeps_the_answer(
    geofix: Geofix, shared_starter_url: str, within: str
) -> None:
    fix = fix_of(geofix("locate", "--json", "--within", within, url=shared_starter_url))
    assert fix.status == "located"
    assert all(str(candidate.label).endswith("France") for candidate in fix.candidates)


def test_a_region_without_photos_abstains_and_says_why(
    geofix: Geofix, shared_starter_url: str
) -> None:
    done = geofix("locate", "--within", "Japan", url=shared_starter_url)
    assert done.code == 3
    assert done.out.startswith("No answer: no photo was found in Japan.")
    assert "no photo was found in Japan" in done.out


def test_geojson_is_read_by_others_and_replaces_the_file_whole(
    geofix: Geofix, shared_starter_url: str, tmp_path: Path
) -> None:
    (tmp_path / "fix.geojson").write_text("from before")
    (tmp_path / "link.geojson").symlink_to("fix.geojson")
    done = geofix("locate", "--json", "--geojson", "link.geojson", url=shared_starter_url)
    assert done.code == 0
    fix = fix_of(done)
    assert {path.name for path in tmp_path.iterdir()} == {"fix.geojson", "link.geojson"}
    written = json.loads((tmp_path / "fix.geojson").read_text(encoding="utf-8"))
    assert written == fix.to_geojson()
    assert written["type"] == "FeatureCollection"
    radius, point, *others = written["features"]
    assert len(others) == len(fix.candidates) - 1 + len(fix.evidence)
    # RFC 7946 puts the longitude first.
    assert point["geometry"]["coordinates"] == [fix.longitude, fix.latitude]
    assert shape(radius["geometry"]).is_valid
    assert shape(radius["geometry"]).contains(Point(point["geometry"]["coordinates"]))
    assert radius["geometry"]["type"] == "Polygon"


def test_geojson_of_an_abstention_holds_no_fix(
    geofix: Geofix, shared_starter_url: str, tmp_path: Path
) -> None:
    done = geofix("locate", "--within", "Japan", "--geojson", "none.json", url=shared_starter_url)
    assert done.code == 3
    written = json.loads((tmp_path / "none.json").read_text())
    assert written == {"type": "FeatureCollection", "features": []}


def test_a_claim_of_elsewhere_is_reported_apart_and_moves_nothing(
    geofix: Geofix, shared_starter_url: str, tmp_path: Path
) -> None:
    honest, forged = tmp_path / "honest.png", tmp_path / "forged.png"
    pixels = Image.open(sample_path())
    pixels.save(honest)
    pixels.save(forged, exif=exif_of(gps_of(-33.0, 151.0)))
    first = fix_of(geofix("locate", honest, "--json", url=shared_starter_url))
    second = fix_of(geofix("locate", forged, "--json", url=shared_starter_url))
    apart = {"run", "thread", "photo", "claim", "usage"}
    assert first.model_dump(exclude=apart) == second.model_dump(exclude=apart)
    assert first.claim is None and second.claim is not None
    exif = second.claim.exif
    assert exif is not None and exif.distance_m is not None and exif.distance_m > 16_000_000
    out = " ".join(geofix("locate", forged, url=shared_starter_url).out.split())
    assert (
        "What the file's EXIF says (it can be forged, and was not used) - at -33.00000, 151.00000"
        in out
    )
    assert " km from the answer" in out


def test_photos_that_are_odd_but_whole_are_answered_with_a_note(
    geofix: Geofix, shared_starter_url: str, tmp_path: Path
) -> None:
    upright = Image.open(sample_path()).convert("RGB")
    upright.convert("CMYK").save(tmp_path / "cmyk.jpg")
    sideways = Image.Exif()
    sideways[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.png", exif=sideways)
    frames = [upright, Image.new("RGB", upright.size)]
    frames[0].save(tmp_path / "animated.webp", save_all=True, append_images=frames[1:])
    garbage = {**gps_of(1, 2), GPS.GPSLatitude: (IFDRational(0, 0),) * 3}
    upright.save(tmp_path / "garbage.png", exif=exif_of(garbage))
    pillow_heif.from_pillow(upright).save(tmp_path / "telephone.heic", quality=90)
    fixes = {
        path.name: fix_of(geofix("locate", path, "--json", url=shared_starter_url))
        for path in sorted(tmp_path.iterdir())
    }
    assert {fix.status for fix in fixes.values()} == {"located"}
    for fix in fixes.values():
        assert fix.place is not None and fix.place.label.startswith("Paris")
        assert fix.claim is None
    notes = {name: " ".join(one.text for one in fix.warnings) for name, fix in fixes.items()}
    assert "only the first of 2 frames was used" in notes["animated.webp"]
    assert "EXIF GPS is unreadable" in notes["garbage.png"]
    shown = geofix("locate", tmp_path / "animated.webp", url=shared_starter_url).out
    assert "The file\n - animated: only the first of 2 frames" in shown


def test_a_photo_of_16_bits_is_answered_or_abstained_on(
    geofix: Geofix, shared_starter_url: str, tmp_path: Path
) -> None:
    deep = np.asarray(Image.open(sample_path()).convert("L"), dtype=np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    done = geofix("locate", tmp_path / "deep.png", "--json", url=shared_starter_url)
    fix = fix_of(done)
    assert done.code == {"located": 0, "abstained": 3}[fix.status]
    assert fix.reasons or fix.abstention


def test_what_a_gallery_says_of_its_photos_is_not_interpreted(
    geofix: Geofix, starter_url: str
) -> None:
    execute(
        starter_url,
        "update photos set attribution = E'[bold]Ann[/] :cat: \\x1b[31mred\\nlate',"
        " external_id = '[red]' || external_id",
    )
    done = geofix("locate", url=starter_url)
    assert done.code == 0
    out = " ".join(done.out.split())
    assert r"[bold]Ann[/] :cat: \x1b[31mred late" in out
    assert "[red]outdoor/montmartre_far.jpg" in out
    assert "\x1b" not in done.out


def test_letters_that_the_terminal_lacks_are_written_out(
    geofix: Geofix, shared_starter_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert geofix("locate", url=shared_starter_url).code == 0
    sys.stdout.flush()
    assert rb"Paris, \xcele-de-France" in raw.getvalue()


def test_a_model_that_does_not_answer_is_no_secret(geofix: Geofix, shared_starter_url: str) -> None:
    done = geofix(
        "locate",
        "--model",
        "openai:any",
        url=shared_starter_url,
        GEOFIX_MODEL_URL="http://127.0.0.1:1/v1",
    )
    assert done.code == 0
    out = " ".join(done.out.split())
    assert "drafted by consensus" in out
    assert "Degraded: draft: " in out and "the photos voted instead" in out


def test_what_the_model_is_shown_and_how_the_gallery_is_searched_are_options(
    geofix: Geofix, shared_starter_url: str
) -> None:
    asked = ("--negatives-by", "far", "--far-km", "900", "--exact", "--max-rounds", "1")
    fix = fix_of(geofix("locate", "--json", *asked, url=shared_starter_url))
    trail = json.loads(geofix("trail", fix.run, "--json", url=shared_starter_url).out)
    options = trail["question"]["options"]
    assert {name: options[name] for name in ("negatives_by", "far_km", "exact")} == {
        "negatives_by": "far",
        "far_km": 900,
        "exact": True,
    }
    assert "16 other far-away of 162 photos anywhere (exact)" in trail["steps"][1]["summary"]


@pytest.mark.parametrize("option", [("--negatives-by", "near"), ("--far-km", "0")])
def test_a_kind_of_negatives_there_is_none_of_is_a_wrong_command_line(
    geofix: Geofix, option: tuple[str, str]
) -> None:
    done = geofix("locate", *option)
    assert (done.code, done.out) == (2, "")
    assert option[0] in done.said
