"""Putting a host's question to geofix's graph, so that the host's graph keeps the run's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.runtime import Runtime

from geofix.agent.async_facade import AsyncAgent
from geofix.agent.calibration.claims import parse_claim
from geofix.agent.context import checked_context, context_from, recursion_limit
from geofix.agent.errors import RegionError, TrailError
from geofix.agent.facade import Agent
from geofix.agent.fix import Fix
from geofix.agent.regions import HOW_TO_WRITE, parse_region
from geofix.agent.savers import require_ours
from geofix.agent.state import Query, Region

CHECKPOINTER = "__pregel_checkpointer"
"""LangGraph's own name for the saver that a graph hands down to the graphs inside it."""

RUNTIME = "__pregel_runtime"
"""The same for its runtime. `get_runtime` fails in a tool that is called outside a graph."""


def query_of(photo: str, within: object, claimed: Any) -> Query:
    """Return a host's question as ours.

    Args:
        photo: Reference of a stored photo.
        within: A region, its fields, or its text; none for the whole world.
        claimed: A place to check: `LAT,LON`, or latitude and longitude.

    Raises:
        RegionError: The region or the claim is invalid.
    """
    place = parse_claim(claimed)
    if isinstance(place, str):
        raise RegionError(
            f"the claim {claimed!r} cannot be checked in a graph, because what the EXIF says stays"
            " outside of it; give the place as 'LAT,LON', or ask by `agent.locate`"
        )
    return Query(photo=photo, within=region_of(within), claimed=place)


def region_of(within: object) -> Region | None:
    """Return the region that a host names.

    Raises:
        RegionError: It is not a region.
    """
    if isinstance(within, str):
        return parse_region(within) if within.strip() else None
    if within is None or isinstance(within, Region):
        return within
    if isinstance(within, Mapping):
        try:
            return Region.model_validate(within)
        except ValueError as error:
            raise RegionError(f"within cannot be {within!r}: {error}; {HOW_TO_WRITE}") from error
    raise RegionError(f"within cannot be {within!r}; {HOW_TO_WRITE}")


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options, each of which a run can have.

    Raises:
        OptionError: There is no such option, or it cannot have this value.
    """
    checked_context(options)
    return dict(options)


def ask(agent: Agent, query: Query, options: Mapping[str, Any]) -> Fix:
    """Ask our graph inside a node or a tool of the host, and return the answer."""
    host = _Host(options)
    for mode, told in agent.subgraph.stream(query, **host.how):
        host.hear(mode, told)
    return host.answer()


async def aask(agent: AsyncAgent, query: Query, options: Mapping[str, Any]) -> Fix:
    """The same under asyncio."""
    host = _Host(options)
    async for mode, told in agent.subgraph.astream(query, **host.how):
        host.hear(mode, told)
    return host.answer()


class _Host:
    """The graph, if any, whose node or tool is running."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Find out what the host hands down.

        Args:
            options: Fields of `Context` that come before those of the host's context.

        Raises:
            OptionError: One of our options in the host's context has a value it cannot have.
            SettingError: The host's saver would lose what our graph keeps.
        """
        try:
            known = get_config().get("configurable", {})
        except RuntimeError:
            # Outside a graph.
            known = {}
        saver, runtime = known.get(CHECKPOINTER), known.get(RUNTIME)
        if isinstance(saver, BaseCheckpointSaver):
            require_ours(saver)
        self._runtime = runtime if isinstance(runtime, Runtime) else None
        theirs = context_from(None if self._runtime is None else self._runtime.context)
        context = checked_context({**theirs.model_dump(exclude_unset=True), **options})
        self.how: dict[str, Any] = {
            "config": {"recursion_limit": recursion_limit(context)},
            "context": context,
            "stream_mode": ["custom", "values"],
        }
        """How our graph is run."""
        self._values: Any = None

    def hear(self, mode: str, told: Any) -> None:
        """Hand our events on: a host that does not stream its subgraphs would get none."""
        if mode == "values":
            self._values = told
        elif self._runtime is not None:
            self._runtime.stream_writer(told)

    def answer(self) -> Fix:
        """Return the answer.

        Raises:
            TrailError: There is none yet, and nobody can be asked.
        """
        fix = (self._values or {}).get("fix")
        if isinstance(fix, Fix):
            return fix
        raise TrailError(
            "the run waits for a person to decide, but nothing here can ask one: use the option"
            " 'pause' only in a graph with a checkpointer"
        )
