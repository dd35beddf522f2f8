"""What a stranger's folder or words could do to a report."""

from __future__ import annotations

import matplotlib

from geofix.evaluation.report.page import escape
from geofix.evaluation.report.plots import drawn, new_figure


def test_a_matplotlibrc_of_the_working_folder_changes_no_plot() -> None:
    def plot() -> bytes:
        figure, axes = new_figure()
        axes.set(xlabel="error", ylabel="photos")
        return drawn(figure)

    usual = plot()
    # As a file of settings sets them; with `text.usetex` matplotlib runs LaTeX.
    with matplotlib.rc_context({"text.usetex": True, "svg.fonttype": "none", "axes.grid": True}):
        assert plot() == usual


def test_what_hides_or_turns_text_is_written_out_on_the_page() -> None:
    assert escape("<b>\u202egpj\x1b") == r"&lt;b&gt;\u202egpj\x1b"
