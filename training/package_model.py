# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Convert a trained model to the file that the package ships, with its metadata: name, data, recipe, errors, licence, domain.

    python training/validate/errors.py --model .training/runs/lps/model.dp --work .training
    python training/package_model.py --model .training/runs/lps/model.dp --work .training --name lps --version 1.0

Writes wrappers/python/openmmlps/models/<name>.safetensors. The errors are those that errors.py measured for these weights; without them
the model is refused. The recipe is the input.json that training/train.py left beside the model, and the commit of this repository.
`openmm-lps info default` and LPSModel.getMetadata() show what was written; keys: docs/native-format.md. Needs openmm-lps installed.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "validate"))

from common import read_json, results_folder

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "wrappers" / "python" / "openmmlps" / "models"

STATUS = "released; what it reaches and what it does not stands in docs/model-card.md"
DOMAIN = (
    "Li2S-P2S5 glasses of about 67 to 75 mol% Li2S at 300 to 1600 K, and crystals and melts of Li, P and S near the densities of "
    "their DFT data; stands in for PBE without dispersion"
)
NOT_FOR = (
    "halides, Si, Ge or any other element; interfaces and lithium metal; barriers of cool crystals (no crystal frame below about "
    "1000 K in the data); pressures and densities outside the data"
)
DATA = {
    "data": "AIMD frames of 16 Li-P-S crystals and elements (about 1000 to 3000 K) and of 67, 70 and 75 mol% Li2S glasses "
    "(400 to 1600 K); energies, forces and virials; split by time (training/splits.py)",
    "data_source": "github.com/OxideGlassGroupAAU/LiPS",
    "data_licence": "none stated; frames are not distributed",
    "citation": "Chen, Du, Krishnan, Yue, Smedskjaer, Nat. Commun. 16, 1057 (2025)",
    "reference_method": "DFT, PBE, TZVP-MOLOPT-GTH, GTH-PBE pseudopotentials, 400 Ry, CP2K, no dispersion correction; that of the glasses was taken "
    "off their labels (openmm-lps dispersion)",
}
HELD_OUT = {"all glasses": "held-out glasses", "all crystals": "held-out crystals, 1500 to 3500 K"}


def recipe(config: dict, commit: str) -> dict:
    """What identifies a training: the hash of DeePMD-kit's input without the paths of the data, its length, seed and the commit."""
    bare = json.loads(json.dumps(config))
    for section in ("training_data", "validation_data"):
        bare["training"].get(section, {}).pop("systems", None)
    digest = hashlib.sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    found = {"config_sha256": digest, "batches": bare["training"]["numb_steps"], "seed": bare["training"].get("seed")}
    return found | ({"commit": commit} if commit else {})


def held_out_errors(errors: dict) -> list[dict]:
    """Root mean square errors of held-out frames (validation and test), from the errors.json of training/validate/errors.py."""
    found = []
    for group, name in HELD_OUT.items():
        if group in errors["held_out"]:
            summary = errors["held_out"][group]
            found.append(
                {
                    "data": name,
                    "frames": summary["frames"],
                    "energy_meV_per_atom": round(summary["energy"]["rmse"], 2),
                    "force_eV_per_angstrom": round(summary["force"]["rmse"], 4),
                    "virial_meV_per_atom": round(summary["virial"]["rmse"], 2),
                }
            )
    return found


def metadata(name: str, version: str, software: str, config: dict, commit: str, errors: dict) -> dict:
    """The provenance of the shipped model, without that of the file it was converted from."""
    return {
        "name": name,
        "version": version,
        "status": STATUS,
        "licence": "MIT",
        "intended_domain": DOMAIN,
        "not_for": NOT_FOR,
        "training": {"software": software, **recipe(config, commit), **DATA},
        "held_out_errors": held_out_errors(errors),
    }


def head_commit() -> str:
    """The commit of the repository, with '-modified' if tracked files differ from it; empty outside of a repository."""

    def git(*arguments: str) -> str:
        result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return result.stdout.strip() if result.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    return f"{commit}-modified" if commit and git("status", "--porcelain", "--untracked-files=no") else commit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, required=True, help="trained model, model.dp or any other file that can be imported"
    )
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder of prepare.py")
    parser.add_argument("--name", default="lps", help="of the model")
    parser.add_argument("--version", required=True, help="of the model, as 1.0")
    parser.add_argument("--software", default="openmm-lps training engine", help="what it was trained with")
    parser.add_argument("--config", type=Path, help="DeePMD-kit input; default: input.json beside the model")
    parser.add_argument("--commit", help="of the recipe; default: this repository's; '' if the recipe is older than it")
    parser.add_argument("--output", type=Path, help="file to write; default: where the package has its models, by name")
    arguments = parser.parse_args()
    output = arguments.output or MODELS / f"{arguments.name}.safetensors"

    from openmmlps import LPSModel
    from openmmlps.importers import ModelImportError, import_model
    from openmmlps.importers.native import weights_sha256

    if not arguments.model.is_file():
        parser.error(f"--model: there is no file '{arguments.model}'")
    config = read_json(arguments.config or arguments.model.with_name("input.json"))
    if config is None:
        parser.error(
            "package_model: there is no input.json beside the model; name the input it was trained with by --config"
        )
    try:
        model = import_model(arguments.model)
    except ModelImportError as error:
        parser.error(str(error))
    digest = weights_sha256(model.tensors)
    folder = results_folder(arguments.work, digest)
    errors = read_json(folder / "errors.json") if folder else None
    if errors is None or "all glasses" not in errors.get("held_out", {}):
        parser.error(
            "package_model: the errors of these weights on held-out frames are not known; run training/validate/errors.py with the "
            "same --model and --work first"
        )
    commit = head_commit() if arguments.commit is None else arguments.commit
    card = metadata(arguments.name, arguments.version, arguments.software, config, commit, errors)
    model.provenance = card | {key: value for key, value in model.provenance.items() if key not in card}
    model.original_bytes = None
    output.parent.mkdir(parents=True, exist_ok=True)
    model.write(output)
    written = LPSModel(str(output))
    print(
        f"{output}: {arguments.name} {arguments.version}, {written.getNumParameters():,} parameters, weights {digest[:16]}"
    )


if __name__ == "__main__":
    main()
