# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Split the frames LiGePS-SSE-PBE of AIS-Square into those to train on and those that are held out.

    python training/lgps/split.py DATA --work .training/lgps

WORK/train and WORK/held receive DeePMD systems. Whole systems are held out; only the trajectory of cool frames is cut in time.
"""

import argparse
from pathlib import Path

from openmmlps.learn.frames import read_frames, write_frames

HELD = {
    "init-iter.000009-data.017": "50 atoms, constant pressure",
    "init-iter.000011-data.019": "50 atoms, constant pressure",
    "init-iter.000015-data.023": "400 atoms, constant pressure",
    "iter.000001.data.002": "400 atoms, constant volume",
}
COOL, TRAINED, BEGIN = (
    "init-init.system",
    520,
    535,
)  # of 590 frames of one trajectory; those between are of neither part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with one DeePMD folder per system")
    parser.add_argument("--work", type=Path, default=Path(".training/lgps"), help="working folder, never committed")
    arguments = parser.parse_args()
    sources = sorted(path.parent for path in arguments.data.glob("*/type.raw"))
    missing = {COOL, *HELD} - {source.name for source in sources}
    if missing:
        parser.error(f"split: '{arguments.data}' lacks {', '.join(sorted(missing))}; name the folder of the systems")
    for source in sources:
        frames = read_frames(source)
        if source.name == COOL:
            write_frames(arguments.work / "train" / source.name, frames.take(slice(0, TRAINED)))
            write_frames(arguments.work / "held" / source.name, frames.take(slice(BEGIN, None)))
        else:
            write_frames(arguments.work / ("held" if source.name in HELD else "train") / source.name, frames)


if __name__ == "__main__":
    main()
