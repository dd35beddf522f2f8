"""The settings: database, encoder and models. Only entry points read them, once.

The first of these that says something counts:

1. what the caller gives: `Settings(model=...)`, an option of the command line;
2. a variable of the environment: `GEOFIX_MODEL`; for the database `GEOFIX_DATABASE_URL`, then
   `DATABASE_URL`;
3. the file that `--env-file` or `GEOFIX_ENV_FILE` names, with lines as `GEOFIX_MODEL=...`;
4. `config.toml` in the user's configuration folder, which `geofix config` shows and writes;
5. the default.

No file is looked for where a command is run: a folder of photos may be a stranger's, and who sets
`postgres_bin` runs a program, who sets `model_url` gets the photo. An empty value counts as none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from geofix.agent.errors import SettingError
from geofix.agent.settings_files import Layer, env_file_layer, require_from_root, user_file_layer
from geofix.db.plain_text import redact, short

VARIABLES = {"database_url": ("GEOFIX_DATABASE_URL", "DATABASE_URL")}
"""Environment variables of settings that are not simply `GEOFIX_` and the setting's name."""

LONGEST_WAIT_S = 86_400
"""A day; operating systems refuse much longer waits."""

URLS = frozenset({"database_url", "model_url"})
"""Settings that may hold a login."""


def _absolute(path: Path) -> Path:
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError(
            "it is a relative path, which depends on where geofix runs; write an absolute path"
        )
    return path


Folder = Annotated[Path, AfterValidator(_absolute)]


class Values(BaseModel):
    """Every setting; `.env.example` lists the variables with examples."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    database_url: str | None = None
    """URL of your own Postgres; without it geofix runs its embedded one."""

    pool_size: int = Field(default=16, ge=4, le=1000)
    """Maximum number of database connections of one process; changing an index needs four."""

    checkpoint_pool_size: int = Field(default=8, ge=1, le=1000)
    """Maximum number of additional connections for LangGraph's checkpoints."""

    pool_timeout_s: float = Field(default=30, gt=0, le=LONGEST_WAIT_S)
    """How long to wait for a free connection."""

    run_wait_s: float = Field(default=600, ge=0, le=LONGEST_WAIT_S)
    """How long to wait for the answer of a run that another caller drives."""

    data: Folder | None = None
    """Folder of the embedded database. Default: the platform's user data folder."""

    postgres_bin: Folder | None = None
    """Folder of Postgres binaries with pgvector, instead of the package's."""

    encoder: str = "efficientnet-lite0"
    """`efficientnet-lite0`, a Hugging Face hub id, or the path of a folder with a vision tower."""

    device: str | None = None
    """Device of the encoder: `cpu`, `cuda`, `mps`. Default: the best available; for the
    starter encoder the CPU."""

    dtype: str | None = None
    """Precision of the encoder: `float32`, `float16`, `bfloat16`. Default: by the device."""

    batch_size: int | None = Field(default=None, ge=1)
    """Number of photos that the encoder takes at once. Default: what suits the device."""

    threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads that torch and OpenCV compute one photo with, for the whole process. Default: theirs,
    one a core; 1 keeps them from waiting for each other where cores are shared."""

    image_place: str | None = None
    """Hub id or path of CLIP ViT-L/14, to compare photo and places with GeoCLIP, whose package must
    be installed. Default: no comparison."""

    model: str | None = None
    """`provider:model` of a chat model that takes images; without one, the photos vote."""

    model_url: str | None = None
    """Address of an OpenAI-compatible or Ollama server. Default: the provider's own."""

    model_api_key: SecretStr | None = None
    """Key of the server. Default: the provider's own environment variable."""

    model_timeout_s: float = Field(default=120, gt=0, le=LONGEST_WAIT_S)
    """How long one call to the model may take, from the connection to the last byte."""

    model_price: str | None = None
    """Price of models that geofix has no price for: US dollars per million input and output tokens,
    such as `2.50/10`."""

    offline: bool = False
    """Forbid every call that would leave this machine."""

    trace_photos: bool = False
    """Show pictures to LangSmith and to callbacks. Default: they see the hash of each."""

    answer_cache: bool = False
    """Store the model's answers in Postgres and reuse them for identical prompts."""


class Settings(Values):
    """The settings in force: arguments first, then the sources that the module docstring lists."""

    @model_validator(mode="before")
    @classmethod
    def _over_what_is_set(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        found = {name: value for name, (value, _) in _found(_layers()).items()}
        return {**found, **given}

    @classmethod
    def from_environment(cls) -> Self:
        """Read all settings.

        Raises:
            SettingError: A value or a file cannot be used; both are named.
        """
        layers = _layers()
        try:
            return cls()
        except ValidationError as error:
            raise _unusable(error, _found(layers)) from None

    def told(self) -> list[tuple[str, str | None, str]]:
        """Return name, value and origin of each setting; secrets are hidden."""
        found = _found(_layers())
        return [
            (
                name,
                shown_value(name, getattr(self, name)),
                found.get(name, (None, "the default"))[1],
            )
            for name in Values.model_fields
        ]


def check_value(name: str, value: Any, origin: str) -> None:
    """Check the value of one setting before a file stores it.

    Raises:
        SettingError: It cannot have that value.
    """
    try:
        Values.model_validate({name: value})
    except ValidationError as error:
        raise _unusable(error, {name: (value, origin)}) from None
    require_from_root({name: (value, origin)})


def shown_value(name: str, value: Any) -> str | None:
    """Return a setting's value with secrets hidden; none if it has no value."""
    if value is None:
        return None
    if isinstance(value, SecretStr) or name == "model_api_key":
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value)) if name in URLS else str(value)


def _layers() -> list[Layer]:
    """Return the sources of settings, the one with the highest priority first."""
    named = os.environ.get("GEOFIX_ENV_FILE")
    variables = {
        name: VARIABLES.get(name, (f"GEOFIX_{name.upper()}",)) for name in Values.model_fields
    }
    layers = [_environment(variables)]
    if named:
        layers.append(env_file_layer(Path(named), variables))
    return [*layers, user_file_layer(frozenset(variables))]


def _environment(variables: Mapping[str, tuple[str, ...]]) -> Layer:
    layer: Layer = {}
    for name, spellings in variables.items():
        for variable in spellings:
            if value := os.environ.get(variable):
                layer[name] = value, f"the environment variable {variable}"
                break
    return layer


def _found(layers: list[Layer]) -> Layer:
    found: Layer = {}
    for layer in reversed(layers):
        found |= layer
    return found


def _unusable(error: ValidationError, found: Layer) -> SettingError:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    value, origin = found.get(name, (first.get("input"), "the caller"))
    told = "that value" if shown_value(name, value) == "***" else short(shown_value(name, value))
    reason = first["msg"].removeprefix("Value error, ")
    return SettingError(
        f"the setting {name} cannot be {told} ({origin}): {reason}. Change it there, or remove it"
    )
