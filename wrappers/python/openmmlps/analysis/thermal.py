# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Thermal conductivity from heat currents, by Green and Kubo: integrals of blocks, and cepstral analysis.

Mobile ions carry heat while they diffuse. What is measured without a current of ions is the conductivity that is left
when what the flux of ions explains is taken out (Onsager): L_qq - L_qi L_ii^-1 L_iq. It does not depend on the zero of the
energies of the elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openmmlps.units import GAS_CONSTANT, WATT_PER_M_K

from .estimates import Estimate

_FEWEST = 200  # samples of a current


@dataclass(frozen=True)
class HeatRecord:
    """Currents of one run at constant volume, evenly spaced."""

    interval_ps: float
    current: np.ndarray  #: [t, 3] kJ/mol nm/ps
    fluxes: dict[str, np.ndarray]  #: element -> [t, 3] nm/ps, sum of velocities


@dataclass(frozen=True)
class ThermalConductivity:
    """A thermal conductivity in two ways, in W/m/K, and the curves behind it."""

    cepstral: Estimate  #: from the logarithm of the spectrum, with the error that theory gives
    green_kubo: Estimate  #: from the integral up to the longest lag, with the jackknife error of blocks
    coefficients: int  #: number of cepstral coefficients, chosen by Akaike's criterion
    lags_ps: np.ndarray  #: [l]
    running: np.ndarray  #: [l] W/m/K, integral up to a lag
    running_error: np.ndarray  #: [l] standard error
    frequencies_THz: np.ndarray  #: [f]
    spectrum: np.ndarray  #: [f] W/m/K, of the raw currents
    smooth: np.ndarray  #: [f] W/m/K, with the coefficients that were kept


def thermal_conductivity(
    records: Sequence[HeatRecord],
    temperature_K: float,
    volume_nm3: float,
    mobile: Sequence[str],
    highest_THz: float = 20.0,
    longest_lag_ps: float = 5.0,
    blocks: int = 5,
) -> ThermalConductivity:
    """Compute the thermal conductivity of an isotropic material.

    Parameters
    ----------
    records : sequence of HeatRecord
        independent runs in cells of the same volume
    temperature_K : float
        mean of the runs
    volume_nm3 : float
        of the cell
    mobile : sequence of str
        elements that diffuse; at most two, and not all elements; empty: no Onsager correction
    highest_THz : float
        frequencies above are left out of the cepstral analysis; above the vibrations
    longest_lag_ps : float
        of the Green-Kubo integral, where its curve should be flat
    blocks : int
        of each run, for the error of the integral

    Returns
    -------
    ThermalConductivity
        both estimates

    Raises
    ------
    ValueError
        for records that are too short or do not fit each other, or elements that are not there
    """
    _check(records, temperature_K, volume_nm3, mobile, longest_lag_ps, blocks)
    # W/m/K for a spectrum in (kJ/mol nm/ps)^2 ps
    factor = WATT_PER_M_K / (2 * volume_nm3 * GAS_CONSTANT * temperature_K**2)
    interval = records[0].interval_ps
    length = min(len(record.current) for record in records)
    currents = [_decorrelated(record, mobile)[:length] for record in records]
    frequencies = np.fft.rfftfreq(length, interval)
    spectrum, freedom = _reduced_spectrum(currents, interval)
    kept = frequencies <= highest_THz
    value, error, coefficients, smooth = _cepstral(factor * spectrum[kept], freedom)
    lags, integrals = _integrals(currents, interval, longest_lag_ps, blocks)
    rows = 2 * factor * integrals
    size = rows.shape[-1]
    estimate = Estimate.of_means(
        rows[:, -1].reshape(len(rows), -1), lambda mean: float(_schur(mean.reshape(size, size)))
    )
    left = _schur((rows.sum(0) - rows) / (len(rows) - 1)) if len(rows) > 1 else np.full((1, len(lags)), np.nan)
    running_error = np.sqrt((len(rows) - 1) * left.var(0))
    return ThermalConductivity(
        Estimate.from_error(value, error),
        estimate,
        coefficients,
        lags,
        _schur(rows.mean(0)),
        running_error,
        frequencies[kept],
        factor * spectrum[kept],
        smooth,
    )


def _check(
    records: Sequence[HeatRecord],
    temperature_K: float,
    volume_nm3: float,
    mobile: Sequence[str],
    longest_lag_ps: float,
    blocks: int,
) -> None:
    where = "thermal_conductivity"
    if not records:
        raise ValueError(f"{where}: there are no records; give at least one")
    if not temperature_K > 0 or not volume_nm3 > 0:
        raise ValueError(f"{where}: temperature {temperature_K} K and volume {volume_nm3} nm^3 must be above 0")
    if len({round(record.interval_ps, 9) for record in records}) > 1:
        raise ValueError(f"{where}: the records have different intervals; give runs of the same protocol")
    elements = set(records[0].fluxes)
    if not set(mobile) < elements or len(mobile) > 2:
        raise ValueError(
            f"{where}: the mobile elements are {', '.join(mobile)} of {', '.join(sorted(elements))}; name at most two, "
            "and not all"
        )
    shortest = min(len(record.current) for record in records)
    needed = max(_FEWEST, int(blocks * 2 * longest_lag_ps / records[0].interval_ps))
    if shortest < needed:
        raise ValueError(
            f"{where}: a record has {shortest} lines, at least {needed} are needed for {blocks} blocks of twice "
            f"{longest_lag_ps:g} ps; run longer, or lower the longest lag"
        )


def _decorrelated(record: HeatRecord, mobile: Sequence[str]) -> np.ndarray:
    """Heat current without what moves with the fluxes at the same time, then the fluxes of mobile elements, [t, 3, q].

    Fluxes of elements that do not diffuse, and those of mobile ones that are taken out by Onsager anyway, add noise to
    the current but nothing to the conductivity.
    """
    fluxes = np.stack(list(record.fluxes.values()), -1).astype(float)
    flat = fluxes.reshape(-1, fluxes.shape[-1])
    weights = np.linalg.lstsq(flat, record.current.ravel(), rcond=1e-8)[0]
    current = record.current - fluxes @ weights
    return np.stack([current, *(record.fluxes[symbol] for symbol in mobile)], -1)


def _schur(matrices: np.ndarray) -> np.ndarray:
    """L_qq - L_qi L_ii^-1 L_iq of symmetric matrices [..., q, q]."""
    first = matrices[..., 0, 0]
    if matrices.shape[-1] == 1:
        return first
    inner, side = matrices[..., 1:, 1:], matrices[..., 1:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = (side.swapaxes(-1, -2).conj() @ np.linalg.pinv(inner) @ side)[..., 0, 0]
    return np.asarray((first - explained).real)


def _reduced_spectrum(currents: Sequence[np.ndarray], interval: float) -> tuple[np.ndarray, int]:
    """Spectrum of the current that the fluxes do not explain, per component, and half its degrees of freedom.

    A sum over l independent pieces (three components of each run) is a complex Wishart matrix; what M fluxes leave of it
    has l - M of the l.
    """
    pieces = np.concatenate([np.fft.rfft(record, axis=0) for record in currents], axis=1)
    matrices = np.einsum("fca,fcb->fab", pieces, pieces.conj()) * (interval / len(currents[0]))
    freedom = pieces.shape[1] - (pieces.shape[2] - 1)
    return _schur(matrices) / freedom, freedom


def _cepstral(spectrum: np.ndarray, freedom: int) -> tuple[float, float, int, np.ndarray]:
    """Zero of a spectrum from the cepstral coefficients of its logarithm (Ercole, Marcolongo, Baroni, Sci. Rep. 2017).

    Returns
    -------
    value, error : float
        half the two-sided spectrum at frequency 0 belongs to the conductivity; the factor is the caller's
    coefficients : int
        kept
    smooth : ndarray
        [f] spectrum with these
    """
    from scipy.special import digamma, polygamma

    logarithm = np.log(np.maximum(spectrum, np.finfo(float).tiny))
    cepstrum = np.fft.irfft(logarithm)
    count = len(cepstrum)
    half = cepstrum[: count // 2 + 1]
    noise = float(polygamma(1, freedom))
    # Akaike: what is left out, in units of its variance, and twice the number that is kept
    rest = np.cumsum((half**2)[::-1])[::-1] * count / noise
    coefficients = 1 + int(np.argmin(rest[1:] + 2 * np.arange(1, len(half))))
    window = np.zeros(count)
    window[:coefficients] = cepstrum[:coefficients]
    window[count - coefficients + 1 :] = cepstrum[count - coefficients + 1 :]
    bias = float(digamma(freedom) - np.log(freedom))
    smooth = np.exp(np.fft.rfft(window).real - bias)
    relative = np.sqrt(noise * (4 * coefficients - 2) / count)
    return float(smooth[0]), float(smooth[0] * relative), coefficients, smooth


def _integrals(
    currents: Sequence[np.ndarray], interval: float, longest_lag_ps: float, blocks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Integrals of the correlations up to each lag, of one component, for each block: lags [l], [b, l, q, q]."""
    steps = int(longest_lag_ps / interval) + 1
    found = []
    for current in currents:
        for block in np.array_split(current, blocks):
            frames = len(block)
            size = 1 << (2 * frames - 1).bit_length()
            spectra = np.fft.rfft(block, size, axis=0)
            products = np.einsum("fca,fcb->fab", spectra, spectra.conj()) / block.shape[1]
            correlation = np.fft.irfft(products, size, axis=0)[:steps] / (frames - np.arange(steps))[:, None, None]
            correlation = 0.5 * (correlation + correlation.swapaxes(1, 2))
            pieces = 0.5 * interval * (correlation[1:] + correlation[:-1])
            found.append(np.concatenate([np.zeros((1, *pieces.shape[1:])), np.cumsum(pieces, axis=0)]))
    return interval * np.arange(steps), np.array(found)
