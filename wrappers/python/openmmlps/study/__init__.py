# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Studies: a grid of materials, models, replicas, temperatures and tasks from one file, carried out by Parsl.

    study = read_study("zhou2023", size="toy")
    with StudyFolder.create("zhou", study, expand(study)) as folder:
        execute(folder)

docs/studies.md describes the file.
"""

from .execution import execute
from .grid import Grid, Task, expand
from .progress import StudyProgress, read_progress
from .study_file import Study, read_executor, read_study, shipped_studies
from .study_folder import StudyFolder

__all__ = [
    "Grid",
    "Study",
    "StudyFolder",
    "StudyProgress",
    "Task",
    "execute",
    "expand",
    "read_executor",
    "read_progress",
    "read_study",
    "shipped_studies",
]
