"""What finer rounds are worth: each photo is played through the nodes, and told after each round.

The candidates of a round depend neither on how many may follow nor on `finest_km`, so one run with
the most rounds and the finest level tells every smaller number and every coarser level too.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from geofix.agent.context import Context
from geofix.agent.nodes.refine import refine
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.nodes.verify import verify
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Asked, Candidate, State
from geofix.agent.verify.scorers import default_scorers
from geofix.agent.verify.verdict import decide
from geofix.db.runs import QueryPhoto
from geofix.evaluation.calibrate.cases import first_of
from geofix.evaluation.worlds.asking import load_world
from geofix.evaluation.worlds.world import World
from geofix.tools.geo.distance import haversine_km

MOST = 4
FINEST_KM = 1.0

Node = Callable[[State, Context, Services], Outcome]


@dataclass(frozen=True, slots=True)
class Told:
    """What would be answered after a round, were it the last."""

    error_km: float
    answered: bool
    scale_km: float
    """At which the first candidate is known; infinite where there is none."""
    share_25_km: float
    """Share of the votes at the first candidate."""
    searching_s: float
    """Time of this round's `retrieve`."""
    choosing_s: float
    """Time of its `verify`."""


def play(world: World, queries: int, services: Services) -> Iterator[list[Told]]:
    """Yield what each photo is told round by round; rounds end where geofix itself would end.

    Args:
        world: Loaded into the database where it is not there yet.
        queries: How many of its photos are asked.
        services: To the database; from now on the shipped scorers choose.
    """
    load_world(world, services.ingest)
    # Not those of a calibration that somebody left there.
    services.change_scorers = lambda scorers: default_scorers()
    context = Context(
        galleries=(world.name,), max_rounds=MOST, finest_km=FINEST_KM, geometry_pictures=0
    )
    for number in range(min(queries, len(world.queries.spots))):
        state = _asked(world, number, services)
        spot = world.queries.spots[number]
        truth = float(world.spots.latitude[spot]), float(world.spots.longitude[spot])
        yield list(_rounds(state, truth, context, services))


def stopped(rounds: Sequence[Told], most: int, finest_km: float) -> int:
    """Return how many of the rounds are run where at most so many may be.

    Args:
        rounds: Of one photo, as played.
        most: `Context.max_rounds`.
        finest_km: `Context.finest_km`; not finer than what was played.
    """
    for number, told in enumerate(rounds[:most], 1):
        if told.scale_km <= finest_km:
            return number
    return min(most, len(rounds))


def _asked(world: World, number: int, services: Services) -> State:
    sha256 = hashlib.sha256(f"{world.name}/{number}".encode()).hexdigest()
    # No picture is compared, so none has to be kept.
    services.queries.keep(QueryPhoto(sha256, b"", 1, 1, "JPEG", None, []))
    services.queries.keep_vector(sha256, world.name, world.queries.vectors[number])
    return State(asked=Asked(photo=f"sha256:{sha256}"), encoder=world.name)


def _rounds(
    state: State, truth: tuple[float, float], context: Context, services: Services
) -> Iterator[Told]:
    for round_ in range(MOST):
        if round_ > 0:
            state = _after(refine, state, context, services)
        began = time.perf_counter()
        state = _after(retrieve, state, context, services)
        searched = time.perf_counter()
        state = _after(verify, state, context, services)
        chosen = time.perf_counter()
        yield _told(state, truth, context, searched - began, chosen - searched)
        if state.verdict is None or state.verdict.decision != "refine":
            return


def _after(node: Node, state: State, context: Context, services: Services) -> State:
    return state.model_copy(update=node(state, context, services).update)


def _told(
    state: State,
    truth: tuple[float, float],
    context: Context,
    searching_s: float,
    choosing_s: float,
) -> Told:
    verdict = state.verdict
    assert verdict is not None
    if verdict.decision == "refine":
        verdict = decide(state.candidates, state.retrieval, context, rounds_left=0)
    first = first_of(state.candidates)
    return Told(
        error_km=_off_km(first, truth),
        answered=verdict.decision == "accept",
        scale_km=float("inf") if first is None else first.scale_km,
        share_25_km=0.0 if first is None else first.parts.get("share_25_km", 0.0),
        searching_s=searching_s,
        choosing_s=choosing_s,
    )


def _off_km(first: Candidate | None, truth: tuple[float, float]) -> float:
    if first is None:
        return float("inf")
    return float(haversine_km(*truth, first.latitude, first.longitude))
