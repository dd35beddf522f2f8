"""Putting a host's question to geofix's graph, so that the host's graph keeps the run's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.runtime import Runtime

from geofix.agent.async_facade import AsyncAgent
from geofix.agent.calibration.claims import parse_claim
from geofix.agent.checkpointer import require_ours
from geofix.agent.context import Context, checked_context, context_from, recursion_limit
from geofix.agent.errors import RegionError, TrailError
from geofix.agent.facade import Agent
from geofix.agent.fix import Fix
from geofix.agent.hosts.answers import presented
from geofix.agent.regions import HOW_TO_WRITE, parse_region
from geofix.agent.services import Services
from geofix.agent.state import Query, Region, Settled

CHECKPOINTER = "__pregel_checkpointer"
"""LangGraph's own name for the saver that a graph hands down to the graphs inside it."""

RUNTIME = "__pregel_runtime"
"""The same for its runtime. `get_runtime` fails in a tool that is called outside a graph."""


class _How(TypedDict):
    config: RunnableConfig
    context: Context


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
    return _answer(agent.services, agent.subgraph.invoke(query, **_how(options)))


async def aask(agent: AsyncAgent, query: Query, options: Mapping[str, Any]) -> Fix:
    """The same under asyncio."""
    return _answer(agent.services, await agent.subgraph.ainvoke(query, **_how(options)))


def _how(options: Mapping[str, Any]) -> _How:
    """Return how our graph is run: with the host's context, in which these options come first.

    Raises:
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
    theirs = context_from(runtime.context if isinstance(runtime, Runtime) else None)
    context = checked_context({**theirs.model_dump(exclude_unset=True), **options})
    return {"config": {"recursion_limit": recursion_limit(context)}, "context": context}


def _answer(services: Services, given: dict[str, Any]) -> Fix:
    settled = given.get("fix")
    if isinstance(settled, Settled):
        return presented(services, settled)
    raise TrailError(
        "the run waits for a person to choose a candidate, but nothing here can ask one: use the"
        " option ask_human only in a graph with a checkpointer"
    )
