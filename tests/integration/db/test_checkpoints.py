from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from geofix.agent.answer import (
    Calibration,
    Claim,
    ClaimCheck,
    Evidence,
    KnownPhoto,
    Place,
    Reason,
)
from geofix.agent.checkpointer import PERSISTED
from geofix.agent.context import Context
from geofix.agent.draft.provenance import Clue, Provenance, Spending
from geofix.agent.draft.said import drafts_said
from geofix.agent.fix import Usage
from geofix.agent.fix.present import present
from geofix.agent.run.search_report import SearchReport
from geofix.agent.state import (
    Answered,
    Asked,
    Candidate,
    Draft,
    GivenRegion,
    Hint,
    Hit,
    Query,
    Region,
    Retrieval,
    SceneSeen,
    Settled,
    Spot,
    State,
    Verdict,
)
from geofix.db.checkpoints import (
    async_checkpoint_pool,
    checkpoint_pool,
    require_checkpoints,
    set_up_checkpoints,
    strict_serializer,
)
from geofix.db.engine import conninfo
from geofix.db.errors import DatabaseError

LANGGRAPH = {"checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"}


def tables(url: str) -> set[tuple[str, str]]:
    with psycopg.connect(conninfo(url)) as connection:
        found = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        return set(found.fetchall())


def test_everything_is_in_a_schema_of_its_own_and_twice_is_fine(new_database: str) -> None:
    set_up_checkpoints(new_database)
    expected = {("langgraph", name) for name in LANGGRAPH}
    assert tables(new_database) == expected
    set_up_checkpoints(new_database)
    assert tables(new_database) == expected
    with psycopg.connect(conninfo(new_database)) as connection:
        stray = connection.execute(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert stray == (0,)


def test_a_setup_that_was_killed_is_seen_and_finished(new_database: str) -> None:
    """Killed while an index was made: it is there, not valid, and its step is not written down."""
    set_up_checkpoints(new_database)
    require_checkpoints(new_database)
    with psycopg.connect(conninfo(new_database), autocommit=True) as connection:
        connection.execute("delete from langgraph.checkpoint_migrations where v >= 7")
        connection.execute(
            "update pg_index set indisvalid = false"
            " where indexrelid = 'langgraph.checkpoint_blobs_thread_id_idx'::regclass"
        )
    with pytest.raises(
        DatabaseError, match=r"does not have LangGraph's tables .* run `geofix db upgrade`"
    ):
        require_checkpoints(new_database)
    set_up_checkpoints(new_database)
    require_checkpoints(new_database)
    with psycopg.connect(conninfo(new_database)) as connection:
        invalid = connection.execute("select count(*) from pg_index where not indisvalid")
        assert invalid.fetchone() == (0,)
        made = connection.execute("select to_regclass('langgraph.checkpoint_blobs_thread_id_idx')")
        assert made.fetchone() != (None,)


def test_a_host_s_own_checkpoints_in_public_are_left_alone(new_database: str) -> None:
    with psycopg.connect(conninfo(new_database), autocommit=True) as connection:
        connection.execute("create table public.checkpoints (mine int)")
    set_up_checkpoints(new_database)
    assert ("public", "checkpoints") in tables(new_database)
    assert ("langgraph", "checkpoints") in tables(new_database)


def test_setting_up_at_once_succeeds_everywhere(new_database: str) -> None:
    barrier = Barrier(4)

    def work(_: int) -> None:
        barrier.wait()
        set_up_checkpoints(new_database)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert tables(new_database) == {("langgraph", name) for name in LANGGRAPH}


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    url = "postgresql://someone:se%40cret@127.0.0.1:1/nowhere"
    with pytest.raises(DatabaseError, match="cannot reach the database at") as refused:
        set_up_checkpoints(url)
    assert "127.0.0.1" in str(refused.value)
    assert "cret" not in str(refused.value)


CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: Any = {"source": "input", "step": -1, "parents": {}}


def checkpoint() -> Any:
    filled = empty_checkpoint()
    filled["channel_values"] = {"state": INSTANCES[State]}
    filled["channel_versions"] = {"state": "1"}
    return filled


def test_a_saver_over_the_pool_keeps_the_state(new_database: str) -> None:
    set_up_checkpoints(new_database)
    with checkpoint_pool(new_database) as pool:
        saver = PostgresSaver(pool, serde=strict_serializer(PERSISTED))
        saver.put(CONFIG, checkpoint(), METADATA, {"state": "1"})
    with checkpoint_pool(new_database) as pool:
        found = PostgresSaver(pool, serde=strict_serializer(PERSISTED)).get(CONFIG)
    assert found is not None
    assert found["channel_values"]["state"] == INSTANCES[State]


async def test_an_async_saver_over_the_pool_keeps_the_state(new_database: str) -> None:
    set_up_checkpoints(new_database)
    async with async_checkpoint_pool(new_database) as pool:
        saver = AsyncPostgresSaver(pool, serde=strict_serializer(PERSISTED))
        await saver.aput(CONFIG, checkpoint(), METADATA, {"state": "1"})
        found = await saver.aget(CONFIG)
    assert found is not None
    assert found["channel_values"]["state"] == INSTANCES[State]


REGION = Region(latitude=1.0, longitude=2.0, radius_km=3.0, country_code="FR", name="there")
HIT = Hit(photo_id=1, latitude=1.0, longitude=2.0, similarity=0.5, gallery="g", source="s",
          external_id="x", impostor_share=0.1, place="P", country_code="FR")  # fmt: skip
CLUE = Clue(kind="road", observation="drives on the left")
PROVENANCE = Provenance(preset="g3", prompt_version="geofix-3", neighbours=5, sample=2,
                        tokens={"input_tokens": 1}, seconds=0.5)  # fmt: skip
DRAFT = Draft(round=0, drafted_by="p:m", latitude=1.0, longitude=None, confidence=0.25,
              clues=[CLUE], hypotheses=["H"], notes=["N"], provenance=PROVENANCE)  # fmt: skip
SPOT = Spot(latitude=1.0, longitude=2.0, score=0.5, parts={"a": 0.5}, terms={"a": 0.1}, inliers=9)
REASON = Reason(code="in_sea", text="it is in the sea")
CANDIDATE = Candidate(rank=1, latitude=1.0, longitude=2.0, radius_km=3.0, score=0.5,
                      parts={"a": 0.5}, photos=2, best_similarity=None, origin="cluster+draft",
                      scale_km=25.0, vetoed=REASON, spots=[SPOT])  # fmt: skip
RETRIEVAL = Retrieval(round=1, region=REGION, positives=[HIT], negatives=[], searched=162,
                      temperature=0.06, notes=["n"])  # fmt: skip
EVIDENCE = Evidence(latitude=1.0, longitude=2.0, similarity=0.5, distance_km=0.0, gallery="g",
                    source="s", external_id="x", licence="CC0-1.0")  # fmt: skip
CLAIM = Claim(latitude=1.0, camera="X", taken_at="2020-01-01T00:00:00")
PLACE = Place(name="N", country_code="FR", label="N, France")
VERDICT = Verdict(reasons=[REASON], decision="refine")
SETTLED = Settled(status="located", latitude=1.0, longitude=2.0, radius_km=3.0, place=PLACE,
                  drafted_by="consensus", candidates=[CANDIDATE], reasons=[REASON],
                  evidence=[EVIDENCE], degraded=[REASON], rounds=2, claim=CLAIM)  # fmt: skip
USAGE = Usage(calls=2, tokens=3, cost_usd=None, seconds=0.5)
ASKED = Asked(run="r", thread="t", photo="sha256:ab", within=REGION, context=Context(positives=3))
FIX = present(SETTLED.model_copy(update={"usage": USAGE}), ASKED)
STATE = State(asked=ASKED, step=4, round=1, encoder="e", region=REGION,
              retrievals=[RETRIEVAL], drafts=[DRAFT], candidates=[CANDIDATE], verdict=VERDICT,
              degraded=[REASON])  # fmt: skip
INSTANCES: dict[type[BaseModel], BaseModel] = {
    type(instance): instance
    for instance in (
        REGION, HIT, CLUE, PROVENANCE, DRAFT, SPOT, CANDIDATE, RETRIEVAL, EVIDENCE, CLAIM, PLACE,
        REASON, VERDICT, SETTLED, USAGE, FIX, STATE, ASKED, ASKED.context, Answered(fix=FIX),
        Spending(calls=2, tokens={"input_tokens": 3}, cost_usd=0.5),
        Query(photo="sha256:ab", within=REGION),
        GivenRegion(region=REGION, round=1, by="a person"), Hint(words="W", round=1, by="N"),
        SearchReport(kind="negatives", server="north", way="index", rows=5, ef_search=200),
        SceneSeen(kind="sky", shares={"outdoors": 0.5, "indoors": 0.5}, flatness=0.1, edges=0.01),
        Calibration(fitted=True, photos=500, digest="ab", id=3, difficulty=0.5, notes=[REASON]),
        ClaimCheck(latitude=1.0, longitude=2.0, verdict="consistent", p_value=0.4, reason="r"),
        KnownPhoto(kind="near_copy", latitude=1.0, longitude=2.0, gallery="g", source="s",
                   external_id="x", similarity=0.99),
        drafts_said([DRAFT]),
    )
}  # fmt: skip


def test_there_is_an_instance_of_every_persisted_class() -> None:
    assert set(INSTANCES) == set(PERSISTED)


@pytest.mark.parametrize("cls", PERSISTED, ids=lambda cls: cls.__name__)
def test_every_persisted_class_comes_back_as_itself(cls: type[BaseModel]) -> None:
    serializer = strict_serializer(PERSISTED)
    instance = INSTANCES[cls]
    revived = serializer.loads_typed(serializer.dumps_typed({"value": [instance]}))["value"][0]
    assert type(revived) is cls
    assert revived == instance
    assert revived.model_dump() == instance.model_dump()


def test_a_region_kept_before_there_were_boxes_is_revived() -> None:
    written = (
        b"\xc7\x80\x05\x94\xb2geofix.agent.state\xa6Region\x85\xa8latitude"
        b"\xcb\xc01\x00\x00\x00\x00\x00\x00\xa9longitude\xcb@f|\xcc\xcc\xcc\xcc\xcd\xa9radius_km"
        b"\xcb@\x08\x00\x00\x00\x00\x00\x00\xaccountry_code\xc0\xa4name\xa4Fiji"
        b"\xb3model_validate_json"
    )
    revived = strict_serializer(PERSISTED).loads_typed(("msgpack", written))
    assert revived == Region(latitude=-17.0, longitude=179.9, radius_km=3.0, name="Fiji")


def test_a_box_comes_back_as_what_can_be_hashed() -> None:
    box = Region(box=(-20, 176, -15, -178), name="Fiji")
    serializer = strict_serializer(PERSISTED)
    revived = serializer.loads_typed(serializer.dumps_typed(box))
    assert (revived, hash(revived)) == (box, hash(box))


class Stranger(BaseModel):
    x: int = 1


@pytest.mark.parametrize("cls", PERSISTED, ids=lambda cls: cls.__name__)
def test_a_class_that_is_not_listed_is_not_revived(cls: type[BaseModel]) -> None:
    others = [other for other in PERSISTED if other is not cls]
    written = strict_serializer(PERSISTED).dumps_typed(INSTANCES[cls])
    revived = strict_serializer(others).loads_typed(written)
    assert not isinstance(revived, BaseModel)


@dataclass
class PlainStranger:
    x: int = 1


@pytest.mark.parametrize("stranger", [Stranger(), PlainStranger()])
def test_foreign_classes_are_not_revived(stranger: object) -> None:
    serializer = strict_serializer(PERSISTED)
    revived = serializer.loads_typed(serializer.dumps_typed(stranger))
    assert type(revived) is not type(stranger)


def test_langgraph_s_own_classes_are_revived() -> None:
    serializer = strict_serializer(PERSISTED)
    for own in (Interrupt("which?", id="i"), Send("node", {"a": 1})):
        assert serializer.loads_typed(serializer.dumps_typed(own)) == own


def test_it_holds_whoever_imported_langgraph_first() -> None:
    script = (
        "import langgraph.graph\n"
        "from dataclasses import dataclass\n"
        "from geofix.db.checkpoints import strict_serializer\n"
        "@dataclass\n"
        "class Stranger:\n"
        "    x: int\n"
        "for listed, revives in (([], False), ([Stranger], True)):\n"
        "    s = strict_serializer(listed)\n"
        "    revived = s.loads_typed(s.dumps_typed(Stranger(1)))\n"
        "    assert isinstance(revived, Stranger) is revives, listed\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_options_of_the_url_stay_in_force(database_url: str) -> None:
    with checkpoint_pool(f"{database_url}?options=-cgeqo%3Doff") as pool, pool.connection() as one:
        assert one.execute("show geqo").fetchone() == {"geqo": "off"}


def test_alike_objects_are_stored_in_a_fraction_of_their_size_and_small_ones_as_they_are() -> None:
    serializer = strict_serializer(PERSISTED)
    many = [CANDIDATE.model_copy(update={"rank": rank}) for rank in range(50)]
    kind, data = serializer.dumps_typed(many)
    plain = JsonPlusSerializer(allowed_msgpack_modules=[]).dumps_typed(many)[1]
    assert kind == "msgpack+zlib" and len(data) < len(plain) / 5
    assert serializer.loads_typed((kind, data)) == many
    assert serializer.dumps_typed(7)[0] == "msgpack"
