"""Code of a caller, as strict type checkers see it: `make types` checks it, nothing runs it."""

from __future__ import annotations

from typing import TypedDict, assert_type

from langchain_core.messages import HumanMessage
from langgraph.graph import StateGraph
from langgraph.prebuilt import ToolNode

import geofix
from geofix import (
    Agent,
    AsyncAgent,
    Fix,
    PhotoError,
    Region,
    Settings,
    alocate,
    aopen_agent,
    locate,
    open_agent,
)
from geofix.errors import OptionError
from geofix.langgraph import as_messages_graph, as_node, as_tool


def one(path: str) -> Fix:
    try:
        fix = locate(path, within="France", positives=32)
    except (PhotoError, OptionError, geofix.errors.RegionError) as error:
        assert_type(error.code, str)
        raise
    assert_type(fix.radius_km, float | None)
    assert_type(geofix.__version__, str)
    return fix


def many(paths: list[str], within: Region) -> list[Fix]:
    with open_agent(Settings()) as agent:
        assert_type(agent, Agent)
        return [agent.locate(path, within=within) for path in paths]


async def without_waiting(path: str) -> Fix:
    async with aopen_agent() as agent:
        assert_type(agent, AsyncAgent)
        await agent.alocate(path)
    return await alocate(path)


class Case(TypedDict):
    picture: str
    where: Fix


def inside(agent: Agent, other: AsyncAgent) -> StateGraph[Case]:
    builder = StateGraph(Case)
    builder.add_node("here", as_node(agent, photo="picture", answer="where", positives=8))
    builder.add_node("there", as_node(other, photo="picture", answer="where"))
    builder.add_node("agent", ToolNode([as_tool(agent), as_tool(other, name="again")]))
    as_messages_graph(agent).invoke({"messages": [HumanMessage("Paris")]})
    return builder
