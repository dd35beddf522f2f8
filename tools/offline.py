"""`GEOFIX_OFFLINE=1`: nothing leaves this machine, and what would is an error that names it.

Loopback stays open (`127.0.0.0/8`, `::1`, `localhost`), unless a proxy is set for it: a model
server on this machine is no way out. A host on the local network is one, and so is a name that only
a look-up would show to be this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from geofix.tools.addresses import UNKNOWN, Address
from geofix.tools.errors import ModelError

VARIABLE = "GEOFIX_OFFLINE"

_OFF = frozenset({"", "0", "false", "no", "off"})

_FORCED = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "LANGCHAIN_TRACING_V2": "false",
}
"""Variables of libraries that would call out by themselves, for this process and its children."""


def offline() -> bool:
    """Tell whether outbound calls are forbidden; a value nobody can read forbids them too."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def stay_offline() -> None:
    """Where outbound calls are forbidden, keep the libraries below from making any.

    Call it before a run begins: LangSmith's tracer joins a run at its start. With
    `LANGSMITH_TRACING=true` langchain-core would post every prompt, photo included.
    """
    if not offline():
        return
    os.environ.update(_FORCED)
    # Both read the environment once: the hub's client when it is imported, LangSmith at the first
    # look, for the whole process.
    import huggingface_hub.constants  # noqa: PLC0415 - only where it is needed
    import langsmith  # noqa: PLC0415 - only where it is needed

    huggingface_hub.constants.HF_HUB_OFFLINE = True
    langsmith.configure(enabled=False)


def require_here(what: str, address: Address) -> None:
    """Check that a call to `address` is allowed.

    Raises:
        ModelError: Outbound calls are forbidden, and this would be one.
    """
    if not offline() or address.stays:
        return
    if address.host == UNKNOWN:
        raise ModelError(
            f"{what} does not say where it sends its calls, and {VARIABLE} forbids any that leave"
            " this machine; give it an attribute `in_process = True` if there are none"
        )
    through = "" if address.proxy is None else "; set NO_PROXY for a server on this machine"
    raise ModelError(
        f"{what} would call {address}, and {VARIABLE} forbids calls that leave this machine; unset"
        f" it, or use a model in this process or on 127.0.0.1{through}"
    )


@contextmanager
def untraced() -> Iterator[None]:
    """Keep LangSmith out of what is done inside, where outbound calls are forbidden."""
    if not offline():
        yield
        return
    from langsmith import tracing_context  # noqa: PLC0415 - only where it is needed

    with tracing_context(enabled=False):
        yield
