# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Write the model card from the results of the other validation scripts.

    python training/validate/card.py --model .training/runs/lps/model.dp --work .training --output docs/model-card.md

Takes what lies in the folder of the model (errors.json, crystals.json, ...); a part that was not run is called unmeasured. The
figures are copied to <folder of OUTPUT>/images/model-card. Every requirement stands beside the measured figure with pass or fail.
"""

import re
import shutil
from pathlib import Path

from common import GLASSES, Session, make_parser, open_session, read_json
from requirements import requirements

FIGURES = {
    "errors-parity.webp": "Forces and energies of held-out frames, model against DFT; energies of glasses in blue",
    "glasses.webp": "Radial distribution functions: model at 300 K (lines), DFT frames of 400 to 1,600 K (dotted)",
}
PARTS = ("errors", "crystals", "pressure", "glasses", "stability", "committee")
UNMEASURED = "unmeasured"


def number(value, digits: int, missing: str = UNMEASURED) -> str:
    """A number with so many decimals, or `missing` for None."""
    return missing if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0


def cell(lengths) -> str:
    """'12.88 × 8.30 × 6.35'; '-' where nothing is known."""
    return " × ".join(f"{value:.2f}" for value in lengths) if all(lengths) else "-"


def markdown_table(columns: str, rows: list[list[str]]) -> str:
    """A Markdown table; columns are separated by bars."""
    lines = [f"| {columns} |", "|" + "---|" * len(columns.split("|"))]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def errors_section(results: dict) -> str:
    """Errors on the parts of the split that were not trained on."""
    rows = []
    for part, groups in results["summaries"].items():
        for group in ("all glasses", "all crystals", "crystals below 1,500 K"):
            found = groups.get(group)
            whole = group == "crystals below 1,500 K" and found and found["frames"] == groups["all crystals"]["frames"]
            if part == "train" or found is None or whole:
                continue
            energy, force, virial = (
                f"{found[name]['rmse']:.{digits}f} ({found[name]['mae']:.{digits}f})"
                for name, digits in (("energy", 1), ("force", 3), ("virial", 1))
            )
            species = [number(found.get(f"force {kind}", {}).get("rmse"), 3, "-") for kind in ("Li", "P", "S")]
            rows.append([part, group, f"{found['frames']:,}", energy, force, *species, virial])
    columns = "part | group | frames | E RMSE (MAE) meV/atom | F RMSE (MAE) eV/Å | F Li | F P | F S | virial RMSE (MAE) meV/atom"
    return markdown_table(columns, rows)


def crystals_section(results: dict) -> str:
    """Cells, densities, moduli and formation energies."""
    rows, runs, sources = [], [], []
    for name, found in results["crystals"].items():
        reference, npt, elastic = found["reference"], found.get("npt") or {}, found.get("elastic") or {}
        moduli = [number(elastic.get(key), 1) for key in ("bulk_GPa", "young_GPa")]
        if "failed" in npt:
            room = ["unstable", "unstable"]
        else:
            room = [cell(npt["lengths_angstrom"]) if npt else UNMEASURED, number(npt.get("density_g_per_cm3"), 3)]
        row = [name, room[0], cell([reference[axis] for axis in "abc"]), room[1]]
        row += [number(reference[key], 3, "-") for key in ("pbe_density", "experiment_density")]
        row += moduli if elastic.get("stable", True) else ["unstable", "unstable"]
        rows.append([*row, number(found.get("formation_meV_per_atom"), 0, "-")])
        runs += [npt] if "atoms" in npt else []
        sources += [f"{name}: {reference['experiment_source']}"] if reference["experiment_source"] else []
    columns = "crystal | a × b × c (Å), 300 K | experiment | density (g/cm³), 300 K | PBE | experiment | B (GPa) | E (GPa) | formation (meV/atom)"
    times = " / ".join(f"{time:g}" for time in sorted({run["time_ps"] for run in runs})) or UNMEASURED
    return markdown_table(columns, rows) + (
        "\nModuli are Hill averages at 0 K with relaxed ions; formation energies are against relaxed Li2S and P2S5, without vibrations. "
        f"The runs at 300 K took {times} ps (the full protocol: 100 ps).\nExperimental cells: {'; '.join(sources)}.\n"
    )


def glasses_section(results: dict) -> str:
    """Densities, structure, speciation and transport of the glasses."""
    from openmmlps.references import References, shares_of

    rows, transport = [], []
    for name, found in results["glasses"].items():
        percent, model, dft = GLASSES[name], found["model"], found["dft"]
        structure, known = (
            model["structure"],
            {
                row.source: row.value
                for row in References.of(shares_of(f"{percent}Li2S-{100 - percent}P2S5"), "glass").find("density")
            },
        )
        row = [f"{percent} mol%", f"{model['density_g_per_cm3']:.3f}", f"{known['Zhou']:.2f}"]
        row += [f"{known['Zhou, DFT-MD']:.3f}", f"{known['Zhou, experiment']:.2f}"]
        row += [f"{structure['sulfur_around_phosphorus']:.2f} / {dft['sulfur_around_phosphorus']:.2f}"]
        rows.append([*row, speciation_text(structure), speciation_text(dft)])
        for item in model["transport"]:
            if item["literature"] and not item["quantity"].startswith("D*"):  # which follows from the conductivity
                value = f"{item['value']} ({item['detail']})" if item["detail"] else item["value"]
                transport.append([f"{percent} mol%", item["quantity"], value, item["literature"]])
    changed = sorted({item for found in results["glasses"].values() for item in found["model"]["changed"]})
    replicas = ", ".join(sorted({str(found["model"]["replicas"]) for found in results["glasses"].values()}))
    text = markdown_table(
        "glass | density (g/cm³), 300 K | published model | DFT-MD | experiment | S around P, model / DFT | % of P in anions, model, 300 K | held-out DFT frames, 400 to 1,600 K",
        rows,
    )
    if transport:
        text += "\n" + markdown_table("glass | transport | value | published", transport)
    else:
        text += f"\nConductivity: {UNMEASURED}.\n"
    text += diffusion_note(results["glasses"])
    return text + (
        f"\nQuenched with the preset `{results['settings']['preset']}`"
        + (f", but {', '.join(changed)}" if changed else "")
        + f"; replicas of each composition: {replicas}. Density and speciation depend on the way of cooling, see "
        "[quench](../protocols/quench.md).\n"
    )


def diffusion_note(glasses: dict) -> str:
    """Where the reports say that the displacements were not diffusive yet; empty if they were everywhere."""
    found = []
    for name, results in glasses.items():
        warnings = (results["model"] or {}).get("transport_warnings", [])
        kelvin = [match[1] for warning in warnings if (match := re.match(r"([\d.]+) K: not diffusive", warning))]
        if kelvin:
            found.append(f"{GLASSES[name]} mol% at {', '.join(kelvin)} K")
    if not found:
        return ""
    return (
        f"\nThe displacements were too short or not yet diffusive: {'; '.join(found)}. "
        "There σ is rather too high, more so the colder it is, and the activation energies too low, by more than their error bars say.\n"
    )


def speciation_text(structure: dict, least: float = 3.0) -> str:
    """Anions with more than `least` percent of the P atoms, the most abundant first."""
    shares = sorted(structure["percent_of_phosphorus"].items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value:.0f}" for name, value in shares if value >= least)


def stability_section(results: dict) -> str:
    """How many simulations held, which did not, closest approach and drift."""
    outcomes, settings = results["outcomes"], results["settings"]
    runs = {(name, kind): found[kind] for name, found in outcomes.items() for kind in ("hot", "room")}
    failed = [
        f"{name} at {'1,500' if kind == 'hot' else '300'} K after {run['time_ps']:.3g} ps ({run['violation']})"
        for (name, kind), run in runs.items()
        if not run["stable"]
    ]
    nearest = min(value for run in runs.values() for value in run["closest_over_dft"].values())
    drifts = [abs(found.get("nve", {}).get("drift_meV_per_atom_per_ps") or 0) for found in outcomes.values()]
    return (
        f"{len(runs) - len(failed)} of {len(runs)} simulations of {settings['time_ps']:g} ps held (the full protocol: 100 ps): {len(outcomes)} crystals and glasses of "
        "about 256 atoms, each at 1,500 K and constant volume (1 fs), and at 300 K and 1 bar (2 fs)."
        + (f" Failed: {'; '.join(failed)}." if failed else "")
        + f" The closest approach of a pair was {nearest:.2f} of the shortest in the DFT data. Energy drifted by at most {max(drifts):.1e} meV/atom/ps over "
        f"{settings['drift_ps']:g} ps of NVE (1 fs, single precision).\n"
    )


def committee_section(results: dict) -> str:
    """What the spread of a committee flags."""
    flagged = (f"{100 * found['fraction_flagged']:.0f} % of {name}" for name, found in results["groups"].items())
    note = results["note"] and f" {results['note']}"
    return (
        f"{results['models']} models.{note} On held-out glass frames the deviation follows the true error of the first model with a Spearman correlation of "
        f"{results['spearman_frames_rms']:.2f} (root mean squares of frames). The 95th percentile of the largest deviation in such a frame is {results['limit']:.2f} eV/Å. "
        f"Above it are: {', '.join(flagged)}.\n"
    )


def write_card(session: Session, output: Path, title: str, status: str) -> list[str]:
    """Write the card and its tables and copy their figures; return the names of the parts that were not measured."""
    results = {part: read_json(session.folder / f"{part}.json") for part in PARTS}
    images = output.parent / "images" / "model-card"
    images.mkdir(parents=True, exist_ok=True)
    fields = {
        "title": title,
        "status": status,
        "weights": session.sha256[:16],
        "requirements": markdown_table(
            "measure, held-out data | measured | must | aim | ", [item.row() for item in requirements(results)]
        ),
    }
    sections = (errors_section, crystals_section, glasses_section, stability_section, committee_section)
    for section in sections:
        part = section.__name__.removesuffix("_section")
        fields[part] = section(results[part]) if results[part] else f"{part.capitalize()}: {UNMEASURED}.\n"
    for name, caption in FIGURES.items():
        if (session.folder / name).is_file():
            shutil.copyfile(session.folder / name, images / name)
            fields[name.split("-")[0].split(".")[0]] += f"\n![{caption}](../images/model-card/{name})\n"
    for template, target in (("card.md", output), ("tables.md", output.parent / "notes" / "model-tables.md")):
        text = Path(__file__).with_name(template).read_text()
        for name, value in fields.items():
            text = text.replace(f"@{name}@", value.rstrip("\n"))
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    return [part for part, value in results.items() if value is None]


def identity(session: Session) -> tuple[str, str]:
    """Name and version, and a sentence on the status, from the model's own metadata; of another model its file name."""
    from openmmlps.importers import import_model

    metadata = import_model(session.model).provenance
    title = f"{metadata.get('name', session.name)} {metadata.get('version', '')}".strip()
    status = metadata.get("status")
    return title, f"Status: {re.split('[;:]', status)[0]}." if status else ""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/model-card.md"), help="Markdown file to write")
    parser.add_argument("--title", help="name of the model in the heading; default: from its metadata")
    arguments = parser.parse_args()
    if not arguments.output.parent.is_dir():
        parser.error(f"--output: there is no folder '{arguments.output.parent}'; create it first")
    session = open_session(parser, arguments)
    title, status = identity(session)
    missing = write_card(session, arguments.output, arguments.title or title, status)
    print(f"{arguments.output}: written" + (f"; not measured: {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    main()
