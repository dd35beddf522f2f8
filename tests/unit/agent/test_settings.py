from __future__ import annotations

from pathlib import Path

import pytest

from geofix.agent.errors import GeofixError
from geofix.agent.settings import Settings
from geofix.agent.storage import Storage
from geofix.db.engine import pool_of


def test_a_settings_file_where_one_stands_is_read() -> None:
    Path(".env").write_text(
        "DATABASE_URL=postgresql://file/x\nGEOFIX_ENCODER='a/b'\nOTHER=1\n# é\n", encoding="utf-8"
    )
    settings = Settings.from_environment()
    assert settings.database_url == "postgresql://file/x"
    assert settings.encoder == "a/b"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DATABASE_URL=postgresql://file/x\nGEOFIX_DEVICE=cuda\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://env/x")
    settings = Settings.from_environment()
    assert settings.database_url == "postgresql://env/x"
    assert settings.device == "cuda"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DATABASE_URL=\nGEOFIX_MODEL_TIMEOUT_S=\n")
    monkeypatch.setenv("GEOFIX_MODEL", "")
    assert Settings.from_environment() == Settings()
    assert Settings().database_url is Settings().model is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GEOFIX_MODEL_TIMEOUT_S", "soon"),
        ("GEOFIX_MODEL_TIMEOUT_S", "0"),
        ("GEOFIX_ANSWER_CACHE", "perhaps"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_a_value_that_cannot_be_used_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, in_file: bool
) -> None:
    if in_file:
        Path(".env").write_text(f"{name}={value}\n")
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(GeofixError, match=f"the setting {name} cannot be '{value}'"):
        Settings.from_environment()


def test_a_settings_file_that_is_not_utf_8_is_named() -> None:
    Path(".env").write_bytes("GEOFIX_DATA=é".encode("utf-16"))
    with pytest.raises(GeofixError, match=r"the settings file '/.*/\.env' cannot be read"):
        Settings.from_environment()


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFIX_MODEL_API_KEY", "s3cret")
    settings = Settings.from_environment()
    assert settings.model_api_key is not None
    assert settings.model_api_key.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings) + settings.model_dump_json()


def test_sizes_of_pools_reach_the_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann@127.0.0.1:1/geofix")
    monkeypatch.setenv("GEOFIX_POOL_SIZE", "5")
    monkeypatch.setenv("GEOFIX_CHECKPOINT_POOL_SIZE", "3")
    monkeypatch.setenv("GEOFIX_POOL_TIMEOUT_S", "7")
    with Storage(Settings.from_environment(), lambda line: None) as storage:
        assert pool_of(storage._new_engine()) == (5, 7)
        with storage.checkpoint_pool() as pool:
            assert (pool.max_size, pool.timeout) == (3, 7)
