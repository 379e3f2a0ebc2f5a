# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Every example runs, in a folder of its own, and says what it should."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openmm.version
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = Path(__file__).parents[2] / "wrappers" / "python" / "openmmlps" / "models" / "lps.safetensors"

#: Arguments that make an example short, and what it then prints.
SCRIPTS = {
    "langevin_npt.py": (["40"], r"64 atoms, 40 steps, volume 1[123]\d\d\.\d cubic angstrom"),
    "hybrid_system.py": (["50"], r"Deep Potential -\d+\.\d+ kJ/mol, classical -?\d+\.\d+ kJ/mol"),
    "umbrella_hop.py": (["20"], r"free energy \(kJ/mol\) along the hop: 0\.0( -?\d+\.\d){4}\n"),
    "ring_polymer.py": (["40"], r"Li: radius of the ring polymer 0\.[01]\d* angstrom\nS: radius .* 0\.0\d+"),
    "replica_exchange.py": (["4", "4"], r"\d of 4 exchanges accepted between 500, 540, 583 K"),
    "ase_phonons.py": (
        [],
        r"lattice parameter 5\.\d+ angstrom\n(.*\n)*modes at the zone center \(meV\): \[ *-?0\. +-?0\. +-?0\. ",
    ),
}


def environment():
    return {**os.environ, "OPENMM_CPU_THREADS": "1", "MPLBACKEND": "Agg", "STEPS": "20"}


def run(command, folder):
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment(), check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SCRIPTS)
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"]({name})" in readme for name in [*SCRIPTS, "cpp", "story.ipynb"])


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, tmp_path):
    arguments, expected = SCRIPTS[name]
    output = run([sys.executable, EXAMPLES / name, *arguments], tmp_path)
    assert re.search(expected, output), output


def test_notebook(tmp_path):
    """Its cells, in order, in one process."""
    notebook = json.loads((EXAMPLES / "story.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    script = tmp_path / "story.py"
    script.write_text("\n\n".join(cells) + "\nassert 1.9 < position < 2.2, position\nprint('peak', position)\n")
    assert "peak" in run([sys.executable, script], tmp_path)


def test_program_in_cpp(tmp_path):
    """Built against the installed headers and libraries; its energy is that of Python."""
    root = Path(openmm.version.openmm_library_path).parent
    build = tmp_path / "build"
    run(["cmake", "-G", "Ninja", "-S", EXAMPLES / "cpp", "-B", build, f"-DOPENMM_DIR={root}"], tmp_path)
    run(["cmake", "--build", build], tmp_path)
    energies = []
    for platform in ("Reference", "CPU"):
        output = run([build / "energy", MODEL, platform], tmp_path)
        energies.append(float(re.search(r"energy (-\d+\.\d+) kJ/mol, virial", output).group(1)))
        assert "after 10 steps" in output
    import numpy as np
    from ase import Atoms

    from openmmlps.ase import LPSCalculator

    sites = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
    atoms = Atoms("S4Li8", 5.7 * np.vstack([sites, sites + 0.25, sites + 0.75]), cell=[5.7] * 3, pbc=True)
    atoms.calc = LPSCalculator(threads=1)
    expected = atoms.get_potential_energy() * 96.48533212331002
    np.testing.assert_allclose(energies, expected, rtol=0, atol=12 * 1e-4)
