"""Which failures are tried again, and after how long: those that were quick and may pass."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from geofix.tools.failures import header_of, is_cut_off, is_time_out, status_of

WAITS_S = (0.5, 2.0)
"""Before the second and the third try, where the server does not say how long to wait."""

LONGEST_WAIT_S = 20.0
"""A server that wants a longer pause is given up on."""

QUICK_S = 10.0
"""Only a failure this quick is tried again; a time-out is not worth a second one."""


def wait_s(error: BaseException, tries: int, took_s: float) -> float | None:
    """Return how long to wait before the next try; None if there is to be none.

    Args:
        error: What a client raised.
        tries: How often the question was tried again already.
        took_s: How long this try took, seconds.
    """
    if took_s > QUICK_S or tries >= len(WAITS_S) or not _may_pass(error):
        return None
    asked_for = retry_after_s(header_of(error, "retry-after"))
    wait = WAITS_S[tries] if asked_for is None else asked_for
    return wait if wait <= LONGEST_WAIT_S else None


def retry_after_s(header: str) -> float | None:
    """Return the pause a server asks for, in seconds: it names them, or a date (RFC 9110)."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass  # No number, so perhaps a date.
    try:
        when = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date without a zone is in UTC.
    moment = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _may_pass(error: BaseException) -> bool:
    status = status_of(error)
    if status is not None:
        return status == 429 or status >= 500
    return is_cut_off(error) and not is_time_out(error)
