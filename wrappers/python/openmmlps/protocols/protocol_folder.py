# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The folder of a protocol: frozen inputs, one folder for each stage, status.json, and a lock."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from openmmlps.app.output_folder import lock_folder
from openmmlps.app.replace import replace_file


class ProtocolFolder:
    """A locked protocol folder; use it in a `with` statement.

    inputs/protocol.toml and the file of the model come first; inputs/protocol.json, written last, marks them as complete.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.inputs = self.path / "inputs"
        self.settings = self.inputs / "protocol.toml"
        self.record_file = self.inputs / "protocol.json"
        self.model = self.inputs / "model.safetensors"
        self.status = self.path / "status.json"
        self._lock = None

    @classmethod
    def create(cls, path, settings, overwrite, engine, starts, material):
        """Make the folder and freeze the inputs in it.

        :param settings: ProtocolSettings
        :param engine: what drives the runs
        :param starts: (name, ase.Atoms) of structures to start from; written to inputs/starts
        :param material: dict, see :func:`~.starts.material`
        :raises FileExistsError: there is something else, or a protocol and overwrite is False
        """
        import ase.io

        folder = cls(path)
        path = folder.path
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if not is_protocol(path) and not (path / ".lock").is_file():
                raise FileExistsError(
                    f"{settings.label()}: '{path}' exists and holds no protocol; choose another --output"
                )
            if is_protocol(path) and not overwrite:
                raise FileExistsError(
                    f"{settings.label()}: '{path}' holds a {read_record(path)['protocol']} already; continue it with --resume, "
                    "replace it with --overwrite, or choose another --output"
                )
        path.mkdir(parents=True, exist_ok=True)
        folder._take_lock()
        try:
            folder._clear()
            (folder.inputs / "starts").mkdir(parents=True)
            symbols = sorted({symbol for _, atoms in starts for symbol in atoms.get_chemical_symbols()})
            model, record = engine.freeze_model(settings.model or None, symbols)
            folder.model.write_bytes(model)
            for name, atoms in starts:
                ase.io.write(folder.inputs / "starts" / f"{name}.extxyz", atoms, format="extxyz")
            replace_file(folder.settings, settings.to_toml().encode())
            record = {
                "protocol": settings.label(),
                "model": {**record, "sha256": hashlib.sha256(model).hexdigest()},
                "starts": [name for name, _ in starts],
                "material": material,
            }
            replace_file(folder.record_file, (json.dumps(record, indent=2) + "\n").encode())
        except BaseException:
            folder._clear()
            folder.close()
            (path / ".lock").unlink(missing_ok=True)
            if not any(path.iterdir()):
                path.rmdir()
            raise
        return folder

    @classmethod
    def open(cls, path, protocol):
        """Open an existing protocol to continue it.

        :raises FileNotFoundError: no such protocol there
        :raises ValueError: another kind, another process works in it, or its model was changed
        """
        folder = cls(path)
        if not is_protocol(path):
            raise FileNotFoundError(f"{protocol}: '{path}' holds no protocol; start one without --resume")
        record = read_record(path)
        if record["protocol"] != protocol:
            raise ValueError(
                f"{protocol}: '{path}' holds a {record['protocol']}; continue it with: openmm-lps {record['protocol']} --resume "
                f"--output {path}"
            )
        folder._take_lock()
        found = hashlib.sha256(folder.model.read_bytes()).hexdigest() if folder.model.is_file() else "missing"
        if found != record["model"]["sha256"]:
            folder.close()
            raise ValueError(
                f"{protocol}: '{folder.model}' was changed since the protocol began; put the old file back or start anew"
            )
        return folder

    def read_settings(self, kind):
        """Frozen settings of class `kind`."""
        from openmmlps._settings import read_toml

        return kind.from_values(read_toml(self.settings, kind.label()), str(self.settings))

    def write_settings(self, settings):
        replace_file(self.settings, settings.to_toml().encode())

    @property
    def record(self):
        """Protocol, model and names of the starts."""
        return read_record(self.path)

    def start(self, name):
        """Path of a frozen starting structure."""
        return self.inputs / "starts" / f"{name}.extxyz"

    def _take_lock(self):
        self._lock = lock_folder(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _clear(self):
        """Remove the files of a protocol, and nothing else."""
        stages = []
        if self.status.is_file():
            try:
                stages = [stage["name"] for stage in json.loads(self.status.read_text()).get("stages", [])]
            except ValueError:
                pass
        for name in {stage.split("/")[0] for stage in stages}:
            if name and name not in (".", ".."):
                shutil.rmtree(self.path / name, ignore_errors=True)
        for name in ("inputs", "analysis"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for suffix in ("", ".new"):
            Path(f"{self.status}{suffix}").unlink(missing_ok=True)


def is_protocol(path):
    """Whether a folder holds a protocol whose inputs are complete."""
    return (Path(path) / "inputs" / "protocol.json").is_file()


def read_record(path):
    """inputs/protocol.json as a dict.

    :raises ValueError: damaged
    """
    file = Path(path) / "inputs" / "protocol.json"
    try:
        record = json.loads(file.read_text())
        record["protocol"], record["model"]["sha256"], record["starts"], record["material"]["glass"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(f"protocol: '{file}' is damaged ({error}); start the protocol anew") from None
    return record
