"""geofix on the database connections and the checkpoints that your program has already.

GEOFIX_DATABASE_URL=postgresql://you@localhost/yours geofix db upgrade
python examples/engine_and_saver.py postgresql+psycopg://you@localhost/yours photo.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from sqlalchemy import Engine, create_engine

from geofix import Fix, open_agent
from geofix.langgraph import serializer


def locate(engine: Engine, photo: Path, **parts: Any) -> Fix:
    """Locate a photo; `parts` can be an encoder or a chat model of yours."""
    saver = InMemorySaver(serde=serializer())
    with open_agent(engine=engine, saver=saver, **parts) as agent:
        return agent.locate(photo)


if __name__ == "__main__":
    print(locate(create_engine(sys.argv[1]), Path(sys.argv[2])).to_text())
