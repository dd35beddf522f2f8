"""What is told of a run while it goes on: the objects that `Agent.stream` gives.

A program that gets them as JSON, over HTTP or from a LangGraph server, reads them by `read_event`.
"""

from __future__ import annotations

from geofix.agent.run.events import (
    AnyEvent,
    Drafting,
    Event,
    Failed,
    Finished,
    Questioned,
    Refining,
    Retrieved,
    Sending,
    Started,
    StepDone,
    StepStarted,
    ToldPlace,
    Verified,
    read_event,
)

__all__ = [
    "AnyEvent",
    "Drafting",
    "Event",
    "Failed",
    "Finished",
    "Questioned",
    "Refining",
    "Retrieved",
    "Sending",
    "Started",
    "StepDone",
    "StepStarted",
    "ToldPlace",
    "Verified",
    "read_event",
]
