"""What is stored: the database, opened when something of it is asked for.

Commands that read what is there (`geofix runs`, `trail`, `gallery list`) need nothing else. What
they do not need is imported where it is used: LangGraph with its checkpoints, searches, loads.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Engine

from geofix.agent.errors import DatabaseError
from geofix.agent.settings import Settings
from geofix.db import schema
from geofix.db.adopted_engine import adopt_engine
from geofix.db.embedded.cluster import CHECKPOINTS, GEOFIX
from geofix.db.embedded.data_dir import resolve_data_dir
from geofix.db.embedded.server import EmbeddedAddress, EmbeddedServer
from geofix.db.engine import (
    DatabaseAddress,
    FixedAddress,
    engine_address,
    open_engine,
)
from geofix.db.runs import QueryPhotos, Trail
from geofix.db.stores import Calibrations, LocalFeatureStore, PictureFiles
from geofix.tools.once import forget, once_property

if TYPE_CHECKING:
    from geofix.agent.calibration.stored import KnownCalibrations
    from geofix.db.checkpoints import AsyncCheckpointPool, CheckpointPool
    from geofix.db.load.ingest import Ingest
    from geofix.db.run_lock import RunLocks
    from geofix.db.search.gallery import Gallery

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
"""What is gone once the storage is closed; each before what it is made of."""


class Storage:
    """Leaving it as a context manager lets the database go."""

    def __init__(
        self,
        settings: Settings,
        progress: Callable[[str], None],
        engine: Engine | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            settings: Where the database is.
            progress: Called with one line when something slow is about to happen.
            engine: The caller's own, instead of one to where the settings say.

        Raises:
            DatabaseError: The engine cannot be used.
        """
        self._given_engine = None if engine is None else adopt_engine(engine)
        if self._given_engine is not None:
            # What is no engine connects there by itself: locks of runs, and checkpoints.
            url = engine_address(self._given_engine).url()
            settings = settings.model_copy(update={"database_url": url})
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

        An engine of the caller's stays open when this is closed.
        """
        if self._given_engine is not None:
            if self._closed:
                raise DatabaseError(CLOSED)
            return self._adopted(self._given_engine)
        engine = self._new_engine()
        try:
            self._make_ready(engine)
        except BaseException:
            # Whoever asks again gets a new one.
            engine.dispose()
            raise
        self._open.callback(engine.dispose)
        return engine

    def _adopted(self, engine: Engine) -> Engine:
        from geofix.db.search.similarity import dispose_second_pool  # noqa: PLC0415 - see the top

        schema.check_schema(engine)
        self._open.callback(dispose_second_pool, engine)
        return engine

    def _make_ready(self, engine: Engine) -> None:
        if not self.embedded:
            schema.check_schema(engine)
            return
        schema.upgrade_schema(engine)
        done = schema.steps_done(engine)
        if (step := f"checkpoints {version('langgraph-checkpoint-postgres')}") not in done:
            with schema.setup_step(engine, step) as to_do:
                if to_do:
                    self._set_up_checkpoints()
        if schema.STARTER_STEP not in done:
            from geofix.tools.starter import add_starter_once  # noqa: PLC0415 - see the top

            add_starter_once(engine)

    def _set_up_checkpoints(self) -> None:
        from geofix.db.checkpoints import set_up_checkpoints  # noqa: PLC0415 - see the top

        set_up_checkpoints(self.checkpoint_url)

    def open_for_runs(self, *, checkpoints: bool = True) -> None:
        """Open the database, and make sure that a run can be kept in it.

        Args:
            checkpoints: Whether LangGraph's tables have to be there.

        Raises:
            DatabaseError: It cannot be reached, or lacks tables of ours or of LangGraph's.
        """
        _ = self.engine
        # An embedded database has them by then.
        if checkpoints and not self.embedded:
            from geofix.db.checkpoints import require_checkpoints  # noqa: PLC0415 - see the top

            require_checkpoints(self.checkpoint_url)

    def _new_engine(self) -> Engine:
        settings = self.settings
        return open_engine(
            self.address,
            pool_size=settings.pool_size,
            pool_timeout_s=settings.pool_timeout_s,
        )

    def checkpoint_pool(self) -> AbstractContextManager[CheckpointPool]:
        """Return a pool for LangGraph's synchronous saver, to be opened by `with`."""
        from geofix.db.checkpoints import checkpoint_pool  # noqa: PLC0415 - see the top

        return checkpoint_pool(self.checkpoint_address, **self._checkpoint_pool_options())

    def async_checkpoint_pool(self) -> AbstractAsyncContextManager[AsyncCheckpointPool]:
        """Return a pool for the asynchronous saver, to be opened by `async with`."""
        from geofix.db.checkpoints import async_checkpoint_pool  # noqa: PLC0415 - see the top

        return async_checkpoint_pool(self.checkpoint_address, **self._checkpoint_pool_options())

    def _checkpoint_pool_options(self) -> dict[str, Any]:
        settings = self.settings
        return {"size": settings.checkpoint_pool_size, "timeout_s": settings.pool_timeout_s}

    @once_property
    def run_locks(self) -> RunLocks:
        """The locks under which one caller at a time drives a run."""
        from geofix.db.run_lock import RunLocks  # noqa: PLC0415 - see the top

        locks = RunLocks(self.address)
        self._open.callback(locks.close)
        return locks

    def upgrade(self) -> bool:
        """Bring the schema and LangGraph's tables up to date; say whether ours changed."""
        engine = self._new_engine()
        try:
            changed = schema.upgrade_schema(engine)
        finally:
            engine.dispose()
        self._set_up_checkpoints()
        return changed

    @once_property
    def gallery(self) -> Gallery:
        """Searches."""
        from geofix.db.search.gallery import Gallery  # noqa: PLC0415 - see the top

        return Gallery(self.engine)

    @once_property
    def ingest(self) -> Ingest:
        """Loads."""
        from geofix.db.load.ingest import Ingest  # noqa: PLC0415 - see the top

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
        from geofix.agent.calibration.stored import KnownCalibrations  # noqa: PLC0415 - see the top

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
