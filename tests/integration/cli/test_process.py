"""The command line in processes of their own: pipes, signals, terminals, what is imported."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import psycopg
import pytest

from geofix.agent.cli import main
from geofix.agent.fix import Fix
from geofix.db.engine import conninfo
from tests.integration.cli.conftest import Geofix

Process = Callable[..., subprocess.Popen[bytes]]

HELP = """
import sys
import typer
from geofix.agent.cli import app

root = typer.main.get_command(app.app)
pending = [([], root)]
while pending:
    path, command = pending.pop()
    try:
        root([*path, "--help"], prog_name="geofix")
    except SystemExit as end:
        assert end.code == 0, path
    pending += [([*path, name], sub) for name, sub in getattr(command, "commands", {}).items()]
heavy = {"langgraph", "langchain_core", "sqlalchemy", "psycopg", "numpy", "PIL", "cv2"}
sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
"""Prints the help of every command there is."""


def test_help_of_every_command_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = [line.split("[")[0].strip() for line in done.stdout.splitlines() if "Usage:" in line]
    for command in ("", " locate", " resume", " gallery ingest", " gallery remove", " db status"):
        assert f"Usage: geofix{command}" in shown
    assert "Exit codes: 0 success" in done.stdout


LOADED = """
import atexit, sys
from geofix.agent.cli import main

heavy = set(sys.argv.pop(1).split(","))
atexit.register(lambda: sys.stderr.write(repr(sorted(heavy & set(sys.modules)))))
main()
"""
"""Runs a command, and prints which of the packages named it has loaded."""


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("runs", "langgraph,langchain_core,langsmith,alembic,torch,cv2,PIL,shapely"),
        ("locate", "torch,transformers,huggingface_hub,sklearn,scipy,alembic,langchain_community"),
    ],
)
def test_a_command_loads_nothing_heavy_that_it_does_not_need(
    command: str, heavy: str, starter_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, heavy, command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DATABASE_URL": starter_url},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("[]"), done.stderr


def test_the_script_that_is_installed_is_this_one() -> None:
    (script,) = entry_points(group="console_scripts", name="geofix")
    assert script.load() is main


def test_json_in_a_pipe_is_all_that_standard_output_holds(
    process: Process, starter_url: str
) -> None:
    running = process(
        "locate", "--json", "--model", "openai:any", url=starter_url,
        GEOFIX_MODEL_URL="http://127.0.0.1:1/v1", PYTHONIOENCODING="ascii",
    )  # fmt: skip
    out, err = running.communicate()
    assert running.returncode == 0, err
    fix = Fix.model_validate_json(out)
    assert fix.status == "located"
    assert "the photos voted instead" in fix.warnings[0].text
    assert b"\x1b" not in out + err and b"Traceback" not in err


@pytest.mark.parametrize("args", [("gallery", "list"), ("runs", "--json")], ids=" ".join)
def test_a_reader_that_goes_away_ends_it_quietly(
    process: Process, starter_url: str, args: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    running = process(*args, url=starter_url, stdout=write)
    os.close(write)
    _, err = running.communicate()
    assert (running.returncode, err) == (141, b"")


def test_ctrl_c_ends_a_wait_for_the_database(process: Process) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        running = process("gallery", "list", url=f"postgresql://ann@127.0.0.1:{port}/x")
        connection, _ = silent.accept()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
        connection.close()
    assert running.returncode == 130
    assert err == b"geofix: interrupted; continue with `geofix resume RUN` (see `geofix runs`)\n"


def test_a_run_that_ctrl_c_cut_off_is_resumed(
    process: Process, geofix: Geofix, starter_url: str
) -> None:
    with psycopg.connect(conninfo(starter_url)) as lock, lock.cursor() as cursor:
        cursor.execute("lock table query_embeddings")
        running = process("locate", "--run", "case", url=starter_url)
        waits = "select count(*) from pg_locks where not granted and database ="
        waits += " (select oid from pg_database where datname = current_database())"
        with psycopg.connect(conninfo(starter_url), autocommit=True) as watch:
            while watch.execute(waits.encode()).fetchone() == (0,):
                assert running.poll() is None
                watch.execute("select pg_sleep(0.02)")
        running.send_signal(signal.SIGINT)
        # It ends while the node it was in still waits.
        out, err = running.communicate(timeout=30)
        lock.rollback()
    assert (running.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert "geofix resume case" in geofix("trail", "case", url=starter_url).out
    done = geofix("resume", "case", url=starter_url)
    assert done.code == 0
    assert done.out.startswith("Paris")


def test_a_terminal_gets_color_and_progress(process: Process, starter_url: str) -> None:
    controller, terminal = pty.openpty()
    running = process("gallery", "list", url=starter_url, stdout=terminal, TERM="xterm-256color")
    os.close(terminal)
    _, err = running.communicate()
    shown = os.read(controller, 10_000)
    os.close(controller)
    assert running.returncode == 0, err
    assert b"\x1b[" in shown and b"starter" in shown
