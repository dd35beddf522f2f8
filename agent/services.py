"""The composition root: builds engine, encoder and chat model, each once and only when needed.

The only place that wires `tools` and `db` into the nodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langchain_core.language_models import BaseChatModel
from sqlalchemy import Engine

from geofix.agent.calibration.stored import KnownCalibrations
from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.errors import DatabaseError
from geofix.agent.settings import Settings
from geofix.db import schema
from geofix.db.checkpoints import (
    AsyncCheckpointPool,
    CheckpointPool,
    async_checkpoint_pool,
    checkpoint_pool,
    require_checkpoints,
    set_up_checkpoints,
)
from geofix.db.embedded.cluster import CHECKPOINTS, GEOFIX
from geofix.db.embedded.data_dir import resolve_data_dir
from geofix.db.embedded.server import EmbeddedAddress, EmbeddedServer
from geofix.db.engine import DatabaseAddress, FixedAddress, open_engine
from geofix.db.load.ingest import Ingest
from geofix.db.runs import QueryPhotos, Trail
from geofix.db.search.gallery import Gallery
from geofix.db.stores import Calibrations, LocalFeatureStore, PictureFiles
from geofix.tools.encoders import STARTER, Encoder, load_encoder
from geofix.tools.models.load import load_chat_model
from geofix.tools.models.prices import Price
from geofix.tools.models.privacy import VARIABLE, stay_offline
from geofix.tools.models.providers import model_name
from geofix.tools.once import forget, once, once_property
from geofix.tools.scene.classify import Classifier
from geofix.tools.starter import add_starter_once

if TYPE_CHECKING:
    from geofix.tools.encoders.geoclip import ImagePlace


CLOSED = "this agent is closed; open a new one with `open_agent()`"

OPENED = (
    "gallery",
    "ingest",
    "queries",
    "known_calibrations",
    "calibrations",
    "pictures",
    "features",
    "trail",
    "engine",
    "address",
)
"""What is gone once the services are closed; each before what it is made of."""


class Services:
    """What the nodes work with. Use as a context manager: leaving it lets the database go."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        encoder: Encoder | None = None,
        model: BaseChatModel | str | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Wire up lazily: nothing is opened before it is used.

        Args:
            settings: Read from the environment if none are given.
            encoder: Used instead of the one the settings name.
            model: Likewise; any LangChain chat model that takes images, or `provider:model`.
            progress: Called with one line when something slow is about to happen.
        """
        self.settings = settings or Settings.from_environment()
        self._progress = progress or (lambda line: None)
        self._open = ExitStack()
        self._closed = False
        if self.settings.offline:
            # Libraries below look there; a settings file may have said it.
            os.environ[VARIABLE] = "1"
        stay_offline()
        self._given_encoder = encoder
        if isinstance(model, str):
            self.settings = self.settings.model_copy(update={"model": model})
            model = None
        self._given_model = model
        self.change_scorers: Callable[[Any], Any] = lambda scorers: scorers
        """Gives the `Scorers` that choose, from those that would (`agent.calibration.in_force`):
        set while an evaluation leaves something out."""

    def __enter__(self) -> Self:
        """Nothing is opened before it is used."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close connections; the last user of the embedded server stops it."""
        self.close()

    def close(self) -> None:
        """Close connections; nothing works afterwards."""
        # From here on nothing is opened; what a thread is opening now is waited for and closed.
        self._closed = True
        for name in OPENED:
            forget(self, name)
        self._open.close()

    @once_property
    def server(self) -> EmbeddedServer:
        """The embedded Postgres, whether it runs or not."""
        environ = {} if self.settings.data is None else {"GEOFIX_DATA": str(self.settings.data)}
        data_dir = resolve_data_dir(environ) / "postgres"
        return EmbeddedServer(data_dir, bin_dir=self.settings.postgres_bin)

    @property
    def embedded(self) -> bool:
        """Whether the database is geofix's own."""
        return self.settings.database_url is None

    @once_property
    def address(self) -> DatabaseAddress:
        """Where the database is; the embedded server is started by asking for it.

        Raises:
            DatabaseError: The services were closed.
        """
        if self._closed:
            raise DatabaseError(CLOSED)
        if self.settings.database_url is not None:
            return FixedAddress(self.settings.database_url)
        self._progress("starting the embedded database")
        self._open.enter_context(self.server.lease())
        return EmbeddedAddress(self.server, GEOFIX, self._require_open)

    @property
    def checkpoint_address(self) -> DatabaseAddress:
        """Where LangGraph's tables are: a database of their own where the server is ours."""
        address = self.address
        if not self.embedded:
            return address
        return EmbeddedAddress(self.server, CHECKPOINTS, self._require_open)

    @property
    def database_url(self) -> str:
        """Where the database is now, as a URL."""
        return self.address.url()

    @property
    def checkpoint_url(self) -> str:
        """Where LangGraph's tables are now, as a URL."""
        return self.checkpoint_address.url()

    def _require_open(self) -> None:
        # Who holds no lease any longer must not start the server: nobody would stop it.
        if self._closed:
            raise DatabaseError(CLOSED)

    @once_property
    def engine(self) -> Engine:
        """The engine, on a schema this version can use.

        The embedded database is brought up to date by itself, and a new one gets the starter
        gallery, once: a load that was cut off is made again, a gallery that was removed stays
        removed. A database of the user's own is not changed unasked.
        """
        engine = self._new_engine()
        try:
            self._make_ready(engine)
        except BaseException:
            # Whoever asks again gets a new one.
            engine.dispose()
            raise
        self._open.callback(engine.dispose)
        return engine

    def _make_ready(self, engine: Engine) -> None:
        if not self.embedded:
            schema.check_schema(engine)
            require_checkpoints(self.checkpoint_url)
            return
        schema.upgrade_schema(engine)
        # Every time, since a first start may have been killed between the two; it takes 10 ms.
        set_up_checkpoints(self.checkpoint_url)
        add_starter_once(engine)

    def _new_engine(self) -> Engine:
        settings = self.settings
        return open_engine(
            self.address,
            pool_size=settings.pool_size,
            pool_timeout_s=settings.pool_timeout_s,
        )

    def checkpoint_pool(self) -> AbstractContextManager[CheckpointPool]:
        """Return a pool for LangGraph's synchronous saver, to be opened by `with`."""
        return checkpoint_pool(self.checkpoint_address, **self._checkpoint_pool_options())

    def async_checkpoint_pool(self) -> AbstractAsyncContextManager[AsyncCheckpointPool]:
        """Return a pool for the asynchronous saver, to be opened by `async with`."""
        return async_checkpoint_pool(self.checkpoint_address, **self._checkpoint_pool_options())

    def _checkpoint_pool_options(self) -> dict[str, Any]:
        settings = self.settings
        return {"size": settings.checkpoint_pool_size, "timeout_s": settings.pool_timeout_s}

    def upgrade(self) -> bool:
        """Bring the schema and LangGraph's tables up to date; say whether ours changed."""
        engine = self._new_engine()
        try:
            changed = schema.upgrade_schema(engine)
        finally:
            engine.dispose()
        set_up_checkpoints(self.checkpoint_url)
        return changed

    @once_property
    def gallery(self) -> Gallery:
        """Searches."""
        return Gallery(self.engine)

    @once_property
    def ingest(self) -> Ingest:
        """Loads."""
        return Ingest(self.engine, progress=self._progress)

    @once_property
    def queries(self) -> QueryPhotos:
        """Photos asked about."""
        return QueryPhotos(self.engine)

    @once_property
    def calibrations(self) -> Calibrations:
        """What was fitted, by set-up."""
        return Calibrations(self.engine)

    @once_property
    def known_calibrations(self) -> KnownCalibrations:
        """The same, each read once."""
        return KnownCalibrations(self.calibrations)

    @once_property
    def pictures(self) -> PictureFiles:
        """Where pictures of the gallery are."""
        return PictureFiles(self.engine)

    @once_property
    def features(self) -> LocalFeatureStore:
        """Local features of pictures."""
        return LocalFeatureStore(self.engine)

    @once_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(self.engine)

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
        return load_image_place(settings.image_place, device=settings.device, dtype=settings.dtype)

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
        key = settings.model_api_key
        return load_chat_model(
            settings.model,
            base_url=settings.model_url,
            api_key=None if key is None else key.get_secret_value(),
            timeout_s=settings.model_timeout_s,
            cache_engine=self.engine if settings.answer_cache else None,
        )

    @once_property
    def price(self) -> Price | None:
        """What the model's tokens cost, where the user says so."""
        written = self.settings.model_price
        return None if written is None else Price.parse(written)

    @property
    def drafted_by(self) -> str:
        """Who drafts, as the answer names it."""
        if self._given_model is not None:
            return model_name(self._given_model)
        return self.settings.model or CONSENSUS

    def versions(self) -> dict[str, Any]:
        """Return what was in force, for the trail."""
        return {"geofix": _version(), "drafted_by": self.drafted_by}


@once
def _version() -> str:
    # Reads the installed package's metadata, three times a run otherwise, for 0.6 ms each.
    return version("geofix")
