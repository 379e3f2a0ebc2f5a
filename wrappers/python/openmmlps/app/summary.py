# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What a finished run tells in a few lines."""

import numpy as np

from openmmlps.units import KJ_PER_MOL_PER_EV

from .thermo_file import read_thermo


def summarize(thermo, ensemble, atoms):
    """Averages over the second half of a run, with the standard deviation of the fluctuations.

    :param thermo: path of a thermo.csv
    :param ensemble: 'nve' adds the drift of the total energy, fitted over the whole run, with its standard error
    :return: list of (quantity, text); empty if there are fewer than two lines
    """
    data = read_thermo(thermo)
    if len(data["step"]) < 2:
        return []
    half = {name: values[len(values) // 2 :] for name, values in data.items()}
    rows = [("temperature", _mean(half["temperature_K"], "K", 1))]
    if np.isfinite(half["pressure_bar_positive_under_compression"]).all():
        rows.append(
            (
                "pressure",
                _mean(half["pressure_bar_positive_under_compression"] / 1e4, "GPa (positive under compression)", 3),
            )
        )
    if np.isfinite(half["density_g_per_cm3"]).all():
        rows.append(("density", _mean(half["density_g_per_cm3"], "g/cm³", 4)))
    if ensemble == "nve" and len(data["step"]) > 3:
        rows.append(("energy drift", _drift(data, atoms)))
    return rows


def _mean(values, unit, digits):
    spread = f" ± {values.std():.{digits}f}" if np.ptp(values) > 0 else ""
    return f"{values.mean():.{digits}f}{spread} {unit}"


def _drift(data, atoms):
    """Slope of the total energy and its standard error, taking the residuals of the fit as independent."""
    time = data["time_ps"] - data["time_ps"].mean()
    energy = data["total_kJ_per_mol"] * 1000 / KJ_PER_MOL_PER_EV / atoms
    slope = (time @ energy) / (time @ time)
    residual = energy - energy.mean() - slope * time
    error = np.sqrt(residual @ residual / (len(time) - 2) / (time @ time))
    return f"{slope:.2g} ± {error:.1g} meV/atom/ps (fluctuation {residual.std():.2g} meV/atom)"
