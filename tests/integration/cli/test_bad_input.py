"""What cannot be asked: an exit code, one line that names the value, and nothing written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from geofix import Settings, open_agent
from geofix.agent.errors import PhotoError
from geofix.db.engine import conninfo
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.files import as_nobody, open_folder
from tests.integration.cli.conftest import Geofix
from tests.integration.db.test_citus import CATALOG

Rows = Callable[[str], Mapping[str, int]]


def bomb(path: Path) -> None:
    """Write 400 bytes that would unpack to 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


BAD_PHOTOS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.jpg": (lambda path: None, "does not exist"),
    "folder.jpg": (Path.mkdir, "is a folder"),
    "empty.jpg": (Path.touch, "is empty"),
    "text.jpg": (lambda path: path.write_text("dear diary"), "is not a readable image"),
    "cut.jpg": (
        lambda path: path.write_bytes(sample_path().read_bytes()[:20_000]),
        "is damaged or truncated",
    ),
    "dot.png": (lambda path: Image.new("RGB", (1, 1)).save(path), "has 1 x 1 pixels"),
    "bomb.png": (bomb, "pixels"),
    "weird [bold]\n\x1b[31m.jpg": (Path.touch, r"weird [bold]\n\x1b[31m.jpg' is empty"),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_bad_photo_is_one_line_before_anything_is_opened(
    geofix: Geofix, tmp_path: Path, name: str
) -> None:
    make, reason = BAD_PHOTOS[name]
    make(tmp_path / name)
    done = geofix("locate", tmp_path / name)
    assert (done.code, done.out) == (4, "")
    (line,) = done.err.splitlines()
    assert line.startswith("geofix: photo '") and name[:5] in line and reason in line
    assert "\x1b" not in line


def test_a_photo_that_may_not_be_read_is_told_apart(
    geofix: Geofix, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_folder() as folder:
        # The user's settings are looked for as that user.
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
        photo = folder / "closed.jpg"
        photo.touch(mode=0)
        with as_nobody():
            done = geofix("locate", photo)
    assert done.code == 4
    assert "have no permission to read" in done.err


def test_nothing_of_a_bad_photo_is_written_through_the_facade_either(
    starter_url: str, encoder: Encoder, tmp_path: Path, rows: Rows
) -> None:
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        for name, (make, reason) in BAD_PHOTOS.items():
            make(tmp_path / name)
            with pytest.raises(PhotoError) as raised:
                agent.locate(tmp_path / name)
            assert reason in str(raised.value).replace("\n", r"\n").replace("\x1b", r"\x1b")
        with pytest.raises(PhotoError, match="of 0 bytes is empty"):
            agent.locate(b"")
    assert set(rows(starter_url).values()) == {0}


@pytest.mark.parametrize(
    ("within", "words"),
    [
        ("Atlantis", ["unknown country 'Atlantis'", "similar names"]),
        ("91,0,5", ["latitude 91.0"]),
        ("0,181,5", ["longitude 181.0"]),
        ("48.86,2.35", ["'48.86,2.35' is not three or four numbers", "LAT,LON,KM"]),
        ("-15,176,-20,-178", ["south -15.0", "north -20.0", "SOUTH,WEST,NORTH,EAST"]),
        ("48.86,2.35,-5", ["radius -5.0"]),
        ("", ["unknown country ''"]),
    ],
)
def test_a_bad_region_is_one_line(geofix: Geofix, within: str, words: list[str]) -> None:
    done = geofix("locate", "--within", within)
    assert (done.code, done.out) == (4, "")
    (line,) = done.err.splitlines()
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "args",
    [
        ("locate", "--max-rounds", "0"),
        ("locate", "--max-rounds", "7"),
        ("locate", "--max-rounds", "many"),
        ("locate", "--nosuch"),
        ("locate", "--thread", "caf\udce9"),
        ("locate", "--gallery", "a\nb"),
        ("resume", "a-run", "--pick", "-1"),
        ("resume",),
        ("nosuch",),
        ("runs", "--count", "0"),
    ],
)
def test_a_wrong_command_line_exits_with_2(geofix: Geofix, args: tuple[str, ...]) -> None:
    done = geofix(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err


@pytest.mark.parametrize("place", ["nosuch/fix.json", ".", "/proc/fix.json", "x" * 256])
def test_a_geojson_that_cannot_be_written_is_told_before_the_work(
    geofix: Geofix, place: str
) -> None:
    done = geofix("locate", "--geojson", place)
    assert (done.code, done.out) == (2, "")
    assert "cannot write" in done.said


def test_a_device_is_not_replaced_by_a_file(geofix: Geofix) -> None:
    done = geofix("locate", "--geojson", "/dev/null")
    assert done.code == 2
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ann:s3cret@127.0.0.1:1/geofix", "cannot reach the database"),
        ("mysql://ann:s3cret@127.0.0.1/geofix", "is not a Postgres URL"),
        ("ann:s3cret@127.0.0.1", "cannot be parsed"),
    ],
)
@pytest.mark.parametrize(
    "args", [("locate",), ("runs",), ("gallery", "list"), ("db", "upgrade")], ids=" ".join
)
def test_a_wrong_database_is_one_line_without_the_password(
    geofix: Geofix, url: str, words: str, args: tuple[str, ...]
) -> None:
    done = geofix(*args, url=url)
    assert (done.code, done.out) == (5, "")
    (line,) = done.err.splitlines()
    assert words in line and "ann" in line
    assert "s3cret" not in line


def test_a_database_without_the_tables_says_which_command_makes_them(
    geofix: Geofix, new_database: str
) -> None:
    done = geofix("locate", url=new_database)
    assert done.code == 5
    assert "geofix db upgrade" in done.err
    assert geofix("db", "upgrade", url=new_database).out == "upgraded\n"
    assert geofix("db", "upgrade", url=new_database).out == "up to date\n"
    assert "gallery is empty" in geofix("locate", url=new_database).err


def test_vectors_are_distributed_where_there_is_citus_only(
    geofix: Geofix, database_url: str
) -> None:
    done = geofix("db", "distribute", url=database_url)
    assert (done.code, done.out) == (5, "")
    assert "does not have Citus. Install it on all servers" in done.err
    with psycopg.connect(conninfo(database_url), autocommit=True) as connection:
        for statement in CATALOG:
            connection.execute(statement.encode())
    done = geofix("db", "distribute", "--build-memory-mb", "300", url=database_url)
    assert done.code == 0, done.err
    assert (
        done.out
        == "the vectors are spread over 2 workers in 2 shards, and searches reach all of them\n"
    )


def test_what_is_not_set_up_exits_with_5_and_leaves_nothing(
    geofix: Geofix, starter_url: str, rows: Rows, tmp_path: Path
) -> None:
    unknown = geofix("locate", "--gallery", "nosuch", url=starter_url)
    assert unknown.code == 5
    assert "no gallery 'nosuch'; the galleries are: 'starter'" in unknown.err
    encoder = geofix("locate", url=starter_url, GEOFIX_ENCODER=str(tmp_path / "nosuch"))
    assert encoder.code == 5
    assert "nosuch" in encoder.err
    model = geofix("locate", "--model", "nosuch:any", url=starter_url)
    assert model.code == 5
    assert "the model 'nosuch:any' has no known provider" in model.err
    assert set(rows(starter_url).values()) == {0}


def test_a_setting_that_cannot_be_used_is_named_as_it_is_written(geofix: Geofix) -> None:
    done = geofix("runs", GEOFIX_MODEL_TIMEOUT_S="soon")
    assert done.code == 5
    assert "the setting model_timeout_s cannot be 'soon'" in done.err
    assert "the environment variable GEOFIX_MODEL_TIMEOUT_S" in done.err


@pytest.mark.parametrize("command", ["resume", "trail"])
def test_an_unknown_run_is_named(geofix: Geofix, starter_url: str, command: str) -> None:
    done = geofix(command, "no[bold]such", url=starter_url)
    assert (done.code, done.out) == (4, "")
    assert "no run 'no[bold]such'" in done.err
