"""Rays against bodies, worked by hand."""

import numpy as np
import pytest

from mmcore.simulate.bodies import Capsule, Ellipsoid, hull, length, make_grid, overlap

GRID = make_grid(rows=65, spacing_mm=1.0, center=(0.0, 0.0))
MIDDLE = (32, 32)


def test_a_ray_through_the_middle_of_a_ball_is_its_diameter_long():
    chord = Ellipsoid((0, 0, 5), (10, 10, 10)).chord(GRID, GRID.everything)
    assert chord[MIDDLE] == pytest.approx(20)
    assert chord[32, 38] == pytest.approx(16)  # 6-8-10 triangle
    assert chord[32, 43] == 0


def test_the_shadow_of_an_ellipsoid_integrates_to_its_volume():
    body = Ellipsoid((1, -2, 0), (20, 12, 9), 0.4)
    volume = body.chord(GRID, GRID.everything).sum()
    assert volume == pytest.approx(4 / 3 * np.pi * 20 * 12 * 9, rel=0.01)


def test_a_capsule_across_the_rays_has_its_diameter_and_round_ends():
    chord = Capsule((-10, 0, 0), (10, 0, 0), 5).chord(GRID, GRID.everything)
    assert chord[MIDDLE] == pytest.approx(10, abs=1e-4)
    assert chord[32, 46] == pytest.approx(6, abs=1e-4)  # 4 mm beyond the end: 3-4-5 triangle
    assert chord[32, 48] == 0


def test_a_capsule_along_the_rays_is_as_long_as_its_axis_and_two_radii():
    chord = Capsule((0, 0, -10), (0, 0, 10), 5).chord(GRID, GRID.everything)
    assert chord[MIDDLE] == pytest.approx(30, rel=1e-3)


def test_a_tilted_capsule_integrates_to_its_volume():
    body = Capsule((-9, -5, -12), (8, 7, 10), 6)
    axis = float(np.linalg.norm(np.subtract(body.end, body.start)))
    volume = body.chord(GRID, GRID.everything).sum()
    assert volume == pytest.approx(np.pi * 36 * axis + 4 / 3 * np.pi * 216, rel=0.01)


def test_an_empty_interval_does_not_widen_a_hull():
    hit = (np.float32([1.0]), np.float32([2.0]))
    miss = (np.float32([9.0]), np.float32([9.0]))
    near, far = hull([hit, miss])
    assert (near[0], far[0]) == (1.0, 2.0)
    assert length(overlap(hit, miss))[0] == 0


def test_a_body_outside_of_the_field_has_an_empty_box():
    body = Ellipsoid((500, 0, 0), (10, 10, 10))
    assert body.chord(GRID, body.box(GRID)).size == 0
