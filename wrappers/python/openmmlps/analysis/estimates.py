# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A number with its error bar."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """Mean of independent samples (blocks of a trajectory, or replicas) and its 95 % confidence interval.

    The interval is value +- t standard_error with Student's t for the number of samples; with one sample the error is nan.
    All four are in the unit named by whoever holds the Estimate.
    """

    value: float  #: the mean
    standard_error: float  #: standard deviation of the mean
    low: float  #: lower end of the 95 % interval
    high: float  #: upper end of the 95 % interval
    samples: tuple  #: the samples

    @classmethod
    def from_samples(cls, samples):
        """:param samples: [n] independent values, n >= 1"""
        samples = np.asarray(samples, dtype=float)
        value = float(samples.mean())
        if len(samples) < 2:
            return cls(value, np.nan, np.nan, np.nan, tuple(samples.tolist()))
        from scipy.stats import t

        error = float(samples.std(ddof=1) / np.sqrt(len(samples)))
        reach = float(t.ppf(0.975, len(samples) - 1)) * error
        return cls(value, error, value - reach, value + reach, tuple(samples.tolist()))

    def scaled(self, factor):
        """The same estimate in another unit, or of a proportional quantity (factor > 0)."""
        return Estimate(
            self.value * factor,
            self.standard_error * factor,
            self.low * factor,
            self.high * factor,
            tuple(sample * factor for sample in self.samples),
        )

    def __contains__(self, value):
        """Whether a value lies within the 95 % interval."""
        return bool(self.low <= value <= self.high)
