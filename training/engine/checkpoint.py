# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Write, find and read checkpoints: `model.ckpt-<step>.pt` in the run folder."""

import os
import re
from pathlib import Path

import torch


def find(run: Path) -> list[tuple[int, Path]]:
    """Return step and path of all checkpoints of a run folder, oldest first."""
    matches = ((re.fullmatch(r"model\.ckpt-(\d+)\.pt", path.name), path) for path in run.glob("model.ckpt-*.pt"))
    return sorted((int(match.group(1)), path) for match, path in matches if match)


def write(run: Path, step: int, content: dict, keep: int) -> None:
    """Write a checkpoint, complete or not at all, and remove all but the newest `keep`."""
    temporary = run / "model.ckpt.part"
    torch.save(content | {"step": step}, temporary)
    os.replace(temporary, run / f"model.ckpt-{step}.pt")
    for _, path in find(run)[:-keep]:
        path.unlink()


def read(path: Path) -> dict:
    """Return the content of a checkpoint; tensors are on the processor. No code is executed."""
    return torch.load(path, map_location="cpu", weights_only=True)
