from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from geofix.agent.cli import terminal as exits
from geofix.agent.cli.terminal import err, escaped, out, say
from geofix.db.plain_text import visible

STRANGE = [
    "[bold]x[/bold]",
    "[/]",
    "[link=http://x]y[/link]",
    "back\\slash",
    r"\[bold]",
    ":cat: :smile:",
    "[@click=x]",
    "no-break\u00a0space, सड़क, نی\u200cم, 👩\u200d🚀, क्\u200dष",
]


@pytest.mark.parametrize("text", STRANGE)
def test_a_strangers_text_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out().print(f"[dim]({escaped(text)})[/]", soft_wrap=True)
    assert capsys.readouterr().out == f"({text})\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb", r"a\r\nb"),
        ("a\u2028b", r"a\u2028b"),
        ("caf\udce9", r"caf\udce9"),
        ("\x9b2J", r"\x9b2J"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("pay\u200bpal", r"pay\u200bpal"),
        ("pay\u200dpal", r"pay\u200dpal"),
        ("\u200dक", r"\u200dक"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\ufeff", r"\ufeff"),
        ("\u3164", r"\u3164"),
    ],
)
def test_what_could_steer_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert Text.from_markup(escaped(text)).plain == shown


def test_lines_are_neither_wrapped_nor_interpreted(capsys: pytest.CaptureFixture[str]) -> None:
    line = "[bold]:cat: 'x' 123 " + "word " * 40
    say(line)
    assert capsys.readouterr().out == line + "\n"


def test_no_line_that_is_printed_steers(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\x1b[31m\ntwo\u202e")
    assert capsys.readouterr().out == "one\\x1b[31m\ntwo\\u202e\n"


def test_a_reader_that_is_gone_is_told_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(console: Console) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(Console, "on_broken_pipe", gone)
    for console in (out(), err()):
        with pytest.raises(SystemExit) as raised:
            console.on_broken_pipe()
        assert raised.value.code == exits.PIPE
