# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors

"""Files and folders that are no model, or none that can be read, named for what they are."""

from __future__ import annotations

import os
import re

KNOWN = "give a DeePMD-kit model (.pb, .pth, .pt, .dp, .hlo, .yaml, .pt2, .pte) or an openmm-lps file"
FREEZE_TENSORFLOW = "freeze it with 'dp freeze' and give the .pb file"
FREEZE_PYTORCH = "freeze the model with 'dp --pt freeze' and import the .pth file"
UNPACK = "unpack it and give the model inside"
DOWNLOAD = "download the file again"

# What the first bytes match, what that is, and what to do.
BEGINNINGS: list[tuple[bytes, str, str]] = [
    (rb"\s*version https://git-lfs\.github\.com/spec/", "it is a pointer of Git LFS, not the model it stands for",
     "run 'git lfs pull' in its repository"),
    (rb"\s*<(!DOCTYPE|html|head|body|\?xml|!--|[A-Za-z]\w*[\s>])", "it is a web page or XML, perhaps an error page saved under its name",
     DOWNLOAD),
    (rb"\0+\Z", "it holds nothing but zeros, as a download that broke off does", DOWNLOAD),
    (rb"\s+\Z", "it holds nothing but spaces", KNOWN),
    (rb"\x1f\x8b|\xfd7zXZ\0|BZh\d|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|.{257}ustar", "it is a packed file (gzip, xz, bzip2, zstd, 7z, rar or tar)",
     UNPACK),
    (rb"\s*node\s*\{", "it is a TensorFlow graph as text (.pbtxt)", "convert it with 'dp convert-from pbtxt' and give the .pb file"),
    (rb"\s*(all_)?model_checkpoint_path[s]?:", "it is the index of a folder of TensorFlow checkpoints", FREEZE_TENSORFLOW),
    (rb"\x08\x01\x12.{1,12}\x0a", "it is a TensorFlow SavedModel, which holds code instead of a model", "give the .pb, .dp or .hlo file of the same model"),
    (rb"\x80\x02\x8a\x0a", "it is a PyTorch file of a version before 1.6", FREEZE_PYTORCH),
    (rb"\x80[\x02-\x05]", "it is a Python pickle, which is never opened here", KNOWN),
    (rb"\x93NUMPY", "it is a NumPy array", KNOWN),
    (rb"\x7fELF|MZ|\xcf\xfa\xed\xfe", "it is a program or library", KNOWN),
    (rb"%PDF", "it is a PDF document", KNOWN),
    (rb"\s*\{\s*\"base_code\"", "it is a program of PaddlePaddle, which holds code instead of a model", "give the .dp or .pth file of the same model"),
    (rb"#\s+step\s+max_devi", "it is a table of model deviations, not a model", KNOWN),
    (rb"nep\d?[_\w]* \d+ ", "it is a potential of GPUMD (NEP)", KNOWN),
    (rb"\s*\{\s*\"(message|error|errors|status|detail)\"", "it is the answer of a server that refused the download", DOWNLOAD),
]  # fmt: skip
INPUT = re.compile(rb"['\"]?(learning_rate|training|loss)['\"]?\s*:\s*[\{\n]")
CHECKPOINT_NAME = re.compile(r"\.data-\d{5}-of-\d{5}")
LEVELDB = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # end of the index of a TensorFlow checkpoint


def recognise(data: bytes, name: str) -> tuple[str, str] | None:
    """Name a file that no filter reads.

    Parameters
    ----------
    data : bytes
        the whole file
    name : str
        its name

    Returns
    -------
    tuple of str or None
        what it is and what to do; None for a file that may be a model
    """
    for pattern, what, advice in BEGINNINGS:
        if re.match(pattern, data, re.DOTALL):
            return what, advice
    if data.endswith(LEVELDB) or CHECKPOINT_NAME.search(name):
        return "it is a part of a TensorFlow checkpoint", FREEZE_TENSORFLOW
    if data.lstrip()[:1] == b"{" and b'"model"' in data and INPUT.search(data):
        return (
            "it is the input of a training, not its result",
            "freeze the trained model with 'dp freeze' and give that",
        )
    return None


def recognise_folder(path: str) -> tuple[str, str]:
    """Name a folder given in place of a model.

    Parameters
    ----------
    path : str
        the folder

    Returns
    -------
    tuple of str
        what it is and what to do
    """
    names = sorted(os.listdir(path)) if os.access(path, os.R_OK) else []
    if "saved_model.pb" in names:
        return (
            "it is a TensorFlow SavedModel, which holds code instead of a model",
            "give the .pb, .dp or .hlo file of the same model",
        )
    if any(name in names for name in ("_METADATA", "_CHECKPOINT_METADATA", "manifest.ocdbt")):
        return "it is a JAX checkpoint", "convert it with 'dp convert-backend' and give the .dp file"
    models = [name for name in names if re.search(r"\.(pb|pth|pt|dp|hlo|yaml|pt2|pte|safetensors)$", name)]
    if models:
        return "it is a folder", f"give a model in it: {', '.join(models[:5])}"
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return "it is a folder of TensorFlow checkpoints", FREEZE_TENSORFLOW
    return "it is a folder", "give the model file itself, such as a frozen .pb or .pth"
