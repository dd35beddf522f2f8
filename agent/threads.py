"""The threads that synchronous work runs in under asyncio: geofix's own, not the event loop's.

The loop's default executor has 6 threads on two cores. The host's own `to_thread`, the look-up of
host names and LangGraph's savers run there too, so questions that wait for a model, or for an
encoder to be loaded, must not fill it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

MOST_AT_ONCE = 32
"""Steps of all runs of the process: most of the time of one is spent waiting for a chat model."""

_THREADS = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="geofix")


async def in_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Return what `work` gives, called in a thread of geofix's with this task's context."""
    call = partial(copy_context().run, work, *args, **named)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call)
