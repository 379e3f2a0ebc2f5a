# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a loop: names of its files, and frames that are written as a whole.

There is no other memory. A stage is done when its file is there, and every file is replaced as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openmmlps.app.replace import replace_file
from openmmlps.learn._folder import read_record
from openmmlps.learn.labels import identity_of


class RoundFolder:
    """Files of one round.

    Parameters
    ----------
    path : Path
        of its folder
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chosen, self.result = path / "chosen.extxyz", path / "result.json"
        self.training, self.held_out = path / "training.extxyz", path / "held-out.extxyz"

    def walk(self, number: int) -> Path:
        """File of a walk."""
        return self.path / "walks" / f"{number:04d}.npz"

    def model(self, member: int) -> Path:
        """Folder of the training of a member, from 1."""
        return self.path / f"model-{member}"

    def done(self) -> dict[str, Any] | None:
        """The result, if the round is complete."""
        return read_record(self.result)


class LoopFolder:
    """Files of a loop.

    Parameters
    ----------
    path : Path
        of its folder
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan, self.page, self.labels = path / "LEARN.toml", path / "learn.html", path / "labels"
        self.result, self.record = path / "result", path / "learn.json"

    def round(self, number: int) -> RoundFolder:
        """Files of a round, from 0."""
        return RoundFolder(self.path / "rounds" / f"{number:02d}")

    def correction(self, last: int) -> RoundFolder:
        """Files of the second teacher after the last round."""
        return RoundFolder(self.path / f"correction-{last:02d}")


def write_frames(path: Path, frames: Sequence[Any]) -> None:
    """Replace a file of extended XYZ as a whole."""
    import ase.io

    memory = io.StringIO()
    if frames:
        ase.io.write(memory, list(frames), format="extxyz")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, memory.getvalue().encode())


def read_frames(path: Path) -> list[Any]:
    """Frames of a file of extended XYZ, which may be empty."""
    import ase.io

    if not path.is_file() or not path.stat().st_size:
        return []
    return list(ase.io.iread(path, ":", format="extxyz"))


def labelled_frames(labels: Path, asked: Sequence[Any]) -> list[Any]:
    """The labels of frames that were asked for, in the order of asking; those without a label are left out.

    Parameters
    ----------
    labels : Path
        folder of labels
    asked : sequence of ase.Atoms
        as they were read from the file that was labelled

    Returns
    -------
    list of ase.Atoms
        with labels
    """
    known = {
        str(atoms.info["label_id"]).removeprefix("id-"): atoms for atoms in read_frames(labels / "labelled.extxyz")
    }
    names = dict.fromkeys(identity_of(atoms) for atoms in asked)
    return [known[name] for name in names if name in known]
