# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a protocol: frozen inputs, one folder for each stage, status.json, and a lock."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from openmmlps._settings import read_toml
from openmmlps.app.output_folder import OutputFolder
from openmmlps.app.replace import replace_file

from .protocol_settings import ProtocolSettings
from .states import write_atoms

if TYPE_CHECKING:
    from .starts import Start

_Kind = TypeVar("_Kind", bound=ProtocolSettings)
_STAGES = re.compile(r"replica-\d+|T[\d.e+]+")  # folders in which protocols keep their stages


class ProtocolFolder(OutputFolder):
    """A locked protocol folder; use it in a `with` statement.

    inputs/protocol.toml and the file of the model come first; inputs/protocol.json, written last, marks them as complete.
    """

    kind = "protocol"
    mark = "protocol.json"

    def locate(self, path: Path) -> None:
        """Name the files of a protocol below `path`."""
        self.inputs = path / "inputs"
        self.settings = self.inputs / "protocol.toml"
        self.record_file = self.inputs / self.mark
        self.model = self.inputs / "model.safetensors"
        self.status = path / "status.json"

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        settings: ProtocolSettings,
        start: Start,
        model: bytes,
        model_record: dict[str, Any],
        overwrite: bool = False,
    ) -> ProtocolFolder:
        """Make the folder and freeze the inputs in it, aside of a protocol that is there already.

        Parameters
        ----------
        path : path
            must not exist, or be empty, or hold a protocol and `overwrite` be True
        settings : ProtocolSettings
            of the protocol
        start : Start
            what it starts from
        model : bytes
            the native model file
        model_record : dict
            JSON-serialisable; the hash of the bytes is added
        overwrite : bool
            replace an existing protocol, once `begin` is called

        Raises
        ------
        FileExistsError
            if there is something else, or a protocol and `overwrite` is False
        """
        folder = cls.prepare(path, overwrite)
        with folder.closed_on_error():
            (folder.inputs / "starts").mkdir(parents=True)
            folder.model.write_bytes(model)
            for name, atoms in start.structures:
                write_atoms(folder.start(name), atoms)
            folder.write_settings(settings)
            record = {
                "protocol": settings.label(),
                "model": {**model_record, "sha256": hashlib.sha256(model).hexdigest()},
                "starts": [name for name, _ in start.structures],
                "material": start.material,
            }
            replace_file(folder.record_file, (json.dumps(record, indent=2) + "\n").encode())
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str], protocol: str) -> ProtocolFolder:
        """Open an existing protocol to continue it.

        Raises
        ------
        FileNotFoundError
            if there is no protocol
        ValueError
            if it is of another kind, another process works in it, or its model was changed
        """
        folder = cls.existing(path, protocol)
        with folder.closed_on_error():
            folder._check(protocol)
        return folder

    def _check(self, protocol: str) -> None:
        record = self.record
        if record["protocol"] != protocol:
            raise ValueError(
                f"{protocol}: '{self.shown}' holds a {record['protocol']}; continue it with: openmm-lps {record['protocol']} --resume "
                f"--output {self.shown}"
            )
        found = hashlib.sha256(self.model.read_bytes()).hexdigest() if self.model.is_file() else "missing"
        if found != record["model"]["sha256"]:
            raise ValueError(
                f"{protocol}: '{self.model}' was changed since the protocol began; put the old file back or start anew"
            )

    def read_settings(self, kind: type[_Kind]) -> _Kind:
        """Frozen settings of class `kind`."""
        return kind.from_values(read_toml(self.settings, kind.label()), str(self.settings))

    def write_settings(self, settings: ProtocolSettings) -> None:
        """Replace the frozen settings."""
        replace_file(self.settings, settings.to_toml().encode())

    @property
    def record(self) -> dict[str, Any]:
        """Protocol, model and names of the starts."""
        return read_record(self.inputs.parent)

    def start(self, name: str) -> Path:
        """Path of a frozen starting structure."""
        return self.inputs / "starts" / f"{name}.extxyz"

    def clear(self) -> None:
        """Remove the files of a protocol, and nothing else."""
        for entry in self.path.iterdir():
            if entry.is_dir() and (entry.name in ("inputs", "analysis") or _STAGES.fullmatch(entry.name)):
                shutil.rmtree(entry, ignore_errors=True)
        for suffix in ("", ".new"):
            (self.path / f"status.json{suffix}").unlink(missing_ok=True)


def is_protocol(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a protocol whose inputs are complete."""
    return (Path(path) / "inputs" / ProtocolFolder.mark).is_file()


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read inputs/protocol.json.

    Raises
    ------
    ValueError
        if it is damaged
    """
    file = Path(path) / "inputs" / ProtocolFolder.mark
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        record["protocol"], record["model"]["sha256"], record["starts"], record["material"]["glass"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(f"protocol: '{file}' is damaged ({error}); start the protocol anew") from None
    return record
