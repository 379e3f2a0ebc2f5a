# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Write the model card from the results of the other validation scripts.

    python training/validate/card.py --model .training/runs/lps/graph.pb --work .training --output docs/model-card.md

Takes what lies in the folder of the model (errors.json, crystals.json, ...); a part that was not run is called unmeasured. The
figures are copied to <folder of OUTPUT>/images/model-card. Every requirement stands beside the measured figure with pass or fail.
"""

import re
import shutil
from pathlib import Path

from common import GLASSES, Session, make_parser, open_session, read_json
from requirements import Requirement, requirements

FIGURES = ("errors-parity.png", "errors-trends.png", "crystals.png", "glasses.png", "stability.png", "committee.png")
LARGEST_FIGURE = 150_000  # bytes, of what is committed
UNMEASURED = "unmeasured"
PARTS = ("errors", "crystals", "pressure", "glasses", "stability", "committee")


def number(value, digits: int, unit: str = "") -> str:
    """A number with so many decimals, or 'unmeasured' for None."""
    return UNMEASURED if value is None else f"{value:.{digits}f}{unit}"


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def requirement_rows(found: list[Requirement]) -> list[list[str]]:
    """One line for each requirement: measure, measured, must, aim, verdict."""
    return [[item.measure, item.measured_text, item.must_text, item.aim_text, item.verdict] for item in found]


def errors_section(results: dict | None) -> str:
    """Errors on the parts of the split."""
    if results is None:
        return f"Errors: {UNMEASURED}.\n"
    rows = []
    for part, groups in results["summaries"].items():
        for group in ("all glasses", "all crystals", "crystals below 1,500 K", "crystals from 1,500 K"):
            if group in groups:
                rows.append([part, group, *error_cells(groups[group])])
    columns = [
        "part",
        "group",
        "frames",
        "E RMSE (MAE) meV/atom",
        "F RMSE (MAE) eV/Å",
        "F Li",
        "F P",
        "F S",
        "virial RMSE (MAE) meV/atom",
    ]
    text = markdown_table(columns, rows)
    rows = []
    for name, summary in results["held_out"].items():
        if "-" in name:
            parts = results["virial_parts"][name]
            made_of = [f"{parts['constant']:.1f}, {parts['scatter']:.1f}", f"{parts['length']:.2f}"]
            rows.append([name, *error_cells(summary), *made_of])
    columns = ["system", *columns[2:], "constant, scatter", "length (Å)"]
    text += "\nEach system, validation and test together:\n\n" + markdown_table(columns, rows)
    text += (
        "\nThe virial's error is made of a constant, alike in each frame of a system, and a scatter; 'length' is scatter × √atoms over the error of the forces. "
        "Where it is the same for all systems, the virial is as good as the forces, and small cells only show more of it.\n"
    )
    against = results.get("against_deepmd")
    if against:
        largest = against["largest_difference"]
        text += (
            f"\nComputed by the CPU evaluator of openmm-lps in double precision. DeePMD-kit itself (float32, `training/evaluate.py`) "
            f"gives the same root mean square errors in {against['groups']} groups to {largest['energy']:.1e} meV/atom, "
            f"{largest['force']:.1e} eV/Å and {largest['virial']:.1e} meV/atom (virial).\n"
        )
    return text


def error_cells(summary: dict) -> list[str]:
    """Frames and errors of one group as cells of a table."""

    def both(name: str, digits: int) -> str:
        return f"{summary[name]['rmse']:.{digits}f} ({summary[name]['mae']:.{digits}f})"

    species = [
        f"{summary[f'force {kind}']['rmse']:.3f}" if f"force {kind}" in summary else "-" for kind in ("Li", "P", "S")
    ]
    return [f"{summary['frames']:,}", both("energy", 1), both("force", 3), *species, both("virial", 1)]


def crystals_section(results: dict | None) -> str:
    """Cells, densities, moduli, bonds and formation energies."""
    if results is None:
        return f"Crystals: {UNMEASURED}.\n"
    cells, properties = [], []
    for name, found in results["crystals"].items():
        reference, relaxed, npt = found["reference"], found["relaxed"], found.get("npt") or {}
        lengths = " × ".join(f"{value:.2f}" for value in relaxed["lengths_angstrom"])
        experiment = " × ".join(f"{value:.2f}" for value in reference["experiment"]) if reference["experiment"] else "-"
        mark = "" if relaxed["converged"] else " (not converged)"
        room = number(npt.get("density_g_per_cm3"), 3)
        room_cell = (
            " × ".join(f"{value:.2f}" for value in npt["lengths_angstrom"]) if "lengths_angstrom" in npt else UNMEASURED
        )
        if "failed" in npt:
            room = room_cell = "unstable"
        cells.append(
            [
                name,
                lengths + mark,
                room_cell,
                experiment,
                f"{relaxed['density_g_per_cm3']:.3f}",
                room,
                number(reference["pbe_density"], 3) if reference["pbe_density"] else "-",
                number(reference["experiment_density"], 3) if reference["experiment_density"] else "-",
            ]
        )
        elastic = found.get("elastic") or {}
        bonds = relaxed["bonds_angstrom"]
        stable = elastic.get("stable", True)
        properties.append(
            [
                name,
                number(elastic.get("bulk_GPa"), 1) if stable else "unstable",
                number(elastic.get("young_GPa"), 1) if stable else "unstable",
                *(f"{bonds[pair]:.2f}" if pair in bonds else "-" for pair in ("P-S", "P-P", "Li-S")),
                f"{relaxed['moved_angstrom']:.2f}",
                number(found["formation_meV_per_atom"], 0) if found["formation_meV_per_atom"] is not None else "-",
            ]
        )
    text = markdown_table(
        ["crystal", "a × b × c (Å), 0 K", "300 K", "experiment", "density (g/cm³), 0 K", "300 K", "PBE", "experiment"],
        cells,
    )
    text += "\n" + markdown_table(
        ["crystal", "B (GPa)", "E (GPa)", "P-S (Å)", "P-P (Å)", "Li-S (Å)", "atoms moved (Å)", "formation (meV/atom)"],
        properties,
    )
    times = sorted(
        {found["npt"]["time_ps"] for found in results["crystals"].values() if found.get("npt", {}).get("time_ps")}
    )
    atoms = [found["npt"]["atoms"] for found in results["crystals"].values() if found.get("npt", {}).get("atoms")]
    used = (
        f" The runs at 300 K took {' / '.join(f'{time:g}' for time in times)} ps (the full protocol: 100 ps) with {min(atoms)} to {max(atoms)} atoms."
        if times
        else ""
    )
    sources = "; ".join(
        f"{name}: {found['reference']['experiment_source']}"
        for name, found in results["crystals"].items()
        if found["reference"]["experiment_source"]
    )
    return text + (
        "\nMean bond lengths are those of the relaxed cells (Li-S within 3.0 Å); moduli are Hill averages with relaxed ions; formation energies are "
        "against relaxed Li2S and P2S5, without vibrations (Li4P2S6 is not on that line). 'Atoms moved' is the root mean square shift in "
        f"fractional coordinates.{used}\n\nExperimental cells: {sources}.\n"
    )


def pressure_section(results: dict | None) -> str:
    """PBE's pressure against the model's at 300 K, and what that means for the density."""
    if results is None or not results["materials"]:
        return ""

    def both(value: float, error: float | None, digits: int) -> str:
        return f"{value:+.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")

    rows = [
        [
            name,
            f"{found['frames']} of {found['atoms']} atoms" + ("" if found["labelled"] else ", held-out"),
            both(found["difference_GPa"], found["difference_error_GPa"], 2),
            f"{found['bulk_GPa']:.1f}",
            both(found["density_change_percent"], found["density_change_error_percent"], 1),
            "-" if found["dispersion_GPa"] is None else f"{found['dispersion_GPa']:+.2f}",
        ]
        for name, found in results["materials"].items()
    ]
    return (
        "\nPBE itself, by its pressure on frames that no model was trained on (crystals and glasses at 300 K, labelled by CP2K; of other glasses the densest held-out frames):\n\n"
        + markdown_table(
            [
                "material",
                "frames",
                "PBE's pressure − model's (GPa)",
                "B (GPa), 0 K",
                "density of PBE − model's (%)",
                "pressure of DFT-D3 (GPa)",
            ],
            rows,
        )
        + "\nErrors are statistical only. The modulus at 300 K is smaller than that at 0 K, and the change of density larger with it. A glass keeps its history: the last "
        "column compares PBE and the model for the same glass, not for glasses that each of them would have quenched. PBE on held-out frames is their labels without dispersion. "
        "DFT-D3 (zero damping) is in neither PBE nor the model: by its pressure over B, at least, they are less dense than PBE-D3.\n"
    )


def glasses_section(results: dict | None) -> str:
    """Densities, structure, speciation and transport of the glasses."""
    if results is None:
        return f"Glasses: {UNMEASURED}.\n"
    from openmmlps.report.literature import GLASSES as published

    settings = results["settings"]
    rows, kinds, transport = [], [], []
    for name, found in results["glasses"].items():
        percent, model, dft = GLASSES[name], found["model"], found["dft"]
        density = {source: value for value, source in published[percent]["density"]}
        structure = model["structure"] if model else None
        rows.append(
            [
                f"{percent} mol%",
                number(model["density_g_per_cm3"] if model else None, 3),
                f"{density['Zhou']:.2f}",
                f"{density['Zhou, DFT-MD']:.3f}",
                f"{density['Zhou, experiment']:.2f}",
                *(peak_text(structure, dft, pair) for pair in ("P-S", "Li-S", "S-S")),
                coordination_text(structure, dft),
            ]
        )
        kinds.append([f"{percent} mol%", speciation_text(structure), speciation_text(dft)])
        for item in (model or {}).get("transport", []):
            value = f"{item['value']} ({item['detail']})" if item["detail"] else item["value"]
            transport.append([f"{percent} mol%", item["quantity"], value, item["literature"] or "-"])
    text = markdown_table(
        [
            "glass",
            "density (g/cm³), 300 K",
            "published model",
            "DFT-MD",
            "experiment",
            "P-S peak, model / DFT (Å)",
            "Li-S",
            "S-S",
            "S around P, model / DFT",
        ],
        rows,
    )
    text += "\n% of P atoms in each anion:\n\n" + markdown_table(
        ["glass", "model, 300 K", "held-out DFT frames, 400 to 1,600 K"], kinds
    )
    if transport:
        text += "\n" + markdown_table(["glass", "transport", "value", "published"], transport)
        text += diffusion_note(results["glasses"])
    else:
        text += f"\nConductivity: {UNMEASURED} for this model (`glasses.py --source quench`).\n"
    if settings["source"] == "frames":
        text += (
            f"\nThese glasses are the first held-out DFT frame of each composition, {settings['time_ps']:g} ps at 300 K and 1 bar (the full protocol: "
            "quenched glasses). They inherit the speciation of the data; it says that the model keeps it, not that it finds it.\n"
        )
    else:
        changed = sorted(
            {item for found in results["glasses"].values() for item in (found["model"] or {}).get("changed", [])}
        )
        text += (
            f"\nQuenched with the preset `{settings['preset']}`"
            + (f", but {', '.join(changed)}" if changed else "")
            + f"; replicas of each composition: {replica_counts(results['glasses'])}. How much density and speciation depend on the way of cooling "
            "stands in [quench](protocols/quench.md).\n"
        )
    return text


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
        f"\nThe reports of these runs call the displacements not diffusive, too short or still growing slower than time: {'; '.join(found)}. "
        "There D* and σ are rather too high, more so the colder it is, and the activation energies too low, by more than their error bars say.\n"
    )


def replica_counts(glasses: dict) -> str:
    """'1' or '1, 3': how many replicas were quenched."""
    return ", ".join(
        str(number) for number in sorted({found["model"]["replicas"] for found in glasses.values() if found["model"]})
    )


def peak_text(structure: dict | None, dft: dict, pair: str) -> str:
    """'2.04 / 2.05': first peak of the model and of DFT, angstrom."""
    own = f"{structure['peaks'][pair]['angstrom']:.2f}" if structure else UNMEASURED
    return f"{own} / {dft['peaks'][pair]['angstrom']:.2f}"


def coordination_text(structure: dict | None, dft: dict) -> str:
    """Coordination of P by S, model and DFT."""
    return f"{number(structure['sulfur_around_phosphorus'] if structure else None, 2)} / {dft['sulfur_around_phosphorus']:.2f}"


def speciation_text(structure: dict | None, least: float = 3.0) -> str:
    """Anions with more than `least` percent of the P atoms, the most abundant first."""
    if structure is None:
        return UNMEASURED
    shares = sorted(structure["percent_of_phosphorus"].items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value:.0f}" for name, value in shares if value >= least)


def stability_section(results: dict | None) -> str:
    """How long each simulation held, closest approach and drift."""
    if results is None:
        return f"Stability: {UNMEASURED}.\n"
    rows = []
    for name, outcome in results["outcomes"].items():
        cells = [name]
        for kind in ("hot", "room"):
            found = outcome.get(kind)
            if not found:
                cells += [UNMEASURED, "-"]
                continue
            closest = min(found["closest_over_dft"].items(), key=lambda item: item[1])
            state = "stable" if found["stable"] else f"stopped: {found['violation']}"
            cells += [f"{found['time_ps']:.3g} ps, {state}", f"{closest[1]:.2f} ({closest[0]})"]
        nve = outcome.get("nve") or {}
        cells.append(f"{nve['drift_meV_per_atom_per_ps']:.1e}" if "drift_meV_per_atom_per_ps" in nve else UNMEASURED)
        rows.append(cells)
    settings = results["settings"]
    return (
        markdown_table(
            ["structure", "1,500 K, NVT", "closest / DFT", "300 K, 1 bar", "closest / DFT", "NVE drift (meV/atom/ps)"],
            rows,
        )
        + f"\nAbout 256 atoms each; {settings['time_ps']:g} ps (the full protocol: 100 ps), looked at every 0.05 ps; 1 fs at 1,500 K, 2 fs at 300 K. A run is "
        "stopped when two atoms come closer than 0.8 of the shortest distance of the pair in the DFT data, or the potential energy jumps by eight "
        f"standard deviations between two looks. NVE over {settings['drift_ps']:g} ps with 1 fs, single precision, from the end of the run at 300 K; over so short a time "
        "the drift is mostly noise.\n"
    )


def committee_section(results: dict | None) -> str:
    """What the spread of a committee flags."""
    if results is None:
        return f"Committee: {UNMEASURED}; it takes at least two models.\n"
    rows = [
        [
            name,
            str(found["frames"]),
            f"{found['median_largest']:.2f}",
            f"{found['highest_largest']:.2f}",
            f"{100 * found['fraction_flagged']:.0f} %",
        ]
        for name, found in results["groups"].items()
    ]
    return (
        f"{results['models']} models. {results['note']} On held-out glass frames the deviation follows the true error of the first model with a Spearman correlation of "
        f"{results['spearman_frames_rms']:.2f} (root mean squares of frames), {results['spearman_frames_largest']:.2f} (largest of each frame) and "
        f"{results['spearman_atoms']:.2f} (single atoms).\n\n"
        + markdown_table(
            [
                "structures",
                "number",
                "median of the largest deviation (eV/Å)",
                "highest",
                f"above {results['limit']:.2f} eV/Å",
            ],
            rows,
        )
        + "\nThe limit is the 95th percentile of the held-out glass frames.\n"
    )


def write_card(session: Session, output: Path, title: str, status: str) -> list[str]:
    """Write the card and copy its figures; return the names of the parts that were not measured."""
    results = {part: read_json(session.folder / f"{part}.json") for part in PARTS}
    images = output.parent / "images" / "model-card"
    images.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        source = session.folder / name
        if source.is_file():
            if source.stat().st_size > LARGEST_FIGURE:
                raise SystemExit(
                    f"card: '{source}' has {source.stat().st_size} bytes; at most {LARGEST_FIGURE} are committed"
                )
            shutil.copyfile(source, images / name)

    def figure(name: str, caption: str) -> str:
        return f"\n![{caption}](images/model-card/{name})\n" if (session.folder / name).is_file() else ""

    template = (Path(__file__).with_name("card.md")).read_text()
    found = requirements(results)
    fields = {
        "title": title,
        "status": status,
        "weights": session.sha256[:16],
        "requirements": markdown_table(
            ["measure, held-out data", "measured", "must", "aim", ""], requirement_rows(found)
        ),
        "errors": errors_section(results["errors"]),
        "parity": figure(
            "errors-parity.png",
            "Forces and energies of held-out frames, model against DFT; energies of glasses in blue",
        ),
        "trends": figure("errors-trends.png", "Force errors against force magnitude and temperature"),
        "crystals": crystals_section(results["crystals"])
        + pressure_section(results["pressure"])
        + figure("crystals.png", "Densities of the crystals"),
        "glasses": glasses_section(results["glasses"])
        + figure(
            "glasses.png",
            "Radial distribution functions: model at 300 K (lines), DFT frames of 400 to 1,600 K (dotted)",
        ),
        "stability": stability_section(results["stability"])
        + figure("stability.png", "Closest approach of each pair over that of the DFT data; red: stopped"),
        "committee": committee_section(results["committee"])
        + figure("committee.png", "Deviation of the committee: against the true error, and by kind of structure"),
    }
    text = template
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value.rstrip("\n"))
    output.write_text(text)
    return [part for part, value in results.items() if value is None]


def identity(session: Session) -> tuple[str, str]:
    """Name and version, and a sentence on the status, from the model's own metadata; of another model its file name."""
    from openmmlps.importers import import_model

    metadata = import_model(session.model).provenance
    title = f"{metadata.get('name', session.name)} {metadata.get('version', '')}".strip()
    status = metadata.get("status")
    return title, f"Status: {status}." if status else ""


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
