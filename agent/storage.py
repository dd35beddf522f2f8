"""The database and what lives in it, each opened once and only when needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from geofix.agent.errors import DatabaseError
from geofix.agent.known_calibrations import KnownCalibrations
from geofix.agent.settings import Settings
from geofix.db import schema
from geofix.db.calibrations import Calibrations
from geofix.db.checkpoints import require_checkpoints, set_up_checkpoints
from geofix.db.embedded.data_dir import resolve_data_dir
from geofix.db.engine import open_engine
from geofix.db.galleries import never_had_any
from geofix.db.gallery import Gallery
from geofix.db.ingest import Ingest
from geofix.db.local_features import LocalFeatureStore
from geofix.db.pictures import Pictures
from geofix.db.queries import QueryPhotos
from geofix.db.server import EmbeddedServer
from geofix.db.trail import Trail
from geofix.tools.starter import add_starter

OPENED = (
    "database_url",
    "engine",
    "gallery",
    "ingest",
    "queries",
    "calibrations",
    "known_calibrations",
    "pictures",
    "features",
    "trail",
)
"""What is gone once the storage is closed."""


class Storage:
    """Leaving it as a context manager lets the database go."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        """Open nothing yet.

        Args:
            settings: Where the database is.
            progress: Called with one line when something slow is about to happen.
        """
        self.settings = settings
        self._progress = progress
        self._open = ExitStack()
        self._closed = False

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
        for name in OPENED:
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
        return Gallery(self.engine)

    @cached_property
    def ingest(self) -> Ingest:
        """Loads."""
        return Ingest(self.engine, progress=self._progress)

    @cached_property
    def queries(self) -> QueryPhotos:
        """Photos asked about."""
        return QueryPhotos(self.engine)

    @cached_property
    def calibrations(self) -> Calibrations:
        """What was fitted, by set-up."""
        return Calibrations(self.engine)

    @cached_property
    def known_calibrations(self) -> KnownCalibrations:
        """The same, each read once."""
        return KnownCalibrations(self.calibrations)

    @cached_property
    def pictures(self) -> Pictures:
        """Where pictures of the gallery are."""
        return Pictures(self.engine)

    @cached_property
    def features(self) -> LocalFeatureStore:
        """Local features of pictures."""
        return LocalFeatureStore(self.engine)

    @cached_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(self.engine)
