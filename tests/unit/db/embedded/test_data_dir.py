from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from geofix.db.embedded.account import SystemAccount
from geofix.db.embedded.data_dir import (
    claim,
    claimed_before,
    default_data_dir,
    require_reachable,
    resolve_data_dir,
)
from geofix.db.errors import ServerError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another account")


def test_geofix_data_wins_then_xdg_then_home() -> None:
    environ = {"GEOFIX_DATA": "/data", "XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"}

    assert default_data_dir(environ) == Path("/data")
    del environ["GEOFIX_DATA"]
    assert default_data_dir(environ) == Path("/xdg/geofix")
    environ["XDG_DATA_HOME"] = "relative, so to be ignored"
    assert default_data_dir(environ).is_relative_to("/home/ada")


def test_the_default_is_where_platformdirs_has_it() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "GEOFIX_DATA"}

    assert default_data_dir(environ) == platformdirs.user_data_path("geofix")
    assert default_data_dir({}) == platformdirs.user_data_path("geofix")


@as_root
def test_under_root_a_closed_default_gives_way_to_one_system_folder_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    ada, bob = (resolve_data_dir({"HOME": str(tmp_path / name)}) for name in ("ada", "bob"))

    assert ada.parent == bob.parent == Path("/var/lib/geofix")
    assert len(ada.name) == 12
    assert ada != bob
    assert resolve_data_dir({"HOME": str(tmp_path / "ada")}) == ada
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@as_root
def test_under_root_an_open_default_is_used() -> None:
    assert resolve_data_dir({"XDG_DATA_HOME": "/srv"}) == Path("/srv/geofix")


@as_root
def test_under_root_a_closed_folder_asked_for_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with pytest.raises(ServerError, match="Set GEOFIX_DATA to another folder"):
        resolve_data_dir({"GEOFIX_DATA": str(tmp_path / "data")})


def test_the_folder_in_the_way_is_named(tmp_path: Path) -> None:
    stranger = SystemAccount("stranger", uid=54_321, gid=54_321)
    tmp_path.chmod(0o700)

    with pytest.raises(
        ServerError, match=r"not accessible to the account 'stranger'.* may not enter '/.*'"
    ):
        require_reachable(tmp_path / "data", stranger)
    require_reachable(tmp_path / "data", None)


def test_a_new_folder_is_made_for_its_owner_alone_and_is_ours(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    assert not claimed_before(data_dir)

    claim(data_dir, None)
    (data_dir / "more").touch()
    claim(data_dir, None)

    assert claimed_before(data_dir)
    assert {p.stat().st_mode & 0o777 for p in (data_dir, data_dir.parent)} == {0o700}


def test_a_folder_with_something_else_in_it_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")

    with pytest.raises(ServerError, match=r"is not empty \(it contains 'thesis.txt'\)"):
        claim(tmp_path, None)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(ServerError, match="cannot be used"):
        claim(tmp_path / "data", None)
