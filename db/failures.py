"""What the driver, its pools and the server fail with, as one error of ours: the one place for it.

A kind for each SQLSTATE, and for each says what it means and what to do. The text holds the first
line of what was said and never SQL, parameters or rows; the original error is kept in `original`
and not in the chain, because a traceback would print its statement and the row it was about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests
from sqlalchemy import exc as sa_exc

from geofix.db.errors import DatabaseError, FailureKind
from geofix.db.plain_text import without

LONGEST_REASON = 300
"""Characters of what the server said that are passed on."""

STATES: dict[str, FailureKind] = {
    "08": "unreachable",
    "28": "login",
    "3D": "no database",
    "57P01": "shut down",
    "57P02": "shut down",
    "57P03": "starting",
    "57P04": "no database",
    "57P05": "shut down",
    "25P03": "shut down",
    "57014": "timeout",
    "55P03": "lock timeout",
    "40P01": "deadlock",
    "40": "conflict",
    "25006": "read-only",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "42P01": "old schema",
    "42703": "old schema",
    "42704": "old schema",
    "42883": "old schema",
    "3F000": "old schema",
    "42501": "permission",
    "22": "bad value",
    "0A": "fault",
    "21": "fault",
    "23": "fault",
    "25": "fault",
    "26": "fault",
    "34": "fault",
    "42": "fault",
}
"""Kinds by SQLSTATE, or by its class of two characters; `failed` for all others."""

WORDS: tuple[tuple[str, FailureKind], ...] = (
    ("unsupported startup parameter", "pooler refuses"),
    ("authentication failed|no password supplied|no pg_hba.conf entry|role .* does not", "login"),
    ('database ".*" does not exist|no such database', "no database"),
    ("starting up|in recovery|recovery mode|not yet accepting", "starting"),
    ("shutting down|terminating connection", "shut down"),
    ("too many (clients|connections)|connection slots|no more connections", "too many connections"),
)
"""Kinds by what is said while a connection is made: libpq gives no SQLSTATE then."""

WORKER = re.compile(
    r"(?:connection to the remote node (?:[^\s@]{1,64}@)?|while executing command on )"
    r"([^\s@]{1,255}:\d{1,5})"
)
"""How Citus names the worker that could not be reached, or that failed."""

SAYS: dict[FailureKind, str] = {
    "worker": "the Citus worker {worker!r} failed: {reason}. The coordinator, {it}, is running."
    " Start the worker again, or read its log",
    "unreachable": "cannot reach {it}: {reason}. {advice}",
    "login": "cannot reach {it}: {reason}. {advice}",
    "no database": "cannot reach {it}: {reason}. {advice}",
    "starting": "{it} does not accept connections yet: {reason}. Try again in a moment",
    "shut down": "{it} ended the connection: {reason}. Check that the server runs and try again",
    "pooler refuses": "the pooler in front of {it} refused the connection: {reason}. Remove the"
    " parameter that it names (such as `options`) from the setting"
    " database_url; geofix does not need it",
    "too many connections": "{it} has no free connection: {reason}. Lower GEOFIX_POOL_SIZE and"
    " GEOFIX_CHECKPOINT_POOL_SIZE, or raise max_connections on the"
    " server",
    "pool exhausted": "all {size} connections of this process to {it} are in use, and none"
    " became free within {timeout_s:g} s. Locate fewer photos at once, or"
    " raise {setting} (connections) or GEOFIX_POOL_TIMEOUT_S (seconds)",
    "timeout": "{it} took too long: {reason}. Try again; if it fails again, read in the"
    " server's log what keeps it busy",
    "lock timeout": "{it} could not get a lock: {reason}. Wait for the session that holds it to"
    " end, then try again",
    "deadlock": "{it} rolled the work back: {reason}. Nothing was stored; try again",
    "conflict": "{it} rolled the work back: {reason}. Nothing was stored; try again",
    "read-only": "{it} is read-only: {reason}. geofix stores every photo, run and checkpoint"
    " there. Set database_url to the primary server, or turn"
    " default_transaction_read_only off",
    "disk full": "{it} has no disk space left: {reason}. Nothing of this step was stored. Free"
    " space on the server's disk, then try again",
    "out of memory": "{it} is out of memory: {reason}. Try again with less work at once, or"
    " give the server more memory",
    "old schema": "{it} does not have the tables that this version of geofix needs: {reason}."
    " Run `geofix db upgrade`",
    "permission": "the role {role!r} lacks a permission in {it}: {reason}. Grant the"
    " permission, or use another role in the setting database_url",
    "bad value": "{it} refused a value: {reason}",
    "unusable": "{it}: {reason}",
    "fault": "{it} refused a statement: {reason} (SQLSTATE {state}). This is a bug in geofix;"
    " report it with this line",
    "failed": "{it} failed: {reason}. Try again; if it fails again, read the server's log",
}
"""What each kind says; `it` is the database by its URL or, where it is ours, by its folder."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What was asked, and through which pool, for the texts."""

    shown: str
    """What a person knows the database by; without its password."""
    advice: str = ""
    """What to do where it cannot be reached, a sentence without its full stop."""
    role: str | None = None
    size: int = 0
    """Connections the pool has at most."""
    timeout_s: float = 0
    """How long it waits for one of them."""
    setting: str = "GEOFIX_POOL_SIZE"
    """Which setting says how many."""
    secrets: tuple[str, ...] = ()
    """What of the URL must not be shown, whoever says it."""


def failure(error: Exception, reached: Reached) -> DatabaseError | None:
    """Return what `error` means, as an error of ours; none if it is not the database's.

    Args:
        error: Of SQLAlchemy, psycopg or one of their pools.
        reached: What was asked.
    """
    kind = kind_of(error)
    if kind is None:
        return None
    driver = _driver_error(error)
    reason, state = reason_of(driver, *reached.secrets), getattr(driver, "sqlstate", None)
    text = SAYS[kind].format(
        it=f"the database at {reached.shown!r}",
        advice=reached.advice,
        reason=reason,
        role=reached.role,
        state=state,
        worker=_worker(driver),
        size=reached.size,
        timeout_s=reached.timeout_s,
        setting=reached.setting,
    )
    if kind == "pool exhausted":
        reason = f"all {reached.size} connections were in use for {reached.timeout_s:g} s"
    said = DatabaseError(text, kind=kind, sqlstate=state, reason=reason, original=error)
    # Where it happened stays in the traceback; what was sent does not.
    return said.with_traceback(error.__traceback__)


def kind_of(error: Exception) -> FailureKind | None:
    """Return the kind of an error; none if it is not the database's."""
    if isinstance(error, sa_exc.TimeoutError | PoolTimeout | TooManyRequests):
        return "pool exhausted"
    if isinstance(error, sa_exc.PendingRollbackError):
        return "shut down"
    driver = _driver_error(error)
    if not isinstance(driver, psycopg.Error):
        return None
    # Before its SQLSTATE, which would blame the coordinator.
    if _worker(driver) is not None:
        return "worker"
    state = driver.sqlstate
    if state is not None:
        return STATES.get(state) or STATES.get(state[:2], "failed")
    if isinstance(driver, psycopg.DataError):
        return "bad value"
    if isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError):
        said = str(driver)
        return next((kind for words, kind in WORDS if re.search(words, said)), "unreachable")
    return "unusable"


def reason_of(error: BaseException, *secrets: str) -> str:
    """Return the first line of what the driver or the server said, and how long it was waited for.

    Args:
        error: Of the driver.
        secrets: Blacked out in it.
    """
    first = without(str(error).strip().partition("\n")[0], *secrets)
    kept = first if len(first) <= LONGEST_REASON else first[: LONGEST_REASON - 3] + "..."
    return kept + "".join(f" ({note})" for note in getattr(error, "__notes__", []))


def _worker(error: BaseException) -> str | None:
    """Return host and port of the server that Citus says it failed on; none where it names none.

    Values that a worker does not take are no fault of its own.
    """
    if not isinstance(error, psycopg.OperationalError | psycopg.InternalError):
        return None
    # The driver's text holds the server's CONTEXT too.
    named = WORKER.search(str(error))
    return named and named.group(1)


def _driver_error(error: Exception) -> BaseException:
    if isinstance(error, sa_exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error
