# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What was run, with what: model, hash, versions, platform, seeds."""

import json
from pathlib import Path


def run_facts(folder):
    """Facts of one run of :mod:`openmmlps.app`.

    :return: (RunSettings, status dict)
    :raises ValueError: no run there, or one that never wrote its status
    """
    from openmmlps.app.run_folder import is_run
    from openmmlps.app.run_settings import RunSettings

    folder = Path(folder)
    if not is_run(folder):
        raise ValueError(f"report: '{folder}' holds no run; give the folder of a run or of a protocol")
    try:
        status = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"report: '{folder}' has no readable status.json ({error}); let the run go on first") from None
    return RunSettings.from_file(folder / "inputs" / "settings.json"), status


def common_methods(model, run_status):
    """Lines on model and software.

    :param model: dict with 'source', 'elements', 'sha256'
    :param run_status: status.json of a run, for platform and host; may be {}
    """
    import openmm

    from openmmlps.app.h5md_reporter import package_version

    lines = [
        ("model", f"{model['source']} ({', '.join(model['elements'])})"),
        ("model sha256", model["sha256"]),
        ("software", f"openmm-lps {package_version()}, OpenMM {openmm.Platform.getOpenMMVersion()}"),
    ]
    if run_status.get("platform"):
        lines.append(("platform", run_status["platform"]))
    return lines


def model_caveat(model):
    """A warning if the model calls itself an interim one, or an empty list.

    :param model: dict as of :func:`common_methods`; its 'status' need not be there
    """
    status = model.get("status", "")
    return [f"{model['source']}: {status} (openmm-lps info tells its errors)"] if "interim" in status else []
