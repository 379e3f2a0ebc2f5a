# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mobility by anion kind, on lithium that hops between known anions at known rates."""

import numpy as np
import pytest

from analysis_support import Trajectory
from openmmlps.analysis import (
    anion_lifetimes,
    assign_hosts,
    conditional_displacement,
    diffusion_by_host,
    hops,
    residence_times,
)
from openmmlps.analysis.mobility import Hosts, settle

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * (2.05 / np.sqrt(3))
CENTERS = np.array([[6.0, 6, 6], [18.0, 6, 6], [6.0, 18, 6], [18.0, 18, 6]])
FREE = np.array([12.0, 12, 18])
INTERVAL = 0.1


def anions():
    """Four PS4 and a free S in a box of 30 angstrom, so that no hop passes half of it."""
    symbols, positions = [], []
    for center in CENTERS:
        symbols += ["P"] + ["S"] * 4
        positions += [center, *(center + CORNERS)]
    return [*symbols, "S"], np.array([*positions, FREE])


def hopping(rate_tetrahedra=0.2, rate_sulfide=1.0, frames=3000, ions=40, seed=0):
    """Li next to anion 0..3 (PS4) or 4 (S); leaves at a rate that depends on the kind, to any other anion."""
    random = np.random.default_rng(seed)
    symbols, fixed = anions()
    sites = np.concatenate([CENTERS + CORNERS[0] * (2.05 + 2.4) / 2.05, FREE[None] + [2.4, 0, 0]])
    rates = np.array([rate_tetrahedra] * 4 + [rate_sulfide])
    state = random.integers(0, 5, ions)
    states = np.empty((frames, ions), dtype=int)
    for frame in range(frames):
        states[frame] = state
        leave = random.random(ions) < 1 - np.exp(-rates[state] * INTERVAL)
        state = np.where(leave, (state + random.integers(1, 5, ions)) % 5, state)
    lithium = sites[states] + random.normal(0, 0.05, (frames, ions, 3))
    positions = np.concatenate([lithium, np.broadcast_to(fixed, (frames, *fixed.shape))], axis=1)
    trajectory = Trajectory(["Li"] * ions + symbols, positions, np.eye(3) * 30, np.arange(frames) * INTERVAL)
    return trajectory, states


@pytest.fixture(scope="module")
def run():
    trajectory, states = hopping()
    return assign_hosts(trajectory), states


def test_hosts_are_the_known_ones(run):
    hosts, states = run
    assert hosts.kinds == ("PS4(3-)", "S(2-)", "other", "none")
    np.testing.assert_array_equal(hosts.kind, (states == 4).astype(int))
    identity = np.array([40, 45, 50, 55, 60])  # P atoms after 40 Li; the free S is atom 60
    np.testing.assert_array_equal(hosts.host, identity[states])


def planted(rates, frames=500, ions=240, seed=0):
    """Li at eight places, each 2.45 angstrom from an S of its own anion and 2.75 from one of the other kind.

    It rattles by 0.3 angstrom, so the nearest S is the other's in a third of all frames, visits other places for 0.2 ps three
    times as often as it leaves, and hops with the rates (1/ps) of PS4 and of P2S7.
    """
    random = np.random.default_rng(seed)
    along = CORNERS[1] / 2.05

    def anion(center, sign, pyro):
        near = sign * CORNERS
        if not pyro:
            return ["P"] + ["S"] * 4, [center, *(center + near)]
        return ["P"] * 2 + ["S"] * 7, [
            center,
            center + 2 * near[0],
            *(center + near),
            *(center + 2 * near[0] - near[1:]),
        ]

    places = np.stack(np.meshgrid(*[np.array([10.0, 26.0])] * 3), -1).reshape(-1, 3)
    pyro = np.arange(8) % 2
    symbols, fixed = [], []
    for place, own in zip(places, pyro, strict=True):
        for center, sign, kind in ((place - along * 4.5, 1, own), (place + along * 4.8, -1, 1 - own)):
            names, atoms = anion(center, sign, kind)
            symbols, fixed = symbols + names, [*fixed, *atoms]
    state, visit, states = random.integers(0, 8, ions), np.zeros(ions, dtype=int), np.empty((frames, ions), dtype=int)
    elsewhere = state
    for frame in range(frames):
        visit -= 1
        rate = np.array(rates)[pyro[state]]
        leave = random.random(ions) < 1 - np.exp(-rate * INTERVAL)
        start = (random.random(ions) < 3 * rate * INTERVAL) & (visit < -5) & ~leave
        elsewhere = np.where(start, (state + random.integers(1, 8, ions)) % 8, elsewhere)
        visit[start] = 2
        state = np.where(leave, (state + random.integers(1, 8, ions)) % 8, state)
        states[frame] = np.where(visit > 0, elsewhere, state)
    noise = np.empty((frames, ions, 3))
    noise[0] = random.normal(0, 0.3, (ions, 3))
    for frame in range(1, frames):  # remembers 0.2 ps
        noise[frame] = 0.6 * noise[frame - 1] + random.normal(0, 0.3 * 0.8, (ions, 3))
    positions = np.concatenate([places[states] + noise, np.broadcast_to(fixed, (frames, len(fixed), 3))], axis=1)
    return Trajectory(["Li"] * ions + symbols, positions, np.eye(3) * 60, np.arange(frames) * INTERVAL)


@pytest.mark.parametrize("rates", [(0.09, 0.03), (0.06, 0.06)])
def test_planted_rates_are_recovered_through_flicker(rates):
    hosts = assign_hosts(planted(rates))
    assert np.mean(hosts.host[1:] != hosts.host[:-1]) / INTERVAL > 1  # flicker: over ten times the hops
    stays, found = residence_times(hosts), hops(hosts)
    for kind, rate in zip(("PS4(3-)", "P2S7(4-)"), rates, strict=True):
        assert found.rate_per_ps[found.kinds.index(kind)] == pytest.approx(rate, rel=0.2)
        assert stays[kind].low_ps * 0.9 < 1 / rate < stays[kind].high_ps * 1.1
    fast, slow = stays["P2S7(4-)"].mean_ps, stays["PS4(3-)"].mean_ps
    assert fast / slow == pytest.approx(rates[0] / rates[1], rel=0.2)
    assert np.median(found.lengths_angstrom) > 14
    assert residence_times([hosts, hosts])["PS4(3-)"].departures == 2 * stays["PS4(3-)"].departures


def test_conditional_displacement_separates_fast_from_slow(run):
    found = conditional_displacement(run[0], [0.1, 0.3, 1.0])
    fast, slow = found.msd_angstrom2["S(2-)"], found.msd_angstrom2["PS4(3-)"]
    assert 3.5 < fast[0] / slow[0] < 6.5  # the rates differ five times
    assert (found.standard_errors_angstrom2["S(2-)"] < 0.2 * fast).all()
    assert found.samples["S(2-)"][0] + found.samples["PS4(3-)"][0] == 2999 * 40
    staying = conditional_displacement(run[0], [0.3], whole_window=True)
    assert staying.msd_angstrom2["S(2-)"][0] == pytest.approx(2 * 3 * 0.05**2, rel=0.1)  # vibration only
    with pytest.raises(ValueError, match=r"lags must lie between one interval \(0.1 ps\) and"):
        conditional_displacement(run[0], [1e6])


@pytest.mark.parametrize(("replicas", "ratio"), [(1, 3.0), (4, 3.0), (4, 1.0)])
def test_diffusion_by_host_is_the_planted_one(replicas, ratio):
    """Two kinds of walkers that rattle too."""
    planted = np.array([3e-6, 3e-6 / ratio])  # cm^2/s
    hosts = []
    for seed in range(replicas):
        random = np.random.default_rng(seed)
        own = np.arange(60) % 2
        steps = random.normal(0, 1, (500, 60, 3)) * np.sqrt(2 * planted[own] * 1e4 * 0.2)[:, None]
        paths = np.cumsum(steps, axis=0) + random.normal(0, 0.2, steps.shape)
        kind = np.broadcast_to(own, (500, 60))
        hosts.append(Hosts(0.2, ("PS4(3-)", "P2S7(4-)"), kind, kind, kind, kind[..., None], 1, kind, paths))
    found = diffusion_by_host(hosts)
    assert len(found["PS4(3-)"].samples) == (replicas if replicas > 2 else 5 * replicas)
    for expected, estimate in zip(planted, found.values(), strict=True):
        assert estimate.value == pytest.approx(expected, rel=0.15)
        assert 0 < estimate.high - estimate.low < expected


def test_diffusion_by_host_refuses_short_blocks(run):
    with pytest.raises(ValueError, match="lags must lie between"):
        diffusion_by_host([run[0]], (1.0, 100.0))


def test_short_excursions_are_forgotten():
    labels = np.array([[0, 0, 1, 0, 0, 0, 2, 2, 2, 2, 0, 0, 1, 3, 3, 3, 3]]).T
    assert settle(labels, 2)[:, 0].tolist() == [0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 1, 3, 3, 3, 3]
    assert settle(labels, 4)[:, 0].tolist() == [0] * 12 + [1, 3, 3, 3, 3]
    assert settle(labels, 0)[:, 0].tolist() == labels[:, 0].tolist()
    two = np.array([[0, 1, 2, 0, 0, 0]]).T  # an excursion over two labels
    assert settle(two, 2)[:, 0].tolist() == [0] * 6


def test_reaction_of_the_anion_is_not_a_hop():
    symbols, fixed = anions()
    frames = 60
    along = CORNERS[0] / np.linalg.norm(CORNERS[0])
    lithium = CENTERS[1] + along * (2.05 + 2.4)
    positions = np.tile(np.concatenate([lithium[None], fixed]), (frames, 1, 1))
    # in the second half the first tetrahedron is joined to the second, on the side away from the Li, which does not move
    positions[30:, 1:6] += CENTERS[1] - along * (2.2 + 2.05) - CENTERS[0]
    trajectory = Trajectory(["Li", *symbols], positions, np.eye(3) * 30, np.arange(frames) * INTERVAL)
    hosts = assign_hosts(trajectory)
    assert hosts.host[29, 0] == 6 and hosts.host[30, 0] == 1  # the joined anion goes by its first P
    assert hops(hosts).counts.sum() == 0
    lifetimes = anion_lifetimes(hosts)
    assert lifetimes["PS4(3-)"].departures == 2
    assert lifetimes["PS4(3-)"].observed_ps == pytest.approx((2 * 60 + 2 * 30) * INTERVAL)
    assert lifetimes["PS4(3-)"].mean_ps == pytest.approx(9.0)


def test_lithium_without_sulfur_is_unassigned():
    symbols, fixed = anions()
    positions = np.concatenate([[[12.0, 12, 6]], fixed])[None].repeat(3, axis=0)
    trajectory = Trajectory(["Li", *symbols], positions, np.eye(3) * 30, np.arange(3.0))
    hosts = assign_hosts(trajectory)
    assert {hosts.kinds[k] for k in hosts.kind.ravel()} == {"none"} and (hosts.host == -1).all()
    with pytest.raises(
        ValueError, match="frames are 1 ps apart, more than the tolerance of 0.5 ps, so moves that return"
    ):
        hops(hosts)
