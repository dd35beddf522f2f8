"""Where things are and which models serve: read by adapters only, once.

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

from geofix.agent.errors import GeofixError
from geofix.agent.settings_files import Layer, env_file_layer, require_from_root, user_file_layer
from geofix.db.plain_text import redact, short

VARIABLES = {"database_url": ("GEOFIX_DATABASE_URL", "DATABASE_URL")}
"""Of settings that are not just read from `GEOFIX_` and their name."""

LONGEST_WAIT_S = 86_400
"""A day: clocks of the operating system refuse what is far longer, and nobody waits for it."""

URLS = frozenset({"database_url", "model_url"})
"""Settings that may hold a login."""


def _absolute(path: Path) -> Path:
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError(
            "it is relative, and would be another folder wherever geofix is run; write it from the"
            " root"
        )
    return path


Folder = Annotated[Path, AfterValidator(_absolute)]


class Values(BaseModel):
    """Every setting; `.env.example` lists the variables with examples."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    database_url: str | None = None
    """A Postgres of your own; without it geofix runs its embedded one."""

    pool_size: int = Field(default=16, ge=4, le=1000)
    """Connections to the database of one process at most; a change of index needs four."""

    checkpoint_pool_size: int = Field(default=8, ge=1, le=1000)
    """Connections at most that LangGraph's checkpoints are kept over, beside those."""

    pool_timeout_s: float = Field(default=30, gt=0, le=LONGEST_WAIT_S)
    """How long to wait for one of these connections to become free."""

    data: Folder | None = None
    """Folder of the embedded database; the platform's user data folder otherwise."""

    postgres_bin: Folder | None = None
    """Folder of Postgres binaries with pgvector, instead of the package's."""

    encoder: str = "efficientnet-lite0"
    """`efficientnet-lite0`, a Hugging Face hub id, or the path of a folder with a vision tower."""

    device: str | None = None
    """`cpu`, `cuda`, `mps`; the best there is otherwise, and for the starter encoder the CPU."""

    dtype: str | None = None
    """Of the encoder: `float32`, `float16`, `bfloat16`; what suits the device otherwise."""

    batch_size: int | None = Field(default=None, ge=1)
    """Photos the encoder takes at once; what suits the device otherwise."""

    image_place: str | None = None
    """CLIP ViT-L/14 by hub id or path: compares photo and places by GeoCLIP, whose package has to
    be installed; none compares nothing."""

    model: str | None = None
    """`provider:model` of a chat model that takes images; none means the consensus drafter."""

    model_url: str | None = None
    """Address of an OpenAI-compatible or Ollama server, where it is not the provider's own."""

    model_api_key: SecretStr | None = None
    """Key for it, where the provider's own variable is not set."""

    model_timeout_s: float = Field(default=120, gt=0, le=LONGEST_WAIT_S)
    """How long one call to the model may take as a whole, from the connection to the last byte."""

    model_price: str | None = None
    """US dollars per million tokens of input and output, `2.50/10`, where geofix does not know."""

    offline: bool = False
    """Forbid every call that would leave this machine."""

    answer_cache: bool = False
    """Keep the model's answers in Postgres and reuse them for identical prompts."""


class Settings(Values):
    """The settings in force: what is given here, over all that is set elsewhere (see the top)."""

    @model_validator(mode="before")
    @classmethod
    def _over_what_is_set(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        found = {name: value for name, (value, _) in _found(_layers()).items()}
        return {**found, **given}

    @classmethod
    def from_environment(cls) -> Self:
        """Read all that is set.

        Raises:
            GeofixError: A value or a file cannot be used; both are named.
        """
        layers = _layers()
        try:
            return cls()
        except ValidationError as error:
            raise _unusable(error, _found(layers)) from None

    def told(self) -> list[tuple[str, str | None, str]]:
        """Return name, value and origin of each setting; secrets are blacked out."""
        found = _found(_layers())
        return [
            (name, shown(name, getattr(self, name)), found.get(name, (None, "the default"))[1])
            for name in Values.model_fields
        ]


def check_value(name: str, value: Any, origin: str) -> None:
    """Check one setting by itself, as a file is to keep it.

    Raises:
        GeofixError: It cannot have that value.
    """
    try:
        Values.model_validate({name: value})
    except ValidationError as error:
        raise _unusable(error, {name: (value, origin)}) from None
    require_from_root({name: (value, origin)})


def shown(name: str, value: Any) -> str | None:
    """Return a setting's value fit to be shown; none where it has none."""
    if value is None:
        return None
    if isinstance(value, SecretStr) or name == "model_api_key":
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    return redact(str(value)) if name in URLS else str(value)


def _layers() -> list[Layer]:
    """Return what is set, the strongest first."""
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


def _unusable(error: ValidationError, found: Layer) -> GeofixError:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    value, origin = found.get(name, (first.get("input"), "the caller"))
    told = "that value" if shown(name, value) == "***" else short(shown(name, value))
    reason = first["msg"].removeprefix("Value error, ")
    return GeofixError(
        f"the setting {name} cannot be {told} ({origin}): {reason}; set it otherwise, or remove it"
        " there"
    )
