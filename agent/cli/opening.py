"""Where the commands get geofix from.

Imported when a command runs: with torch, LangGraph and SQLAlchemy it takes two seconds, which
`--help` must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.status import Status

from geofix.agent.cli.terminal import err, plain

if TYPE_CHECKING:
    from geofix.agent.facade import Agent
    from geofix.agent.services import Services
    from geofix.agent.settings import Settings

VERBS = {
    "embed": "looking at the photo",
    "retrieve": "searching the gallery",
    "draft": "drafting",
    "verify": "verifying",
    "refine": "choosing a finer region",
    "review": "waiting for a person",
    "settle": "settling",
}
"""What a node does, for somebody who waits."""


def open_services(
    settings: Settings | None = None, *, progress: Callable[[str], None] | None = None
) -> Services:
    """Return engine, encoder and model, to be used in a `with`; nothing is opened yet."""
    from geofix.agent.services import Services  # noqa: PLC0415 - see the top

    return Services(settings, progress=progress)


@contextmanager
def open_agent(
    settings: Settings | None = None,
) -> Iterator[tuple[Agent, Callable[[dict[str, Any]], None]]]:
    """Open geofix, and give a listener that shows on standard error what a run is doing."""
    from geofix.agent import facade  # noqa: PLC0415 - see the top

    with (
        err().status("starting") as status,
        facade.open_agent(settings, progress=lambda line: status.update(plain(line))) as agent,
    ):
        yield agent, lambda event: _follow(status, event)


def _follow(status: Status, event: dict[str, Any]) -> None:
    if event["event"] == "started":
        again = f" (round {event['round'] + 1})" if event["round"] else ""
        status.update(VERBS[event["node"]] + again)
