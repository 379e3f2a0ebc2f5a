# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Reports: what the folders of runs and protocols hold, as pictures, tables and one self-contained HTML file.

found, folder, files = analyze("glass")            # PNG and CSV in glass/analysis
write_report("report.html", [find("glass"), find("glass-transport")])
"""

from .findings import analyze, find
from .html import write_report
from .trajectory_file import Reading

__all__ = ["Reading", "analyze", "find", "write_report"]
