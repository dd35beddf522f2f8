"""The facade that Python callers, the command line and services use.

`Agent` runs the graph with LangGraph's synchronous saver, `geofix.agent.async_facade.AsyncAgent`
with the asynchronous one, because a synchronous saver raises NotImplementedError under `ainvoke`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.types import Command, Durability, StateSnapshot
from sqlalchemy import Engine

from geofix.agent.calibration.claims import Coordinates
from geofix.agent.errors import RunBusy
from geofix.agent.fix import Fix
from geofix.agent.graph import Graph, build_graph
from geofix.agent.run.decision import Answer
from geofix.agent.run.events import AnyEvent, ended_by_answer
from geofix.agent.run.intake import take_in
from geofix.agent.run.opening import (
    Question,
    answer_of,
    begun_anew,
    deciding,
    fix_of,
    head_of,
    open_question,
    reopen,
    waiting_answer,
)
from geofix.agent.savers import Saver, Savers, opened_savers, with_saver
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.state import REFERENCE, Query, Region, Settled
from geofix.tools.encoders import Encoder
from geofix.tools.photo.read import Photo

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Listener = Callable[[AnyEvent], None]
Next = Callable[[StateSnapshot], tuple[bool, Query | Command[Any] | None]]
"""Says of a run's state whether it goes on, and with which input."""

STRICT_RESUME = "__pregel_strict_resume"
"""LangGraph's own flag (1.2.20 and later), by which it refuses an answer to a question that was
answered before. Its servers set it; it has no public name."""

ASK_AGAIN_S = 0.05
"""How often a run that another caller drives is asked for."""


class Facade:
    """What both facades share: the compiled graph, and how a question is put to it."""

    def __init__(
        self, services: Services, *, durability: Durability, under_asyncio: bool = False
    ) -> None:
        """Compile the graph; it is compiled once and shared by all its savers."""
        self.services = services
        self._durability: Durability = durability
        graph = build_graph(lambda: self.services, under_asyncio=under_asyncio)
        self._compiled = graph.compile(name="geofix")

    @property
    def subgraph(self) -> Graph:
        """The compiled graph, to be a node of a caller's graph; that one's saver keeps its state.

        It is asked a `Query` and gives an `Answered`. Each time it is asked is a run of its own.
        """
        return self._compiled

    def run_options(self, asked: Question, state: StateSnapshot, *, latest: bool) -> dict[str, Any]:
        """Return what a run is streamed with; it gives our events and no others."""
        config = asked.config
        configurable = dict(config["configurable"])
        if not latest:
            # Of a thread that forks share.
            configurable |= state.config["configurable"]
        # An answer by the id of a question that waits no more is refused.
        configurable[STRICT_RESUME] = True
        return {
            "config": {**config, "configurable": configurable},
            "context": asked.context,
            "stream_mode": "custom",
            "durability": self._durability,
        }

    def still_busy(self, run: str, began: float) -> None:
        """Raise an error where a run has been driven by another caller for too long.

        Raises:
            RunBusy: It has.
        """
        longest = self.services.settings.run_wait_s
        if time.monotonic() - began >= longest:
            raise RunBusy(
                f"another caller has been driving the run {run!r} for more than {longest:g} s;"
                " its answer will be kept, so ask for it later by `resume`, or wait longer"
                " (GEOFIX_RUN_WAIT_S)"
            )


def to_ask(asked: Question, state: StateSnapshot) -> tuple[bool, Query | None]:
    """Return whether a run has to be driven, and with which question; none goes on with it."""
    fresh = not state.created_at
    return fresh or bool(state.tasks and not state.interrupts), asked.query if fresh else None


def to_go_on(state: StateSnapshot) -> tuple[bool, None]:
    """Return whether a run was cut off; nothing new is asked of it."""
    return bool(state.tasks and not state.interrupts), None


class Agent(Facade):
    """An open geofix with a loaded encoder and an open database, for any number of photos."""

    def __init__(
        self,
        services: Services,
        savers: Savers,
        durability: Durability = "sync",
    ) -> None:
        """Use `open_agent` instead; it opens and closes what this needs."""
        super().__init__(services, durability=durability)
        self._savers = savers

    @property
    def graph(self) -> Graph:
        """The compiled graph with its checkpoints: for history, time travel and forks.

        Each is a copy with a saver of its own, since one saver serves one run at a time. Nodes and
        schemas are shared: to compile them anew takes 15 ms of CPU, the copy 0.1 ms.
        """
        return with_saver(self._compiled, self._savers())

    def keep(self, photo: Path | str | bytes) -> str:
        """Store a photo, and return the reference that `graph` takes: `sha256:<hex>` of the file.

        Raises:
            PhotoError: It is no photo; the text says why.
        """
        return REFERENCE + take_in(photo, self.services.queries).sha256

    def locate(
        self,
        photo: Path | str | bytes | Photo,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
        on_event: Listener | None = None,
        **options: Any,
    ) -> Fix:
        """Locate one photo.

        Args:
            photo: Path or bytes of an image file, or what `read_photo` made of one.
            within: Where the answer may lie: a country, a circle as `LAT,LON,KM`, or a box as
                `SOUTH,WEST,NORTH,EAST` in degrees (west greater than east: across the
                antimeridian).
            claim: A place to check, as `LAT,LON` or a pair, which is shown last among the
                candidates and changes none of them; or `exif` for what the file says, which is not
                shown there.
            thread_id: What to group runs by, such as a case. The same question asked again on its
                thread is the same run: it goes on where it was cut off, and a finished one gives
                its answer again. Without one, the run is alone on its thread.
            run_id: Id of the run, for callers that make their own; made up if none is given.
            on_event: Called with each event (`geofix.events`).
            **options: Fields of `Context`.

        Returns:
            The answer; `status` says whether there is one.

        Raises:
            RunBusy: Another caller drives the same run, and did not finish in time.
            GeofixError: The photo, an option or the set-up is unusable; see `geofix.agent.errors`.
        """
        asked = open_question(
            self.services, photo, within, options, claim, thread=thread_id, run=run_id
        )
        return self._finished(asked, lambda state: to_ask(asked, state), on_event)

    def resume(self, run: str, *, rank: int | None = None, on_event: Listener | None = None) -> Fix:
        """Go on with a run that was cut off; one that waits for a person goes on waiting.

        Args:
            run: Its id.
            rank: Short for `answer(run, {"rank": rank})`; 0 if none is right.
            on_event: Called with each event (`geofix.events`).

        Raises:
            RunBusy: Another caller drives it.
            TrailError: There is no such run.
        """
        if rank is not None:
            return self.answer(run, {"rank": rank}, on_event=on_event)
        return self._finished(reopen(self.services, run), to_go_on, on_event)

    def answer(
        self,
        run: str,
        decision: Answer,
        *,
        by: str | None = None,
        on_event: Listener | None = None,
        **fields: Any,
    ) -> Fix:
        """Give a run that waits for a person the decision, and go on with it.

        Args:
            run: Its id.
            decision: A `Decision`, its fields, what Agent Inbox or LangChain's middleware send, or
                an action alone, such as `accept`.
            by: Who decides, for the trail.
            on_event: Called with each event (`geofix.events`).
            **fields: Other fields of `Decision`: `rank`, `region`, `words`, `round`.

        Raises:
            AlreadyDecided: A person has decided before.
            GeofixError: There is no such run, or it does not offer this; it still waits.
        """
        next_ = deciding(self.services, run, decision, by=by, **fields)
        return self._finished(reopen(self.services, run), next_, on_event, answered=True)

    def stream(
        self,
        photo: Path | str | bytes | Photo,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
        **options: Any,
    ) -> Iterator[AnyEvent]:
        """Locate one photo, and yield what happens meanwhile (`geofix.events`).

        The last event is `Finished` with the answer, or `Questioned` where a person is asked.
        Arguments and errors are those of `locate`. A run whose events are not read to the end stays
        unfinished, and can be resumed.
        """
        asked = open_question(
            self.services, photo, within, options, claim, thread=thread_id, run=run_id
        )
        yield from ended_by_answer(self._driven(asked, lambda state: to_ask(asked, state)))

    def _finished(
        self,
        asked: Question,
        next_: Next,
        on_event: Listener | None,
        *,
        answered: bool = False,
    ) -> Fix:
        """Return the answer of a run, which is driven where it has none; see `_driven`."""
        for told in self._driven(asked, next_, answered=answered):
            if isinstance(told, Fix):
                return told
            if on_event is not None:
                on_event(told)
        raise AssertionError("the last that is told of a run is its answer")

    def _driven(
        self, asked: Question, next_: Next, *, answered: bool = False
    ) -> Iterator[AnyEvent | Fix]:
        """Drive a run that has no answer; yield its events, and last the answer.

        Args:
            asked: The question.
            next_: Says of the run's state whether it goes on, and with which input.
            answered: Whether a person's answer comes along, which a finished run refuses.
        """
        known = None if answered else answer_of(self.services, asked)
        if known is not None:
            yield fix_of(self.services, asked, known)
            return
        with self._alone(asked.run):
            # Whoever drove it meanwhile may have ended it.
            known = None if answered else answer_of(self.services, asked)
            unfinished = None
            if known is None:
                graph = self.graph
                state, latest = self._state(graph, asked)
                goes_on, given = next_(state)
                if goes_on:
                    yield from graph.stream(given, **self.run_options(asked, state, latest=latest))
                known = answer_of(self.services, asked)
            if known is None:
                unfinished, _ = self._state(graph, asked)
                known = waiting_answer(self.services, asked, unfinished)
            yield fix_of(self.services, asked, known, unfinished)

    def explain(self, run: str) -> Settled:
        """Return all that a run knows: every candidate with its features, terms and spots.

        Raises:
            TrailError: There is no such run.
        """
        asked = reopen(self.services, run)
        known = answer_of(self.services, asked)
        if known is not None:
            return known
        return waiting_answer(self.services, asked, self._state(self.graph, asked)[0])

    def _state(self, graph: Graph, asked: Question) -> tuple[StateSnapshot, bool]:
        """Return the run's latest state, and whether it is its thread's latest."""
        steps = self.services.trail.read(asked.run).steps
        latest = graph.get_state(asked.config)
        if not steps or head_of([latest], asked.run, steps[-1:]) is not None:
            return latest, True
        found = head_of(graph.get_state_history(asked.config), asked.run, steps)
        if found is None:
            return begun_anew(self.services, asked.run, latest), True
        return found, False

    @contextmanager
    def _alone(self, run: str) -> Iterator[None]:
        """Drive a run alone; whoever comes second waits."""
        began = time.monotonic()
        locks = self.services.run_locks
        while not locks.take(run):
            self.still_busy(run, began)
            time.sleep(ASK_AGAIN_S)
        try:
            yield
        finally:
            locks.let_go(run)


@contextmanager
def open_agent(
    settings: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    model: BaseChatModel | str | None = None,
    progress: Callable[[str], None] | None = None,
    durability: Durability = "sync",
    engine: Engine | None = None,
    saver: Saver | None = None,
) -> Iterator[Agent]:
    """Open geofix for several photos; everything slow is loaded once.

    Args:
        settings: Read from the environment if none are given.
        encoder: Used instead of the one the settings name.
        model: Any LangChain chat model that takes images, instead of the settings' one.
        progress: Called with one line when something slow is about to happen.
        durability: When LangGraph saves a run. Only by `sync` has one that is killed saved what it
            paid for; `exit`, once at the end, is for batches that ask a lost photo again.
        engine: The caller's SQLAlchemy engine over psycopg, which is never disposed of. Locks of
            runs, and checkpoints without a `saver`, connect to its URL by themselves.
        saver: The caller's LangGraph saver for checkpoints, made with
            `serde=geofix.langgraph.serializer()`. Its threads are ids of runs.

    Raises:
        SettingError: The saver would lose classes of geofix.
        GeofixError: The set-up is unusable; see `geofix.agent.errors`.
    """
    with (
        Services(
            settings, encoder=encoder, model=model, progress=progress, engine=engine
        ) as services,
        opened_savers(services, saver) as savers,
    ):
        yield Agent(services, savers, durability)


def locate(
    photo: Path | str | bytes,
    *,
    within: str | Region | None = None,
    claim: str | Coordinates | None = None,
    settings: Settings | None = None,
    model: BaseChatModel | str | None = None,
    **options: Any,
) -> Fix:
    """Locate one photo; for several, `open_agent` loads everything once only.

    Args:
        photo: Path or bytes of an image file.
        within: Where the answer may lie: a country, a circle as `LAT,LON,KM`, or a box as
            `SOUTH,WEST,NORTH,EAST` in degrees (west greater than east: across the
            antimeridian).
        claim: A place to check, as `LAT,LON` or a pair, or `exif`.
        settings: Read from the environment if none are given.
        model: Any LangChain chat model that takes images.
        **options: Fields of `Context`.

    Raises:
        GeofixError: The photo, an option or the set-up is unusable; see `geofix.agent.errors`.
    """
    with open_agent(settings, model=model) as agent:
        return agent.locate(photo, within=within, claim=claim, **options)
