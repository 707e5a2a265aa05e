"""Moves of a thicker film: faces as they were, the middle at the distances of the bulk."""

import numpy as np
import pytest

from liface.structures.thickening import moves_of_thicker

SUBSTRATE = [0.02, -0.02, 0.01, -0.01]
PLANES = np.repeat(np.arange(4), 2)
FILM = [0.10, 0.12, 0.06, 0.06, 0.21, 0.21, 0.30, 0.34]


@pytest.mark.parametrize("n_planes", [4, 5, 6, 10])
def test_distances_at_both_faces_change_as_before_and_none_in_the_middle(n_planes):
    moves, less = moves_of_thicker(np.array(SUBSTRATE + FILM), PLANES, np.repeat(np.arange(n_planes), 2))
    assert moves[:4].tolist() == SUBSTRATE
    of_plane = moves[4::2]
    assert moves[5::2] == pytest.approx(of_plane) and len(of_plane) == n_planes
    changes = np.diff(of_plane)
    assert of_plane[0] == pytest.approx(0.11)
    assert changes[0] == pytest.approx(-0.05) and changes[-1] == pytest.approx(0.11)
    assert changes[1:-1] == pytest.approx(0.0)
    assert less == pytest.approx(0.15)
    assert of_plane[-1] + less == pytest.approx(0.32), "the top moves with what is above it"


def test_a_film_of_one_plane():
    moves, less = moves_of_thicker(np.array([0.0, 0.2, 0.2]), np.array([0, 0]), np.array([0, 1, 2]))
    assert moves == pytest.approx([0.0, 0.2, 0.2, 0.2]) and less == 0.0
