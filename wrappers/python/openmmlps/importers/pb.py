# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Reader of frozen TensorFlow graphs (.pb) of DeePMD-kit, plain and compressed, of every version that wrote them.

Names of nodes and the rules of DeePMD-kit's TensorFlow backend (residuals, time steps, normaliser, cutoffs in float32) are
resolved here.
"""

from __future__ import annotations

import re

import numpy as np

from . import pb_tables
from .errors import ModelImportError, Source, quote
from .fields import Fields
from .native import NativeModel
from .parts import MOST_LAYERS, MOST_TYPES, Layer, ModelParts, activation_name
from .protobuf import Graph, Node
from .refusals import Refusals
from .schema import energy_bias, training_systems, vacuum_types

ENVIRONMENT_OPS = ("ProdEnvMatA", "DescrptSeA", "DescrptNorot")
FOREIGN_OPS = {
    "ProdEnvMatR": "se_e2_r",
    "DescrptSeR": "se_e2_r",
    "ProdEnvMatAMix": "se_atten",
    "ProdEnvMatAMixNvnmdQuantize": "se_atten (nvnmd)",
    "DescrptSeAMask": "se_a_mask",
    "DescrptSeAEf": "se_a_ef",
    "DescrptSeAEfPara": "se_a_ef",
    "DescrptSeAEfVert": "se_a_ef",
    "Descrpt": "loc_frame",
    "TabulateFusionSeT": "se_e3",
    "TabulateFusionSeTTebd": "se_e3_tebd",
    "TabulateFusionSeR": "se_e2_r",
    "TabulateFusionSeAtten": "se_atten",
}
UNARY = {
    "Tanh": "tanh",
    "Relu": "relu",
    "Relu6": "relu6",
    "Softplus": "softplus",
    "Sigmoid": "sigmoid",
    "Gelu": "gelu",
    "GeluCustom": "gelu",
}
SIMPLE = re.compile(
    r"(filter_type_(?:all|\d+)|layer_\d+_type_\d+|final_layer_type_\d+)/(matrix|bias|idt)(?:_(\d+)_(\d+))?"
)


def import_graph(source: Source) -> NativeModel:
    """Native model of a frozen graph. Raises ModelImportError."""
    source.format = "DeePMD-kit TensorFlow graph (.pb)"
    return GraphReader(source).read()


class GraphReader:
    """One frozen graph on its way to ModelParts."""

    def __init__(self, source: Source):
        self.source = source
        self.graph = Graph(source)
        self.refusals = Refusals(source)
        self.script = self._script()
        model = self.script.optional("model")
        self.descriptor, self.fitting, self.model = model.optional("descriptor"), model.optional("fitting_net"), model
        self.conversions: list[str] = []
        self.consumers: dict[str, list[Node]] = {}
        for node in self.graph.nodes.values():
            for name in node.inputs:
                self.consumers.setdefault(name.lstrip("^").partition(":")[0], []).append(node)

    def _script(self) -> Fields:
        text = self.graph.text_constant("train_attr/training_script")
        try:
            script = self.source.load_json(text) if text else {}
        except ModelImportError:
            raise
        except (ValueError, RecursionError):
            script = {}
        return Fields(self.source, script if isinstance(script, dict) else {}, "training_script")

    def constant(self, *names: str) -> np.ndarray | None:
        """The first of several constants that the graph has, under any leading scope it repeats."""
        for name in names:
            for candidate in (name, f"model_attr/{name}"):
                value = self.graph.constant(candidate)
                if value is not None:
                    return value
        return None

    def scalar(self, *names: str) -> float | None:
        """A constant with one number."""
        value = self.constant(*names)
        return None if value is None or value.size != 1 else float(value.reshape(-1)[0])

    def read(self) -> NativeModel:
        """Refuse what is foreign, then read the rest."""
        environments = [n for n in self.graph.nodes.values() if n.op in ENVIRONMENT_OPS]
        self._refuse(environments)
        if len(environments) != 1:
            self.refusals.check()
            raise self.source.fault("it is no frozen Deep Potential: it has no operation such as ProdEnvMatA")
        parts = self._parts(environments[0])
        self.refusals.check()
        return parts.build(self.source)

    def _refuse(self, environments: list[Node]) -> None:
        refusals = self.refusals
        nodes = self.graph.nodes.values()
        for node in nodes:
            if node.op in FOREIGN_OPS:
                refusals.descriptor_type(FOREIGN_OPS[node.op])
            if "Nvnmd" in node.op:
                refusals.add("nvnmd (quantised networks)")
        prefixes = {
            "type_embed_net": "type embedding",
            "spin_attr": "spin",
            "modifier_attr": "modifier (long-range correction outside the model, such as dipole_charge)",
        }
        for prefix, feature in prefixes.items():
            if any(node.name.startswith(prefix) for node in nodes):
                refusals.add(feature)
        if any(node.name.startswith("share_") for node in nodes):
            refusals.add("layer_name (layers shared between networks)")
        if any(node.name.endswith("t_tab_info") for node in nodes):
            refusals.add("use_srtab (tabulated pair potential)")
        if len(environments) > 1:
            refusals.descriptor_type("hybrid")
        kind = self.graph.text_constant("model_attr/model_type")
        if kind not in (None, "", "ener"):
            refusals.fitting_type(kind)
        version = self.graph.text_constant("model_attr/model_version")
        if version not in (None, "", "0.0", "1.0", "1.1"):
            refusals.add(f"model_version {quote(version)} (known: 1.0, 1.1)", "A newer openmm-lps may read it.")
        for name in ("fparam", "aparam"):
            count = self.scalar(f"fitting_attr/d{name}")
            if count:
                refusals.add(f"{name} ({count:.0f} numbers)")
        self._refuse_script()

    def _refuse_script(self) -> None:
        refusals = self.refusals
        if "type" in self.model.value:
            refusals.model_type(self.model.value["type"])
        if "type" in self.descriptor.value:
            refusals.descriptor_type(self.descriptor.value["type"])
        if "type" in self.fitting.value:
            refusals.fitting_type(self.fitting.value["type"])
        if self.script.optional("training").given("mixed_precision"):
            refusals.add("mixed_precision")
        for key, where in (("tot_ener_zero", self.fitting), ("spin", self.model), ("modifier", self.model)):
            if where.given(key):
                refusals.add(key)
        if self.model.given("use_srtab"):
            refusals.add("use_srtab (tabulated pair potential)")
        if self.model.given("type_embedding"):
            refusals.add("type embedding")
        if self.fitting.given("use_aparam_as_mask"):
            refusals.add("use_aparam_as_mask")
        for key in ("atom_exclude_types", "pair_exclude_types"):
            if self.model.given(key):
                refusals.add(f"{key} in a TensorFlow graph (its backend ignores them)")

    def _parts(self, environment: Node) -> ModelParts:
        source, graph = self.source, self.graph
        rcut, smth = graph.attribute(environment, "rcut_r"), graph.attribute(environment, "rcut_r_smth")
        sel = graph.attribute(environment, "sel_a")
        if not isinstance(rcut, float) or not isinstance(smth, float) or not isinstance(sel, list):
            raise source.fault(f"the operation {quote(environment.name)} lacks rcut_r, rcut_r_smth or sel_a")
        types = len(sel)
        if not 1 <= types <= MOST_TYPES or not all(0 <= s < 2**31 for s in sel) or sum(sel) == 0:
            raise source.fault(f"the operation {quote(environment.name)} has {types} entries in sel_a")
        original = self.constant("descrpt_attr/original_sel")
        normalizer = float(sum(sel) if original is None else original.astype(np.float64).sum())
        mean, stddev = self.constant("descrpt_attr/t_avg", "t_avg"), self.constant("descrpt_attr/t_std", "t_std")
        if mean is None or stddev is None or not mean.size == stddev.size == types * 4 * sum(sel):
            raise source.fault("the statistics descrpt_attr/t_avg and t_std are missing or do not fit sel")
        mean, stddev = (np.asarray(v).reshape(types, sum(sel), 4) for v in (mean, stddev))
        bias = energy_bias(
            source,
            types,
            self.constant("fitting_attr/t_bias_atom_e"),
            self.constant("model_attr/t_out_bias", "t_out_bias"),
        )
        scale = self.constant("model_attr/t_out_std", "t_out_std")
        if scale is not None and not (scale == 1.0).all():
            self.refusals.add(
                "out_std other than 1, by which TensorFlow scales atomic energies and PyTorch does not",
                "'dp convert-backend' writes such graphs from PyTorch models: import the PyTorch model itself.",
            )
        weights = self._weights()
        embedding = self._embedding(weights)
        fitting = self._fitting(weights, types)
        tables = {} if embedding else pb_tables.read_tables(self, sel)
        one_side = any(a == "all" for a, _ in embedding or tables)
        return ModelParts(
            type_map=self._type_map(types),
            rcut=self._exact(rcut, "rcut"),
            rcut_smth=self._exact(smth, "rcut_smth"),
            cutoff_precision="float32",
            sel=sel,
            normalizer=normalizer,
            axis_neuron=self._axis(embedding, tables, fitting),
            type_one_side=one_side,
            mean=mean,
            stddev=stddev,
            energy_bias=bias,
            fitting=fitting,
            embedding=embedding,
            tables=tables,
            exclude_types=self._exclusions(types),
            excluded_padding="none",
            vacuum_types=self._vacuum(types),
            conversions=self.conversions,
            provenance=self._provenance(),
        )

    def _exact(self, rounded: float, key: str) -> float:
        """The number of the training script where it rounds to the float32 of the graph, else the latter."""
        value = self.descriptor.value.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and np.float32(value) == np.float32(rounded):
            return float(value)
        return rounded

    def _type_map(self, types: int) -> list[str]:
        names = (self.graph.text_constant("model_attr/tmap") or "").split()
        if len(names) != types:
            names = self.model.items("type_map", MOST_TYPES, [])
        if len(names) != types:
            names = [f"type_{t}" for t in range(types)]
            self.conversions.append("the graph names no elements: types are called type_0, type_1, ...")
        return names

    def _weights(self) -> dict[tuple[str, int, int], dict[str, np.ndarray]]:
        """Matrices, biases and time steps by (scope, layer, neighbour type); fitting layers have (scope, 0, 0)."""
        found: dict = {}
        for name, node in self.graph.nodes.items():
            match = SIMPLE.fullmatch(name) if node.op == "Const" else None
            if match:
                scope, kind, layer, neighbor = match.groups()
                key = (scope, int(layer or 0), int(neighbor or 0))
                value = self.graph.constant(name)
                if value.dtype not in (np.float64, np.float32):
                    raise self.source.fault(f"{quote(name)} holds {value.dtype} instead of float32 or float64")
                found.setdefault(key, {})[kind] = value
        return found

    def _layer(self, weights, key, activation: str, residual_allowed) -> Layer:
        scope, layer, neighbor = key
        entry = weights[key]
        matrix, bias = entry.get("matrix"), entry.get("bias")
        if matrix is None or bias is None or matrix.ndim != 2:
            raise self.source.fault(f"{scope} lacks matrix or bias of layer {layer}, neighbour type {neighbor}")
        residual = residual_allowed(*matrix.shape)
        timestep = entry.get("idt") if residual != "none" else None
        return Layer(matrix, bias.reshape(-1), activation, residual, None if timestep is None else timestep.reshape(-1))

    def _embedding(self, weights) -> dict:
        groups: dict = {}
        for scope, layer, neighbor in weights:
            if scope.startswith("filter_type_") and layer:
                center = scope[len("filter_type_") :]
                groups.setdefault((center if center == "all" else int(center), neighbor), []).append(layer)
        if any(a != "all" for a, _ in groups) and any(a == "all" for a, _ in groups):
            raise self.source.fault("it has embeddings of one side and of two sides at the same time")
        embedding = {}
        for (center, neighbor), layers in groups.items():
            if len(layers) > MOST_LAYERS or sorted(layers) != list(range(1, len(layers) + 1)):
                raise self.source.fault(f"filter_type_{center} lacks layers for neighbour type {neighbor}")
            scope = f"filter_type_{center}"
            activation = self._activation(self.descriptor, f"{scope}/matrix_1_{neighbor}")

            def rule(inputs: int, outputs: int) -> str:
                return {inputs: "identity", 2 * inputs: "doubling"}.get(outputs, "none")

            embedding[(center, neighbor)] = [
                self._layer(weights, (scope, k, neighbor), activation, rule) for k in sorted(layers)
            ]
        return embedding

    def _fitting(self, weights, types: int) -> dict[int, list[Layer]]:
        if any(re.fullmatch(r"layer_\d+/matrix", n) for n in self.graph.nodes):
            self.refusals.add("one fitting network for all types (type embedding)")
        networks = {}
        for a in range(types):
            layers = []
            while len(layers) < MOST_LAYERS and (f"layer_{len(layers)}_type_{a}", 0, 0) in weights:
                scope = f"layer_{len(layers)}_type_{a}"
                first = not layers
                layers.append(
                    self._layer(
                        weights,
                        (scope, 0, 0),
                        self._activation(self.fitting, f"{scope}/matrix"),
                        # TensorFlow adds a residual only between hidden layers of the same width.
                        lambda i, o, first=first: "identity" if i == o and not first else "none",
                    )
                )
            final = (f"final_layer_type_{a}", 0, 0)
            if final not in weights:
                self.refusals.check()
                raise self.source.fault(f"the fitting network of type {a} is missing")
            layers.append(self._layer(weights, final, "linear", lambda i, o: "none"))
            networks[a] = layers
        return networks

    def _activation(self, script: Fields, matrix: str) -> str:
        """From the training script, checked against the operation behind the layer, or from that operation alone."""
        seen = self._operation(matrix)
        named = script.value.get("activation_function")
        if named is None:
            if seen is None:
                self.refusals.add(f"an unknown activation function behind {quote(matrix)}")
            return seen or "linear"
        known = activation_name(named)
        if known is None:
            self.refusals.add(f"activation function {quote(named)}")
            return "linear"
        if named.lower() == "gelu_tf" and not self.conversions:
            # TensorFlow rounds the constant 0.044715 of its own gelu to float32.
            self.conversions.append("gelu_tf read as gelu: energies differ from TensorFlow by about 1e-8 eV per atom")
        if seen is not None and seen != known:
            raise self.source.fault(
                f"the training script says {quote(named)}, but the graph has {seen} at {quote(matrix)}"
            )
        return known

    def _operation(self, matrix: str) -> str | None:
        """Activation by the operations that follow product and bias; None where they are composite."""
        reads = [n.name for n in self.consumers.get(matrix, []) if n.op == "Identity"] or [matrix]
        products = [n for r in reads for n in self.consumers.get(r, []) if n.op == "MatMul"]
        scope = matrix.partition("/")[0] + "/"
        products = [n for n in products if n.name.startswith(scope)]
        sums = [n for p in products for n in self.consumers.get(p.name, []) if n.op in ("BiasAdd", "Add", "AddV2")]
        after = {n.op for s in sums for n in self.consumers.get(s.name, []) if n.name.startswith(scope)}
        if after >= {"Sigmoid", "Mul"}:
            return "silu"
        unary = after & set(UNARY)
        return UNARY[unary.pop()] if len(unary) == 1 and len(after) == 1 else None

    def _axis(self, embedding, tables, fitting) -> int:
        if embedding:
            channels = next(iter(embedding.values()))[-1].weight.shape[1]
        elif tables:
            channels = next(iter(tables.values())).coefficients.shape[1]
        else:
            self.refusals.check()
            raise self.source.fault("it has neither embedding networks nor compression tables")
        rows = fitting[0][0].weight.shape[0]
        if rows % channels:
            raise self.source.fault(
                f"the fitting takes {rows} numbers, which {channels} embedding channels do not divide"
            )
        return rows // channels

    def _exclusions(self, types: int) -> list[list[int]]:
        return self.descriptor.pairs("exclude_types", types, []) if self.descriptor.given("exclude_types") else []

    def _vacuum(self, types: int) -> list[int]:
        listed = vacuum_types(self.fitting.value.get("atom_ener"), types, self.fitting, tensorflow=True)
        if not listed and any(re.fullmatch(r"(?:.*/)?atom_\d+_ener", n) for n in self.graph.nodes):
            self.refusals.add("atom_ener in a graph without a training script")
        return listed

    def _provenance(self) -> dict:
        found: dict = {"software": "deepmd-kit", "backend": "TensorFlow"}
        version = self.graph.text_constant("model_attr/model_version")
        if version:
            found["model_version"] = version[:20]
        systems = training_systems(self.script.value)
        if systems:
            found["systems"] = systems
        nearest = self.scalar("train_attr/min_nbor_dist")
        if nearest is not None and np.isfinite(nearest):
            found["min_nbor_dist"] = nearest
        return found
