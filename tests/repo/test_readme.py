"""The README's tour is run as it is written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tour():
    text = README.split("## Five minutes")[1].split("\n## ")[0]
    return re.findall(r"```(\w+)\n(.*?)```", text, flags=re.S)


@pytest.mark.mlip
def test_the_tour_runs(tmp_path):
    pytest.importorskip("chgnet")
    outputs = []
    for language, block in tour():
        if language == "yaml":
            (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block)
        elif language == "console":
            for line in block.splitlines():
                command = shlex.split(line.removeprefix("$ "))
                assert command[0] == "liface"
                outputs.append(run([sys.executable, "-m", "liface", *command[1:]], tmp_path))
        else:
            outputs.append(run([sys.executable, "-c", block], tmp_path))
    everything = "\n".join(outputs)
    assert "Mo" in everything and "meV/Å²" in everything and "J/m²" in everything
    assert (tmp_path / "first-report.html").stat().st_size > 20_000


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout


def test_the_map_names_folders_that_exist():
    text = README.split("## Map of the tree")[1].split("```")[1]
    for line in text.strip().splitlines():
        folder = line.split()[0]
        assert (ROOT / folder).is_dir(), folder


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_doors_lead_into_the_package():
    for door in ("structures", "workflows"):
        assert (ROOT / door).resolve() == ROOT / "src" / "liface" / door
