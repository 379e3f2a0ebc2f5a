# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Put a model of `openmm-lps train` into the package, with what `openmm-lps validate` measured and what a file of facts says.

    python training/package_validated.py --model .training/lgps/model --validation .training/lgps/validation.json \
        --facts training/lgps/facts.json --card docs/model-card-lgps.md --stability hot.json cool.json

Writes wrappers/python/openmmlps/models/NAME.safetensors, and its card. The validation must be of these weights: it names the file of the model.
"""

import argparse
import json
from pathlib import Path

from package_model import MODELS, head_commit, recipe

UNITS = {"energy": "energy_meV_per_atom", "force": "force_eV_per_angstrom", "virial": "virial_meV_per_atom"}


def held_out_errors(validation: dict) -> list[dict]:
    """All held-out frames together, then every system."""
    sets = {"all held-out frames": validation["errors"]}
    sets |= {Path(name).name: values for name, values in validation["sets"].items()}
    return [
        {"data": name, "frames": int(values["frames"])}
        | {unit: round(values[key], 4) for key, unit in UNITS.items() if values.get(key) is not None}
        for name, values in sets.items()
    ]


def card(facts: dict, validation: dict, runs: list[dict], digest: str, must: dict[str, float]) -> str:
    """The card of the model as Markdown."""
    training, errors = facts["training"], validation["errors"]
    lines = [
        f"# Model card: {facts['name']} {facts['version']}",
        "",
        f"**What it is for.** {_sentence(facts['intended_domain'])}",
        "",
        f"**It must not be used for** {_sentence(facts['not_for'], capital=False)}",
        "",
        f"`{digest[:16]}` are the first digits of the hash of its weights. `training/package_validated.py` wrote this page from what was measured.",
        "",
        "## Errors on held-out frames",
        "",
        "| data | frames | energy (meV/atom) | force (eV/Å) | virial (meV/atom) | slope of forces |",
        "|---|---|---|---|---|---|",
    ]
    sets = {"**all**": errors} | {Path(name).name: values for name, values in validation["sets"].items()}
    for name, values in sets.items():
        virial = "–" if values.get("virial") is None else f"{values['virial']:.1f}"
        row = (
            name,
            f"{values['frames']:.0f}",
            f"{values['energy']:.2f}",
            f"{values['force']:.4f}",
            virial,
            f"{values['slope']:.3f}",
        )
        lines.append(f"| {' | '.join(row)} |")
    found = [name.split()[1] for name in errors if name.startswith("force ") and "mae" not in name]
    parts = ", ".join(
        f"{element} {errors[f'force {element}']:.3f} ({errors[f'slope {element}']:.3f})" for element in found
    )
    lines += ["", f"Force errors by element in eV/Å, with slopes: {parts}."]
    for name, bound in must.items():
        passed = "pass" if errors[name] <= bound else "**fail**"
        lines += ["", f"Requirement: {name} at most {bound:g} eV/Å on all of them: {passed}."]
    lines += [f"\n{note}" for note in facts.get("notes", [])]
    lines += [
        "",
        f"An evaluation took {validation['microseconds_per_atom']:.0f} µs/atom on one busy core in double precision.",
        "",
    ]
    held = sum(not run["problem"] for run in runs)
    lines += ["## Stability", "", f"{held} of {len(runs)} simulations at constant volume held.", ""]
    lines += ["| start | atoms | temperature (K) | time (ps) | outcome |", "|---|---|---|---|---|"]
    for run in runs:
        row = (run["name"], run["atoms"], f"{run['kelvin']:g}", f"{run['picoseconds']:g}", run["problem"] or "held")
        lines.append(f"| {' | '.join(map(str, row))} |")
    lines += [
        "",
        "## Data, method, licence",
        "",
        f"- Reference data: {training['data_source']}; {training['citation']}. {training['data_licence']}.",
        f"- {training['data']}.",
        f"- Level of theory: {training['reference_method']}.",
        f"- Model: Deep Potential `se_e2_a`; recipe and split in `training/{facts['name']}`. Licence of the weights: {facts['licence']}.",
    ]
    return "\n".join(lines) + "\n"


def _sentence(text: str, capital: bool = True) -> str:
    return (text[0].upper() + text[1:] if capital else text) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the training")
    parser.add_argument("--validation", type=Path, required=True, help="validation.json of this model")
    parser.add_argument("--facts", type=Path, required=True, help="JSON: name, version, licence, domain, data")
    parser.add_argument("--card", type=Path, help="Markdown file to write")
    parser.add_argument("--stability", type=Path, nargs="*", default=[], help="JSON of further validations with runs")
    parser.add_argument("--must", type=float, default=0.1, help="bound of the force error, eV/angstrom")
    parser.add_argument("--output", type=Path, help="file to write; default: where the package has its models, by name")
    arguments = parser.parse_args()

    from openmmlps import LPSModel
    from openmmlps.importers import import_model
    from openmmlps.importers.native import weights_sha256

    path = arguments.model / "model.safetensors"
    validation, facts = (json.loads(file.read_text()) for file in (arguments.validation, arguments.facts))
    if Path(validation["model"]).resolve() != path.resolve():
        parser.error(f"package_validated: {arguments.validation} is of '{validation['model']}', not of '{path}'")
    model = import_model(path)
    trained = model.provenance["training"]
    settings = json.loads((arguments.model / "training.json").read_text())["settings"]
    config = {"settings": settings, "training": {"numb_steps": trained["batches"], "seed": settings["seed"]}}
    training = {"software": "openmm-lps train", **recipe(config, head_commit()), **facts["training"]}
    source = {"file": "model.dp", "format": "openmm-lps train"}
    kept = {key: value for key, value in facts.items() if key != "notes"}
    model.provenance = {**kept, "training": training, "held_out_errors": held_out_errors(validation), "source": source}
    model.original_bytes = None
    output = arguments.output or MODELS / f"{facts['name']}.safetensors"
    model.write(output)
    if arguments.card:
        runs = [run for file in arguments.stability for run in json.loads(file.read_text())["stability"]]
        digest = weights_sha256(model.tensors)
        arguments.card.write_text(card(facts, validation, runs, digest, {"force": arguments.must}))
    print(f"{output}: {facts['name']} {facts['version']}, {LPSModel(str(output)).getNumParameters():,} parameters")


if __name__ == "__main__":
    main()
