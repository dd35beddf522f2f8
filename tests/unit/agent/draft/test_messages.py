"""Messages: pictures numbered in words, the same every time, and kept whole in the trail."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, cast

from geofix.agent.draft.messages import as_sent, draft_messages
from geofix.agent.draft.presets import PRESETS
from tests.unit.agent.answers import lists

JPEG = b"\xff\xd8 not really \xff\xd9"
PICTURE = b"\xff\xd8 another \xff\xd9"
OURS = PRESETS["geofix"]


def blocks(exemplars: dict[int, bytes] | None = None) -> list[dict[str, Any]]:
    _, human = draft_messages(OURS, JPEG, lists(), exemplars)
    return cast(list[dict[str, Any]], human.content)


def test_the_photo_is_a_plain_block_the_same_every_time() -> None:
    assert blocks() == blocks()
    assert blocks()[1] == {
        "type": "image",
        "base64": base64.b64encode(JPEG).decode(),
        "mime_type": "image/jpeg",
    }


def test_every_picture_is_numbered_in_words_before_it() -> None:
    sent = blocks({1: PICTURE, 3: JPEG})
    assert [block["type"] for block in sent] == ["text", "image"] * 3 + ["text"] * 2
    assert [block["text"] for block in sent[0:6:2]] == [
        "Image 1 is the photo to locate.",
        "Image 2 shows candidate 1.",
        "Image 3 shows candidate 3.",
    ]
    assert base64.b64decode(sent[3]["base64"]) == PICTURE


def test_the_trail_keeps_every_word_and_each_picture_by_its_hash() -> None:
    system, human = as_sent(draft_messages(OURS, JPEG, lists(), {1: PICTURE}))
    assert system == {"role": "system", "content": OURS.system(lists())}
    pictures = [block for block in human["content"] if block["type"] == "image"]
    assert pictures == [
        {
            "type": "image",
            "mime_type": "image/jpeg",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        }
        for data in (JPEG, PICTURE)
    ]
    said = [OURS.lists(lists()), OURS.question(lists())]
    assert human["content"][-2:] == [{"type": "text", "text": text} for text in said]


def test_without_any_list_only_photo_and_question_are_sent() -> None:
    _, human = draft_messages(OURS, JPEG, lists(neighbours=0))
    assert len(human.content) == 3
