# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Transport coefficients of random walks with known answers."""

import numpy as np
import pytest

from analysis_support import Trajectory, random_walk
from openmmlps.analysis import (
    Estimate,
    arrhenius_fit,
    block_mean,
    conductivity_mS_per_cm,
    fit_line,
    linear_fit,
    mean_squared_displacement,
    temperature_law,
    transport_coefficients,
)
from openmmlps.analysis.displacements import correlate_displacements
from openmmlps.analysis.estimates import block_count, correlation_time


def test_fft_equals_the_double_loop():
    paths = np.cumsum(np.random.default_rng(0).normal(size=(41, 3, 3)), axis=0) + 1e4
    expected = [((paths[lag:] - paths[: 41 - lag]) ** 2).mean(0) for lag in range(41)]
    np.testing.assert_allclose(correlate_displacements(paths, 40), expected, atol=1e-8)


def test_random_walk_is_recovered_within_its_error_bar():
    diffusion = 2.0  # angstrom^2/ps = 2e-4 cm^2/s
    hits = collective = 0
    values = []
    for seed in range(100):
        found = transport_coefficients(random_walk(diffusion, seed=seed), 300)
        hits += diffusion * 1e-4 in found.diffusion_cm2_per_s
        collective += diffusion * 1e-4 in found.collective_diffusion_cm2_per_s
        values.append(found.diffusion_cm2_per_s.value)
    assert hits >= 90 and collective >= 88
    assert hits < 100  # error bars that always hold are too long
    assert np.mean(values) == pytest.approx(2e-4, rel=0.02)  # no bias


def test_directions_are_told_apart():
    walk = random_walk(2.0, frames=4000, ions=30)
    squeezed = np.array(walk.positions)
    squeezed[:, :30] = squeezed[0, :30] + (squeezed[:, :30] - squeezed[0, :30]) * np.sqrt([1.0, 0.25, 0.0])
    found = transport_coefficients(Trajectory(walk.symbols, squeezed, walk.cells, walk.times_ps), 300)
    x, y, z = found.direction_diffusion_cm2_per_s
    assert 2e-4 in x and 5e-5 in y and z.value == pytest.approx(0, abs=1e-12)
    assert found.diffusion_cm2_per_s.value == pytest.approx((x.value + y.value + z.value) / 3)


@pytest.mark.parametrize("correlation", [0.0, 0.05])
def test_haven_ratio_of_correlated_ions(correlation):
    ions = 20
    expected = 1 / (1 + (ions - 1) * correlation)
    replicas = [random_walk(1.0, 2000, ions, correlation=correlation, seed=seed) for seed in range(12)]
    found = transport_coefficients(replicas, 500)
    single = [transport_coefficients(replica, 500).haven_ratio for replica in replicas]
    assert sum(expected in ratio for ratio in single) >= 9  # each from its five blocks
    assert np.median([ratio.high - ratio.low for ratio in single]) < 0.9 * expected  # (0.1, 0.5): wider than the value
    assert found.errors_from == "replicas" and len(found.diffusion_cm2_per_s.samples) == 12
    assert expected in found.haven_ratio
    assert found.haven_ratio.standard_error < 0.12 * expected
    assert 1e-4 in found.diffusion_cm2_per_s
    assert found.conductivity_mS_per_cm.value == pytest.approx(
        found.nernst_einstein_mS_per_cm.value / found.haven_ratio.value
    )


def test_nernst_einstein_by_hand():
    # 1.9e22 ions per cm^3, D = 2.59e-9 cm^2/s, 300 K: sigma = n e^2 D / kT
    by_hand = 1.9e22 * 1.602176634e-19**2 * 2.59e-9 / (1.380649e-23 * 300) * 1e3
    assert conductivity_mS_per_cm(2.59e-9, 19, 1000.0, 300) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.305, abs=0.001)  # the scale of the 75 % glass
    found = transport_coefficients(random_walk(1.0), 450)
    expected = conductivity_mS_per_cm(found.diffusion_cm2_per_s.value, 30, 8000.0, 450)
    assert found.nernst_einstein_mS_per_cm.value == pytest.approx(expected)


def test_drift_does_not_count():
    still = transport_coefficients(random_walk(1.0, seed=4), 300)
    drifting = transport_coefficients(random_walk(1.0, seed=4, drift=0.5), 300)
    assert drifting.diffusion_cm2_per_s.value == pytest.approx(still.diffusion_cm2_per_s.value, rel=1e-9)
    assert transport_coefficients(random_walk(1.0, seed=4, drift=0.5), 300, reference=None).exponent.value > 1.5


def test_breathing_cells_are_no_diffusion():
    """NPT far from the origin: edges that breathe by 2 % move an atom at 40 angstrom by 0.8, which would be a large D."""
    still = random_walk(1.0, seed=4)
    breath = 1 + 0.02 * np.sin(np.arange(500) / 7.0)
    positions, cells = (still.positions + 40) * breath[:, None, None], np.eye(3) * 20 * breath[:, None, None]
    found = transport_coefficients(Trajectory(still.symbols, positions, cells, still.times_ps), 300, reference=None)
    expected = transport_coefficients(still, 300, reference=None).diffusion_cm2_per_s.value
    assert found.diffusion_cm2_per_s.value == pytest.approx(expected * breath.mean() ** 2, rel=1e-6)


def test_caged_ions_are_called_not_diffusive():
    random = np.random.default_rng(0)
    positions = random.normal(0, 0.3, (2000, 20, 3)) + random.random((1, 20, 3)) * 20
    found = transport_coefficients(
        Trajectory(["Li"] * 19 + ["S"], positions, np.eye(3) * 20, np.arange(2000) * 0.1), 300
    )
    assert not found.diffusive
    assert "the mean squared displacement grows as t^" in found.warnings[0] and "run longer" in found.warnings[0]
    assert any("less than a hop of 2 angstrom" in warning for warning in found.warnings)
    good = transport_coefficients(random_walk(2.0, frames=4000, ions=60), 300)
    assert good.diffusive and not good.warnings


def test_exponent_of_ballistic_and_diffusive_motion():
    times = np.arange(200) * 0.1
    flying = Trajectory(
        ["Li", "S"], np.stack([times[:, None] * [1.0, 2, 3], 0 * times[:, None] * [1, 1, 1]], 1), None, times
    )
    np.testing.assert_allclose(mean_squared_displacement(flying, "Li").exponent()[5:-1], 2, atol=0.02)
    walk = mean_squared_displacement(random_walk(1.0, 4000, 60), "Li", max_lag_fraction=0.05)
    assert np.nanmean(walk.exponent()[20:]) == pytest.approx(1, abs=0.1)


def test_fit_needs_lags():
    msd = mean_squared_displacement(random_walk(1.0), "Li")
    with pytest.raises(ValueError, match=r"fit_line: 2 lags between 1 and 1.1 ps, at least 3 are needed; widen"):
        fit_line(msd, 1.0, 1.1)
    with pytest.raises(ValueError, match=r"the fit window 1 to 99 ps does not lie within a block of 9.9 ps; give"):
        transport_coefficients(random_walk(1.0), 300, fit_window_ps=(1, 99))
    with pytest.raises(ValueError, match="gives no error bar; give blocks=5 or more replicas"):
        transport_coefficients(random_walk(1.0), 300, blocks=1)


def test_estimates():
    found = Estimate.from_samples([1.0, 2.0, 3.0])
    assert found.value == 2 and found.standard_error == pytest.approx(1 / np.sqrt(3))
    assert found.high - 2 == pytest.approx(4.302653 / np.sqrt(3))  # Student, 2 degrees of freedom
    assert 4 in found and 5 not in found and found.scaled(10).high == pytest.approx(found.high * 10)
    assert np.isnan(Estimate.from_samples([1.0]).standard_error)


def test_arrhenius_recovers_energy_and_extrapolates():
    temperatures = np.array([500.0, 600, 700, 800])
    energy, boltzmann = 0.30, 8.617333262e-5
    exact = 2e5 / temperatures * np.exp(-energy / (boltzmann * temperatures))
    at_300 = 2e5 / 300 * np.exp(-energy / (boltzmann * 300))
    fit = arrhenius_fit(temperatures, exact, 0.1 * exact)
    assert fit.activation_energy_eV.value == pytest.approx(energy) and fit.predict(300).value == pytest.approx(at_300)
    random = np.random.default_rng(1)
    unweighted = [arrhenius_fit(temperatures, exact * np.exp(random.normal(0, 0.1, 4))) for _ in range(300)]
    assert 270 <= sum(at_300 in fit.predict(300) for fit in unweighted) <= 299


def law_of(truth, temperatures, seed=0, replicas=5, noise=0.1, **options):
    """The law found through replicas that differ as glasses do (20 % and 5 meV), each with five noisy blocks."""
    random = np.random.default_rng(seed)
    exact = truth(temperatures)[:, None] * np.exp(random.normal(0, 0.2, replicas))
    exact = exact * np.exp(-random.normal(0, 0.005, replicas) / (8.617333262e-5 * temperatures[:, None]))
    blocks = exact[..., None] * (1 + random.normal(0, noise * np.sqrt(5), (*exact.shape, 5)))
    errors = blocks.std(2, ddof=1) / np.sqrt(5)
    return temperature_law(temperatures, blocks.mean(2), errors, quantity="diffusion", **options)


def planted(energy, vogel=0.0):
    return lambda temperature: 1e-3 * np.exp(-energy / (8.617333262e-5 * (temperature - vogel)))


def test_replicas_are_fitted_alone_and_averaged():
    """Glasses that differ move all their points together; only their scatter tells how far to trust the mean."""
    truth, temperatures = planted(0.3), np.arange(400.0, 700, 50)
    found = [law_of(truth, temperatures, seed) for seed in range(200)]
    told = [law for law in found if law.law == "Arrhenius"]
    assert len(told) > 180 and sum(law.law == "VTF" for law in found) < 4
    assert 0.9 < np.mean([truth(300.0) in value for law in told if (value := law.predict(300))]) < 0.99
    assert 0.9 < np.mean([0.3 in law.activation_energy_eV for law in told]) < 0.99
    lumped = [law_of(truth, temperatures, seed, replicas=1) for seed in range(200)]
    known = [truth(300.0) in value for law in lumped if (value := law.predict(300))]
    assert np.mean(known) < 0.85  # how glasses differ, one of them cannot know
    assert told[0].errors_from == "replicas" and lumped[0].errors_from == "points"


def test_bent_laws_are_told_by_evidence():
    truth, temperatures = planted(0.12, vogel=200.0), np.arange(350.0, 700, 50)
    found = [law_of(truth, temperatures, seed, noise=0.03) for seed in range(30)]
    assert all(law.law == "VTF" and law.delta_bic > 6 and law.activation_energy_eV is None for law in found)
    assert np.mean([law.vogel_temperature_K for law in found]) == pytest.approx(200, abs=15)
    told = [law.predict(300) for law in found]
    assert np.mean([truth(300.0) in value for value in told if value]) > 0.85
    assert found[0].predict(150) is None  # below T_0 nothing moves


def test_what_the_points_do_not_allow_is_not_determined():
    truth, temperatures = planted(0.3), np.array([500.0, 600, 700, 800])
    slow = law_of(lambda t: truth(t) * np.where(t < 650, 3, 1), temperatures, diffusive=[False, False, True, True])
    assert slow.predict(300) is slow.activation_energy_eV is None and slow.used.tolist() == [False, False, True, True]
    assert slow.reason == "2 of 4 temperatures are diffusive, and three are needed"
    three = law_of(lambda t: truth(t) * np.where(t < 550, 3, 1), temperatures, diffusive=[False, True, True, True])
    assert 0.3 in three.activation_energy_eV and np.isnan(three.delta_bic)
    vague = law_of(planted(0.05), temperatures, replicas=1, noise=0.5)
    assert vague.activation_energy_eV is None and vague.predict(100) is None
    with pytest.raises(ValueError, match="4 temperatures, values of shape .3, 1.* give one row or flag for each"):
        temperature_law(temperatures, np.ones(3), np.ones(3))


def test_arrhenius_refusals():
    with pytest.raises(ValueError, match="3 values at 2 temperatures; give at least 3 different"):
        arrhenius_fit([300, 300, 400], [1, 1, 1])
    with pytest.raises(ValueError, match="the value at 400 K is -1, and only positive ones have a logarithm; run that"):
        arrhenius_fit([300, 400, 500], [1, -1, 1])
    with pytest.raises(ValueError, match="give 'diffusion' or 'conductivity'"):
        arrhenius_fit([300, 400, 500], [1, 1, 1], quantity="resistance")


def test_kinisi_agrees():
    """An independent program over the same correlated walk: the same D*, and the collective conductivity without a factor N."""
    pytest.importorskip("kinisi", reason="pip install openmm-lps[test] brings it")
    import scipp
    from ase import Atoms
    from kinisi.analyze import ConductivityAnalyzer, DiffusionAnalyzer

    walk = random_walk(1.0, frames=1000, ions=20, correlation=0.05, seed=1)
    frames = [Atoms(walk.symbols, p, cell=walk.cells[0], pbc=True) for p in walk.positions]
    picosecond = scipp.scalar(1.0, unit="ps")
    parsing = {
        "specie": "Li",
        "time_step": 0.1 * picosecond,
        "step_skip": scipp.scalar(1.0, unit="dimensionless"),
        "dt": scipp.array(dims=["time interval"], values=np.arange(1, 101) * 0.1, unit="ps"),
        "progress": False,
    }
    sampling = {"n_samples": 300, "n_burn": 200, "random_state": np.random.RandomState(0), "progress": False}
    own = transport_coefficients(walk, 500)
    tracer = DiffusionAnalyzer.from_ase(frames, **parsing)
    tracer.diffusion(picosecond, **sampling)
    diffusion = float(scipp.mean(tracer.D.to(unit="cm^2/s")).value)
    assert abs(own.diffusion_cm2_per_s.value - diffusion) < 2.8 * own.diffusion_cm2_per_s.standard_error
    charge = ConductivityAnalyzer.from_ase(frames, ionic_charge=scipp.scalar(1.0, unit="e"), **parsing)
    charge.conductivity(picosecond, scipp.scalar(500.0, unit="K"), **sampling)
    conductivity = float(scipp.mean(charge.sigma.to(unit="mS/cm")).value)
    assert abs(own.conductivity_mS_per_cm.value - conductivity) < 2.8 * own.conductivity_mS_per_cm.standard_error
    assert conductivity > 1.3 * own.nernst_einstein_mS_per_cm.value  # what is compared is not Nernst-Einstein


def test_block_means_and_lines_have_honest_errors():
    """Correlated noise of 20 steps: blocks tell the error of the mean, and residuals that of a slope if they are independent."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(400, 1019))
    walks = np.apply_along_axis(lambda row: np.convolve(row, np.ones(20) / 20, "valid"), 1, noise)
    for count in (
        1000,
        100,
    ):  # memory of 20 steps: five blocks of 20 steps of a short series are no independent samples
        found = [block_mean(row[:count]) for row in walks]
        scatter = np.var([mean for mean, _ in found])
        assert np.mean([error**2 for _, error in found]) == pytest.approx(scatter, rel=0.25)
        assert np.mean([0 in Estimate.from_blocks(row[:count]) for row in walks]) > 0.9
    assert np.mean([block_mean(row[:100], 5)[1] ** 2 for row in walks]) < 0.75 * scatter
    assert correlation_time(noise[:40].T) < 1 and np.mean([correlation_time(row) for row in walks]) == pytest.approx(
        10, rel=0.2
    )
    assert block_count(walks[0]) <= 10 and block_count(noise[0]) == 50
    mean, error = block_mean(np.stack([np.arange(7.0), np.zeros(7)], axis=1), 5)
    np.testing.assert_allclose([mean, error], [[3, 0], [np.std([0.5, 2.5, 4, 5, 6], ddof=1) / np.sqrt(5), 0]])
    assert np.isnan(block_mean([1.0])[1]) and block_mean(np.full(11, 1.85352776514))[1] == 0
    x = np.arange(50.0)
    slopes = [linear_fit(x, 0.5 * x + 3 + random.normal(size=50)) for _ in range(400)]
    assert np.mean([slope for slope, _, _ in slopes]) == pytest.approx(0.5, abs=0.002)
    assert np.mean([error for _, error, _ in slopes]) == pytest.approx(
        np.std([slope for slope, _, _ in slopes]), rel=0.15
    )
    assert linear_fit([1.0], [2.0])[0] == 0
