# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Cost of the uncertainty of a single model on the CPU platform, as a fraction of a step.

    python benchmarks/uncertainty_cost.py --model calibrated.safetensors

Steps and evaluations alternate in short blocks, and processor time is counted, so that a shared machine disturbs both alike.
The median over the blocks is printed, for a report at every step and at every 10, 50 and 100 steps.
"""

import argparse
import statistics
import time

import openmm
from openmm import app

from openmmlps import createSystem, load
from openmmlps.app.model_deviation import only_force


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lps", help="a calibrated model: a file or a packaged name")
    parser.add_argument("--repeat", type=int, nargs=3, default=(5, 4, 3), help="of beta-Li3PS4 (32 atoms)")
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10, help="in a block")
    arguments = parser.parse_args()
    structure = load("beta-Li3PS4", arguments.repeat)
    system = createSystem(structure.topology, arguments.model)
    integrator = openmm.LangevinMiddleIntegrator(600, 1, 0.001)
    platform = openmm.Platform.getPlatformByName("CPU")
    simulation = app.Simulation(structure.topology, system, integrator, platform, {"Threads": "1"})
    simulation.context.setPositions(structure.positions)
    simulation.context.setVelocitiesToTemperature(600, 1)
    force = only_force(system, "uncertainty_cost")
    simulation.step(20)
    force.computeParticleUncertainties(simulation.context)

    def measure(run, count):
        began = time.process_time()
        for _ in range(count):
            run()
        return (time.process_time() - began) / count

    ratios = []
    for _ in range(arguments.blocks):
        step = measure(lambda: simulation.step(1), arguments.steps)
        found = measure(lambda: force.computeParticleUncertainties(simulation.context), arguments.steps)
        ratios.append(found / step)
        print(f"step {1e3 * step:.2f} ms, uncertainty {1e3 * found:.2f} ms, ratio {ratios[-1]:.2f}")
    ratio = statistics.median(ratios)
    print(f"{system.getNumParticles()} atoms, median ratio {ratio:.3f}")
    for interval in (1, 10, 50, 100):
        print(f"a report every {interval} steps costs {100 * ratio / interval:.1f} % of a step")


if __name__ == "__main__":
    main()
