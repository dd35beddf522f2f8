from __future__ import annotations

from pathlib import Path

import pytest

from geofix.db.embedded.server import EmbeddedServer, ServerStatus
from geofix.db.errors import ServerError


def test_a_status_does_not_show_the_password() -> None:
    status = ServerStatus(
        running=True,
        data_dir=Path("/data"),
        port=5433,
        pid=7,
        version="18.6",
        url="postgresql://geofix:secret@127.0.0.1:5433/geofix",
        in_use=False,
        kept=False,
    )

    assert "secret" not in repr(status)
    assert "url='postgresql://geofix:***@127.0.0.1:5433/geofix'" in repr(status)


def test_looking_at_or_stopping_what_never_ran_makes_nothing(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data")

    status = server.status()

    assert (status.running, status.url, status.in_use, status.kept) == (False, None, False, False)
    assert not server.stop()
    with pytest.raises(ServerError, match="no server runs"):
        server.url()
    assert list(tmp_path.iterdir()) == []


def test_other_systems_are_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr("os.name", "nt")
        with pytest.raises(ServerError, match="set GEOFIX_DATABASE_URL"):
            EmbeddedServer(tmp_path)
