# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Models that openmm-lps does not evaluate: every one is refused by a message that names the file and all features."""

import json

import numpy as np
import pytest

from importers_support import GOLDEN, ModelImportError, document, edit_archive, every, import_bytes, message, package
from openmmlps.importers.protobuf import Wire
from openmmlps.importers.source import Source
from openmmlps.importers.torch_checkpoint import import_checkpoint

START = "import filter: 'some.model' is not supported: "


def refused(change) -> str:
    """The refusal of the smallest golden model after a change to its dictionary."""
    top = document()
    change(top["model"])
    text = message(package(top))
    assert text.startswith(START), text
    return text[len(START) :]


def put(*path_and_value):
    """A change that sets one nested value."""
    *path, key, value = path_and_value

    def change(model):
        for step in path:
            model = model[step]
        model[key] = value

    return change


DESCRIPTORS = ["dpa1", "se_atten", "se_atten_v2", "se_e2_r", "se_r", "se_e3", "se_e3_tebd", "hybrid", "dpa2", "dpa3", "dpa4", "SeZM",
               "loc_frame", "se_a_mask", "se_a_ebd", "se_a_ebd_v2", "se_a_tpe", "se_a_ef", 7, None]  # fmt: skip


@pytest.mark.parametrize("kind", DESCRIPTORS)
def test_descriptors(kind):
    shown = f"'{kind}'" if isinstance(kind, str) else str(kind)
    assert refused(put("descriptor", "type", kind)) == (
        f"descriptor {shown} (only se_e2_a). openmm-lps evaluates one se_e2_a descriptor with energy fitting: train or convert "
        "such a model, or run this one with DeePMD-kit itself."
    )


@pytest.mark.parametrize(
    ("place", "kinds", "words"),
    [
        (("fitting", "type"), "dipole polar dos property population direct_force_ener", "fitting '{}' (only 'ener'). "),
        (("type",), "zbl linear_ener pairtab frozen pairwise_dprc spin_ener sezm", "model type '{}' (only 'standard' energy models). "),
    ],
)  # fmt: skip
def test_fittings_and_model_types(place, kinds, words):
    for kind in kinds.split():
        assert refused(put(*place, kind)).startswith(words.format(kind))


def test_all_features_are_named_in_one_message():
    def change(model):
        model["descriptor"]["type"] = "se_e3"
        model["fitting"]["type"] = "dipole"
        model["spin"] = {"use_spin": [True]}
        model["data_modifier"] = {"type": "dipole_charge"}

    text = refused(change)
    for feature in ("spin", "data modifier", "descriptor 'se_e3'", "fitting 'dipole'"):
        assert feature in text


def test_parts_of_a_composed_model_are_named():
    inner = document()["model"]
    inner["descriptor"]["type"] = "dpa1"
    top = document()
    top["model"] = {"type": "zbl", "models": [inner, {"type": "pairtab"}]}
    text = message(package(top))
    for feature in ("model type 'zbl'", "descriptor 'dpa1'", "model type 'pairtab'"):
        assert feature in text


FEATURES = [
    (("fitting", "numb_fparam", 2), "fparam (numb_fparam = 2)"),
    (("fitting", "numb_aparam", 1), "aparam (numb_aparam = 1)"),
    (("fitting", "dim_case_embd", 3), "case embedding (dim_case_embd = 3)"),
    (("fitting", "tot_ener_zero", True), "tot_ener_zero"),
    (("fitting", "mixed_types", True), "mixed_types"),
    (("fitting", "use_aparam_as_mask", True), "use_aparam_as_mask"),
    (("fitting", "layer_name", ["a", None]), "layer_name (layers shared between networks)"),
    (("fitting", "precision", "bfloat16"), "fitting precision 'bfloat16' (only float64 and float32)"),
    (("descriptor", "precision", "float16"), "descriptor precision 'float16' (only float64 and float32)"),
    (("descriptor", "spin", {"use_spin": [True]}), "spin"),
    (("descriptor", "env_mat", "use_exp_switch", True), "use_exp_switch (only the quintic switch)"),
    (("fitting", "exclude_types", [1]), "exclude_types of the fitting that are not atom_exclude_types of the model"),
    (("descriptor", "embeddings", "networks", [None] * 3), "embedding networks that are all null"),
    (("descriptor", "embeddings", "ndim", 0), "networks of 0 indices"),
    (("fitting", "nets", "networks", 0, "layers", 0, "activation_function", "mish"), "activation function 'mish'"),
]


@pytest.mark.parametrize(("change", "words"), FEATURES, ids=lambda v: v[-2] if isinstance(v, tuple) else "")
def test_options(change, words):
    text = refused(put(*change))
    assert words in text and ("all null" not in words or text.endswith("Convert the uncompressed model."))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ((), "Model"),
        (("descriptor",), "Descriptor"),
        (("fitting",), "Fitting"),
        (("descriptor", "embeddings"), "NetworkCollection"),
        (("fitting", "nets", "networks", 0), "network"),
        (("fitting", "nets", "networks", 0, "layers", 0), "Layer"),
    ],
)
def test_unknown_versions(path, what):
    text = refused(put(*path, "@version", 9))
    assert f"{what} @version 9 (known: 1 to " in text
    assert "A newer openmm-lps may read it" in text


# TensorFlow graphs: a second message of the same type is merged by the protobuf format, so nodes can be appended.


def varint(value: int) -> bytes:
    """A protobuf number."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def block(number: int, content: bytes) -> bytes:
    """A protobuf field with a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def node(name: str, op: str, value: bytes | None = None) -> bytes:
    """A node of a graph, with the TensorProto of a constant."""
    content = block(1, name.encode()) + block(2, op.encode())
    if value is not None:
        content += block(5, block(1, b"value") + block(2, block(8, value)))
    return block(1, content)


def text_constant(name: str, text: str) -> bytes:
    """A string constant."""
    return node(name, "Const", b"\x08\x07" + block(8, text.encode()))


def script(change) -> bytes:
    """The smallest golden graph with another training script."""
    top = {"model": {key: {"activation_function": "tanh"} for key in ("descriptor", "fitting_net")}}
    change(top)
    return every("pb") + text_constant("train_attr/training_script", json.dumps(top))


GRAPHS = [
    (node("ProdEnvMatAMix", "ProdEnvMatAMix"), "descriptor 'se_atten' (only se_e2_a)"),
    (node("x", "ProdEnvMatR"), "descriptor 'se_e2_r' (only se_e2_a)"),
    (node("x", "Descrpt"), "descriptor 'loc_frame' (only se_e2_a)"),
    (node("x", "DescrptSeAMask"), "descriptor 'se_a_mask' (only se_e2_a)"),
    (node("x", "ProdEnvMatA"), "descriptor 'hybrid' (only se_e2_a)"),
    (node("x", "MatmulFlt2fixNvnmd"), "nvnmd (quantised networks)"),
    (node("type_embed_net/matrix_1", "Const"), "type embedding"),
    (node("spin_attr/ntypes_spin", "Const"), "spin"),
    (node("modifier_attr/type", "Const"), "modifier (long-range correction"),
    (node("share_0_type_0/matrix", "Const"), "layer_name (layers shared between networks)"),
    (node("model_attr/t_tab_info", "Const"), "use_srtab (tabulated pair potential)"),
    (node("layer_0/matrix", "Const"), "one fitting network for all types (type embedding)"),
    (node("filter_type_0/matrix_1_0_1", "Const"), "descriptor 'se_e3' (only se_e2_a)"),
    (node("DS_layer_type_1/Identity_2", "Identity"), "type_fitting_net (a part of the descriptor for every pair"),
    (
        node("layer_0_type_0/matrix/var", "VarHandleOp"),
        "a graph whose weights are variables. Freeze it with 'dp freeze'",
    ),
    (text_constant("model_attr/model_type", "dipole"), "fitting 'dipole' (only 'ener')"),
    (text_constant("model_attr/model_version", "7.0"), "model_version '7.0' (known: 1.0, 1.1)"),
    (node("fitting_attr/dfparam", "Const", b"\x08\x03" + b"\x12\x00" + b"\x38\x02"), "fparam (2 numbers)"),
    (
        node("model_attr/t_out_std", "Const", b"\x08\x02\x12\x00" + b"\x31" + np.float64(2).tobytes()),
        "out_std other than 1, by which TensorFlow scales atomic energies and PyTorch does not",
    ),
]


@pytest.mark.parametrize(("extra", "words"), GRAPHS, ids=lambda v: v if isinstance(v, str) else "")
def test_graphs(extra, words):
    text = message(every("pb") + extra)
    assert text.startswith(START)
    assert words in text


DAMAGE = node("descrpt_attr/t_avg", "Const", b"\x08\x02\x12\x02\x12\x00\x31" + bytes(8))


@pytest.mark.parametrize(("extra", "words"), GRAPHS, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_foreign_is_named_before_what_is_missing(extra, words):
    """Hybrid, spin, DOS and other graphs lack, or have in another size, what an se_e2_a model has."""
    assert words in message(every("pb") + extra + DAMAGE)


@pytest.mark.parametrize("operation", ["ProdEnvMatR", "ProdEnvMatA", "Descrpt"])
def test_graphs_with_a_second_descriptor_or_another(operation):
    assert "are missing or do not fit sel; the file is damaged" in message(every("pb") + DAMAGE)
    assert "descriptor 'hybrid' (only se_e2_a)" in message(every("pb") + node("x", operation) + DAMAGE)
    alone = "it is no frozen Deep" if operation == "ProdEnvMatA" else "descriptor '"
    assert alone in message(node("x", operation).replace(b"ProdEnvMatA", b"ProdEnvMatB"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("training", {"mixed_precision": {"compute_prec": "float16"}}), "mixed_precision"),
        (put("model", "fitting_net", "tot_ener_zero", True), "tot_ener_zero"),
        (put("model", "use_srtab", "table.txt"), "use_srtab"),
        (put("model", "type_embedding", {"neuron": [2]}), "type embedding"),
        (put("model", "descriptor", "type", "hybrid"), "descriptor 'hybrid'"),
        (put("model", "descriptor", [{"type": "se_e2_a"}, {"type": "se_e2_r"}]), "descriptor 'hybrid'"),
        (put("model", "fitting_net", "type", "polar"), "fitting 'polar'"),
        (put("model", "pair_exclude_types", [[0, 1]]), "pair_exclude_types in a TensorFlow graph"),
        (put("model", "descriptor", "activation_function", "mish"), "activation function 'mish'"),
    ],
)
def test_training_scripts_of_graphs(change, words):
    assert words in message(script(change))


def test_graph_and_script_must_agree():
    text = message(script(put("model", "descriptor", "activation_function", "relu")))
    assert "the training script says 'relu', but the graph has tanh at" in text


def test_graph_without_script_is_read_from_its_operations():
    data = every("pb") + text_constant("train_attr/training_script", "")
    model, whole = import_bytes(data), import_bytes(every("pb"))
    assert model.hyperparameters == whole.hyperparameters
    nameless = import_bytes(data + text_constant("model_attr/tmap", ""))
    assert nameless.hyperparameters["type_map"] == ["type_0", "type_1", "type_2"]
    assert "names no elements" in nameless.provenance["conversions"][0]


def test_half_precision_graph():
    half = node("filter_type_all/matrix_1_0", "Const", b"\x08\x13" + b"\x12\x00")
    assert "is float16; use a model of float32 or float64 precision." in message(every("pb") + half)


def test_graph_of_another_program():
    text = message(node("x", "Placeholder"))
    assert "it is no frozen Deep Potential: it has no operation such as ProdEnvMatA" in text


# PyTorch archives: names of the same length are exchanged in the pickle.


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"\nEnergyModel\n", b"\nDipoleModel\n", "model type 'DipoleModel'"),
        (b"EnergyFittingNet", b"DipoleFittingNet", "fitting 'DipoleFittingNet' (only 'ener')"),
        (b"\x03\x00\x00\x00sea", b"\x03\x00\x00\x00ser", "descriptor 'se_e2_r' (only se_e2_a)"),
    ],
)
def test_torchscript(before, after, words):
    assert words in message(edit_archive(every("pth"), {"data.pkl": (before, after)}))


def test_multitask_checkpoint_and_bare_weights():
    data = (GOLDEN / "trained-pt" / "model.pt").read_bytes()
    bare = edit_archive(data, {"data.pkl": (b"model_params", b"model_qarams")})
    assert "does not carry the definition of its model; freeze the model with 'dp --pt freeze'" in message(bare)
    multi = edit_archive(data, {"data.pkl": (b"\x0b\x00\x00\x00fitting_net", b"\x0a\x00\x00\x00model_dict")})
    assert "a multi-task checkpoint with the branches" in message(multi)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"descriptor": {"type": "dpa3"}}, "descriptor 'dpa3' (only se_e2_a)"),
        ({"descriptor": {"type": "hybrid", "list": []}}, "descriptor 'hybrid'"),
        ({"fitting_net": {"type": "dos"}}, "fitting 'dos' (only 'ener')"),
        ({"spin": {"use_spin": [True]}}, "spin"),
        ({"use_srtab": "table.txt"}, "use_srtab"),
        ({"type": "linear_ener", "models": [], "descriptor": None}, "model type 'linear_ener'"),
    ],
)
def test_checkpoints_of_other_models(changes, words):
    """They name their arrays otherwise, which must not pass for damage."""
    params = {"type_map": ["O"], "descriptor": {"type": "se_e2_a"}, "fitting_net": {"neuron": [2]}, **changes}
    with pytest.raises(ModelImportError) as refusal:
        import_checkpoint(Source("some.model", b""), {"model": {"_extra_state": {"model_params": params}}})
    assert str(refusal.value).startswith(START + words)


def test_statistics_that_differ_between_slots_or_depend_on_direction():
    top = document()
    statistics = top["model"]["descriptor"]["@variables"]
    for slot in statistics["dstd"]["value"][0]:
        slot[3] *= 2
    assert "davg or dstd depend on the direction" in message(package(top))
    statistics["davg"]["value"][0][1][0] += 1e-9
    words = "davg differs between neighbor slots of one center type; openmm-lps needs one value per center type"
    assert words in message(package(top))


@pytest.mark.parametrize("key", ["type_map", "descriptor", "fitting"])
def test_missing_parts(key):
    top = document()
    del top["model"][key]
    assert message(package(top)).startswith(("some.model: file/model has no", START))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("descriptor", "rcut"), "six", "file/model/descriptor/rcut is 'six' instead of a number"),
        (("descriptor", "rcut"), float("nan"), "rcut is nan instead of a finite number"),
        (("descriptor", "rcut_smth"), 99.0, "rcut_smth 99.0 and rcut 5.0 are not 0 <= rcut_smth < rcut"),
        (("descriptor", "sel"), [1, 2], "sel"),
        (("descriptor", "sel"), [-1, 2, 3], "sel is -1 instead of an integer from 0"),
        (("descriptor", "axis_neuron"), 50, "axis_neuron is 50, but the embedding has 3 channels"),
        (("descriptor", "type_one_side"), "yes", "type_one_side is 'yes' instead of true or false"),
        (("descriptor", "exclude_types"), [[0]], "exclude_types is a list instead of a list of pairs of types"),
        (("type_map",), ["Li", "Li", "S"], "the type map names a type twice"),
        (("type_map",), ["Li", 3, "S"], "the type map has 3 entries"),
        (("pair_exclude_types",), [[0, 9]], "pair_exclude_types is 9 instead of an integer from 0 to 2"),
        (("fitting", "nets", "networks"), [], "has 0 networks for 3 types"),
        (("fitting", "nets", "networks", 0), None, "the fitting networks of types [0] are missing"),
        (
            ("descriptor", "embeddings", "networks", 0),
            None,
            "embedding of center type 0 and neighbor type 0 is missing",
        ),
    ],
)
def test_wrong_values(path, value, words):
    top = document()
    put(*path, value)(top["model"])
    assert words in message(package(top))


def test_text_numbers_are_numbers():
    top = document()
    top["model"]["descriptor"]["rcut"] = "5e0"
    assert import_bytes(package(top)).hyperparameters["rcut"] == 5.0


@pytest.mark.parametrize("name", ["DescrptSeA", "DescrptNorot"])
def test_operation_names_of_old_graphs(name):
    """Graphs of versions 1.x and 0.12 differ in the name of the environment operation."""
    data, operation = every("pb"), block(2, b"ProdEnvMatA")
    nodes = [data[a:b] for _, _, (a, b) in Wire(Source("", data)).fields((0, len(data))) if operation in data[a:b]]
    assert len(nodes) == 1
    old = data + block(
        1, nodes[0].replace(operation, block(2, name.encode()), 1)
    )  # a later node of the same name counts
    assert import_bytes(old).hyperparameters == import_bytes(data).hyperparameters
