"""geofix as a node of a host's graph, whatever the keys of its state are called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, overload

from geofix.agent.async_facade import AsyncAgent
from geofix.agent.errors import OptionError, PhotoError
from geofix.agent.facade import Agent
from geofix.agent.fix import Fix
from geofix.agent.hosts.answers import plain
from geofix.agent.hosts.asking import aask, ask, checked_options, query_of
from geofix.agent.hosts.photos import stored
from geofix.agent.run.recording import in_thread
from geofix.agent.services import Services
from geofix.agent.state import Query

NAME = "locate_photo"
"""Name of the node where the host gives none."""

_MISSING = object()


class Node(Protocol):
    """A node in the form that type checkers take for one of LangGraph's."""

    def __call__(self, state: Any) -> dict[str, Any]:
        """Return the answer under its key."""
        ...


class AsyncNode(Protocol):
    """The same under asyncio."""

    async def __call__(self, state: Any) -> dict[str, Any]:
        """Return the answer under its key."""
        ...


@overload
def as_node(
    agent: Agent,
    *,
    photo: str = ...,
    within: str | None = ...,
    claimed: str | None = ...,
    answer: str = ...,
    as_json: bool = ...,
    folder: Path | str | None = ...,
    **options: Any,
) -> Node: ...


@overload
def as_node(
    agent: AsyncAgent,
    *,
    photo: str = ...,
    within: str | None = ...,
    claimed: str | None = ...,
    answer: str = ...,
    as_json: bool = ...,
    folder: Path | str | None = ...,
    **options: Any,
) -> AsyncNode: ...


def as_node(
    agent: Agent | AsyncAgent,
    *,
    photo: str = "photo",
    within: str | None = None,
    claimed: str | None = None,
    answer: str = "fix",
    as_json: bool = False,
    folder: Path | str | None = None,
    **options: Any,
) -> Node | AsyncNode:
    """Return a function to add to a `StateGraph`, which reads the photo and writes the answer.

    The run is part of the host's graph: its checkpointer keeps the run's state, a person is asked
    by an interrupt of the host's graph, and a `Command` to that graph resumes it. The photo is
    stored before the run begins, so the run's checkpoints hold its hash and no picture. Options in
    the host's own context, by name or under `geofix`, apply too.

    The checkpointer has to load geofix's classes: give it `serde=serializer()`.

    Args:
        agent: Open for as long as the graph is used. An `AsyncAgent` gives an asynchronous node.
        photo: Key of the state that holds the photo: a path, the bytes of a file, a `data:` URL, or
            `sha256:<hex>` of a stored photo.
        within: Key that holds where the answer may lie: a `Region`, or its text; none if no key
            does.
        claimed: Key that holds a place to check: `LAT,LON`, or latitude and longitude.
        answer: Key that the answer is written to.
        as_json: Whether the answer is written as plain JSON types instead of a `Fix`.
        folder: Where paths must lie. Give one if strangers can write the state, as those can who
            are served by a LangGraph server; without it every path is read.
        **options: Fields of `Context`. They come before those of the host's context.

    Raises:
        OptionError: There is no such option, or it cannot have this value.
    """
    chosen = checked_options(options)
    home = None if folder is None else Path(folder)

    def asked(state: Any) -> Query:
        return _asked(state, (photo, within, claimed), agent.services, home)

    def told(fix: Fix) -> dict[str, Any]:
        return {answer: plain(fix) if as_json else fix}

    if isinstance(agent, AsyncAgent):

        async def anode(state: Any) -> dict[str, Any]:
            return told(await aask(agent, await in_thread(asked, state), chosen))

        anode.__name__ = NAME
        return anode

    def node(state: Any) -> dict[str, Any]:
        return told(ask(agent, asked(state), chosen))

    node.__name__ = NAME
    return node


def _asked(
    state: Any, keys: tuple[str, str | None, str | None], services: Services, folder: Path | None
) -> Query:
    """Return the question that a host's state holds."""
    photo, within, claimed = keys
    given = _value(state, photo)
    if given is None:
        raise PhotoError(
            f"the state's {photo!r} holds no photo; give a path, bytes, a 'data:image/...;base64,'"
            " URL, or 'sha256:<hex>' of a stored photo"
        )
    region = None if within is None else _value(state, within)
    place = None if claimed is None else _value(state, claimed)
    # Before the photo is stored: an unusable question leaves nothing behind.
    query = query_of("", region, place)
    return query.model_copy(update={"photo": stored(given, services, folder)})


def _value(state: Any, key: str) -> Any:
    """Return a value of a state: a mapping (what may be missing is none), or an object.

    Raises:
        OptionError: An object has no such attribute.
    """
    if isinstance(state, Mapping):
        return state.get(key)
    value = getattr(state, key, _MISSING)
    if value is _MISSING:
        raise OptionError(
            f"the state {type(state).__name__} has no key {key!r}; tell `as_node` which keys of the"
            " state hold the photo, the region and the claim"
        )
    return value
