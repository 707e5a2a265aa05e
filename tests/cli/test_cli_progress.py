from __future__ import annotations

import io

from liface.cli.progress import ERASE, ProgressLine, clock, describe
from liface.dispatch.run import RunState


class Terminal(io.StringIO):
    def isatty(self):
        return True


def state(**changes):
    values = {"n_cases": 8, "total_cost": 10.0, "done_cost": 2.5, "computed": 30, "reused": 4, "failed": 1}
    made = RunState(**{**values, **changes})
    made.started -= 60.0
    return made


def test_line_tells_cases_calculations_time_and_time_left():
    line = describe(state())
    assert "cases 0/8" in line and "30 computed, 4 reused, 1 failed" in line and "1 min 00 s" in line
    assert "about 3 min 00 s left" in line  # a quarter of the work took one minute


def test_no_time_left_is_invented_before_anything_is_done():
    assert "left" not in describe(state(done_cost=0.0)) and "left" not in describe(state(computed=0))


def test_elsewhere_a_line_comes_only_now_and_then():
    stream = io.StringIO()
    with ProgressLine(stream, every_s=3600) as progress:
        for _ in range(100):
            progress(state())
    assert stream.getvalue() == ""
    with ProgressLine(stream, every_s=0) as progress:
        progress(state())
    assert stream.getvalue().endswith("\n") and "\x1b" not in stream.getvalue()


def test_on_a_terminal_one_line_rewrites_itself_and_is_gone_at_the_end():
    stream = Terminal()
    with ProgressLine(stream, every_s=0.01) as progress:
        progress(state())
    assert "\n" not in stream.getvalue() and stream.getvalue().endswith(ERASE)


def test_durations_are_written_for_people():
    assert [clock(s) for s in (1.24, 42, 61, 3723, 400000)] == ["1.2 s", "42 s", "1 min 01 s", "1 h 02 min", "4.6 days"]
