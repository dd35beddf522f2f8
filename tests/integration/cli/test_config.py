"""`geofix config` and `--env-file`: what is set is shown with its origin, and kept whole."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from geofix.agent.settings_files import LARGEST_BYTES
from tests.integration.cli.conftest import Done, Geofix


def shown(done: Done) -> dict[str, tuple[str | None, str]]:
    return {row["name"]: (row["value"], row["from"]) for row in json.loads(done.out)}


def test_the_working_folders_file_runs_nothing_and_sends_nothing(
    geofix: Geofix, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    for program in ("postgres", "initdb"):
        (evil / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (evil / program).chmod(0o755)
    (tmp_path / ".env").write_text(
        f"GEOFIX_POSTGRES_BIN={evil}\nGEOFIX_DATA={tmp_path}/data\nGEOFIX_MODEL_URL=http://evil\n"
    )
    # An empty URL counts as none: the embedded server is asked how it stands.
    assert geofix("db", "status", url="", HOME=str(tmp_path / "home")).code == 0
    assert not (tmp_path / "ran").exists() and not (tmp_path / "data").exists()
    # Asked for by name it is read.
    told = shown(geofix("--env-file", ".env", "config", "show", "--json"))
    assert told["postgres_bin"] == (str(evil), f"GEOFIX_POSTGRES_BIN in '{tmp_path}/.env'")
    assert shown(geofix("config", "show", "--json"))["postgres_bin"] == (None, "the default")


def test_what_is_set_is_kept_and_shown_with_its_origin(geofix: Geofix, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "geofix" / "config.toml"
    assert geofix("config", "path").out == f"{path}\n"
    assert not path.exists()
    assert geofix("config", "set", "batch_size", "8").out == f"set batch_size in {path}\n"
    path.write_text(f"# mine\n{path.read_text()}")
    assert geofix("config", "set", "GEOFIX_MODEL", "openai:tiny").code == 0
    assert path.read_text() == '# mine\nbatch_size = 8\nmodel = "openai:tiny"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]
    told = shown(geofix("config", "show", "--json", GEOFIX_DTYPE="float32"))
    assert told["batch_size"] == ("8", f"batch_size in '{path}'")
    assert told["dtype"] == ("float32", "the environment variable GEOFIX_DTYPE")
    assert told["database_url"] == (
        "postgresql://ann:***@127.0.0.1:1/geofix",
        "the environment variable DATABASE_URL",
    )
    table = geofix("config", "show").out
    assert "openai:tiny" in table and "s3cret" not in table
    assert geofix("config", "set", "batch_size", "").out == f"removed batch_size in {path}\n"
    assert path.read_text() == '# mine\nmodel = "openai:tiny"\n'


def test_a_key_comes_by_standard_input(
    geofix: Geofix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret\n"))
    done = geofix("config", "set", "model_api_key", "-")
    assert "s3cret" not in done.out + done.err
    assert 'model_api_key = "s3cret"' in (tmp_path / ".config/geofix/config.toml").read_text()
    assert shown(geofix("config", "show", "--json"))["model_api_key"][0] == "***"


def test_an_empty_standard_input_removes_no_key(
    geofix: Geofix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    geofix("config", "set", "model_api_key", "kept")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    done = geofix("config", "set", "model_api_key", "-")
    assert done.code == 5 and "standard input is empty" in done.err
    assert "kept" in (tmp_path / ".config/geofix/config.toml").read_text()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("modle", "x", ["'modle' is not a setting", "model_url"]),
        ("batch_size", "many", ["batch_size cannot be 'many' (from the command line)", "integer"]),
        ("batch_size", "0", ["greater than or equal to 1"]),
        ("pool_timeout_s", "inf", ["pool_timeout_s cannot be", "less than or equal to 86400"]),
        ("model_timeout_s", "1e10", ["model_timeout_s cannot be", "less than or equal to 86400"]),
        ("data", "here", ["data cannot be 'here'", "relative"]),
        ("encoder", "./here", ["encoder cannot be './here'", "relative"]),
        ("offline", "maybe", ["offline cannot be 'maybe'"]),
    ],
)
def test_a_value_that_cannot_be_used_is_not_kept(
    geofix: Geofix, tmp_path: Path, name: str, value: str, words: list[str]
) -> None:
    done = geofix("config", "set", name, value)
    assert (done.code, done.out) == (5, "")
    for word in words:
        assert word in done.err
    assert not (tmp_path / ".config").exists()


def test_a_file_that_cannot_be_written_is_left_whole(geofix: Geofix, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "geofix" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('model = """\nencoder = 1"""\n')
    done = geofix("config", "set", "encoder", "x")
    assert done.code == 5 and "by hand" in done.err
    path.write_text("#" * (LARGEST_BYTES + 1))
    assert "more than" in geofix("config", "set", "encoder", "x").err
    path.unlink()
    real = tmp_path / "dotfiles.toml"
    real.write_text("# kept elsewhere\n")
    path.symlink_to(real)
    assert geofix("config", "set", "encoder", "x").code == 0
    assert path.is_symlink() and real.read_text() == '# kept elsewhere\nencoder = "x"\n'


def test_a_named_file_that_is_not_there_is_one_line(geofix: Geofix) -> None:
    done = geofix("--env-file", "nosuch", "runs")
    assert (done.code, done.out) == (5, "")
    assert "nosuch' does not exist" in done.err
    assert "GEOFIX_ENV_FILE" not in os.environ


@pytest.mark.parametrize(
    "args",
    [
        ("locate", "--thread", " "),
        ("locate", "--thread", "x" * 201),
        ("locate", "--thread", "a\u202eb"),
        ("locate", "--gallery", "x" * 100_000),
        ("locate", "--gallery", ""),
        ("locate", "--model", "m\x1b"),
        ("resume", " "),
        ("trail", "x" * 100_000),
        ("gallery", "ingest", ".", "--gallery", "x" * 100_000),
        ("gallery", "ingest", ".", "--name", "\u200b"),
        ("gallery", "ingest", ".", "--embedded-by", " "),
        ("gallery", "remove", "x" * 100_000),
        ("gallery", "check", "--encoder", " "),
        ("gallery", "shard", "drain", " "),
        ("eval", "photos", "--gallery", " "),
        ("eval", "photos", "--again", "x" * 5000),
        ("calibrate", "x" * 5000),
        ("models", "check", "\u2066"),
        ("trail", "a", "b\u202e\x1b[31m"),
        ("--\u202enosuch",),
    ],
    ids=lambda args: " ".join(args)[:40].encode("unicode_escape").decode(),
)
def test_a_name_that_is_none_is_refused_in_a_few_lines(
    geofix: Geofix, args: tuple[str, ...]
) -> None:
    done = geofix(*args)
    assert (done.code, done.out) == (2, "")
    assert len(done.err) < 3000
    assert not {"\x1b", "\u202e", "\u200b", "\u2066"} & set(done.err)
