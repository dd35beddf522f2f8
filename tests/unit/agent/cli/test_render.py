from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.answer import Claim, Code, Evidence, KnownPhoto, Place, Reason
from geofix.agent.cli.render import print_fix
from geofix.agent.cli.terminal import out
from geofix.agent.draft.provenance import DraftsSaid, SaidClue, SaidHypothesis, ShownPicture
from geofix.agent.fix import Fix
from geofix.agent.fix.present import present
from geofix.agent.state import Asked, Candidate, Settled


def candidate(rank: int, **fields: Any) -> Candidate:
    given: dict[str, Any] = {
        "rank": rank,
        "latitude": 48.8867,
        "longitude": 2.3431,
        "radius_km": 1.0,
        "score": 0.9,
        "parts": {},
        "photos": 2,
        "best_similarity": 0.8,
        "origin": "cluster",
        "scale_km": 1.0,
        "place": "Paris, Île-de-France, France",
    }
    return Candidate(**{**given, **fields})


def fix(**fields: Any) -> Fix:
    given: dict[str, Any] = {
        "status": "located",
        "latitude": 48.8867,
        "longitude": 2.3431,
        "radius_km": 1.0,
        "place": Place(label="Paris, Île-de-France, France"),
        "drafted_by": "consensus",
        "candidates": [candidate(1)],
        "reasons": ["98% of the votes"],
        "evidence": [],
        "degraded": [],
        "rounds": 1,
    }
    settled = Settled(**{**given, **fields})
    return present(settled, Asked(run="case", thread="case", photo="sha256:0"))


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    def lines(**fields: Any) -> list[str]:
        print_fix(fix(**fields), out())
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert max(map(len, printed)) <= 80
        return printed

    return lines


def test_the_answer(shown: Any) -> None:
    assert shown() == [
        "Paris, Île-de-France, France",
        "48.8867, 2.3431",
        "reach of the evidence: 1.0 km (not calibrated: no calibration was made)",
        "drafted by consensus, 1 round",
        "",
        "Candidates",
        " #  place                         position         from #1  photos  score",
        " 1  Paris, Île-de-France, France  48.8867, 2.3431                2   0.90",
        "",
        "Why",
        " - 98% of the votes",
        "",
        "Every step: geofix trail case",
    ]


def test_an_abstention_and_a_wait_give_no_position(shown: Any) -> None:
    nowhere: dict[str, Any] = {"latitude": None, "longitude": None, "place": None}
    lines = shown(status="abstained", candidates=[], reasons=["no photo in Japan"], **nowhere)
    assert lines[0] == "No answer: no photo in Japan."
    assert "Candidates" not in lines and "Why" not in lines
    waiting = shown(status="waiting", **nowhere)
    assert waiting[:3] == [
        "A person has to decide.",
        "geofix resume case --pick NUMBER",
        "Instead of --pick: --accept, --look REGION, --hint WORDS, --go-on or --stop",
    ]


def test_the_first_five_candidates_and_what_became_of_them(shown: Any) -> None:
    far = {"latitude": -33.4489, "longitude": -170.6693, "distance_km": 12_651.4}
    vetoed = candidate(2, vetoed="no photo speaks for it", place=None, photos=0, **far)
    near = candidate(3, distance_km=0.24, held_back="geometry alone")
    lines = shown(candidates=[candidate(1), vetoed, near, *map(candidate, range(4, 9))])
    rows = lines[lines.index("Candidates") + 2 :]
    assert "-33.4489, -170.6693  12,651 km" in rows[2] and rows[2].split()[-2:] == [
        "0",
        "excluded",
    ]
    assert "no named place" in rows[2]
    assert "240 m" in "".join(rows) and any(
        row.endswith("excluded") and "240 m" in row for row in rows
    )
    assert "and 3 more" in lines


def test_a_claim_stands_apart_and_says_how_far_away_it_is(shown: Any) -> None:
    claim = Claim(latitude=-33, longitude=151, distance_km=16_960, camera="A [b]", taken_at="2005")
    lines = shown(claim=claim)
    start = lines.index("What the file's EXIF says (it can be forged, and was not used)")
    assert lines[start + 1 : start + 5] == [
        " - at -33.00000, 151.00000",
        " - 16,960 km from the answer",
        " - 2005",
        " - A [b]",
    ]
    timed = shown(claim=Claim(taken_at="2005"))
    assert " - 2005" in timed and "from the answer" not in "".join(timed)


def test_where_the_photo_itself_is_known_stands_apart(shown: Any) -> None:
    known: dict[str, Any] = {"latitude": -16.5, "longitude": -68.15, "gallery": "press [x]"}
    known |= {"source": "agency", "external_id": "a [b].jpg"}
    lines = shown(
        known_photos=[KnownPhoto(kind="exact", **known), KnownPhoto(kind="near_copy", **known)]
    )
    start = lines.index("This photo is known (a copy counts as a similar photo)")
    said = " ".join(line.strip() for line in lines[start + 1 : start + 7])
    where = "in gallery press [x] at -16.50000, -68.15000"
    assert f"- This exact file is {where}, " in said
    assert f"- What looks like a copy of this photo is {where}, " in said
    assert "km from the answer: a [b].jpg (agency)" in said
    assert "known" not in "".join(shown())
    alone = shown(known_photos=[KnownPhoto(kind="exact", **known)])
    assert "This photo is known (the answer does not depend on it)" in alone


def test_notes_and_what_was_degraded_are_not_hidden(shown: Any) -> None:
    lines = shown(photo_notes=["animated: [x]"], degraded=["draft: no answer; [voted]"])
    assert lines[lines.index("The file") + 1] == " - animated: [x]"
    assert "Degraded: draft: no answer; [voted]" in lines


def test_what_the_model_says_is_shown_with_who_said_it(shown: Any) -> None:
    by: dict[str, Any] = {"draft": 1, "model": "openai:tiny"}
    clue = SaidClue(kind="text", observation="a sign [red]in Czech", **by)
    lines = shown(
        said=DraftsSaid(clues=[clue], hypotheses=[SaidHypothesis(hypothesis="Brno", **by)])
    )
    at = lines.index("What the model says")
    assert lines[at + 1 : at + 3] == [" - text: a sign [red]in Czech", " - hypothesis: Brno"]
    again = SaidClue(kind="road", observation="a tram", draft=2, model="openai:other")
    picture = ShownPicture(candidate=1, gallery="g", source="s", external_id="x.jpg")
    lines = shown(said=DraftsSaid(clues=[clue, again], pictures=[picture]))
    assert " - road: a tram (draft 2, openai:other)" in lines
    assert " - it was shown pictures of candidate 1: x.jpg" in lines
    assert "What the model says" not in shown()


def test_evidence_names_whose_it_is_and_its_terms(shown: Any) -> None:
    photo: dict[str, Any] = {"latitude": 48.88, "longitude": 2.34, "similarity": 0.8}
    photo |= {"distance_km": 0.2, "gallery": "g", "source": "folder"}
    lines = shown(
        evidence=[
            Evidence(**photo, external_id="a.jpg", attribution="[Ann]", author="A", licence="CC0"),
            Evidence(**photo, external_id="b.jpg", author="Bo"),
            Evidence(**photo, external_id="c.jpg"),
        ]
    )
    start = lines.index("Evidence")
    assert lines[start + 1 : start + 4] == [
        " - similarity 0.80, 200 m from the answer: a.jpg ([Ann], CC0)",
        " - similarity 0.80, 200 m from the answer: b.jpg (Bo)",
        " - similarity 0.80, 200 m from the answer: c.jpg (folder)",
    ]


def test_evidence_says_what_it_speaks_for_or_against(shown: Any) -> None:
    photo: dict[str, Any] = {"latitude": 52.5, "longitude": 13.4, "similarity": 0.8}
    photo |= {"distance_km": 876.0, "gallery": "g", "source": "s", "external_id": "a.jpg"}
    berlin = candidate(2, latitude=52.5, longitude=13.4, distance_km=876.0, place="Berlin")
    fields = {"evidence": [Evidence(**photo)], "candidates": [candidate(1), berlin]}
    against = " - similarity 0.80, 876 km from the answer, contradicting it: a.jpg (s)"
    assert against in shown(**fields, reasons=[Reason.of(Code.PERSON_CHOSE, "a person chose it")])
    nowhere: dict[str, Any] = {"latitude": None, "longitude": None, "place": None}
    waiting = shown(status="waiting", **fields, **nowhere)
    assert " - similarity 0.80, for #2: a.jpg (s)" in waiting
    alone = shown(status="waiting", **fields | {"candidates": [candidate(1)]}, **nowhere)
    assert " - similarity 0.80, 876 km from #1: a.jpg (s)" in alone


def test_a_guess_says_so_first_and_its_reason_once(shown: Any) -> None:
    text = "undecided between Munich and Berlin (504 km apart)"
    lines = shown(
        degraded=[Reason.of(Code.BEST_GUESS, f"a guess: {text}")],
        reasons=[Reason.of(Code.AMBIGUOUS, text), Reason.of(Code.VOTES, "98% of the votes")],
    )
    assert lines[0] == f"A guess: {text}."
    assert " - 98% of the votes" in lines
    assert sum(text in line for line in lines) == 1
