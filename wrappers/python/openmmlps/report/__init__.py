# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reports: what the folders of runs and protocols hold, as pictures, tables and one self-contained HTML file.

found, folder, files = analyze("glass")            # PNG and CSV in glass/analysis
write_report("report.html", [find("glass"), find("glass-transport")])
"""

from .findings import analyze, find
from .html import write_report

__all__ = ["analyze", "find", "write_report"]
