from __future__ import annotations

import signal
import threading

import pytest

from geofix.agent.cli.terminal import interruptible
from geofix.agent.errors import PhotoError


def test_the_result_or_the_error_comes_through() -> None:
    assert interruptible(lambda: 7) == 7

    def fail() -> None:
        raise PhotoError("'x' is empty")

    with pytest.raises(PhotoError, match="'x' is empty"):
        interruptible(fail)


def test_ctrl_c_is_heard_while_the_work_goes_on() -> None:
    done = threading.Event()
    workers: list[threading.Thread] = []

    def work() -> None:
        workers.append(threading.current_thread())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        done.wait(60)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert workers[0].is_alive()
    done.set()
    workers[0].join()
