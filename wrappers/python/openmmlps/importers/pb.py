# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of frozen TensorFlow graphs (.pb) of DeePMD-kit, plain and compressed, of every version that wrote them.

Names of nodes and the rules of DeePMD-kit's TensorFlow backend (residuals, time steps, normalizer, cutoffs in float32) are
resolved here and in pb_networks, pb_tables and pb_refusals.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .fields import Fields
from .native import NativeModel
from .parts import MOST_TYPES, Key, Layer, ModelParts, Table
from .pb_networks import NetworkReader
from .pb_refusals import ENVIRONMENT_OPS, refuse
from .pb_tables import read_tables
from .protobuf import Graph, Node
from .refusals import Refusals
from .schema import energy_bias, training_systems, vacuum_types
from .source import ModelImportError, Source, quote


def import_graph(source: Source) -> NativeModel:
    """Read a frozen graph.

    Parameters
    ----------
    source : Source
        the file

    Returns
    -------
    NativeModel
        the model

    Raises
    ------
    ModelImportError
        for a damaged graph, or one that openmm-lps does not evaluate
    """
    source.format = "DeePMD-kit TensorFlow graph (.pb)"
    return GraphReader(source).read()


class GraphReader:
    """One frozen graph on its way to ModelParts.

    Parameters
    ----------
    source : Source
        the file
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.graph = Graph(source)
        self.refusals = Refusals(source)
        self.script = self._script()
        self.conversions: list[str] = []

    def _script(self) -> Fields:
        text = self.graph.text_constant("train_attr/training_script")
        try:
            script = self.source.load_json(text) if text else {}
        except ModelImportError:
            raise
        except (ValueError, RecursionError):
            script = {}
        return Fields(self.source, script if isinstance(script, dict) else {}, "training_script")

    def read(self) -> NativeModel:
        """Refuse what is foreign, then read the rest."""
        with self.refusals.before_faults():
            refuse(self.graph, self.script, self.refusals)
            environments = [n for n in self.graph.nodes.values() if n.op in ENVIRONMENT_OPS]
            if len(environments) != 1:
                raise self.source.fault("it is no frozen Deep Potential: it has no operation such as ProdEnvMatA")
            parts = self._parts(environments[0])
        return parts.build(self.source)

    def _parts(self, environment: Node) -> ModelParts:
        model = self.script.optional("model")
        descriptor, fitting = model.optional("descriptor"), model.optional("fitting_net")
        self._check_scale()
        rcut, smth, sel = self._environment(environment)
        types = len(sel)
        original = self.graph.first_constant("descrpt_attr/original_sel")
        mean, stddev = self._statistics(sel)
        bias = energy_bias(
            self.source,
            types,
            self.graph.first_constant("fitting_attr/t_bias_atom_e"),
            self.graph.first_constant("model_attr/t_out_bias", "t_out_bias"),
        )
        networks = NetworkReader(self.graph, self.refusals)
        embedding, fitted = networks.embedding(descriptor), networks.fitting(fitting, types)
        tables = {} if embedding else read_tables(self.graph, sel)
        self.conversions += networks.conversions
        if tables:
            self.conversions.append(
                "compressed graph: tables kept, the original embedding networks are not in the file"
            )
        return ModelParts(
            type_map=self._type_map(model, types),
            rcut=_exact(descriptor, rcut, "rcut"),
            rcut_smth=_exact(descriptor, smth, "rcut_smth"),
            cutoff_precision="float32",
            sel=sel,
            normalizer=float(sum(sel) if original is None else original.astype(np.float64).sum()),
            axis_neuron=self._axis(embedding, tables, fitted),
            type_one_side=any(a == "all" for a, _ in [*embedding, *tables]),
            mean=mean,
            stddev=stddev,
            energy_bias=bias,
            fitting=fitted,
            embedding=embedding,
            tables=tables,
            exclude_types=descriptor.pairs("exclude_types", types, []) if descriptor.given("exclude_types") else [],
            excluded_padding="none",
            vacuum_types=self._vacuum(fitting, types),
            conversions=self.conversions,
            provenance=self._provenance(),
        )

    def _environment(self, node: Node) -> tuple[float, float, list[int]]:
        """Cutoffs and sel of the operation that makes the environment matrix."""
        rcut, smth = self.graph.attribute(node, "rcut_r"), self.graph.attribute(node, "rcut_r_smth")
        sel = self.graph.attribute(node, "sel_a")
        if not isinstance(rcut, float) or not isinstance(smth, float) or not isinstance(sel, list):
            raise self.source.fault(f"the operation {quote(node.name)} lacks rcut_r, rcut_r_smth or sel_a")
        if not 1 <= len(sel) <= MOST_TYPES or not all(0 <= s < 2**31 for s in sel) or sum(sel) == 0:
            raise self.source.fault(f"the operation {quote(node.name)} has {len(sel)} entries in sel_a")
        return rcut, smth, sel

    def _statistics(self, sel: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, each [T, N_m, 4]."""
        found = [self.graph.first_constant(f"descrpt_attr/t_{name}", f"t_{name}") for name in ("avg", "std")]
        mean, stddev = found
        if mean is None or stddev is None or not mean.size == stddev.size == len(sel) * 4 * sum(sel):
            raise self.source.fault("the statistics descrpt_attr/t_avg and t_std are missing or do not fit sel")
        return mean.reshape(len(sel), sum(sel), 4), stddev.reshape(len(sel), sum(sel), 4)

    def _check_scale(self) -> None:
        scale = self.graph.first_constant("model_attr/t_out_std", "t_out_std")
        if scale is not None and not (scale == 1.0).all():
            self.refusals.add(
                "out_std other than 1, by which TensorFlow scales atomic energies and PyTorch does not",
                "'dp convert-backend' writes such graphs from PyTorch models: import the PyTorch model itself.",
            )

    def _type_map(self, model: Fields, types: int) -> list[str]:
        names = (self.graph.text_constant("model_attr/tmap") or "").split()
        if len(names) != types:
            names = model.items("type_map", MOST_TYPES, [])
        if len(names) != types:
            names = [f"type_{t}" for t in range(types)]
            self.conversions.append("the graph names no elements: types are called type_0, type_1, ...")
        return names

    def _axis(
        self, embedding: dict[Key, list[Layer]], tables: dict[Key, Table], fitting: dict[int, list[Layer]]
    ) -> int:
        """The number of axis neurons, from the width that the fitting takes."""
        if embedding:
            channels = next(iter(embedding.values()))[-1].weight.shape[1]
        elif tables:
            channels = next(iter(tables.values())).coefficients.shape[1]
        else:
            self.refusals.add("a descriptor with neither embedding networks nor tables of se_e2_a")
            return 1
        rows = fitting[0][0].weight.shape[0]
        if rows % channels:
            raise self.source.fault(
                f"the fitting takes {rows} numbers, which {channels} embedding channels do not divide"
            )
        return rows // channels

    def _vacuum(self, fitting: Fields, types: int) -> list[int]:
        listed = vacuum_types(fitting.value.get("atom_ener"), types, fitting, tensorflow=True)
        if not listed and any(re.fullmatch(r"(?:.*/)?atom_\d+_ener", n) for n in self.graph.nodes):
            self.refusals.add("atom_ener in a graph without a training script")
        return listed

    def _provenance(self) -> dict[str, Any]:
        found: dict[str, Any] = {"software": "deepmd-kit", "backend": "TensorFlow"}
        version = self.graph.text_constant("model_attr/model_version")
        if version:
            found["model_version"] = version[:20]
        systems = training_systems(self.script.value)
        if systems:
            found["systems"] = systems
        nearest = self.graph.number("train_attr/min_nbor_dist")
        if nearest is not None and np.isfinite(nearest):
            found["min_nbor_dist"] = nearest
        return found


def _exact(descriptor: Fields, rounded: float, key: str) -> float:
    """The number of the training script where it rounds to the float32 of the graph, else the latter."""
    value = descriptor.value.get(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and np.float32(value) == np.float32(rounded):
        return float(value)
    return rounded
