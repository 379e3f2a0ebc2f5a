# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Which frames of the Li-P-S reference data are trained on and which are held out.

Every part is a list of half-open frame ranges ``(start, stop)`` within one system. Nothing is drawn at random: frames
that follow each other come from one trajectory, so a random split would put near copies of training frames into the
test set.
"""

#: Crystals: one ab initio trajectory of 900 frames per system, 2-3 fs from frame to frame, heating all the while.
#: The last blocks are ``validation`` and ``test``. Nearly all of them are hotter than 1,500 K, so ``interior`` holds a
#: second, cooler block out of the middle. The frames between two parts belong to none of them (a gap of 10-15 frames,
#: 25-40 fs). ``interior`` lies between trained blocks in time: it tests interpolation within a trajectory, no more.
CRYSTAL = {
    "train": [(0, 315), (405, 740)],
    "interior": [(330, 390)],
    "validation": [(750, 810)],
    "test": [(820, 900)],
}

#: Glasses: frames in the order in which active learning chose them. An iteration heats the glass from a cold start, so
#: it begins where energy and volume fall back to low values and the atoms jump by more than 2.3 A (phosphorus and
#: sulfur, root mean square, from one frame to the next; mostly 0.5-2 A within a trajectory). Whole iterations are held
#: out. The boundaries were inferred from this, the data do not name them; all iterations start from similar structures.
GLASS = {
    "glass-g67": {"train": [(0, 449)], "validation": [(449, 513)], "test": [(513, 579)]},
    "glass-g70": {"train": [(0, 323)], "validation": [(323, 360)], "test": [(360, 425)]},
    "glass-g75": {"train": [(0, 117)], "validation": [(117, 132)], "test": [(132, 159)]},
}

#: Number of frames the ranges above were chosen for.
FRAMES = {"crystal": 900, "glass-g67": 579, "glass-g70": 425, "glass-g75": 159}


def split_of(system: str, frames: int) -> dict[str, list[tuple[int, int]]]:
    """Return the parts of one system as ``{part: [(start, stop), ...]}``, frame ranges half open, in no unit.

    Raises ValueError if the system is unknown or has another number of frames than the split was made for.
    """
    key = "crystal" if system.startswith("crystal-") else system
    if key not in FRAMES:
        raise ValueError(
            f"split: no split is defined for the system '{system}'; add its frame ranges to training/splits.py"
        )
    if frames != FRAMES[key]:
        raise ValueError(
            f"split: '{system}' has {frames} frames where the split expects {FRAMES[key]}; "
            "use the data the split was made for or adapt training/splits.py"
        )
    return CRYSTAL if key == "crystal" else GLASS[key]
