# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of relaxations and of elastic constants."""

from dataclasses import dataclass

import numpy as np

from openmmlps import analysis
from openmmlps.protocols.elastic import COMPONENTS, ElasticSettings, strain_name
from openmmlps.protocols.relax import RelaxSettings
from openmmlps.protocols.sequence import stage_result

from . import literature, methods, structure_section
from .content import Figure, Findings, Result, Section, Table, rounded
from .style import SERIES, picture

_AMU_PER_A3 = 1.66053906660  # g/cm3


def relax_findings(folder, name):
    """Findings of a relaxation.

    :param folder: :class:`~openmmlps.protocols.protocol_folder.ProtocolFolder`
    :param name: prefix of file names
    :raises ValueError: not finished
    """
    import ase.io

    settings, record = folder.read_settings(RelaxSettings), folder.record
    outcomes = {start: stage_result(folder.path / start) for start in record["starts"]}
    outcomes = {start: outcome for start, outcome in outcomes.items() if outcome}
    if not outcomes:
        raise ValueError(
            f"report: '{folder.path}' is not finished; continue with: openmm-lps relax --resume --output {folder.path}"
        )
    first = next(iter(outcomes))
    atoms = ase.io.read(folder.path / first / "final.extxyz")
    symbols = atoms.get_chemical_symbols()
    glass, crystal = record["material"]["glass"], record["material"]["name"]
    published = literature.published(symbols, crystal, glass)
    label = literature.label(symbols, record["material"])
    found = Findings(
        str(folder.path), "relax", f"Relaxed {label}", f"{len(symbols)} atoms, 0 K, {settings.pressure_GPa:g} GPa"
    )
    section = Section("relax", "Relaxation of cell and atoms" if settings.cell else "Relaxation of the atoms")
    section.add(_relax_figure(name, outcomes[first], len(symbols), settings), _cell_table(name, outcomes[first]))
    section.add(_outcome_table(name, outcomes, len(symbols)))
    found.sections.append(section)
    frame = structure_section.one_frame(symbols, atoms.get_positions(), np.array(atoms.cell), "relaxed structure")
    anions, _ = structure_section.speciation_section(name, frame, "Anions", {}, over_time=False)
    if anions is not None:
        found.sections.append(anions)
    for start, outcome in outcomes.items():
        if not outcome["converged"]:
            found.warnings.append(
                f"{start}: not converged after {settings.most_steps} steps (largest force {outcome['largest_force_eV_per_angstrom']:.3g} "
                "eV/Å); allow more steps"
            )
    density = float(atoms.get_masses().sum() / atoms.get_volume() * _AMU_PER_A3)
    found.results = [
        Result("density at 0 K (g/cm³)", rounded(density), literature.quote(published.get("density"))),
        Result("energy (eV/atom)", f"{outcomes[first]['energy_eV'] / len(symbols):.5f}"),
        Result("largest force (eV/Å)", rounded(outcomes[first]["largest_force_eV_per_angstrom"])),
    ]
    if settings.cell:
        lengths = np.linalg.norm(np.array(outcomes[first]["cell_after_angstrom"]), axis=1)
        repeats = np.array(settings.supercell)
        text = " × ".join(f"{value:.3f}" for value in lengths / repeats)
        found.results.insert(0, Result("a × b × c (Å)", text, literature.quote(published.get("cell"))))
    found.methods = [
        *methods.common_methods(record["model"], {"platform": outcomes[first]["platform"]}),
        ("minimiser", f"L-BFGS over {'cell and atoms' if settings.cell else 'atoms'} (ASE)"),
        ("tolerances", f"{settings.force_tolerance_eV_per_angstrom:g} eV/Å, {settings.stress_tolerance_GPa:g} GPa"),
        ("target pressure", f"{settings.pressure_GPa:g} GPa"),
    ]
    found.snapshots = [
        structure_section.fold(symbols, atoms.get_positions(), np.array(atoms.cell), f"{label}, relaxed")
    ]
    return found


def _relax_figure(name, outcome, atoms, settings):
    history = np.array(outcome["history"])
    energy = (history[:, 1] - history[-1, 1]) * 1000 / atoms

    def draw(axes):
        axes[0].plot(history[:-1, 0], np.maximum(energy[:-1], 1e-5), color=SERIES[0])
        axes[0].set(yscale="log", ylabel="energy − last\n(meV/atom)")
        axes[1].plot(history[:, 0], history[:, 2], color=SERIES[1])
        axes[1].axhline(settings.force_tolerance_eV_per_angstrom, color="#5f6c78", linewidth=0.9, linestyle=(0, (4, 3)))
        axes[1].set(yscale="log", ylabel="largest force\n(eV/Å)")
        axes[2].plot(history[:, 0], history[:, 3], color=SERIES[2])
        axes[2].set(ylabel="pressure\n(GPa)", xlabel="step")
        axes[0].figure.align_ylabels()

    columns = ("step", "energy_eV", "largest_force_eV_per_angstrom", "pressure_GPa", "volume_angstrom3")
    rows = tuple(tuple(float(v) for v in row) for row in history)
    caption = "Energy, largest force (dashed: tolerance) and pressure during the relaxation."
    return Figure(f"{name}-history", caption, picture(draw, height=4.6, rows=3, sharex=True), columns, rows)


def _cell_table(name, outcome):
    from ase.geometry import cell_to_cellpar

    before, after = (cell_to_cellpar(np.array(outcome[key])) for key in ("cell_before_angstrom", "cell_after_angstrom"))
    rows = []
    for label, unit, old, new in zip("abcαβγ", "ÅÅÅ°°°", before, after, strict=True):
        change = f"{100 * (new / old - 1):+.2f} %" if unit == "Å" else f"{new - old:+.2f}°"
        rows.append((f"{label} ({unit})", f"{old:.4f}", f"{new:.4f}", change))
    volumes = [
        float(abs(np.linalg.det(np.array(outcome[key])))) for key in ("cell_before_angstrom", "cell_after_angstrom")
    ]
    rows.append(
        ("volume (Å³)", f"{volumes[0]:.2f}", f"{volumes[1]:.2f}", f"{100 * (volumes[1] / volumes[0] - 1):+.2f} %")
    )
    return Table(
        f"{name}-cell",
        "The cell before and after (of the supercell, in reduced form).",
        ("", "before", "after", "change"),
        tuple(rows),
    )


def _outcome_table(name, outcomes, atoms):
    rows = []
    for start, outcome in outcomes.items():
        stress = np.array(outcome["stress_GPa"])
        rows.append(
            (
                start,
                "yes" if outcome["converged"] else "no",
                f"{outcome['energy_eV'] / atoms:.6f}",
                outcome["largest_force_eV_per_angstrom"],
                float(-np.trace(stress) / 3),
                float(np.abs(stress - np.trace(stress) / 3 * np.eye(3)).max()),
            )
        )
    columns = (
        "structure",
        "converged",
        "energy (eV/atom)",
        "largest force (eV/Å)",
        "pressure (GPa)",
        "largest deviatoric stress (GPa)",
    )
    return Table(f"{name}-outcome", "How the relaxation ended.", columns, tuple(rows))


def elastic_findings(folder, name):
    """Findings of an elastic protocol: C_ij and averages, mean over replicas."""
    import ase.io

    settings, record = folder.read_settings(ElasticSettings), folder.record
    tensors, raw, noise, platforms, stresses_of = [], [], [], [], {}
    for start in record["starts"]:
        stresses = _stresses(folder.path / start)
        if stresses is None:
            continue
        constants = analysis.elastic_constants(*stresses.values, settings.strain)
        raw.append(constants)
        tensors.append(analysis.symmetrize(constants, settings.symmetry))
        noise.append(_noise(stresses, settings))
        platforms.append(stresses.platform)
        stresses_of[start] = stresses
    if not tensors:
        raise ValueError(
            f"report: no structure of '{folder.path}' has all its strains; continue with: openmm-lps elastic --resume --output {folder.path}"
        )
    atoms = ase.io.read(folder.path / record["starts"][0] / "reference.extxyz")
    symbols = atoms.get_chemical_symbols()
    glass, crystal = record["material"]["glass"], record["material"]["name"]
    published = literature.published(symbols, crystal, glass)
    label = literature.label(symbols, record["material"])
    count = f"{len(tensors)} structure{'s' if len(tensors) > 1 else ''}"
    found = Findings(
        str(folder.path),
        "elastic",
        f"Elastic constants of {label}",
        f"{len(symbols)} atoms, {settings.temperature_K:g} K, {count}",
    )
    constants = np.mean(tensors, axis=0)
    section = Section("elastic", "Elastic constants")
    section.paragraphs.append(
        f"Stresses of cells strained by ±{100 * settings.strain:g} % in each of six components, from the analytic virial, "
        + (
            "with relaxed ions."
            if settings.temperature_K == 0
            else f"averaged over {settings.stress_time_ps:g} ps at {settings.temperature_K:g} K."
        )
        + f" Central differences; averaged over the {settings.symmetry} class. Voigt order xx, yy, zz, yz, xz, xy, in the frame of "
        "the simulation cell (a along x, b in the xy plane)."
    )
    section.paragraphs.append(_departure(raw, settings.symmetry))
    section.add(_tensor_table(name, constants), _stress_figure(name, folder, record["starts"][0], settings))
    found.sections.append(section)
    asymmetry = float(max(np.abs(item - item.T).max() for item in raw))
    if asymmetry > 0.1 * float(np.abs(constants).max()):
        found.warnings.append(
            f"C_ij and C_ji differ by up to {asymmetry:.1f} GPa; "
            + (
                "average the stress longer"
                if settings.temperature_K > 0
                else "tighten the force tolerance; a glass also rearranges for good when strained: use more replicas"
                if glass
                else "tighten the force tolerance"
            )
        )
    found.warnings += _off_target(stresses_of, settings)
    try:
        moduli = [_averages(tensor, settings.symmetry) for tensor in raw]
    except ValueError as error:
        found.warnings.append(str(error))
    else:
        section.add(_moduli_table(name, moduli), _young_figure(name, raw, settings.symmetry))
        found.results = _moduli_results(moduli, noise, published)
    if settings.temperature_K > 0:
        found.warnings.append(
            f"statistical error of single C_ij: up to {max(float(item.constants_GPa.max()) for item in noise):.1f} GPa (stress blocks)"
        )
    if glass and len(tensors) < 3:
        found.warnings.append(
            f"{len(tensors)} glass: one cell of {len(symbols)} atoms is not isotropic; use at least three replicas"
        )
    for start in record["starts"]:
        loose = [
            path.parent.name
            for path in sorted((folder.path / start).glob("*/result.json"))
            if stage_result(path.parent).get("converged") is False
        ]
        if loose:
            found.warnings.append(f"{start}: {', '.join(loose)} not relaxed to the tolerance; allow more steps")
    reference = "relaxed" if settings.temperature_K == 0 and settings.relax_cell else "as given"
    found.methods = [
        *methods.common_methods(record["model"], {"platform": platforms[0]}),
        ("strain", f"±{settings.strain:g}, {settings.symmetry}"),
        ("temperature", f"{settings.temperature_K:g} K"),
        ("reference cell", reference if settings.temperature_K == 0 else f"mean of NPT, {settings.cell_time_ps:g} ps"),
    ]
    found.snapshots = [
        structure_section.fold(symbols, atoms.get_positions(), np.array(atoms.cell), f"{label}, reference cell")
    ]
    return found


@dataclass(frozen=True)
class _Stresses:
    """Of the strained cells of one structure."""

    values: np.ndarray  #: [2, 6, 3, 3] GPa: sign of the strain (+, -), its component
    errors: np.ndarray  #: [2, 6, 3, 3] standard errors, GPa; 0 for relaxed ions
    platform: str | None


@dataclass(frozen=True)
class _Noise:
    """What the errors of the stresses do to the results."""

    constants_GPa: np.ndarray  #: [6, 6] standard errors
    moduli: np.ndarray  #: standard errors of B, E, G, nu; nan if unknown


def _stresses(path):
    """:class:`_Stresses`, or None if one is missing."""
    outcomes = [[stage_result(path / strain_name(component, sign)) for component in range(6)] for sign in (1, -1)]
    if any(outcome is None for row in outcomes for outcome in row):
        return None
    values = np.array([[outcome["stress_GPa"] for outcome in row] for row in outcomes])
    errors = np.array(
        [[outcome.get("standard_error_GPa", np.zeros((3, 3))) for outcome in row] for row in outcomes], dtype=float
    )
    return _Stresses(values, errors, outcomes[0][0].get("platform"))


def _noise(stresses, settings, draws=200):
    """:class:`_Noise` from tensors whose stresses vary within their errors."""
    if not stresses.errors.any() or not np.isfinite(stresses.errors).all():
        return _Noise(np.zeros((6, 6)), np.full(4, np.nan))
    random = np.random.default_rng(0)
    tensors, moduli = [], []
    for _ in range(draws):
        varied = stresses.values + stresses.errors * random.normal(size=stresses.errors.shape)
        raw = analysis.elastic_constants(*varied, settings.strain)
        tensors.append(raw)
        try:
            moduli.append(_moduli(_averages(raw, settings.symmetry)))
        except ValueError:  # unstable within its errors: the moduli have no error bar then
            return _Noise(np.std(tensors, axis=0), np.full(4, np.nan))
    return _Noise(np.std(tensors, axis=0), np.std(moduli, axis=0))


def _off_target(stresses_of, settings):
    """Warnings about reference cells that are not at the pressure they should have: strained both ways, stresses average to theirs."""
    for start, stresses in stresses_of.items():
        if settings.temperature_K == 0 and not settings.relax_cell:
            return
        reference = stresses.values.mean((0, 1)) + settings.pressure_GPa * np.eye(3)
        error = np.sqrt(np.square(stresses.errors).sum((0, 1))) / 12
        largest = np.unravel_index(np.argmax(np.abs(reference)), (3, 3))
        if abs(reference[largest]) > 0.1 + 3 * error[largest]:
            cure = "tighten the force tolerance" if settings.temperature_K == 0 else "give cell_time_ps more time"
            yield (
                f"{start}: the reference cell is {reference[largest]:+.2f} GPa away from the pressure that it should have; {cure}"
            )


def _averages(raw, symmetry):
    """Voigt-Reuss-Hill averages. A glass is averaged as it was found: made isotropic first, all of them would be Voigt's.

    :raises ValueError: not stable
    """
    return analysis.voigt_reuss_hill(analysis.symmetrize(raw, "triclinic" if symmetry == "isotropic" else symmetry))


def _moduli(found):
    """B, E, G, nu"""
    return found.bulk_GPa, found.young_GPa, found.shear_GPa, found.poisson_ratio


def _departure(raw, symmetry):
    """How far the tensors, before they were averaged over a class, are from it: in words."""
    away = [np.abs(item - analysis.symmetrize(item, symmetry)) for item in raw]
    scale = np.mean([np.abs(item).max() for item in raw])
    text = (
        f"Before the average over the {symmetry} class single C_ij differed from it by {np.sqrt(np.mean(np.square(away))):.2f} GPa "
        f"(root mean square) and at most {np.max(away):.2f} GPa, {100 * np.max(away) / scale:.0f} % of the largest C_ij"
    )
    if len(raw) > 1:
        mean = np.mean(raw, axis=0)
        text += f"; the mean of {len(raw)} structures by at most {np.abs(mean - analysis.symmetrize(mean, symmetry)).max():.2f} GPa"
    return text + "."


def _tensor_table(name, constants):
    rows = tuple((COMPONENTS[i], *(round(float(value), 2) for value in constants[i])) for i in range(6))
    return Table(f"{name}-tensor", "Elastic tensor C_ij (GPa).", ("", *COMPONENTS), rows)


def _moduli_table(name, moduli):
    rows = []
    for label, pick in (
        ("bulk modulus B (GPa)", lambda m: (m.bulk_voigt_GPa, m.bulk_reuss_GPa, m.bulk_GPa)),
        ("shear modulus G (GPa)", lambda m: (m.shear_voigt_GPa, m.shear_reuss_GPa, m.shear_GPa)),
        ("Young's modulus E (GPa)", lambda m: (None, None, m.young_GPa)),
        ("Poisson's ratio ν", lambda m: (None, None, m.poisson_ratio)),
        ("universal anisotropy", lambda m: (None, None, m.anisotropy)),
    ):
        values = list(zip(*(pick(m) for m in moduli), strict=True))
        rows.append((label, *("–" if column[0] is None else f"{np.mean(column):.2f}" for column in values)))
    return Table(
        f"{name}-moduli",
        "Averages over all orientations, mean over structures.",
        ("", "Voigt", "Reuss", "Hill"),
        tuple(rows),
    )


def _moduli_results(moduli, noise, published):
    """Means over structures; errors from their scatter, or of a single one from its stresses."""
    known = published.get("moduli", [])
    values = np.array([_moduli(item) for item in moduli])
    errors = values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else noise[0].moduli
    labels = ("bulk modulus B (GPa)", "Young's modulus E (GPa)", "shear modulus G (GPa)", "Poisson's ratio")
    results = []
    for index, (label, value, error) in enumerate(zip(labels, values.mean(0), errors, strict=True)):
        text = rounded(float(value), float(error)) if error > 0 else f"{value:.2f}"
        results.append(Result(label, text, literature.quote([(entry[index], source) for entry, source in known])))
    return results


def _young_figure(name, raw, symmetry):
    """Young's modulus by direction, in three planes: of every structure, and of the average over the class."""
    angles = np.radians(np.arange(0, 361, 3))
    planes = {"xy": (0, 1), "yz": (1, 2), "xz": (0, 2)}
    mean = analysis.symmetrize(np.mean(raw, axis=0), symmetry)
    stable = [item for item in raw if np.linalg.eigvalsh((item + item.T) / 2).min() > 0]  # noise can make others
    tensors = [*stable, mean]
    curves = {}
    for plane, (i, j) in planes.items():
        directions = np.zeros((len(angles), 3))
        directions[:, i], directions[:, j] = np.cos(angles), np.sin(angles)
        curves[plane] = [analysis.young_in_direction(tensor, directions) for tensor in tensors]

    limit = 1.1 * max(float(np.max(values)) for values in curves.values())

    def draw(axes):
        for plane_axes, (plane, values) in zip(axes, curves.items(), strict=True):
            for radius in values[:-1]:
                plane_axes.plot(radius * np.cos(angles), radius * np.sin(angles), color=SERIES[0], linewidth=1.0)
            radius = values[-1]
            plane_axes.plot(radius * np.cos(angles), radius * np.sin(angles), color=SERIES[1])
            plane_axes.set_box_aspect(1)
            plane_axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
            plane_axes.set(xlabel=f"along {plane[0]} (GPa)", ylabel=f"along {plane[1]} (GPa)")

    rows = tuple(
        (plane, float(np.degrees(angle)), *(float(values[k][index]) for k in range(len(tensors))))
        for plane, values in curves.items()
        for index, angle in enumerate(angles)
    )
    columns = ("plane", "angle_degrees", *(f"structure_{k + 1}_GPa" for k in range(len(stable))), "class_average_GPa")
    caption = (
        "Young's modulus by direction of pull, in three planes of the cell (distance from the centre). Thin: as found, for each "
        f"structure; bold: averaged over the {symmetry} class."
    )
    return Figure(f"{name}-young", caption, picture(draw, height=1.8, columns=3), columns, rows)


def _stress_figure(name, folder, start, settings):
    """Diagonal response: stress of each component against its own strain."""
    strains = np.array([-settings.strain, settings.strain])
    rows, lines = [], []
    for component, (label, (i, j)) in enumerate(
        zip(COMPONENTS, ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)), strict=True)
    ):
        values = [
            stage_result(folder.path / start / strain_name(component, sign))["stress_GPa"][i][j] for sign in (-1, 1)
        ]
        lines.append((label, values))
        rows += [(label, float(strain), float(value)) for strain, value in zip(strains, values, strict=True)]

    def draw(axes):
        for index, (label, values) in enumerate(lines):
            axes.plot(100 * strains, values, color=SERIES[index], marker="o", markersize=4, label=label)
        axes.set(xlabel="strain (%)", ylabel="stress of the same component (GPa)")
        axes.legend(ncols=2)

    caption = f"Stress against strain, same component ({start})."
    return Figure(f"{name}-stress", caption, picture(draw), ("component", "strain", "stress_GPa"), tuple(rows))
