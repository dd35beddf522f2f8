"""The model's answers, kept in Postgres: the one place that touches langchain-community.

`SQLAlchemyMd5Cache` keys an answer by the whole prompt, pictures included, so that a run asked
again is identical and free. Image blocks must carry no random ids, or it never hits.
"""

from __future__ import annotations

import warnings

from langchain_core.caches import BaseCache
from sqlalchemy import Engine


def answer_cache(engine: Engine) -> BaseCache:
    """Return a cache of model answers in the database of `engine`; its table is made if missing."""
    with warnings.catch_warnings():
        # The package announces its own sunset on import; DESIGN.md section 3 says why we stay.
        warnings.filterwarnings("ignore", message=".*langchain-community.*")
        from langchain_community.cache import (  # noqa: PLC0415 - two seconds, seldom wanted
            SQLAlchemyMd5Cache,
        )

    cache: BaseCache = SQLAlchemyMd5Cache(engine)
    return cache
