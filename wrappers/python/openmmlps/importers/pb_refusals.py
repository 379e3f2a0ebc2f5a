# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""What a TensorFlow graph holds that openmm-lps does not evaluate: seen by its operations, constants and training script."""

from __future__ import annotations

import re

from .fields import Fields
from .protobuf import Graph, Node
from .refusals import Refusals
from .source import quote

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
UNFROZEN_OPS = ("Variable", "VariableV2", "VarHandleOp")
PREFIXES = {
    "type_embed_net": "type embedding",
    "spin_attr": "spin",
    "modifier_attr": "modifier (long-range correction outside the model, such as dipole_charge)",
    "share_": "layer_name (layers shared between networks)",
}
NAMES = {
    r"(?:.*/)?t_tab_info": "use_srtab (tabulated pair potential)",
    r"filter_type_\w+/matrix_\d+_\d+_\d+": "descriptor 'se_e3' (only se_e2_a)",
    r"layer_\d+/matrix": "one fitting network for all types (type embedding)",
    # Version 0.12; otherwise its longer descriptor would be taken for more axis neurons.
    r"DS_layer_type_\d+/Identity(?:_\d+)?": "type_fitting_net (a part of the descriptor for every pair of neighbor types)",
}


def refuse(graph: Graph, script: Fields, refusals: Refusals) -> None:
    """Note every feature that can be seen without weights.

    Parameters
    ----------
    graph : Graph
        the graph
    script : Fields
        its training script; empty where the graph has none
    refusals : Refusals
        where the features are noted
    """
    _refuse_nodes(list(graph.nodes.values()), refusals)
    kind = graph.text_constant("model_attr/model_type")
    if kind not in (None, "", "ener"):
        refusals.fitting_type(kind)
    version = graph.text_constant("model_attr/model_version")
    if version not in (None, "", "0.0", "1.0", "1.1"):
        refusals.add(f"model_version {quote(version)} (known: 1.0, 1.1)", "A newer openmm-lps may read it.")
    for name in ("fparam", "aparam"):
        count = graph.number(f"fitting_attr/d{name}", f"model_attr/d{name}")
        if count:
            refusals.add(f"{name} ({count:.0f} numbers)")
    _refuse_script(script, refusals)


def _refuse_nodes(nodes: list[Node], refusals: Refusals) -> None:
    for node in nodes:
        if node.op in FOREIGN_OPS:
            refusals.descriptor_type(FOREIGN_OPS[node.op])
        if "Nvnmd" in node.op:
            refusals.add("nvnmd (quantised networks)")
    for prefix, feature in PREFIXES.items():
        if any(node.name.startswith(prefix) for node in nodes):
            refusals.add(feature)
    for pattern, feature in NAMES.items():
        name = re.compile(pattern)
        if any(name.fullmatch(node.name) for node in nodes):
            refusals.add(feature)
    descriptors = [n.op for n in nodes if n.op in ENVIRONMENT_OPS or (n.op in FOREIGN_OPS and "Tabulate" not in n.op)]
    if len(descriptors) > 1 and set(descriptors) & set(ENVIRONMENT_OPS):
        refusals.descriptor_type("hybrid")
    if any(node.op in UNFROZEN_OPS for node in nodes):
        refusals.add("a graph whose weights are variables", "Freeze it with 'dp freeze' first.")


def _refuse_script(script: Fields, refusals: Refusals) -> None:
    model = script.optional("model")
    if isinstance(model.value.get("descriptor"), list):
        refusals.descriptor_type("hybrid")
        return
    descriptor, fitting = model.optional("descriptor"), model.optional("fitting_net")
    if "type" in model.value:
        refusals.model_type(model.value["type"])
    if "type" in descriptor.value:
        refusals.descriptor_type(descriptor.value["type"])
    if "type" in fitting.value:
        refusals.fitting_type(fitting.value["type"])
    if script.optional("training").given("mixed_precision"):
        refusals.add("mixed_precision")
    for key, where in (("tot_ener_zero", fitting), ("spin", model), ("modifier", model)):
        if where.given(key):
            refusals.add(key)
    if model.given("use_srtab"):
        refusals.add("use_srtab (tabulated pair potential)")
    if model.given("type_embedding"):
        refusals.add("type embedding")
    if fitting.given("use_aparam_as_mask"):
        refusals.add("use_aparam_as_mask")
    for key in ("atom_exclude_types", "pair_exclude_types"):
        if model.given(key):
            refusals.add(f"{key} in a TensorFlow graph (its backend ignores them)")
