from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geofix.tools.errors import PhotoError, SourceError
from geofix.tools.sources import MemoryPicture, TarPicture, WebDatasetSource, open_source
from geofix.tools.sources.webdataset import expand
from tests.unit.tools.pictures import encoded
from tests.unit.tools.sources.archives import jpeg, photos, rejected, said, tar, width_of

SAMPLES = {
    "000.jpg": jpeg(70),
    "000.json": said(lat=48.5, lon=-2.25, user_name="ann", license="CC0", timestamp=1534763130),
    "000.txt": b"a caption",
    "001.json": said(LATITUDE="10", LNG="20", exif='{"a": 1}', sha256="x", key="001"),
    "001.seg.png": jpeg(71),
    "002.webp": jpeg(72),
    "dir/000.jpeg": jpeg(73),
    "dir/000.json": said(location={"lat": 1.5, "lon": 2.5, "id": "inner"}, id="mine"),
}


@pytest.mark.parametrize(("suffix", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.xz", "w:xz")])
def test_samples_are_read_from_any_tar(tmp_path: Path, suffix: str, mode: str) -> None:
    source = open_source(tar(tmp_path / f"a.{suffix}", SAMPLES, mode))
    assert isinstance(source, WebDatasetSource) and source.total() is None
    found = photos(source)
    assert [photo.external_id for photo in found] == [
        *(f"a.{suffix}!{key}" for key in ("000", "001", "002")),
        "mine",
    ]
    places = [(photo.latitude, photo.longitude) for photo in found]
    assert places == [(48.5, -2.25), (10.0, 20.0), (None, None), (1.5, 2.5)]
    assert [width_of(photo.picture) for photo in found] == [70, 71, 72, 73]
    assert (found[0].author, found[0].licence) == ("ann", "CC0")
    assert found[0].captured_at == datetime(2018, 8, 20, 11, 5, 30, tzinfo=UTC)
    kind = TarPicture if suffix == "tar" else MemoryPicture
    assert all(isinstance(photo.picture, kind) for photo in found)


def test_shards_are_named_by_a_range_or_a_folder(tmp_path: Path) -> None:
    for at in range(3):
        tar(tmp_path / f"{at:03}.tar", {"0.jpg": jpeg(), "0.json": said(lat=at + 5, lon=5)})
    for path in (tmp_path, tmp_path / "{000..002}.tar"):
        source = open_source(path)
        assert isinstance(source, WebDatasetSource)
        assert [photo.external_id for photo in photos(source)] == [
            "000.tar!0",
            "001.tar!0",
            "002.tar!0",
        ]
    with pytest.raises(SourceError, match=r"003\.tar.* does not exist"):
        open_source(tmp_path / "{000..003}.tar")
    assert expand("{8..10}-{0..1}") == [f"{a}-{b}" for a in (8, 9, 10) for b in (0, 1)]
    with pytest.raises(SourceError, match="runs backwards"):
        expand("{3..1}.tar")
    with pytest.raises(SourceError, match="more than 9 digits"):
        expand("{0.." + "9" * 5000 + "}.tar")
    for endless in ("{0..999999999}.tar", "{0..999}-{0..999}.tar", "{0..9}{0..999999999}.tar"):
        with pytest.raises(SourceError, match="more than 100,000 shards"):
            expand(endless)


@pytest.mark.parametrize(
    ("json", "reason"),
    [
        (b"{", "its JSON cannot be read"),
        (b"\xff\xfe\xff", "its JSON cannot be read"),
        (b"[" * 100_000, "its JSON cannot be read"),
        (b"[1]", "its JSON is not an object"),
        (said(lat=139.7, lon=35.6), "the two may be swapped"),
        (said(lat=1), "the longitude is empty"),
        (said(lat=10**400, lon=1), "the latitude is a whole number above 1e308"),
        (said(lat="north", lon=1), "the latitude 'north' is not a number"),
        (said(lat=True, lon=1), "the latitude 'True' is not a number"),
        (said(lat=0, lon=0), "the coordinates are 0, 0"),
        (said(id="x\0"), "zero byte"),
    ],
)
def test_a_sample_that_cannot_be_used_is_one_line(tmp_path: Path, json: bytes, reason: str) -> None:
    members = {"a.jpg": b"", "a.json": json, "b.jpg": b"", "b.json": said(lat=1, lon=2)}
    source = WebDatasetSource(tar(tmp_path / "s.tar", members))
    (bad,) = rejected(source)
    assert bad.item == "s.tar!a" and reason in bad.reason
    assert [photo.external_id for photo in photos(source)] == ["s.tar!b"]


def test_keys_of_the_json_can_be_named_and_swapped_ones_are_refused(tmp_path: Path) -> None:
    members = {}
    for at in range(30):
        members |= {f"{at}.jpg": b"", f"{at}.json": said(lat=120 + at, lon=10 + at)}
    path = tar(tmp_path / "s.tar", members)
    with pytest.raises(SourceError, match="look swapped"):
        WebDatasetSource(path)
    source = WebDatasetSource(path, columns={"latitude": "lon", "longitude": "lat"})
    assert (photos(source)[0].latitude, photos(source)[0].longitude) == (10, 120)


@pytest.mark.parametrize(("suffix", "mode"), [("tar", "w"), ("tgz", "w:gz")])
def test_a_shard_that_is_cut_short_is_one_line_and_the_next_is_read(
    tmp_path: Path, suffix: str, mode: str
) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    members = {f"{at}.jpg": encoded(Image.fromarray(noise), "JPEG") for at in range(9)}
    whole = tar(tmp_path / f"0.{suffix}", members, mode)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    tar(tmp_path / f"1.{suffix}", {"0.jpg": jpeg()}, mode)
    source = WebDatasetSource(tmp_path)
    assert any("the rest of the tar cannot be read" in item.reason for item in rejected(source))
    read = [photo for photo in photos(source) if photo.external_id.startswith("0.")]
    assert 2 <= len(read) < 9 and photos(source)[-1].external_id == f"1.{suffix}!0"
    assert width_of(read[0].picture) == 300
    if suffix == "tar":
        with pytest.raises(PhotoError, match="truncated"):
            read[-1].picture.read()


def test_a_tar_cut_between_two_members_says_so(tmp_path: Path) -> None:
    whole = tar(tmp_path / "s.tar", {"0.jpg": bytes(512), "1.jpg": bytes(512)})
    for blocks in (2, 2.5):
        whole.write_bytes(whole.read_bytes()[: int(blocks * 512)])
        source = WebDatasetSource(whole)
        assert [photo.external_id for photo in photos(source)] == ["s.tar!0"]
        assert [item.item for item in rejected(source)] == [str(whole)]
        tar(whole, {"0.jpg": bytes(512), "1.jpg": bytes(512)})


def test_two_samples_of_one_id_are_one_photo_and_one_line(tmp_path: Path) -> None:
    members = {f"{at}.{end}": said(id="x") for at in range(2) for end in ("jpg", "json")}
    source = WebDatasetSource(tar(tmp_path / "s.tar", members))
    assert [photo.external_id for photo in photos(source)] == ["x"]
    assert [(bad.item, bad.reason) for bad in rejected(source)] == [
        ("s.tar!1", "an earlier row has the same id 'x'")
    ]


def test_a_tar_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="contains no sample with a picture"):
        WebDatasetSource(tar(tmp_path / "s.tar", {"a.txt": b"a"}))
    with pytest.raises(
        SourceError, match=r"contains no sample .*\(the rest of the tar cannot be read"
    ):
        WebDatasetSource(tar(tmp_path / "s.tar", {"a.jpg": b"a"}, "w:gz"))
