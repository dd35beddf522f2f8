"""The composition root: builds engine, encoder and chat model, each once and only when needed.

The only place that wires `tools` and `db` into the nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.settings import Settings
from geofix.agent.storage import Storage
from geofix.tools.encoders import STARTER, Encoder, load_encoder
from geofix.tools.models.privacy import Privacy
from geofix.tools.once import once, once_property
from geofix.tools.scene.classify import Classifier
from geofix.tools.threads import use_threads

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from geofix.tools.encoders.geoclip import ImagePlace
    from geofix.tools.models.prices import Price


class Services(Storage):
    """What the nodes work with. Use as a context manager: leaving it lets the database go."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        encoder: Encoder | None = None,
        model: BaseChatModel | str | None = None,
        progress: Callable[[str], None] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Wire up lazily.

        Args:
            settings: Read from the environment if none are given.
            encoder: Used instead of the one the settings name.
            model: Likewise; any LangChain chat model that takes images, or `provider:model`.
            progress: Called with one line when something slow is about to happen.
            engine: SQLAlchemy's, over psycopg, used instead of one to `settings.database_url`. It
                stays the caller's: its database is not changed, and it is never disposed of.

        Raises:
            DatabaseError: The engine cannot be used.
        """
        super().__init__(
            settings or Settings.from_environment(), progress or (lambda line: None), engine
        )
        if self.settings.threads is not None:
            use_threads(self.settings.threads)
        self._given_encoder = encoder
        if isinstance(model, str):
            self.settings = self.settings.model_copy(update={"model": model})
            model = None
        self._given_model = model
        self.change_scorers: Callable[[Any], Any] = lambda scorers: scorers
        """Gives the `Scorers` that choose, from those that would (`agent.verify.in_force`):
        set while an evaluation leaves something out."""

    @once_property
    def encoder(self) -> Encoder:
        """The encoder, loaded."""
        if self._given_encoder is not None:
            return self._given_encoder
        settings = self.settings
        self._progress(f"loading the encoder {settings.encoder}")
        return load_encoder(
            settings.encoder,
            device=settings.device,
            dtype=settings.dtype,
            batch_size=settings.batch_size,
            offline=settings.offline,
        )

    @once_property
    def image_place(self) -> ImagePlace | None:
        """What compares photos and places; none where the settings name no CLIP for it."""
        settings = self.settings
        if settings.image_place is None:
            return None
        # Imports torch, which `--help` need not.
        from geofix.tools.encoders.geoclip import load_image_place  # noqa: PLC0415

        self._progress(f"loading GeoCLIP with {settings.image_place}")
        return load_image_place(
            settings.image_place,
            device=settings.device,
            dtype=settings.dtype,
            offline=settings.offline,
        )

    @once_property
    def classifier(self) -> Classifier:
        """What tells kinds of scenes: the starter encoder's own network, whoever embeds."""
        encoder = self.encoder
        if isinstance(encoder, Classifier):
            return encoder
        loaded = load_encoder(STARTER, device="cpu")
        assert isinstance(loaded, Classifier)
        return loaded

    @once_property
    def model(self) -> BaseChatModel | None:
        """The chat model that drafts; none means the consensus drafter."""
        if self._given_model is not None:
            return self._given_model
        settings = self.settings
        if settings.model is None:
            return None
        # Many modules, which a draft by consensus need not wait for.
        from geofix.tools.models.load import load_chat_model  # noqa: PLC0415

        key = settings.model_api_key
        return load_chat_model(
            settings.model,
            base_url=settings.model_url,
            api_key=None if key is None else key.get_secret_value(),
            timeout_s=settings.model_timeout_s,
            cache_engine=self.engine if settings.answer_cache else None,
            offline=settings.offline,
        )

    @property
    def privacy(self) -> Privacy:
        """What may leave this machine: this agent's own, whatever others in the process may do."""
        return Privacy(offline=self.settings.offline, trace_photos=self.settings.trace_photos)

    @once_property
    def price(self) -> Price | None:
        """What the model's tokens cost, where the user says so."""
        written = self.settings.model_price
        if written is None:
            return None
        from geofix.tools.models.prices import Price  # noqa: PLC0415 - see `model`

        return Price.parse(written)

    @property
    def drafted_by(self) -> str:
        """Who drafts, as the answer names it."""
        if self._given_model is not None:
            from geofix.tools.models.providers import model_name  # noqa: PLC0415 - see `model`

            return model_name(self._given_model)
        return self.settings.model or CONSENSUS

    def versions(self) -> dict[str, Any]:
        """Return what was in force, for the trail."""
        return {"geofix": _version(), "drafted_by": self.drafted_by}


@once
def _version() -> str:
    # Reads the installed package's metadata, three times a run otherwise, for 0.6 ms each.
    return version("geofix")
