from __future__ import annotations

import pytest
from pydantic import ValidationError

from geofix.agent import checkpointer as persisted
from geofix.agent import state
from geofix.agent.errors import OptionError, TrailError
from geofix.agent.run.opening import open_question, reopen
from geofix.agent.run.search_report import SearchReport
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.db.checkpoints import strict_serializer
from geofix.tools.errors import SourceError
from geofix.tools.sources import check_name


def test_each_persisted_class_has_one_identity_and_all_of_them_are_listed() -> None:
    declared = {
        value
        for value in vars(state).values()
        if isinstance(value, type) and value.__module__.startswith("geofix.agent.")
    }
    assert declared == set(persisted.PERSISTED)


def test_a_checkpoint_revives_a_search_report_by_itself() -> None:
    serializer = strict_serializer(persisted.PERSISTED)
    report = SearchReport(kind="negatives", server="north", way="index", rows=5, ef_search=200)
    assert serializer.loads_typed(serializer.dumps_typed(report)) == report


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\u202eb", "a\nb", "a\udce9", "\u3164"])
def test_what_cannot_be_a_name_is_refused_wherever_one_is_given(name: str) -> None:
    # Before anything is opened: no photo, no database.
    services = Services(Settings())
    with pytest.raises(TrailError, match="the thread id"):
        open_question(services, b"", None, {}, thread=name)
    with pytest.raises(TrailError, match="the run id"):
        open_question(services, b"", None, {}, run=name)
    with pytest.raises(TrailError, match="the run id"):
        reopen(services, name)
    with pytest.raises(OptionError, match="the option 'galleries'") as refused:
        open_question(services, b"", None, {"galleries": (name,)})
    assert len(str(refused.value)) < 2000
    with pytest.raises(ValidationError, match="the name"):
        state.Region(country_code="FR", name=name)
    with pytest.raises(SourceError, match="the name"):
        check_name(name)
