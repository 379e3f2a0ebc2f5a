# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Numbers with error bars: means of blocks and of replicas, ratios, slopes. The policy: docs/error-bars.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

_MOST_BLOCKS = 50  # more say no more about an error


@dataclass(frozen=True)
class Estimate:
    """Mean of independent samples (blocks of a trajectory, or replicas) and its 95 % confidence interval.

    The interval is value +- t standard_error with Student's t for the number of samples; with one sample the error is nan.
    All are in the unit named by whoever holds the Estimate.
    """

    value: float  #: the mean
    standard_error: float  #: standard deviation of the mean
    low: float  #: lower end of the 95 % interval
    high: float  #: upper end of the 95 % interval
    samples: tuple[float, ...]  #: the samples

    @classmethod
    def from_samples(cls, samples: ArrayLike) -> Estimate:
        """Mean of independent values [n], n >= 1.

        Parameters
        ----------
        samples : array_like, [n]
            any unit; with one the error is nan

        Returns
        -------
        Estimate
            with its 95 % interval
        """
        values = np.asarray(samples, dtype=float)
        error = float(standard_error(values))
        return cls.from_error(float(values.mean()), error, len(values) - 1, values.tolist())

    @classmethod
    def from_blocks(cls, values: ArrayLike, blocks: int | None = None) -> Estimate:
        """Mean of a series [t], the means of consecutive blocks being its samples (:func:`block_mean`).

        Parameters
        ----------
        values : array_like, [t]
            any unit
        blocks : int or None
            number of blocks; None: what :func:`block_count` says

        Returns
        -------
        Estimate
            with its 95 % interval
        """
        series = np.asarray(values, dtype=float)
        blocks = min(blocks or block_count(series), len(series))
        mean, error = block_mean(series, blocks)
        return cls.from_error(float(mean), float(error), blocks - 1)

    @classmethod
    def from_error(
        cls, value: float, standard_error: float, freedom: float = np.inf, samples: Sequence[float] = ()
    ) -> Estimate:
        """A value with a known standard error.

        Parameters
        ----------
        value : float
            the value
        standard_error : float
            in the unit of the value; nan if unknown
        freedom : float
            degrees of freedom of Student's t; infinite: the normal distribution
        samples : sequence of float
            what it was made from; empty: the value itself

        Returns
        -------
        Estimate
            with its 95 % interval
        """
        reach = student_reach(freedom) * standard_error if freedom >= 1 else np.nan
        return cls(value, standard_error, value - reach, value + reach, tuple(samples) or (value,))

    @classmethod
    def of_means(cls, samples: ArrayLike, function: Callable[[np.ndarray], float]) -> Estimate:
        """A function of the means of several quantities, with its jackknife error: less biased than the mean of functions.

        Parameters
        ----------
        samples : array_like, [n, k]
            k quantities of the same n blocks or replicas
        function : callable
            of the k means

        Returns
        -------
        Estimate
            with its 95 % interval
        """
        rows = np.asarray(samples, dtype=float)
        value, count = float(function(rows.mean(0))), len(rows)
        if count < 2:
            return cls.from_error(value, np.nan, 0)
        left = np.array([function(row) for row in (rows.sum(0) - rows) / (count - 1)])
        error = float(np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum()))
        return cls.from_error(value, error, count - 1, [float(function(row)) for row in rows])

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit, or of a proportional quantity (factor > 0).

        Parameters
        ----------
        factor : float
            positive

        Returns
        -------
        Estimate
            everything times the factor
        """
        return Estimate(
            self.value * factor,
            self.standard_error * factor,
            self.low * factor,
            self.high * factor,
            tuple(sample * factor for sample in self.samples),
        )

    def __contains__(self, value: float) -> bool:
        """Whether a value lies within the 95 % interval."""
        return bool(self.low <= value <= self.high)


def student_reach(freedom: float) -> float:
    """Half width of a 95 % interval in standard errors; the normal distribution's for infinite degrees of freedom."""
    from scipy.stats import norm, t

    return float(t.ppf(0.975, freedom) if np.isfinite(freedom) else norm.ppf(0.975))


def standard_error(samples: ArrayLike) -> np.ndarray:
    """Standard error of the mean of independent samples.

    Parameters
    ----------
    samples : array_like, [n, ...]
        any unit

    Returns
    -------
    np.ndarray
        [...] in the same unit; nan for one sample, 0 for samples that differ by rounding only
    """
    values = np.asarray(samples, dtype=float)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    error = np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
    return np.where(error <= 8 * np.finfo(float).eps * np.abs(values).max(axis=0), 0.0, error)


def correlation_time(values: ArrayLike) -> float:
    r"""Integrated correlation time of a series, in frames: the mean has the error of t / (2 tau) independent values.

    .. math:: \tau = \frac{1}{2} + \sum_{k=1}^{W} c(k)

    with the smallest window W of at least 5 tau (Sokal).

    Parameters
    ----------
    values : array_like, [t, ...]
        the component with the longest time counts

    Returns
    -------
    float
        0.5 for independent values
    """
    series = np.asarray(values, dtype=float).reshape(len(np.asarray(values)), -1)
    frames = len(series)
    if frames < 4:
        return 0.5
    centered = series - series.mean(0)
    size = 1 << (2 * frames - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centered, size, axis=0)) ** 2
    correlation = np.fft.irfft(spectrum, size, axis=0)[:frames]
    varies = correlation[0] > frames * (8 * np.finfo(float).eps * np.abs(series).max(0)) ** 2
    if not varies.any():
        return 0.5
    times = np.cumsum(correlation[:, varies] / correlation[0, varies], axis=0) - 0.5
    enough = np.arange(frames)[:, None] >= 5 * times
    window = np.where(enough.any(0), enough.argmax(0), frames // 2)
    return float(max(0.5, times[window, np.arange(times.shape[1])].max()))


def block_count(values: ArrayLike) -> int:
    """Number of blocks of a series that are ten correlation times long each, between 2 and 50.

    Parameters
    ----------
    values : array_like, [t, ...]
        any unit

    Returns
    -------
    int
        1 if there is one value only
    """
    frames = len(np.asarray(values))
    return min(frames, int(np.clip(frames // np.ceil(10 * correlation_time(values)), 2, _MOST_BLOCKS)))


def block_mean(values: ArrayLike, blocks: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a series and its standard error from the means of consecutive blocks.

    Blocks must be longer than the correlation time, so that they are independent samples.

    Parameters
    ----------
    values : array_like, [t, ...]
        any unit
    blocks : int or None
        number of blocks, fewer if there are fewer values; None: what :func:`block_count` says

    Returns
    -------
    mean : np.ndarray
        [...] of all values
    error : np.ndarray
        [...] nan if there is one block only
    """
    series = np.asarray(values, dtype=float)
    pieces = np.array_split(series, min(blocks or block_count(series), len(series)))
    return series.mean(axis=0), standard_error([block.mean(axis=0) for block in pieces])


def linear_fit(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares line, such as the drift of an energy.

    Parameters
    ----------
    x : array_like, [t]
        such as times
    y : array_like, [t, ...]
        such as energies

    Returns
    -------
    slope : np.ndarray
        [...] unit of y over unit of x; 0 for one point
    error : np.ndarray
        [...] standard error of the slope, taking the residuals as independent; nan for fewer than three points
    intercept : np.ndarray
        [...] y at x = 0
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    centered, mean = x - x.mean(), y.mean(axis=0)
    spread = centered @ centered
    slope = centered @ y / spread if spread else np.zeros(y.shape[1:])
    error = np.full(y.shape[1:], np.nan)
    if len(x) > 2 and spread:
        residual = y - mean - np.multiply.outer(centered, slope)
        error = np.sqrt((residual**2).sum(axis=0) / (len(x) - 2) / spread)
    return np.asarray(slope), np.asarray(error), np.asarray(mean - slope * x.mean())
