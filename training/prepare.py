# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Split the reference data into training, validation and test folders, all of them on the level PBE, or all on PBE-D3(0).

    python training/prepare.py DATA --work .training
    python training/prepare.py DATA --work .training/lps-d3 --dispersion --every 8

DATA holds one DeePMD folder per system (crystal-*, glass-*). WORK/data/<system>/<part>/ receives the frames; they carry
no licence and are never committed. The frame ranges, which may be, go to training/split-lps.json. Glasses lose the
dispersion that only their labels have (openmmlps.learn.dispersion), which takes some minutes. With --dispersion they
keep it, and the crystals get it.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from frames import read_frames, running_mean, trajectory_temperature, write_frames
from openmmlps.learn.dispersion import with_dispersion
from splits import split_of

#: Frames (about 50 fs) over which the kinetic temperature is averaged: a frame of 100 atoms alone fluctuates by 8 %.
WINDOW = 21
MANIFEST = Path(__file__).resolve().parent / "split-lps.json"


def prepare_system(source: Path, target: Path, dispersion: bool = False, every: int = 1) -> dict:
    """Write the parts of one system below `target` and return its entry of the manifest.

    Of the frames of a crystal that are trained on, one in `every` is written. The ranges of the manifest hold all.
    """
    frames = read_frames(source)
    parts = split_of(source.name, len(frames))
    trajectory = source.name.startswith("crystal-")
    temperature = running_mean(trajectory_temperature(frames), WINDOW) if trajectory else None
    entry = {"atoms": len(frames.types), "frames": len(frames), "parts": {}}
    for part, ranges in parts.items():
        step = every if trajectory and part == "train" else 1
        chosen = frames.select(ranges).take(slice(None, None, step))
        if trajectory == dispersion:
            chosen = with_dispersion(chosen, sign=1 if dispersion else -1)
        write_frames(target / part, chosen)
        entry["parts"][part] = {"ranges": [list(bounds) for bounds in ranges]}
        if trajectory:
            kelvin = np.concatenate([temperature[start:stop] for start, stop in ranges])
            np.save(target / part / "temperature.npy", kelvin[::step])
            entry["parts"][part]["kelvin"] = [int(round(value, -1)) for value in (kelvin.min(), kelvin.max())]
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with one DeePMD folder per system")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="working folder, never committed")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="JSON file of the frame ranges to write")
    parser.add_argument("--dispersion", action="store_true", help="PBE-D3(0) instead of PBE")
    parser.add_argument("--every", type=int, default=1, help="of the crystals' training frames, one in so many")
    arguments = parser.parse_args()
    if arguments.every < 1:
        parser.error(f"--every is {arguments.every}; give 1 or more")
    sources = sorted(path.parent for path in arguments.data.glob("*/type.raw"))
    if not sources:
        parser.error(f"prepare: no folder with a type.raw lies in '{arguments.data}'; name the folder of the systems")
    manifest = {
        source.name: prepare_system(
            source, arguments.work / "data" / source.name, arguments.dispersion, arguments.every
        )
        for source in sources
    }
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in manifest.items())
    arguments.manifest.write_text("{\n" + lines + "\n}\n")
    counts = {}
    for entry in manifest.values():
        for part, content in entry["parts"].items():
            counts[part] = counts.get(part, 0) + sum(stop - start for start, stop in content["ranges"])
    print(", ".join(f"{part}: {count} frames" for part, count in counts.items()))


if __name__ == "__main__":
    main()
