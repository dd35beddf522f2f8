"""The composition root: builds engine, encoder and chat model, each once and only when needed.

The only place that wires `tools` and `db` into the nodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from importlib.metadata import version
from threading import RLock
from types import TracebackType
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from sqlalchemy import Engine

from geofix.agent.consensus import CONSENSUS
from geofix.agent.errors import DatabaseError
from geofix.agent.settings import Settings
from geofix.db import schema
from geofix.db.checkpoints import require_checkpoints, set_up_checkpoints
from geofix.db.embedded.data_dir import resolve_data_dir
from geofix.db.engine import open_engine
from geofix.db.galleries import never_had_any
from geofix.db.gallery import Gallery
from geofix.db.ingest import Ingest
from geofix.db.pictures import Pictures
from geofix.db.queries import QueryPhotos
from geofix.db.server import EmbeddedServer
from geofix.db.trail import Trail
from geofix.tools.chat import load_chat_model, model_name
from geofix.tools.encoders import Encoder, load_encoder
from geofix.tools.offline import VARIABLE, stay_offline
from geofix.tools.prices import Price
from geofix.tools.starter import add_starter


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
        """Wire up lazily.

        Args:
            settings: Read from the environment if none are given.
            encoder: Used instead of the one the settings name.
            model: Likewise; any LangChain chat model that takes images, or `provider:model`.
            progress: Called with one line when something slow is about to happen.
        """
        self.settings = settings or Settings.from_environment()
        if self.settings.offline:
            # Libraries below look there; `.env` may have said it.
            os.environ[VARIABLE] = "1"
        stay_offline()
        self._given_encoder = encoder
        if isinstance(model, str):
            self.settings = self.settings.model_copy(update={"model": model})
            model = None
        self._given_model = model
        self._progress = progress or (lambda line: None)
        self._open = ExitStack()
        self._closed = False
        self.lock = RLock()
        """Held while something is loaded: several threads may ask at once."""

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
        self._closed = True
        self._open.close()
        for name in ("database_url", "engine", "gallery", "ingest", "pictures", "queries", "trail"):
            self.__dict__.pop(name, None)

    @cached_property
    def server(self) -> EmbeddedServer:
        """The embedded Postgres, whether it runs or not."""
        environ = {} if self.settings.data is None else {"GEOFIX_DATA": str(self.settings.data)}
        data_dir = resolve_data_dir(environ) / "postgres"
        return EmbeddedServer(data_dir, bin_dir=self.settings.postgres_bin)

    @property
    def embedded(self) -> bool:
        """Whether the database is geofix's own."""
        return self.settings.database_url is None

    @cached_property
    def database_url(self) -> str:
        """The database's URL; the embedded server is started by asking for it.

        Raises:
            DatabaseError: The services were closed.
        """
        if self._closed:
            raise DatabaseError("this geofix was closed; open it again with `open_agent()`")
        if self.settings.database_url is not None:
            return self.settings.database_url
        self._progress("starting the embedded database")
        return self._open.enter_context(self.server.lease())

    @property
    def checkpoint_url(self) -> str:
        """Where LangGraph's tables live: a database of their own where the server is ours."""
        url = self.database_url
        return self.server.url("geofix_checkpoints") if self.embedded else url

    @cached_property
    def engine(self) -> Engine:
        """The engine, on a schema this version can use.

        The embedded database is brought up to date by itself, and a new one gets the starter
        gallery; one of the user's own is not changed unasked.
        """
        engine = open_engine(self.database_url)
        self._open.callback(engine.dispose)
        if not self.embedded:
            schema.check(engine)
            require_checkpoints(self.checkpoint_url)
            return engine
        schema.upgrade(engine)
        # Every time, since a first start may have been killed between the two; it takes 10 ms.
        set_up_checkpoints(self.checkpoint_url)
        if never_had_any(engine):
            add_starter(Ingest(engine))
        return engine

    def upgrade(self) -> bool:
        """Bring the schema and LangGraph's tables up to date; say whether ours changed."""
        engine = open_engine(self.database_url)
        try:
            changed = schema.upgrade(engine)
        finally:
            engine.dispose()
        set_up_checkpoints(self.checkpoint_url)
        return changed

    @cached_property
    def gallery(self) -> Gallery:
        """Searches."""
        return Gallery(self.engine, shard_search=self.settings.shard_search)

    @cached_property
    def ingest(self) -> Ingest:
        """Loads."""
        return Ingest(self.engine, progress=self._progress)

    @cached_property
    def queries(self) -> QueryPhotos:
        """Photos asked about."""
        return QueryPhotos(self.engine)

    @cached_property
    def pictures(self) -> Pictures:
        """Where pictures of the gallery are."""
        return Pictures(self.engine)

    @cached_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(self.engine)

    @cached_property
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

    @cached_property
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

    @cached_property
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
        return {"geofix": version("geofix"), "drafted_by": self.drafted_by}
