# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Density, diffusion and exchange by slabs, for walkers whose answers are known."""

import numpy as np
import pytest

from analysis_support import Trajectory
from openmmlps.analysis import density_profile, exchange, find_interfaces, slab_diffusion

CELL = np.array([[20.0, 0, 0], [3.0, 20, 0], [2.0, 1.0, 40.0]])
AREA, HEIGHT = 400.0, 40.0


def walkers(along=0.3, across=0.3, ions=150, frames=3000, interval=0.1, seed=0):
    random = np.random.default_rng(seed)
    sigma = np.sqrt(2 * interval * np.array([along, along, across]))
    paths = np.cumsum(random.normal(0, 1, (frames, ions, 3)) * sigma, axis=0) + random.random((1, ions, 3)) @ CELL
    still = np.broadcast_to([[1.0, 1, 5], [4.0, 5, 15]], (frames, 2, 3))
    positions = np.concatenate([paths, still], axis=1)
    return Trajectory(["Li"] * ions + ["P", "S"], positions, CELL, np.arange(frames) * interval, checks=False)


def test_density_profile_and_interfaces():
    random = np.random.default_rng(0)
    z = np.concatenate([random.uniform(10, 30, (50, 400)), random.uniform(0, 40, (50, 200))], axis=1)
    positions = random.random((50, 600, 3)) * [20, 20, 0] + z[..., None] * (CELL[2] / 40)
    trajectory = Trajectory(["P"] * 400 + ["Na"] * 200, positions, CELL, np.arange(50.0), checks=False)
    found = density_profile(trajectory, width=2.0)
    assert found.height_angstrom == pytest.approx(HEIGHT) and found.area_angstrom2 == pytest.approx(AREA)
    inside = (found.z_angstrom > 10) & (found.z_angstrom < 30)
    np.testing.assert_allclose(found.density_per_angstrom3["P"][inside], 400 / (20 * AREA), rtol=0.06)
    assert (found.density_per_angstrom3["P"][~inside] == 0).all()
    known = np.abs(found.density_per_angstrom3["Na"] - 200 / (40 * AREA)) <= found.reach["Na"]
    assert known.mean() > 0.8
    assert sum(found.density_per_angstrom3["Na"]) * AREA * 2 == pytest.approx(200)
    np.testing.assert_allclose(find_interfaces(found, "P"), [10, 30], atol=0.7)
    assert not len(find_interfaces(found, "Na"))


@pytest.mark.parametrize("along, across", [(0.4, 0.4), (0.5, 0.1)])
def test_diffusion_along_and_across_a_slab(along, across):
    slabs = slab_diffusion(walkers(along, across, 400), "Li", [5.0, 13.0, 21.0, 29.0], fit_window_ps=(0.5, 8.0))
    assert [slab.ions for slab in slabs] == pytest.approx([80] * 3, rel=0.25)
    assert np.mean([slab.along_cm2_per_s.value for slab in slabs]) == pytest.approx(along * 1e-4, rel=0.06)
    assert np.mean([slab.across_cm2_per_s.value for slab in slabs]) == pytest.approx(across * 1e-4, rel=0.06)
    inside = [along * 1e-4 in slab.along_cm2_per_s and across * 1e-4 in slab.across_cm2_per_s for slab in slabs]
    assert sum(inside) >= 2


def test_exchange_is_the_flux_through_the_interface():
    diffusion, thickness, interval, ions = 0.3, 4.0, 0.1, 600
    found = exchange(walkers(diffusion, diffusion, ions, seed=1), "Li", [10.0, 30.0], thickness)
    reach = thickness + 2 * 0.5826 * np.sqrt(2 * diffusion * interval)
    expected = ions / (AREA * HEIGHT) * diffusion / reach * 100 * 1000  # per nm^2 and ns
    assert np.mean([one.one_way_per_nm2_ns.value for one in found]) == pytest.approx(expected, rel=0.08)
    assert all(one.forward + one.backward > 400 and 0.0 in one.net_per_nm2_ns for one in found)
    # ions that are pushed go one way
    still = walkers(1e-9, 1e-9, 20, 400)
    pushed = np.array(still.positions)
    pushed[:, :20] += np.linspace(0, 1, 400)[:, None, None] * CELL[2]  # once through the cell
    through = exchange(Trajectory(still.symbols, pushed, CELL, still.times_ps, checks=False), "Li", [10.0, 30.0], 2.0)
    assert [one.backward for one in through] == [0, 0] and all(15 <= one.forward <= 20 for one in through)


def test_refusals():
    trajectory = walkers(frames=100)
    with pytest.raises(ValueError, match=r"the edges \[0.0, 50.0\] do not ascend within the height of 40.00 angstrom"):
        slab_diffusion(trajectory, "Li", [0, 50])
    with pytest.raises(ValueError, match="fit window 1 to 10 ps does not lie within a block of 1.9 ps with three lags"):
        slab_diffusion(trajectory, "Li", [0, 10])
    with pytest.raises(ValueError, match="leave no phase between them in a height of 40.00; give others"):
        exchange(trajectory, "Li", [10, 12])
