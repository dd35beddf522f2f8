"""geofix as a tool of a host's agent: its model names a photo, and gets the answer as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langgraph.prebuilt import ToolRuntime
from pydantic import BaseModel, Field

from geofix.agent.async_facade import AsyncAgent
from geofix.agent.errors import GeofixError, PhotoError
from geofix.agent.facade import Agent
from geofix.agent.fix import Fix
from geofix.agent.hosts.answers import plain, text_of
from geofix.agent.hosts.asking import aask, ask, checked_options, query_of
from geofix.agent.hosts.photos import confined, latest_picture, stored
from geofix.agent.run.recording import in_thread
from geofix.agent.state import REFERENCE, Query

NAME = "locate_photo"

DESCRIPTION = (
    "Find out where a photo was taken. Gives a position with a radius, the place's name, other"
    " candidates and the reasons, or says why there is no answer."
)

FORMS = "leave it out for the latest picture of the conversation, or give 'sha256:<hex>' of a photo"


class Arguments(BaseModel):
    """What a model may ask."""

    photo: str | None = Field(
        default=None, description=f"Which photo: {FORMS} that was located before."
    )
    within: str | None = Field(
        default=None,
        description="Where the answer has to lie, if that is known: a country, LAT,LON,KM for a"
        " circle, or SOUTH,WEST,NORTH,EAST for a box, in degrees.",
    )


class ArgumentsWithFiles(Arguments):
    """What a model may ask that may read files."""

    photo: str | None = Field(
        default=None,
        description=f"Which photo: a file name; or {FORMS} that was located before.",
    )


def as_tool(
    agent: Agent | AsyncAgent,
    *,
    name: str = NAME,
    description: str = DESCRIPTION,
    folder: Path | str | None = None,
    messages: str = "messages",
    **options: Any,
) -> BaseTool:
    """Return a LangChain tool that locates a photo.

    The model gets the answer as text; the whole answer is the tool message's `artifact`, as plain
    JSON types. What geofix refuses comes back as a tool message of status `error`, so the model can
    ask again. In an agent with a checkpointer a person is asked by an interrupt of that agent.

    A model names a picture of the conversation or a stored photo. It can read a file only from
    `folder`. File names and EXIF stay out of the answer.

    Args:
        agent: Open for as long as the tool is used. With an `AsyncAgent` the tool is asynchronous.
        name: Name of the tool.
        description: What the model is told about it.
        folder: Where the model may read files; no file is read if none is given.
        messages: Key of the host's state that holds the conversation.
        **options: Fields of `Context`. They come before those of the host's context.

    Raises:
        OptionError: There is no such option, or it cannot have this value.
    """
    chosen = checked_options(options)
    home = None if folder is None else Path(folder)

    def asked(photo: str | None, within: str | None, runtime: ToolRuntime | None) -> Query:
        query = query_of("", within, None)
        source = _source(photo, home, _conversation(runtime, messages))
        return query.model_copy(update={"photo": stored(source, agent.services, None)})

    def locate(
        photo: str | None = None,
        within: str | None = None,
        runtime: ToolRuntime = None,  # type: ignore[assignment] # LangGraph knows it by this type
    ) -> tuple[str, dict[str, Any]]:
        assert isinstance(agent, Agent)
        try:
            return _told(ask(agent, asked(photo, within, runtime), chosen))
        except GeofixError as error:
            raise ToolException(str(error)) from error

    async def alocate(
        photo: str | None = None,
        within: str | None = None,
        runtime: ToolRuntime = None,  # type: ignore[assignment] # LangGraph knows it by this type
    ) -> tuple[str, dict[str, Any]]:
        assert isinstance(agent, AsyncAgent)
        try:
            query = await in_thread(asked, photo, within, runtime)
            return _told(await aask(agent, query, chosen))
        except GeofixError as error:
            raise ToolException(str(error)) from error

    under_asyncio = isinstance(agent, AsyncAgent)
    return StructuredTool.from_function(
        func=None if under_asyncio else locate,
        coroutine=alocate if under_asyncio else None,
        name=name,
        description=description,
        args_schema=Arguments if folder is None else ArgumentsWithFiles,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _told(fix: Fix) -> tuple[str, dict[str, Any]]:
    return text_of(fix), plain(fix)


def _conversation(runtime: ToolRuntime | None, key: str) -> list[Any]:
    """Return the messages of the host's state; none outside a graph."""
    state = None if runtime is None else runtime.state
    if isinstance(state, list):
        return state
    found = state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
    return list(found or [])


def _source(photo: str | None, folder: Path | None, messages: list[Any]) -> str | Path:
    """Return what a model named.

    Raises:
        PhotoError: The model may not read it, or there is no picture in the conversation.
    """
    if not photo:
        picture = latest_picture(messages)
        if picture is None:
            raise PhotoError(
                "the conversation has no picture; ask the user for one, or name a photo"
            )
        return picture
    if photo.startswith(REFERENCE):
        return photo
    if folder is None:
        raise PhotoError(
            f"the photo {photo[:80]!r} cannot be read, because files are closed to this tool; leave"
            " `photo` out to use the latest picture of the conversation, or give 'sha256:<hex>' of"
            " a photo that was located before"
        )
    return confined(photo, folder)
