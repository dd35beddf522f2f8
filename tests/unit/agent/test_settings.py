"""Which of several places a setting is taken from, and what is refused in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from geofix.agent.errors import SettingError
from geofix.agent.settings import Settings, Values
from geofix.agent.settings_files import LARGEST_BYTES, changed, user_file
from geofix.agent.storage import Storage
from geofix.db.engine import pool_of


def write_user_file(text: str | bytes) -> Path:
    path = user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Write a file of variables, and name it."""

    def write(text: str) -> Path:
        path = tmp_path / "named.env"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv("GEOFIX_ENV_FILE", str(path))
        return path

    return write


@pytest.mark.parametrize("name", [".env", "config.toml", "geofix/config.toml", "pyproject.toml"])
def test_no_file_of_the_working_folder_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "GEOFIX_POSTGRES_BIN='/evil'\nDATABASE_URL='postgresql://evil/x'\nmodel_url='http://evil'\n"
    )
    assert Settings.from_environment().model_dump() == Values().model_dump()


def test_what_is_nearer_wins(
    monkeypatch: pytest.MonkeyPatch, env_file: Callable[[str], Path]
) -> None:
    of_user = write_user_file('dtype = "user"\nmodel = "user"\ndevice = "user"\nencoder = "user"')
    named = env_file("GEOFIX_MODEL=file\nGEOFIX_DEVICE=file\nGEOFIX_ENCODER=file\nOTHER=1\n# é\n")
    monkeypatch.setenv("GEOFIX_DEVICE", "variable")
    monkeypatch.setenv("GEOFIX_ENCODER", "variable")
    settings = Settings(encoder="given")
    assert (settings.encoder, settings.device) == ("given", "variable")
    assert (settings.model, settings.dtype) == ("file", "user")
    told = {name: (value, origin) for name, value, origin in Settings.from_environment().told()}
    assert told["device"] == ("variable", "the environment variable GEOFIX_DEVICE")
    assert told["model"] == ("file", f"GEOFIX_MODEL in {str(named)!r}")
    assert told["dtype"] == ("user", f"dtype in {str(of_user)!r}")
    assert told["image_place"] == (None, "the default")


def test_a_database_of_geofix_wins_over_one_of_a_host_application(
    monkeypatch: pytest.MonkeyPatch, env_file: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/x")
    assert Settings().database_url == "postgresql://host/x"
    monkeypatch.setenv("GEOFIX_DATABASE_URL", "postgresql://own/x")
    assert Settings().database_url == "postgresql://own/x"
    monkeypatch.delenv("GEOFIX_DATABASE_URL")
    monkeypatch.delenv("DATABASE_URL")
    env_file("DATABASE_URL=postgresql://host/x\nGEOFIX_DATABASE_URL=postgresql://own/x\n")
    assert Settings().database_url == "postgresql://own/x"


def test_an_empty_value_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, env_file: Callable[[str], Path]
) -> None:
    write_user_file('device = ""\nmodel = "kept"\n')
    env_file("DATABASE_URL=\nGEOFIX_MODEL_TIMEOUT_S=\n")
    monkeypatch.setenv("GEOFIX_MODEL", "")
    assert Settings.from_environment().model_dump() == Values(model="kept").model_dump()


BAD = [
    ("model_timeout_s", "soon"),
    ("model_timeout_s", "0"),
    ("answer_cache", "perhaps"),
    ("pool_size", "3"),
    ("data", "relative/folder"),
    ("postgres_bin", "bin"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
@pytest.mark.parametrize("where", ["variable", "named", "user"])
def test_a_value_that_cannot_be_used_is_named_with_where_it_stands(
    monkeypatch: pytest.MonkeyPatch,
    env_file: Callable[[str], Path],
    name: str,
    value: str,
    where: str,
) -> None:
    variable = f"GEOFIX_{name.upper()}"
    if where == "variable":
        monkeypatch.setenv(variable, value)
        origin = f"the environment variable {variable}"
    elif where == "named":
        path = env_file(f"{variable}={value}")
        origin = f"{variable} in {str(path)!r}"
    else:
        path = write_user_file(f'{name} = "{value}"')
        origin = f"{name} in {str(path)!r}"
    with pytest.raises(SettingError) as raised:
        Settings.from_environment()
    assert str(raised.value).startswith(f"the setting {name} cannot be {value!r} ({origin}): ")


@pytest.mark.parametrize("name", ["encoder", "image_place", "model"])
@pytest.mark.parametrize("value", ["./model", "..", "../x"])
def test_a_settings_file_names_no_model_by_a_relative_path(
    env_file: Callable[[str], Path], name: str, value: str
) -> None:
    value = f"transformers:{value}" if name == "model" else value
    env_file(f"GEOFIX_{name.upper()}={value}")
    with pytest.raises(
        SettingError, match=rf"the setting {name} cannot be .* it is a relative path"
    ):
        Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("encodr = 'x'", ["'encodr'", "not a setting", "did you mean encoder?"]),
        ("[model]\nurl = 'x'", ["the setting model cannot be", "model in"]),
        ("model = 5", ["the setting model cannot be '5'", "string"]),
        ("model_api_key = 5", ["the setting model_api_key cannot be that value"]),
        ("model = x", ["is not valid TOML", "line 1"]),
        (b"\xff\xfem\0o\0", ["cannot be read", "UTF-8"]),
        ("a = " + "[" * 5000, ["is not valid TOML"]),
        ("#" * (LARGEST_BYTES + 1), [f"more than {LARGEST_BYTES:,} bytes"]),
    ],
)
def test_a_users_file_that_cannot_be_used_is_named(text: str | bytes, words: list[str]) -> None:
    path = write_user_file(text)
    with pytest.raises(SettingError) as raised:
        Settings.from_environment()
    for word in [repr(str(path)), *words]:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GEOFIX_MODLE=x", ["'GEOFIX_MODLE'", "not a setting", "did you mean GEOFIX_MODEL?"]),
        ("GEOFIX_MODEL=x\n'", ["line 2", "NAME=value"]),
        ("é" * LARGEST_BYTES, ["bytes"]),
    ],
)
def test_a_named_file_that_cannot_be_used_is_named(
    env_file: Callable[[str], Path], text: str, words: list[str]
) -> None:
    path = env_file(text)
    with pytest.raises(SettingError) as raised:
        Settings.from_environment()
    for word in [repr(str(path)), *words]:
        assert word in str(raised.value)


def test_a_named_file_that_is_none_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for path, word in ((tmp_path / "nosuch", "does not exist"), (tmp_path, "not a regular file")):
        monkeypatch.setenv("GEOFIX_ENV_FILE", str(path))
        with pytest.raises(SettingError, match=f"{str(path)!r}.*{word}"):
            Settings()


def test_what_dockers_compose_file_takes_is_left_alone(env_file: Callable[[str], Path]) -> None:
    env_file("GEOFIX_DB_PASSWORD=x\nGEOFIX_PHOTOS=/x\n")
    assert Settings().model_dump() == Values().model_dump()


def test_the_users_file_is_none_of_the_working_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert user_file().is_absolute()
    # As older versions of platformdirs take it.
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: Path("relative"))
    with pytest.raises(SettingError, match="is a relative path"):
        user_file()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFIX_MODEL_API_KEY", "s3cret")
    monkeypatch.setenv("GEOFIX_DATABASE_URL", "postgresql://ann:s3cret@host/x?sslkey=s3cret")
    monkeypatch.setenv("GEOFIX_MODEL_URL", "https://s3cret@host/v1?key=s3cret&region=x")
    settings = Settings.from_environment()
    assert settings.model_api_key is not None
    assert settings.model_api_key.get_secret_value() == "s3cret"
    shown = {name: value for name, value, _ in settings.told()}
    assert shown["database_url"] == "postgresql://ann:***@host/x?sslkey=***"
    assert shown["model_url"] == "https://***@host/v1?key=***&region=x"
    assert shown["model_api_key"] == "***"
    assert "s3cret" not in repr(settings.model_api_key) + repr(shown)


WRITTEN = '# mine\r\nencoder = "a" # "a" = why\r\n\nmodel = "x" # note'


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("encoder", "b#c", WRITTEN.replace('"a" #', '"b#c" #')),
        ("encoder", None, '# mine\r\n\nmodel = "x" # note'),
        ("model", 'q"\\é', WRITTEN.replace('"x"', r'"q\"\\é"') + "\n"),
        ("batch_size", 8, WRITTEN + "\nbatch_size = 8\n"),
        ("offline", True, WRITTEN + "\noffline = true\n"),
        ("device", None, WRITTEN),
    ],
)
def test_a_change_leaves_all_else_as_it_was(
    name: str, value: str | int | bool | None, text: str
) -> None:
    assert changed(WRITTEN, Path("config.toml"), name, value) == text


@pytest.mark.parametrize(
    "text", ['model = """\nencoder = 1\n"""\n', 'encoder = """\na"""\n', "[a]\n"]
)
def test_what_cannot_be_changed_alone_is_not_changed(text: str) -> None:
    with pytest.raises(SettingError, match=r"without changing other lines; edit the file by hand"):
        changed(text, Path("config.toml"), "encoder", "b")


def test_sizes_of_pools_reach_the_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann@127.0.0.1:1/geofix")
    monkeypatch.setenv("GEOFIX_POOL_SIZE", "5")
    monkeypatch.setenv("GEOFIX_CHECKPOINT_POOL_SIZE", "3")
    monkeypatch.setenv("GEOFIX_POOL_TIMEOUT_S", "7")
    with Storage(Settings.from_environment(), lambda line: None) as services:
        assert pool_of(services._new_engine()) == (5, 7)
        with services.checkpoint_pool() as pool:
            assert (pool.max_size, pool.timeout) == (3, 7)
