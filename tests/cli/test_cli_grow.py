from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from liface.testing.cli import run_cli

QUICK = ("grow", "--size", 12, "--atoms", 60, "--seeds", 2)


def test_table_trend_and_talk():
    result = run_cli([*QUICK, "--ratio", 10, "--ratio", 0.1], out=r"^ratio .*coverage .*tip_height \[layers\]")
    assert "95 % interval of the mean of 2 seeds" in result.out and "coverage rises with the ratio: yes" in result.out
    assert "4 runs of 60 atoms" in result.err


def test_json_is_the_whole_sweep():
    sweep = run_cli([*QUICK, "--ratio", 2, "--first-seed", 5, "--temperature", 310, "--json"]).json
    assert sweep["spec"]["ratios"] == [2.0] and sweep["spec"]["seeds"] == [5, 6]
    assert sweep["spec"]["growth"]["temperature_k"] == 310.0 and len(sweep["runs"]) == 2


def test_energies_by_hand():
    result = run_cli(
        [*QUICK, "--from-binding", -0.02, 0.03, "--cluster-on-li", 4, 0.168, 0.121, "--json"], err=r"ΔE_b = -0\.050 eV"
    )
    growth = result.json["spec"]["growth"]
    assert growth["bond_li_ev"] == pytest.approx(0.047) and growth["substrate_preference_ev"] == pytest.approx(0.05)
    assert result.json["spec"]["ratios"][0] == pytest.approx(7.0, rel=0.01)
    run_cli([*QUICK, "--from-binding", -0.570, 0.088, "--most-hops", 100], err="cut to 1000")


def test_figure_and_animation():
    run_cli([*QUICK, "--ratio", 0.1, "--ratio", 10, "--figure", "a.png", "--animation", "a.gif"], err="figure: a.png")
    assert Path("a.png").read_bytes().startswith(b"\x89PNG") and Path("a.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--ratio", 0], 1, "positive finite"),
        (["--ratio", -1], 1, "positive finite"),
        (["--size", -3], 2, "Invalid value"),
        (["--seeds", 1], 2, "Invalid value"),
        (["--diffusion-li", -1], 1, "detailed balance"),
        (["--temperature", 0], 1, "positive temperature"),
        (["--from-binding", -0.1, 0.1, "--ratio", 2], 2, "leave one of them out"),
        (["--resume", "none.npz", "--ratio", 2], 2, "leave out --ratio"),
        (["--resume", "none.npz"], 2, "cannot be read"),
    ],
)
def test_mistakes_are_explained(arguments, code, words):
    run_cli(["grow", *arguments], code=code, err=words)


def test_unwritable_picture():
    run_cli([*QUICK, "--ratio", 1, "--figure", "/dev/null/a.png"], code=2, err="a.png")


def test_ctrl_c_leaves_a_checkpoint_that_goes_on():
    arguments = ["grow", "--size", "48", "--atoms", "1500", "--seeds", "2", "--ratio", "0.5", "--ratio", "1",
                 "--diffusion-substrate", "0.5", "--diffusion-li", "0.5"]  # fmt: skip
    expected = run_cli([*arguments, "--json"]).json
    script = (
        "import os, signal, sys; from liface.mesoscale import sweep; sweep.EVENTS_AT_ONCE = 50_000\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell in the background lets it be ignored
        "from liface.cli import grow; words = grow._words\n"
        "def stop_early(*a):\n"
        "    describe = words(*a); looks = []\n"
        "    def told(state):\n"
        "        looks.append(1)\n"
        "        len(looks) == 8 and os.kill(os.getpid(), signal.SIGINT)\n"
        "        return describe(state)\n"
        "    return told\n"
        "grow._words = stop_early\n"
        "from liface.cli import progress; progress.ELSEWHERE_EVERY_S = 0.0\n"
        f"from liface.cli.app import main; main({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done.stderr
    assert "liface grow --resume grow.checkpoint.npz" in done.stderr and done.stdout == ""
    assert run_cli(["grow", "--resume", "grow.checkpoint.npz", "--json"]).json == expected
