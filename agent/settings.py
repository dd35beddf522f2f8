"""Where things are and which models serve: read once from the environment, by adapters only.

`.env` in the working folder is read too; variables of the environment win over it. An empty
variable counts as one that is not set, so that a line of `.env` can be emptied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from geofix.agent.errors import GeofixError


class Settings(BaseSettings):
    """Every variable geofix reads; `.env.example` lists them with examples."""

    model_config = SettingsConfigDict(
        env_prefix="GEOFIX_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """A Postgres of your own; without it geofix runs its embedded one."""

    data: Path | None = None
    """Folder of the embedded database; the platform's user data folder otherwise."""

    postgres_bin: Path | None = None
    """Folder of Postgres binaries with pgvector, instead of the package's."""

    encoder: str = "efficientnet-lite0"
    """`efficientnet-lite0`, a Hugging Face hub id, or a folder with a vision tower."""

    device: str | None = None
    """`cpu`, `cuda`, `mps`; the best there is otherwise."""

    dtype: str | None = None
    """Of the encoder: `float32`, `float16`, `bfloat16`; what suits the device otherwise."""

    batch_size: int | None = Field(default=None, ge=1)
    """Photos the encoder takes at once; what suits the device otherwise."""

    image_place: str | None = None
    """CLIP ViT-L/14 by hub id or folder: compares photo and places by GeoCLIP, whose package has to
    be installed; none compares nothing."""

    model: str | None = None
    """`provider:model` of a chat model that takes images; none means the consensus drafter."""

    model_url: str | None = None
    """Address of an OpenAI-compatible or Ollama server, where it is not the provider's own."""

    model_api_key: SecretStr | None = None
    """Key for it, where the provider's own variable is not set."""

    model_timeout_s: float = Field(default=120, gt=0)
    """How long one call to the model may take."""

    model_price: str | None = None
    """US dollars per million tokens of input and output, `2.50/10`, where geofix does not know."""

    offline: bool = False
    """Forbid every call that would leave this machine."""

    answer_cache: bool = False
    """Keep the model's answers in Postgres and reuse them for identical prompts."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment.

        Raises:
            GeofixError: A variable has a value that cannot be used; it is named.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise GeofixError(
                f"the setting {_variable(first['loc'])} cannot be {first.get('input')!r}:"
                f" {first['msg']}; set it otherwise or unset it, also in '.env'"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise GeofixError(
                f"the settings file {str(Path('.env').absolute())!r} cannot be read: {error};"
                " write it in UTF-8, or move it away"
            ) from error


def _variable(location: tuple[int | str, ...]) -> str:
    """Return the environment's name of a field; pydantic gives the field's or the alias."""
    name = "_".join(map(str, location)).upper()
    return name if name == "DATABASE_URL" or name.startswith("GEOFIX_") else f"GEOFIX_{name}"
