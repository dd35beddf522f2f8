"""Asks about the same photos with other negatives each time, and gathers what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from geofix.agent.context import checked_context
from geofix.agent.errors import ModelError, OptionError
from geofix.agent.facade import Agent, open_agent
from geofix.agent.methods.answering import require_method
from geofix.agent.settings import Settings
from geofix.evaluation.datasets import galleries_for, open_dataset
from geofix.evaluation.experiment.analysis import CellRun, CellTest, tests_of
from geofix.evaluation.experiment.design import (
    Asked,
    Cell,
    cells_of,
    cells_of_pilot,
)
from geofix.evaluation.experiment.planning import Discordance, Planned, forecast_of, piloted
from geofix.evaluation.metrics import STREET_KM
from geofix.evaluation.reproduce.attempts import so_far
from geofix.evaluation.run.leaks import Leak
from geofix.evaluation.run.result import Dataset, EvalPhoto
from geofix.evaluation.run.runner import Plan, evaluate, sequences_of, setup_of
from geofix.evaluation.run.session import chosen
from geofix.tools.errors import SourceError
from geofix.tools.statistics import SCALES_KM

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What the experiment is to be."""

    dataset: str
    method: Asked = "img2loc"
    models: Sequence[str | BaseChatModel] = ()
    """Each as `provider:model`; the settings' own by default."""
    galleries: tuple[str, ...] = ()
    strategies: Sequence[str] = ()
    numbers: Sequence[int] = ()
    control: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Context` that are to differ from the method's, the same in every cell."""
    within_km: Sequence[float] = SCALES_KM
    """Distances at which a place is right."""
    leaks: tuple[Leak, ...] = ("hash",)
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    pilot: int | None = None
    """Photos by which the share of discordant pairs is measured; they are not of the experiment."""
    discordant: float | None = None
    """That share, where it is assumed."""
    seed: int = 0
    workers: int = 2
    again: str = ""
    """With a new word, photos that have a result are asked again."""
    dry: bool = False
    """Whether to stop at the plan, without a call to the model."""


@dataclass(frozen=True)
class Experiment:
    """What was measured, or planned."""

    planned: Planned
    runs: Sequence[CellRun] = ()
    """By model and cell; none where only the plan was asked for."""
    tests: Sequence[CellTest] = ()


def experiment(
    wanted: Wanted, settings: Settings, say: Say, agreed: Callable[[Planned], bool]
) -> Experiment | None:
    """Plan, ask for consent, ask about every photo in every cell, and compare.

    A pilot has a plan of its own, which is shown first. Before consent no model is called but once
    to take the time; of what is asked about, nothing is stored.

    Args:
        wanted: What.
        settings: Where the database, the encoder and the model are.
        say: Called with a line about what is going on.
        agreed: Called with a plan; says whether to go on.

    Returns:
        The experiment; none where consent was refused.

    Raises:
        GeofixError: The set, the gallery, an option or the set-up is unusable.
    """
    cells = cells_of(wanted.strategies, wanted.numbers, control=wanted.control)
    for km in wanted.within_km:
        if km not in (*STREET_KM, *SCALES_KM):
            known = ", ".join(f"{one:g}" for one in (*STREET_KM, *SCALES_KM))
            raise OptionError(f"--km cannot be {km!r}; there are {known}")
    if wanted.discordant is not None and not 0 < wanted.discordant <= 1:
        raise OptionError(
            f"--discordant cannot be {wanted.discordant!r}; give a share above 0 and at most 1"
        )
    dataset = open_dataset(wanted.dataset, wanted.columns)
    galleries_for(dataset, wanted.galleries)
    with ExitStack() as stack:
        agents = _opened(wanted, settings, dataset, stack, say)
        lab = _Lab(wanted, dataset, agents, say)
        lab.require(cells)
        pilot, photos = _parts(dataset, wanted)
        found = None
        if pilot and not wanted.dry:
            some = cells_of_pilot(cells)
            planned = lab.planned(some, pilot, stage="pilot")
            if planned.left and not agreed(planned):
                return None
            found = piloted(lab.run(some, pilot), wanted.within_km, wanted.seed)
        planned = lab.planned(cells, photos, stage="experiment", found=found)
        if wanted.dry:
            return Experiment(planned)
        if planned.left and not agreed(planned):
            return None
        runs = lab.run(cells, photos)
    return Experiment(planned, runs, tests_of(runs, wanted.within_km, wanted.seed))


def _opened(
    wanted: Wanted, settings: Settings, dataset: Dataset, stack: ExitStack, say: Say
) -> list[Agent]:
    """Open an agent for each model; all share one encoder."""
    agents: list[Agent] = []
    for model in wanted.models or (None,):
        encoder = agents[0].services.encoder if agents else dataset.encoder
        opened = open_agent(settings, encoder=encoder, model=model, progress=say, durability="exit")
        agents.append(stack.enter_context(opened))
    return agents


def _parts(dataset: Dataset, wanted: Wanted) -> tuple[Sequence[EvalPhoto], Sequence[EvalPhoto]]:
    """Return the photos of the pilot and those of the experiment; none is in both.

    What sized the experiment must not decide it. Photos that show no place are in neither.
    """
    placed = [photo for photo in dataset.photos if photo.truth is not None]
    pilot: Sequence[EvalPhoto] = ()
    if wanted.pilot is not None:
        pilot = chosen(placed, wanted.pilot, wanted.seed)
        taken = {photo.id for photo in pilot}
        placed = [photo for photo in placed if photo.id not in taken]
    photos = chosen(placed, wanted.limit, wanted.seed) if placed else []
    if not photos:
        raise SourceError(
            f"{dataset.name!r} has no photo with a place for the experiment"
            + (f" beside the {len(pilot)} of the pilot; give a smaller --pilot" if pilot else "")
        )
    return pilot, photos


@dataclass(frozen=True)
class _Lab:
    """Open agents, one a model, and one set of photos."""

    wanted: Wanted
    dataset: Dataset
    agents: Sequence[Agent]
    say: Say

    def require(self, cells: Sequence[Cell]) -> None:
        """Refuse what cannot be compared, before anything is asked.

        Raises:
            GeofixError: No model is configured, or a strategy would be another one in disguise.
        """
        for agent in self.agents:
            services = agent.services
            context = checked_context(self._options(cells[-1]))
            require_method(context, services)
            if services.model is None:
                raise ModelError(
                    "the experiment asks a chat model, and none is configured; name one as"
                    " provider:model with --model or GEOFIX_MODEL"
                )
        services = self.agents[0].services
        self.dataset.prepare(services)
        centred = any(cell.strategy == "centred" for cell in cells)
        if centred and services.gallery.centring(services.encoder.name) is None:
            raise OptionError(
                "the gallery has too few photos to center vectors, so the strategy 'centred' would"
                " be 'raw'; leave it out with --strategy raw --strategy far"
            )

    def planned(
        self,
        cells: Sequence[Cell],
        photos: Sequence[EvalPhoto],
        stage: str,
        found: Mapping[float, Discordance] | None = None,
    ) -> Planned:
        """Return what the cells will take, and what they can find."""
        return Planned(
            stage=stage,
            method=checked_context(self._options(None)).told(),
            dataset=self.dataset.name,
            models=[agent.services.drafted_by for agent in self.agents],
            cells=cells,
            photos=photos,
            within_km=self.wanted.within_km,
            forecasts=[
                forecast_of(
                    agent,
                    [self._plan(cell, photos) for cell in cells],
                    self.wanted.workers,
                    self.say,
                    dry=self.wanted.dry,
                )
                for agent in self.agents
            ],
            left_out=self.dataset.left_out,
            assumed=self.wanted.discordant,
            found=found,
        )

    def run(self, cells: Sequence[Cell], photos: Sequence[EvalPhoto]) -> list[CellRun]:
        """Ask about the photos in every cell, by model; what has a result is not asked again."""
        return [
            self._asked(agent, cell, self._plan(cell, photos))
            for agent in self.agents
            for cell in cells
        ]

    def _asked(self, agent: Agent, cell: Cell, plan: Plan) -> CellRun:
        setup = setup_of(agent, plan.context)
        attempt = so_far(agent, plan, setup, ahead=True).attempt
        name = f"{agent.services.drafted_by}, {attempt.label}"
        evaluate(
            agent,
            attempt,
            workers=self.wanted.workers,
            sequences=sequences_of(self.dataset),
            advance=lambda done, of: self.say(f"{name}: {done:,} of {of:,} photos"),
        )
        after = so_far(agent, plan, setup, ahead=False)
        return CellRun(
            agent.services.drafted_by,
            cell,
            after.evaluation,
            after.ordered(plan.photos),
            after.silent,
        )

    def _options(self, cell: Cell | None) -> dict[str, Any]:
        return {
            "method": self.wanted.method,
            **self.dataset.options,
            "galleries": galleries_for(self.dataset, self.wanted.galleries),
            **self.wanted.options,
            **({} if cell is None else cell.options),
        }

    def _plan(self, cell: Cell, photos: Sequence[EvalPhoto]) -> Plan:
        plan = Plan(
            f"negatives: {cell.label}",
            self.dataset.name,
            photos,
            self._options(cell),
            self.wanted.leaks,
            seed=self.wanted.seed,
            salt=self.wanted.again,
        )
        return replace(plan, salt=f"{plan.salt} control".strip()) if cell.control else plan
