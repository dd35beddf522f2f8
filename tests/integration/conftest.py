from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from geofix.agent import Settings, open_agent
from geofix.tools.encoders import Encoder
from tests.integration.scripted_model import PROTOCOLS, TIMEOUT_S, Lab
from tests.loopback import Finished, Raw, chat_server


@pytest.fixture
def lab(shared_starter_url: str, encoder: Encoder) -> Iterator[Any]:
    """Opens an agent on the starter gallery whose model answers by a script."""
    with ExitStack() as stack:

        @contextmanager
        def opened(*script: str | Finished | Raw, provider: str = "openai", **more: Any) -> Any:
            protocol, path = PROTOCOLS[provider]
            # Of the whole call: only a server that says nothing is to reach it.
            silent = any(isinstance(step, Raw) and step.silent for step in script)
            with chat_server(protocol, *script) as server:
                settings = Settings(
                    database_url=shared_starter_url,
                    model=f"{provider}:tiny",
                    model_url=server.url + path,
                    model_timeout_s=TIMEOUT_S if silent else 60.0,
                    **more,
                )
                with open_agent(settings, encoder=encoder) as agent:
                    yield Lab(agent, server)

        yield lambda *script, **more: stack.enter_context(opened(*script, **more))
