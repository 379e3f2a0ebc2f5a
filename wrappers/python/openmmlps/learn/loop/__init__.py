# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The closed loop of active learning: `learn` carries out what a LEARN.toml says."""

from .loop import Learned, learn
from .loop_file import Plan, describe_plan, plan_of_structure, read_plan

__all__ = ["Learned", "Plan", "describe_plan", "learn", "plan_of_structure", "read_plan"]
