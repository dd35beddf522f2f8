"""Code of a caller, as strict type checkers see it: `make types` checks it, nothing runs it."""

from __future__ import annotations

from typing import assert_type

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
