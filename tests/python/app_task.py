# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A task of a study driven by the stand-in of app_support, without pictures; or, with DRIVER, what sends such tasks.

LPS_TEST_DELAY: seconds to wait at every line of thermo.csv, for tasks that last.
"""

import os
import sys
import time

from app_support import PairEngine
from openmmlps.app import run, runner
from openmmlps.protocols import protocol
from openmmlps.study import StudyFolder, execute, task


class SlowEngine(PairEngine):
    def _virial(self, context, step):
        time.sleep(float(os.environ.get("LPS_TEST_DELAY", "0")))
        return super()._virial(context, step)


if __name__ == "__main__":
    runner.engine_for = protocol.engine_for = lambda model: SlowEngine()
    run.Run._draw = lambda run: None
    if sys.argv[1] == "DRIVER":
        with StudyFolder.open(sys.argv[2]) as folder:
            sys.exit(execute(folder, command=(__file__,)).state != "finished")
    sys.exit(task.main(sys.argv[1:]))
