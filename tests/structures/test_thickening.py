"""Moves of a thicker film: faces as they were, a straight line in between."""

import numpy as np
import pytest

from liface.structures.thickening import moves_of_thicker

SUBSTRATE = [0.02, -0.02, 0.01, -0.01]
PLANES = np.repeat(np.arange(4), 2)


def test_faces_move_as_before_and_the_middle_goes_from_one_to_the_other():
    film = [0.10, 0.12, 0.06, 0.06, 0.21, 0.21, 0.30, 0.34]
    moves = moves_of_thicker(np.array(SUBSTRATE + film), PLANES, np.repeat(np.arange(6), 2))
    assert moves[:4].tolist() == SUBSTRATE
    assert moves[4::2] == pytest.approx([0.11, 0.06, 0.11, 0.16, 0.21, 0.32])
    assert moves[5::2] == pytest.approx(moves[4::2])


def test_a_film_of_the_same_height_moves_as_it_did():
    film = [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]
    assert moves_of_thicker(np.array(SUBSTRATE + film), PLANES, PLANES) == pytest.approx(SUBSTRATE + film)


def test_a_uniform_strain_goes_on():
    film = np.repeat(0.05 * np.arange(4), 2)
    moves = moves_of_thicker(np.concatenate([SUBSTRATE, film]), PLANES, np.repeat(np.arange(5), 2))
    assert moves[4::2] == pytest.approx([0, 0.05, 0.075, 0.1, 0.15])


def test_a_film_of_one_plane():
    moves = moves_of_thicker(np.array([0.0, 0.2, 0.2]), np.array([0, 0]), np.array([0, 1, 2]))
    assert moves == pytest.approx([0.0, 0.2, 0.2, 0.2])
