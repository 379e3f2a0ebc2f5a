# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""A golden model in the form of DeePMD-kit 0.12, converted by 'dp convert-from'.

That version is no longer to be had, so the graph is built here after its published sources: operations DescrptNorot,
ProdForceNorot and ProdVirialNorot, embeddings below DS_layer_type_*, activations of the fitting outside of its layers,
outputs named *_test, neither type names nor a training script. Weights are random.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SEL, RCUT, SMOOTH = [32, 12, 40], 5.0, 3.5
EMBEDDING, AXIS, FITTING = [2, 4], 2, [6, 6]


def write_graph(path: Path) -> None:
    """Write the graph."""
    from deepmd.tf.env import op_module, tf

    rng = np.random.default_rng(12)
    slots = sum(SEL)

    def constant(name: str, values: np.ndarray):
        return tf.identity(tf.constant(values, name=name), name=f"{name}/read")

    def layer(scope: str, ending: str, x, width: int, bias: float = 0.0, size: float = 1.5):
        inputs = int(x.shape[1])
        w = constant(f"{scope}/matrix{ending}", rng.normal(0, size / np.sqrt(inputs + width), (inputs, width)))
        b = constant(f"{scope}/bias{ending}", rng.normal(bias, 0.5, (1, width) if ending else width))
        return tf.add(tf.matmul(x, w, name=f"{scope}/MatMul"), b, name=f"{scope}/add")

    def embed(scope: str, b: int, rows):
        begin = 4 * sum(SEL[:b])
        x = tf.reshape(rows[:, begin : begin + 4 * SEL[b]], [-1, 4])[:, :1]
        for k, width in enumerate(EMBEDDING, 1):
            y = tf.tanh(layer(scope, f"_{k}_{b}", x, width), name=f"{scope}/Tanh")
            x = y + tf.concat([x, x], 1) if width == 2 * int(x.shape[1]) else y
        return tf.reshape(x, [-1, SEL[b], EMBEDDING[-1]])

    def energy(a: int, rows):
        scope = f"DS_layer_type_{a}"
        embedded = tf.concat([embed(scope, b, rows) for b in range(len(SEL))], 1)
        first = tf.matmul(tf.reshape(rows, [-1, slots, 4]), embedded, transpose_a=True) * (1.0 / slots)
        x = tf.reshape(tf.matmul(first, first[:, :, :AXIS], transpose_a=True), [-1, EMBEDDING[-1] * AXIS])
        for k, width in enumerate(FITTING):
            scope = f"layer_{k}_type_{a}"
            y = tf.tanh(layer(scope, "", x, width))
            x = x + y * constant(f"{scope}/idt", rng.normal(0.5, 0.1, width)) if int(x.shape[1]) == width else y
        return layer(f"final_layer_type_{a}", "", x, 1, bias=-4.0 - a, size=4.0)

    with tf.Graph().as_default() as graph:
        mean, stddev = np.zeros((2, len(SEL), slots, 4))
        mean[:, :, 0] = rng.uniform(0.05, 0.15, (len(SEL), 1))
        stddev[:, :, 0], stddev[:, :, 1:] = 0.2, 0.1
        mean, stddev = (constant(n, v.reshape(len(SEL), -1)) for n, v in (("t_avg", mean), ("t_std", stddev)))
        tf.constant(RCUT, tf.float64, name="t_rcut")
        tf.constant(len(SEL), name="t_ntypes")
        coord = tf.placeholder(tf.float64, [None], name="t_coord")
        types = tf.placeholder(tf.int32, [None], name="t_type")
        natoms = tf.placeholder(tf.int32, [len(SEL) + 2], name="t_natoms")
        box = tf.placeholder(tf.float64, [None, 9], name="t_box")
        mesh = tf.placeholder(tf.int32, [None], name="t_mesh")
        descriptor, derivative, rij, neighbors = op_module.descrpt_norot(
            tf.reshape(coord, [-1, natoms[1] * 3]), tf.reshape(types, [-1, natoms[1]]), natoms, box, mesh, mean, stddev,
            rcut_a=-1, rcut_r=RCUT, rcut_r_smth=SMOOTH, sel_a=SEL, sel_r=[0] * len(SEL), name="DescrptNorot",
        )  # fmt: skip
        rows = tf.reshape(descriptor, [-1, 4 * slots])
        parts = tf.split(rows, natoms[2:], num=len(SEL))
        energies = tf.concat([tf.reshape(energy(a, part), [-1]) for a, part in enumerate(parts)], 0)
        per_atom = tf.reshape(energies, [-1, natoms[0]], name="atom_energy_test")
        tf.reduce_sum(per_atom, axis=1, name="energy_test")
        gradient = tf.reshape(tf.gradients(energies, rows)[0], [-1, natoms[0] * 4 * slots])
        widths = {"n_a_sel": slots, "n_r_sel": 0}
        force = op_module.prod_force_norot(gradient, derivative, neighbors, natoms, **widths)
        tf.reshape(force, [-1, 3 * natoms[1]], name="force_test")
        virial, per_atom = op_module.prod_virial_norot(gradient, derivative, rij, neighbors, natoms, **widths)
        tf.reshape(virial, [-1, 9], name="virial_test")
        tf.reshape(per_atom, [-1, 9 * natoms[1]], name="atom_virial_test")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def make_old_graph(golden: Path) -> None:
    """Build the graph, convert it with DeePMD-kit, and store the numbers of the converted one."""
    from make_golden import evaluate_file, write_reference

    folder = golden / "graph-012"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        write_graph(Path(scratch) / "old.pb")
        command = [sys.executable, "-m", "deepmd", "convert-from", "0.12", "-i", "old.pb", "-o", "new.pb"]
        subprocess.run(command, check=True, cwd=scratch, capture_output=True)
        (folder / "model.pb").write_bytes((Path(scratch) / "new.pb").read_bytes())
    about = "a graph in the form of version 0.12, converted by 'dp convert-from 0.12'"
    write_reference(folder, about, "TensorFlow", evaluate_file(folder / "model.pb", ("Li", "P", "S")))
