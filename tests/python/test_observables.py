# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Materials from their composition, observables of materials that are not Li-P-S, and comparisons of several."""

import csv
import math

import numpy as np
import pytest

from analysis_support import crystal
from app_support import PairEngine
from openmmlps import analysis
from openmmlps.analysis import Trajectory
from openmmlps.analysis.scattering import _form_factors
from openmmlps.materials import ChemistrySettings, Material
from openmmlps.observables import OBSERVABLES, TRANSPORT, Curve, Needs, Sample, State, Value, closest_interval, observe
from openmmlps.observables.quantities import GROUPS, QUANTITIES
from openmmlps.protocols import QuenchSettings, TransportSettings, quench, transport
from openmmlps.protocols.packing import Composition, pack
from openmmlps.references import References
from openmmlps.report import Beside, Reading, compare, find, reference_findings
from openmmlps.report.content import Findings, Measured


def material(formula, **given):
    from ase.formula import Formula

    return Material.of(list(Formula(formula)), ChemistrySettings(**given))


@pytest.mark.parametrize(
    ("formula", "mobile", "formers", "ligands"),
    [
        ("Li3PS4", "Li", {"P": 5}, {"S": -2}),
        ("Ag2I2", "Ag", {}, {"I": -1}),
        ("Na3SbS4", "Na", {"Sb": 5}, {"S": -2}),
        ("Na47Sb15WS64", "Na", {"Sb": 5, "W": 6}, {"S": -2}),
        ("Li29P10O33N5", "Li", {"P": 5}, {"O": -2, "N": -3}),
        ("Li2SiS3", "Li", {"Si": 4}, {"S": -2}),
        ("Li6PS5Cl", "Li", {"P": 5}, {"S": -2}),
        ("Li2", "Li", {}, {}),
        ("P4S10", "", {"P": 5}, {"S": -2}),
    ],
)
def test_material_follows_from_composition(formula, mobile, formers, ligands):
    found = material(formula)
    assert (found.mobile, dict(found.formers), dict(found.ligands)) == (mobile, formers, ligands)
    n = len(found.counts)
    assert len(found.pairs) == n * (n + 1) // 2 == len({tuple(sorted(pair)) for pair in found.pairs})


def test_material_can_be_overruled():
    assert material("Li3PS4").cutoff("S", "P") == 2.6 and material("Li3PS4").cutoff("S", "S") == 2.4
    assert 2.0 < material("Li3PO4").cutoff("P", "O") < 2.2
    found = material("LiNaSiS3", mobile="Na", charge=0.8, ligands="S", bond_cutoffs="Si-S=2.5", isotopes="7Li")
    assert (found.mobile, found.charge, found.cutoff("S", "Si"), found.overrides()) == ("Na", 0.8, 2.5, {"Li": "7Li"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mobile": "Na"}, "mobile is 'Na', but the elements are Li, P, S"),
        ({"formers": "Si"}, "formers holds 'Si', but the elements are Li, P, S"),
        ({"formers": "Li"}, "formers holds 'Li', but known are P,"),
        ({"bond_cutoffs": "P-S"}, "bond_cutoffs holds 'P-S'; write NAME=NUMBER"),
        ({"bond_cutoffs": "PS=2"}, "bond_cutoffs holds 'PS=2'; write as 'P-S=2.6' in angstrom"),
    ],
)
def test_material_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        material("Li3PS4", **given)


def test_oxynitride_anions_have_their_charges():
    """An isolated PO3N(4-), and P2O6N(5-) whose N joins two tetrahedra."""
    corner = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
    single = (["P", "N", "O", "O", "O"], np.vstack([[0, 0, 0], 1.6 * corner]))
    second = 1.6 * corner[0] + 1.6 * corner[0]
    double = (single[0] + ["P", "O", "O", "O"], np.vstack([single[1], second, second - 1.6 * corner[1:]]))
    for (symbols, positions), kind in ((single, "PO3N(4-)"), (double, "P2O6N(5-)")):
        found = analysis.classify_anions(Trajectory(symbols, positions[None] + 10, np.eye(3) * 20))
        assert found.kinds == (kind,)
    assert found.q_n_fractions("P")[1] == 1 and found.links["P", "P"].tolist() == [[1, 0]]


def test_bridges_and_edges_together():
    found = analysis.classify_anions(crystal("Li2P2S6"))  # P2S6(2-): every P shares an edge through two bridging S
    assert found.joint["P"][0, 2, 1] == found.joint["P"].sum() > 0
    assert found.links["P", "P"].tolist() == [[0, found.joint["P"].sum() // 2]]


def test_form_factors_begin_at_the_number_of_electrons():
    from ase.data import atomic_numbers

    for element, (heights, _, constant) in _form_factors().items():
        assert heights.sum() + constant == pytest.approx(atomic_numbers[element], abs=0.05)


def walk(formula, density, frames=60, step=0.4):
    """Atoms packed at random; mobile ions walk, the others vibrate."""
    atoms = pack(Composition.parse(formula).counts(40), density, 1)
    random = np.random.default_rng(0)
    symbols = atoms.get_chemical_symbols()
    moving = np.array(symbols) == Material.of(symbols).mobile
    positions = atoms.get_positions() + random.normal(0, 0.03, (frames, len(symbols), 3))
    positions[:, moving] += np.cumsum(random.normal(0, step, (frames, moving.sum(), 3)), axis=0)
    return Trajectory(symbols, positions, np.array(atoms.cell), np.arange(frames) * 0.1, name=formula)


@pytest.mark.parametrize(
    ("formula", "density", "ion", "former"),
    [
        ("AgI", 5.7, "Ag", None),
        ("Na3SbS4", 2.8, "Na", "Sb"),
        ("Li29P10O33N5", 1.5, "Li", "P"),
        ("50Li2S-50SiS2", 1.9, "Li", "Si"),
    ],
)
def test_trajectory_of_any_material_is_reported(formula, density, ion, former, tmp_path):
    from ase import Atoms
    from ase.io import write

    made = walk(formula, density)
    write(tmp_path / "aimd.extxyz", [Atoms(made.symbols, p, cell=made.cells[0], pbc=True) for p in made.positions])
    reading = Reading(frame_interval_ps=0.1, temperature_K=600.0)
    found = find(tmp_path / "aimd.extxyz", reading)
    titles = [section.key for section in found.sections]
    assert {"structure", "displacements", "diffusion", "density"} <= set(titles)
    assert any(result.quantity.startswith(f"D* of {ion}") for result in found.results)
    names = {item.name for item in found.items}
    assert ("aimd-qn-" + str(former) in names) == ("anions" in titles) == (former is not None)
    assert len(next(item for item in found.items if item.name == "aimd-rdf").columns) > 3
    assert found.methods[0][1].startswith(ion)
    with pytest.raises(ValueError, match="material: mobile is 'Xe'"):
        find(tmp_path / "aimd.extxyz", reading, Beside(chemistry={"mobile": "Xe"}))


class AnyElement(PairEngine):
    """Pair repulsion of any elements."""

    def freeze_model(self, source, symbols):
        return b"pair engine", {"source": "pair engine", "elements": sorted(set(symbols))}


@pytest.fixture(scope="module")
def glasses(tmp_path_factory):
    """Two glasses with silicon, by a pair potential."""
    base, folders = tmp_path_factory.mktemp("glasses"), []
    short = {
        "melt_time_ps": 0.1,
        "cooling_rate_K_per_ps": 20000.0,
        "equilibration_time_ps": 0.2,
        "platform": "Reference",
    }
    intervals = {"frame_interval_ps": 0.01, "thermo_interval_ps": 0.01, "timestep_fs": 1.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
        for composition in ("60Li2S-32SiS2-8P2S5", "50Li2S-50SiS2"):
            settings = QuenchSettings.make(
                composition=composition, atoms=90, replicas=2, cooling_ensemble="nvt", **short, **intervals
            )
            folders.append(base / composition)
            quench.start(folders[-1], settings, engine=AnyElement())
    return [find(folder) for folder in folders]


def test_glass_with_silicon_has_everything(glasses, tmp_path):
    found = glasses[0]
    assert {"Q⁰ / Q¹ / Q² / Q³ (% of Si)", "E⁰ / E¹ (% of P)"} <= {result.quantity[:26] for result in found.results} | {
        result.quantity for result in found.results
    }
    assert any(result.quantity == "glass checks passed" for result in found.results)
    partial = next(item for item in found.items if item.name.endswith("sq-partial"))
    assert sum(name.startswith("s_") and name.count("_") == 2 for name in partial.columns) == 10
    assert "s_neutron" in partial.columns and "s_X-ray" in partial.columns
    files = found.write(tmp_path)
    for item in found.items:
        if hasattr(item, "picture"):
            assert (tmp_path / f"{item.name}.svg").read_bytes().startswith(b"<?xml")
            assert {f"{item.name}.png", f"{item.name}.svg", f"{item.name}.csv"} <= set(files)
    for name in filter(lambda name: name.endswith(".csv"), files):
        rows = list(csv.reader((tmp_path / name).read_text().splitlines()))
        assert len({len(row) for row in rows}) == 1, name
    for item in found.items:  # one convention of errors
        if hasattr(item, "heads"):
            for head, cells in zip(item.heads, zip(*item.rows, strict=True), strict=True):
                assert any(isinstance(cell, Measured) for cell in cells) == head.endswith("± 95 %"), (item.name, head)


def test_close_frames_are_saved_for_observables_that_need_them(tmp_path):
    """A production every 0.1 ps says nothing of vibrations; the run beside it does."""
    times = {"cell_time_ps": 0.2, "equilibration_time_ps": 0.02, "production_time_ps": 6.0, "close_time_ps": 9.0}
    settings = TransportSettings.make(
        structure="beta-Li3PS4", supercell=(1, 2, 2), temperatures_K=300.0, replicas=1, frame_interval_ps=0.1, timestep_fs=4.0,
        thermo_interval_ps=0.5, pressure_bar=20000.0, platform="Reference", **times
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
        transport.start(tmp_path / "t", settings, engine=PairEngine())
    found = find(tmp_path / "t")
    close = found.samples[0].states[0].brief[0]
    assert len(close) >= 450 and np.diff(close.times_ps)[0] == pytest.approx(0.02)
    assert closest_interval(OBSERVABLES, TRANSPORT) == 0.02
    assert "vibrations" in [section.key for section in found.sections]
    assert {value.of for value in found.values if value.quantity == "band_center"} == {"Li", "P", "S"}


def test_glasses_are_compared(glasses):
    found = compare(glasses)
    assert [section.key for section in found.sections][0] == "density"
    table = next(item for item in found.items if item.name == "comparison-density")
    assert [row[0] for row in table.rows] == ["60 Li₂S – 32 SiS₂ – 8 P₂S₅", "50 Li₂S – 50 SiS₂"]
    assert isinstance(table.rows[0][3], Measured)
    rows = next(item for item in found.items if item.name == "comparison-speciation").rows
    assert {row[2] for row in rows} == {"this work", "Zhou"}
    assert {item.name for item in found.items} >= {"comparison-radial-distribution", "comparison-structure-factor"}


def planted(percent, density, temperature=300.0):
    """Findings of a glass with one number and one curve."""
    counts = {"Li": 2 * percent, "P": 2 * (100 - percent), "S": percent + 5 * (100 - percent)}
    name = f"{percent}Li2S-{100 - percent}P2S5"
    sample = Sample(
        "x", TRANSPORT, f"glass {name}", Material.of(counts), (), True, "glass", name, References.of(counts, "glass")
    )
    x = np.linspace(1, 5, 9)
    return Findings(
        "x",
        "quench",
        "",
        "",
        samples=[sample],
        values=[Value("density", Measured(density, 0.01), "", temperature)],
        curves=[Curve("radial_distribution", "P-S", x, x * percent)],
    )


def test_comparison_over_composition_beside_published_values():
    findings = [planted(75, 1.8), planted(67, 1.9), planted(70, 1.85)]
    found = compare(findings)
    figure = next(item for item in found.items if item.name == "comparison-density-composition")
    own = [(row[4], row[6]) for row in figure.rows if row[5] == "this work"]
    assert own == [(67.0, 1.9), (70.0, 1.85), (75.0, 1.8)] and not figure.picture.problem
    published = {(row[4], row[5]): row[6] for row in figure.rows}
    assert published[75.0, "Zhou"] == 1.85 and published[67.0, "Zhou, experiment"] == 1.95
    curves = next(item for item in found.items if item.name == "comparison-radial-distribution")
    assert {row[1] for row in curves.rows} == {f"{x}Li2S-{100 - x}P2S5" for x in (67, 70, 75)} and curves.picture.png
    assert compare(findings[:1]) is None


def test_reference_trajectory_is_drawn_beside(tmp_path):
    """AIMD given with --reference: in the curves, not on the axis of compositions; the user's table too."""
    from ase import Atoms
    from ase.io import write

    made = walk("75Li2S-25P2S5", 1.8)
    file, table = tmp_path / "aimd.extxyz", tmp_path / "mine.csv"
    write(file, [Atoms(made.symbols, p, cell=made.cells[0], pbc=True) for p in made.positions])
    table.write_text("quantity,of,x,value,source\nradial_distribution,P-S,2,100,diffraction\n")
    beside = Beside((table,), (file,))
    (reference,) = reference_findings(beside, Reading(frame_interval_ps=0.1))
    found = compare([planted(75, 1.8), planted(70, 1.85), reference])
    curves = next(item for item in found.items if item.name == "comparison-radial-distribution")
    assert "aimd.extxyz" in {row[1] for row in curves.rows} and not curves.picture.problem
    density = next(item for item in found.items if item.name == "comparison-density-composition")
    assert {row[3] for row in density.rows} == {"70Li2S-30P2S5", "75Li2S-25P2S5"}
    assert "diffraction" in reference.samples[0].references.curves("radial_distribution", "P-S")


def test_all_peaks_and_van_hove_of_all_temperatures_are_compared():
    findings = [planted(75, 1.8), planted(67, 1.9)]
    x = np.linspace(0.5, 7.5, 8)
    for number, found in enumerate(findings):
        for place, position in enumerate((2.25, 2.95, 3.6), 1):
            suffix = "" if place == 1 else f" ({place})"
            found.values += [
                Value("radial_peak", Measured(position, 0.01), f"P-P{suffix}", 300.0),
                Value("peak_area", Measured(0.1 * place), f"P around P{suffix}", 300.0),
            ]
        found.values.append(Value("host_diffusion", Measured(1e-6 * (1 + number), 1e-7), "PS4(3-)", 600.0))
        found.curves += [
            Curve("van_hove", "Li in 10 ps", x, x * temperature, 0 * x, temperature)
            for temperature in (300.0, 600.0)[number:]
        ]
    found = {item.name: item for item in compare(findings).items}
    rows = [row for row in found["comparison-peaks"].rows if row[2].startswith("67")]
    assert [row[1] for row in rows] == [1, 2, 3] and [row[5].value for row in rows] == pytest.approx([0.1, 0.2, 0.3])
    assert [row[7] for row in rows] == ["2.2 (Zhou)", "2.9 (Zhou)", "3.5 (Zhou)"]
    assert {row[2] for row in found["comparison-van-hove"].rows} == {600.0}
    temperatures = {(row[1][:2], row[2]) for row in found["comparison-van-hove-temperature"].rows}
    assert temperatures == {("75", 300.0), ("75", 600.0)}
    assert "D near PS4(3-) (cm²/s)" in found["comparison-mobility"].columns
    assert not any(getattr(item, "picture", None) and item.picture.problem for item in found.values())


def test_every_group_has_known_quantities():
    names = [quantity for _, _, group in GROUPS for quantity in group]
    assert sorted(names) == sorted(QUANTITIES)


def test_every_observable_has_its_page():
    from pathlib import Path

    pages = Path(__file__).parents[2] / "docs" / "analysis"
    for observable in OBSERVABLES:
        assert (pages / f"{observable.page}.md").is_file(), observable.name


def still(frames, interval=0.1):
    return Trajectory(["Li"], np.zeros((frames, 1, 3)), np.eye(3) * 9, np.arange(frames) * interval)


@pytest.mark.parametrize(
    ("needs", "frames", "expected"),
    [
        (Needs(frames=10), 100, (10, 1.0)),  # spread over the run
        (Needs(frames=10, interval_ps=0.25), 100, (10, 0.2)),  # consecutive, as far apart as allowed
        (Needs(frames=1000, interval_ps=0.25), 100, (100, 0.1)),  # all of a short run
        (Needs(frames=10, interval_ps=0.05), 100, None),
        (Needs(frames=10, time_ps=20), 100, None),
        (Needs(frames=10, velocities=True), 100, None),
    ],
)
def test_needs_are_the_only_thinning(needs, frames, expected):
    state = State((still(frames),))
    if expected is None:
        with pytest.raises(ValueError, match="^what: |^what"):
            state.require(needs, "what")
        return
    found = state.require(needs, "what")[0]
    assert (len(found), pytest.approx(np.diff(found.times_ps)[0])) == expected


def test_short_runs_serve_where_long_ones_are_too_coarse():
    state = State((still(100, 1.0),), brief=(still(50, 0.1),))
    assert len(state.require(Needs(interval_ps=0.2), "x")[0]) == 50
    assert len(state.require(Needs(), "x")[0]) == 100


def test_observable_that_cannot_be_computed_says_why():
    from openmmlps.observables import Observable, Result

    def refuse(sample):
        raise ValueError("too short; run longer")

    bad = Observable("bad", refuse, "x")
    sample = Sample("x", TRANSPORT, "x", Material.of(["Li"]), (State((still(3),)),))
    ((_, result),) = observe(sample, [bad, Observable("network", lambda sample: Result(), "x", network=True)])
    assert result.warnings == ["too short; run longer"]
    assert math.isnan(Value("density", Measured(1.0)).temperature_K)
