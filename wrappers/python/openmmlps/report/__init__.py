# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reports: what the folders of runs and protocols hold, as pictures, tables and one self-contained HTML file.

found, folder, files = analyze("glass")            # PNG and CSV in glass/analysis
write_report("report.html", [find("glass"), find("glass-transport")])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare
    from .findings import analyze, find, reference_findings
    from .html import write_report
    from .samples import Beside
    from .trajectory_file import Reading

__all__ = ["Beside", "Reading", "analyze", "compare", "find", "reference_findings", "write_report"]
_HOMES = {
    "Beside": "samples",
    "Reading": "trajectory_file",
    "analyze": "findings",
    "compare": "comparison",
    "find": "findings",
    "reference_findings": "findings",
    "write_report": "html",
}


def __getattr__(name: str) -> Any:
    """Load the names of `__all__` when asked: the picture of a run needs `thermo_section` only, and not those of runs."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
