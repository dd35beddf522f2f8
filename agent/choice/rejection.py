"""What shows no place gets no answer: a room, a dish, an animal, a drawing, bare sky.

A gallery of streets has something most alike to a plate of noodles as well. Only geometry excuses:
where local features of the photo agree with a picture of the place, it is of the place.
"""

from __future__ import annotations

from geofix.agent.choice.inliers import geometry_agrees
from geofix.agent.scene_seen import SceneSeen
from geofix.agent.state import Candidate

SHOWS = {
    "indoors": "a room or a thing",
    "food": "food",
    "animals": "animals",
    "screens and paper": "a screen or printed paper",
    "drawn": "little but flat color, as drawings, screenshots and blank skies do",
    "sky": "nothing with an edge, such as sky or water",
}
"""In words, by kind; what is not here shows a place."""


def rejection(scene: SceneSeen | None, first: Candidate) -> str | None:
    """Return why the photo cannot be placed; none where it shows a place, or was not looked at.

    Args:
        scene: What it shows.
        first: The leading candidate.
    """
    if scene is None or scene.kind not in SHOWS:
        return None
    if geometry_agrees(first):
        return None
    how = f"{scene.shares['outdoors']:.0%} of what it may show stands outdoors"
    if scene.kind == "drawn":
        how = f"{scene.flatness:.0%} of its neighbouring pixels are the same"
    if scene.kind == "sky":
        how = f"{scene.edges:.1%} of its neighbouring pixels differ clearly"
    return f"the photo shows {SHOWS[scene.kind]}, which can be anywhere: {how}"
