"""A file of weights is looked through before it is loaded."""

import os

import pytest

from liface.engines.checkpoints import refuse_code
from liface.engines.registry import resolve
from liface.errors import UnknownEngineError


@pytest.fixture(scope="module", autouse=True)
def _torch():
    """Load it for these tests alone: every worker reads every file."""
    global torch
    torch = pytest.importorskip("torch")


class Program:
    """What a hostile checkpoint holds: a call that is made while it is loaded."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / "hostile.pth"
    torch.save({"model": Program(tmp_path / "witness"), "state_dict": {"w": torch.zeros(2)}}, path)
    return path


def test_numbers_are_let_through(tmp_path):
    import numpy as np

    path = tmp_path / "numbers.pth"
    torch.save({"state_dict": {"w": torch.zeros(3)}, "args": [1, 2.5, "x", None, np.arange(3)]}, path)
    refuse_code(path)


def test_a_program_is_refused_and_not_run(hostile, tmp_path):
    with pytest.raises(UnknownEngineError, match=r"is not loaded: .* holds posix.mkdir"):
        refuse_code(hostile)
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize(("engine", "package"), [("chgnet", "chgnet"), ("sevennet", "sevenn")])
def test_engines_look_before_they_load(hostile, tmp_path, engine, package):
    pytest.importorskip(package)
    with pytest.raises(UnknownEngineError, match=r"is not loaded: .* holds posix.mkdir"):
        resolve(f"{engine}:{hostile}").calculator(needs_stress=False)
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("content", [b"no checkpoint", b"\x80\x04cos\nsystem\n(S'true'\ntR."])
def test_what_cannot_be_looked_through_is_refused(tmp_path, content):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(UnknownEngineError, match="cannot be looked through"):
        refuse_code(path)
