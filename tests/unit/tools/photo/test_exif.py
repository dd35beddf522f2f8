from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from geofix.tools.photo.exif import ExifClaim, read_claim

GPS, BASE, IFD = ExifTags.GPS, ExifTags.Base, ExifTags.IFD

PARIS_GPS: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (48.0, 51.0, 30.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (2.0, 21.0, 0.0),
}
PARIS = (48 + 51 / 60 + 30 / 3600, 2.35)


class Exif:
    """An image as `read_claim` sees one, for values that no writer would put into a file."""

    def __init__(self, gps: dict[int, Any], details: dict[int, Any], base: dict[int, Any]) -> None:
        self.ifds = {IFD.GPSInfo: gps, IFD.Exif: details}
        self.base = base

    def getexif(self) -> Exif:
        return self

    def get_ifd(self, tag: int) -> dict[int, Any]:
        return self.ifds[tag]

    def __iter__(self) -> Any:
        return iter(self.base.items())


def claim_of(
    gps: dict[int, Any] | None = None,
    details: dict[int, Any] | None = None,
    base: dict[int, Any] | None = None,
) -> tuple[ExifClaim | None, list[str]]:
    return read_claim(Exif(gps or {}, details or {}, base or {}))  # type: ignore[arg-type]


def through_a_file(
    gps: dict[int, Any], details: dict[int, Any] | None = None, base: dict[int, Any] | None = None
) -> Image.Image:
    exif = Image.Exif()
    exif.update(base or {})
    exif[IFD.GPSInfo] = gps
    exif[IFD.Exif] = details or {}
    buffer = BytesIO()
    Image.new("RGB", (40, 40)).save(buffer, "JPEG", exif=exif)
    return Image.open(buffer)


def test_a_full_claim_survives_a_real_file() -> None:
    image = through_a_file(
        {
            **PARIS_GPS,
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLongitudeRef: "W",
            GPS.GPSAltitude: 12.5,
            GPS.GPSAltitudeRef: b"\x01",
        },
        {BASE.DateTimeOriginal: "2024:07:14 10:11:12", BASE.OffsetTimeOriginal: "+02:00"},
        {BASE.Make: "NIKON", BASE.Model: "COOLPIX P6000"},
    )
    claim, notes = read_claim(image)
    assert claim is not None
    assert (claim.latitude, claim.longitude) == pytest.approx((-PARIS[0], -PARIS[1]))
    assert claim.altitude_m == -12.5
    assert claim.taken_at == "2024-07-14T10:11:12+02:00"
    assert claim.camera == "NIKON COOLPIX P6000"
    assert notes == []


def test_an_image_without_exif_claims_nothing() -> None:
    assert read_claim(Image.new("RGB", (40, 40))) == (None, [])


@pytest.mark.parametrize(
    ("latitude", "reference"),
    [
        ((48.0, 51.5), "N"),
        ((48.8583333333333,), "N"),
        (48.8583333333333, "N"),
        (IFDRational(488583333, 10_000_000), "n"),
        ((48.0, 51.0, 30.0), b"N\x00"),
        ((48.0, 51.0, 30.0), "North"),
        ((48.0, 50.0, 90.0 - 60.0 + 60.0 - 30.0), "N"),
    ],
)
def test_degrees_are_read_in_every_spelling(latitude: Any, reference: Any) -> None:
    claim, notes = claim_of({**PARIS_GPS, GPS.GPSLatitude: latitude, GPS.GPSLatitudeRef: reference})
    assert notes == []
    assert claim is not None
    assert claim.latitude == pytest.approx(PARIS[0], abs=0.01)
    assert claim.longitude == pytest.approx(PARIS[1])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({GPS.GPSLatitude: (IFDRational(48, 1), IFDRational(1, 0), 0.0)}, "latitude is NaN"),
        ({GPS.GPSLatitude: (IFDRational(0, 0),) * 3}, "latitude is NaN"),
        ({GPS.GPSLatitude: (float("nan"), 0.0, 0.0)}, "latitude is NaN"),
        ({GPS.GPSLongitude: (float("inf"), 0.0, 0.0)}, "longitude is infinite"),
        ({GPS.GPSLatitude: (90.0, 0.0, 0.1)}, "latitude is 90 degrees, above 90"),
        ({GPS.GPSLongitude: (180.0, 30.0, 0.0)}, "longitude is 180.5 degrees, above 180"),
        ({GPS.GPSLatitude: (48.0, 60.0, 0.0)}, "60 or more minutes or seconds"),
        ({GPS.GPSLatitude: (48.0, 0.0, 61.0)}, "60 or more minutes or seconds"),
        ({GPS.GPSLatitude: (-48.0, 0.0, 0.0)}, "latitude is negative"),
        ({GPS.GPSLatitude: ()}, "latitude has 0 parts"),
        ({GPS.GPSLatitude: (1.0, 2.0, 3.0, 4.0)}, "latitude has 4 parts"),
        ({GPS.GPSLatitude: "48.85"}, "latitude is text"),
        ({GPS.GPSLatitude: b"\x30\x33"}, "latitude is text"),
        ({GPS.GPSLatitude: None}, "latitude is not a number"),
        ({GPS.GPSLatitude: (10**400, 0, 0)}, "latitude is not a number"),
        ({GPS.GPSLatitudeRef: None}, "latitude has the hemisphere '' instead of N or S"),
        ({GPS.GPSLatitudeRef: "E"}, "latitude has the hemisphere 'E'"),
        ({GPS.GPSLongitudeRef: "?!"}, "longitude has the hemisphere '?!' instead of E or W"),
        ({GPS.GPSLongitudeRef: 7}, "longitude has the hemisphere ''"),
    ],
)
def test_impossible_positions_become_a_note(changed: dict[int, Any], reason: str) -> None:
    claim, notes = claim_of({**PARIS_GPS, **changed})
    assert claim is None
    assert len(notes) == 1
    assert notes[0].startswith("EXIF GPS is unreadable: ")
    assert reason in notes[0]


@pytest.mark.parametrize("gone", [GPS.GPSLatitude, GPS.GPSLongitude, GPS.GPSLongitudeRef])
def test_half_a_position_is_none(gone: int) -> None:
    claim, notes = claim_of({tag: value for tag, value in PARIS_GPS.items() if tag != gone})
    assert claim is None
    assert "EXIF GPS is unreadable" in notes[0]


def test_null_island_is_taken_for_unset() -> None:
    zeros = {**PARIS_GPS, GPS.GPSLatitude: (0, 0, 0), GPS.GPSLongitude: (0, 0, 0)}
    assert claim_of(zeros) == (
        None,
        ["EXIF GPS is exactly 0, 0, which usually means that it was not set"],
    )


def test_the_equator_is_a_place() -> None:
    claim, notes = claim_of({**PARIS_GPS, GPS.GPSLatitude: (0, 0, 0)})
    assert claim is not None
    assert (claim.latitude, claim.longitude) == pytest.approx((0, 2.35))
    assert notes == []


def test_time_without_place_is_still_a_claim() -> None:
    claim, notes = claim_of(details={BASE.DateTimeOriginal: "2024:07:14 10:11:12"})
    assert claim == ExifClaim(taken_at="2024-07-14T10:11:12")
    assert notes == []


def test_the_time_of_digitizing_stands_in() -> None:
    written = {BASE.DateTimeOriginal: "", BASE.DateTimeDigitized: "2024:07:14 10:11:12"}
    claim, _ = claim_of(details=written)
    assert claim == ExifClaim(taken_at="2024-07-14T10:11:12")


@pytest.mark.parametrize("unset", ["0000:00:00 00:00:00", "    :  :     :  :  ", "", None])
def test_an_unset_clock_is_no_claim_and_no_news(unset: Any) -> None:
    assert claim_of(details={BASE.DateTimeOriginal: unset}) == (None, [])


def test_an_impossible_time_becomes_a_note() -> None:
    claim, notes = claim_of(details={BASE.DateTimeOriginal: "2024:13:45 99:00:00"})
    assert claim is None
    assert notes == ["EXIF time is unreadable: '2024:13:45 99:00:00'"]


def test_a_garbage_offset_is_left_out() -> None:
    written = {BASE.DateTimeOriginal: "2024:07:14 10:11:12", BASE.OffsetTimeOriginal: "local"}
    claim, _ = claim_of(details=written)
    assert claim == ExifClaim(taken_at="2024-07-14T10:11:12")


def test_an_unreadable_altitude_leaves_the_position() -> None:
    claim, notes = claim_of({**PARIS_GPS, GPS.GPSAltitude: IFDRational(5, 0)})
    assert claim is not None
    assert claim.latitude is not None
    assert claim.altitude_m is None
    assert notes == ["EXIF altitude is unreadable: altitude is NaN"]


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("Apple\0\0junk", b"iPhone\x00", "Apple iPhone"),
        (None, "X100", "X100"),
        ("A\nB\x1b[31m", 7, "AB[31m"),
        ("x" * 500, "", "x" * 80),
    ],
)
def test_the_camera_is_short_printable_text(make: Any, model: Any, camera: str) -> None:
    claim, _ = claim_of(base={BASE.Make: make, BASE.Model: model})
    assert claim == ExifClaim(camera=camera)


@pytest.mark.parametrize("cut", range(6, 200, 7))
def test_cut_exif_neither_raises_nor_warns(cut: int) -> None:
    image = through_a_file(PARIS_GPS, {BASE.DateTimeOriginal: "2024:07:14 10:11:12"})
    damaged = Image.new("RGB", (40, 40))
    damaged.info["exif"] = image.info["exif"][:cut]
    claim, notes = read_claim(damaged)
    assert claim is None or claim.taken_at is not None or claim.latitude is not None
    assert not any("Warning" in note for note in notes)


def test_exif_that_breaks_the_parser_becomes_a_note() -> None:
    class Broken:
        def getexif(self) -> None:
            raise SyntaxError("not a TIFF file")

    assert read_claim(Broken()) == (None, ["EXIF is unreadable: SyntaxError"])  # type: ignore[arg-type]
