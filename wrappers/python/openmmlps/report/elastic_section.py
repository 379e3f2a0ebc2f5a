# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Findings of an elastic protocol: C_ij, their averages over orientations, and what to doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openmmlps import analysis
from openmmlps.observables import ELASTIC, Sample, Value
from openmmlps.protocols.elastic import ElasticSettings, read_stresses
from openmmlps.protocols.protocol_folder import ProtocolFolder
from openmmlps.protocols.sequence import stage_result
from openmmlps.protocols.states import read_atoms
from openmmlps.references import References

from . import methods, snapshots
from .content import Findings, Headline, Measured, Section, counted
from .elastic_tables import moduli_table, stress_figure, tensor_table, young_figure
from .samples import Beside, label_of, phase_of

_DRAWS = 200


@dataclass(frozen=True)
class _Sample:
    """One structure."""

    name: str
    stresses: np.ndarray  #: [2, 6, 3, 3] GPa: sign of the strain (+, -), its component
    errors: np.ndarray  #: [2, 6, 3, 3] standard errors, GPa; 0 for relaxed ions
    platform: str | None
    constants: np.ndarray  #: [6, 6] GPa, before any average
    constants_error: np.ndarray  #: [6, 6] standard errors that follow from those of the stresses
    moduli_error: np.ndarray  #: standard errors of B, E, G, nu; nan if unknown


def elastic_findings(folder: ProtocolFolder, name: str, beside: Beside) -> Findings:
    """Findings of an elastic protocol, mean over the structures that have all their strains.

    Parameters
    ----------
    folder : ProtocolFolder
        of the protocol
    name : str
        prefix of file names
    beside : Beside
        what is given beside the folder

    Raises
    ------
    ValueError
        no structure has all its strains
    """
    settings, record = folder.read_settings(ElasticSettings), folder.record
    samples = [item for start in record["starts"] if (item := _sample(folder, start, settings)) is not None]
    if not samples:
        raise ValueError(
            f"report: no structure of '{folder.shown}' has all its strains; continue with: openmm-lps elastic --resume --output {folder.shown}"
        )
    atoms = read_atoms(folder.path / samples[0].name / "reference.extxyz")
    symbols, glass = atoms.get_chemical_symbols(), record["material"]["glass"]
    material, label, phase = (
        beside.material(symbols, settings),
        label_of(record["material"]),
        phase_of(record["material"]),
    )
    references = beside.references(material, phase)
    subtitle = f"{len(symbols)} atoms, {settings.temperature_K:g} K, {counted(len(samples), 'structure')}"
    found = Findings(str(folder.shown), "elastic", f"Elastic constants of {label}", subtitle)
    raw = [sample.constants for sample in samples]
    section = Section("elastic", "Elastic constants", [_what_was_done(settings), _departure(raw, settings.symmetry)])
    constants = np.mean([analysis.symmetrize(item, settings.symmetry) for item in raw], axis=0)
    section.add(
        tensor_table(name, constants), stress_figure(name, samples[0].name, samples[0].stresses, settings.strain)
    )
    found.add(section)
    found.warnings = [*_asymmetry(raw, constants, settings, glass), *_off_target(samples, settings)]
    try:
        moduli = [_averages(item, settings.symmetry) for item in raw]
    except ValueError as error:
        found.warnings.append(str(error))
    else:
        section.add(moduli_table(name, moduli), young_figure(name, raw, settings.symmetry))
        found.values = list(_moduli_values(moduli, samples, settings.temperature_K))
        found.results = [_moduli_headline(value, references) for value in found.values]
    found.warnings += _more_warnings(folder, record, settings, samples, len(symbols))
    reference = "relaxed" if settings.relax_cell else "as given"
    if settings.temperature_K > 0:
        reference = f"mean of NPT, {settings.cell_time_ps:g} ps"
    found.methods = [
        *methods.common_methods(record["model"], samples[0].platform),
        ("strain", f"±{settings.strain:g}, {settings.symmetry}"),
        ("temperature", f"{settings.temperature_K:g} K"),
        ("reference cell", reference),
    ]
    cell = np.array(atoms.cell)
    composition = record["material"]["name"]
    found.samples = [Sample(name, ELASTIC, label, material, (), glass, phase, composition, references)]
    found.snapshots = [snapshots.fold(symbols, atoms.get_positions(), cell, f"{label}, reference cell", material)]
    return found


def _sample(folder: ProtocolFolder, start: str, settings: ElasticSettings) -> _Sample | None:
    """One structure with the noise of its stresses carried into its results; None if a stress is missing."""
    read = read_stresses(folder.path / start)
    if read is None:
        return None
    stresses, errors, platform = read
    constants = analysis.elastic_constants(stresses[0], stresses[1], settings.strain)
    unknown = np.full(4, np.nan)
    if not errors.any() or not np.isfinite(errors).all():
        return _Sample(start, stresses, errors, platform, constants, np.zeros((6, 6)), unknown)
    random = np.random.default_rng(0)
    tensors, moduli = [], []
    for _ in range(_DRAWS):
        varied = stresses + errors * random.normal(size=errors.shape)
        tensors.append(analysis.elastic_constants(varied[0], varied[1], settings.strain))
        try:
            moduli.append(_values(_averages(tensors[-1], settings.symmetry)))
        except ValueError:  # unstable within its errors: the moduli have no error bar then
            moduli.append(tuple(unknown))
    return _Sample(start, stresses, errors, platform, constants, np.std(tensors, axis=0), np.std(moduli, axis=0))


def _averages(raw: np.ndarray, symmetry: str) -> analysis.Moduli:
    """Voigt-Reuss-Hill averages. A glass is averaged as it was found: made isotropic first, all of them would be Voigt's."""
    return analysis.voigt_reuss_hill(analysis.symmetrize(raw, "triclinic" if symmetry == "isotropic" else symmetry))


def _values(found: analysis.Moduli) -> tuple[float, ...]:
    """B, E, G, nu."""
    return found.bulk_GPa, found.young_GPa, found.shear_GPa, found.poisson_ratio


def _what_was_done(settings: ElasticSettings) -> str:
    ions = "with relaxed ions"
    if settings.temperature_K > 0:
        ions = f"averaged over {settings.stress_time_ps:g} ps at {settings.temperature_K:g} K"
    return (
        f"Stresses of cells strained by ±{100 * settings.strain:g} % in each of six components, from the analytic virial, {ions}. "
        f"Central differences; averaged over the {settings.symmetry} class. Voigt order xx, yy, zz, yz, xz, xy, in the frame of "
        "the simulation cell (a along x, b in the xy plane)."
    )


def _departure(raw: Sequence[np.ndarray], symmetry: str) -> str:
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


def _asymmetry(
    raw: Sequence[np.ndarray], constants: np.ndarray, settings: ElasticSettings, glass: bool
) -> Iterator[str]:
    asymmetry = float(max(np.abs(item - item.T).max() for item in raw))
    if asymmetry <= 0.1 * float(np.abs(constants).max()):
        return
    cure = "average the stress longer" if settings.temperature_K > 0 else "tighten the force tolerance"
    if glass and settings.temperature_K == 0:
        cure += "; a glass also rearranges for good when strained: use more replicas"
    yield f"C_ij and C_ji differ by up to {asymmetry:.1f} GPa; {cure}"


def _off_target(samples: Sequence[_Sample], settings: ElasticSettings) -> Iterator[str]:
    """Reference cells that are not at the pressure they should have: strained both ways, stresses average to theirs."""
    if settings.temperature_K == 0 and not settings.relax_cell:
        return
    for sample in samples:
        reference = sample.stresses.mean((0, 1)) + settings.pressure_GPa * np.eye(3)
        error = np.sqrt(np.square(sample.errors).sum((0, 1))) / 12
        i, j = np.unravel_index(np.argmax(np.abs(reference)), (3, 3))
        if abs(reference[i, j]) > 0.1 + 3 * error[i, j]:
            cure = "tighten the force tolerance" if settings.temperature_K == 0 else "give cell_time_ps more time"
            yield (
                f"{sample.name}: the reference cell is {reference[i, j]:+.2f} GPa away from the pressure that it should have; {cure}"
            )


def _more_warnings(
    folder: ProtocolFolder, record: Mapping[str, Any], settings: ElasticSettings, samples: Sequence[_Sample], atoms: int
) -> Iterator[str]:
    if settings.temperature_K > 0:
        error = max(Measured.of_blocks(0.0, float(sample.constants_error.max())).reach for sample in samples)
        yield f"95 % interval of single C_ij: up to ±{error:.1f} GPa (stress blocks)"
    if record["material"]["glass"] and len(samples) < 3:
        yield f"{len(samples)} glass: one cell of {atoms} atoms is not isotropic; use at least three replicas"
    for start in record["starts"]:
        stages = sorted(path.parent for path in (folder.path / start).glob("*/result.json"))
        loose = [path.name for path in stages if (stage_result(path) or {}).get("converged") is False]
        if loose:
            yield f"{start}: {', '.join(loose)} not relaxed to the tolerance; allow more steps"


_MODULI = (
    ("bulk_modulus", "bulk modulus B (GPa)"),
    ("youngs_modulus", "Young's modulus E (GPa)"),
    ("shear_modulus", "shear modulus G (GPa)"),
    ("poisson_ratio", "Poisson's ratio"),
)


def _moduli_values(
    moduli: Sequence[analysis.Moduli], samples: Sequence[_Sample], temperature_K: float
) -> Iterator[Value]:
    """Means over structures; errors from their scatter, or of a single one from its stresses."""
    for index, ((quantity, _), values) in enumerate(zip(_MODULI, zip(*map(_values, moduli), strict=True), strict=True)):
        found = Measured.of_samples(values)
        if len(values) == 1:
            found = Measured.of_blocks(values[0], float(samples[0].moduli_error[index]))
        yield Value(quantity, found, "", temperature_K)


def _moduli_headline(value: Value, references: References) -> Headline:
    found = value.measured
    text = str(found) if found.reach > 0 else f"{found.value:.2f}"
    return Headline(dict(_MODULI)[value.quantity], text, references.quote(value.quantity))
