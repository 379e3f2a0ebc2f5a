# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Which OpenMM platforms can run a Deep Potential, and which to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .run_settings import RunSettings

KERNEL = "CalcLPSForce"


@dataclass(frozen=True)
class PlatformInfo:
    """An OpenMM platform as seen from here."""

    name: str
    speed: float  #: OpenMM's own rank: Reference 1, CPU 10, OpenCL 50, CUDA and HIP 100
    has_kernel: bool  #: whether a Deep Potential runs on it


def list_platforms(kernel: str = KERNEL) -> list[PlatformInfo]:
    """List all OpenMM platforms, fastest first."""
    import openmm

    platforms = [openmm.Platform.getPlatform(i) for i in range(openmm.Platform.getNumPlatforms())]
    found = [PlatformInfo(p.getName(), p.getSpeed(), p.supportsKernels([kernel])) for p in platforms]
    return sorted(found, key=lambda info: -info.speed)


def choose_platform(wanted: str) -> str:
    """Choose the platform for energies and forces without dynamics.

    Parameters
    ----------
    wanted : str
        a name, whatever its case, or 'auto': the fastest that has a device and the kernel

    Returns
    -------
    str
        its name

    Raises
    ------
    ValueError
        for no such platform, or one that cannot run a Deep Potential
    """
    import openmm

    available = list_platforms()
    if wanted != "auto":
        return _named(wanted, available).name
    usable = [info.name for info in available if info.has_kernel]
    return next(name for name in usable if _has_own_device(openmm.Platform.getPlatformByName(name)))


def _has_own_device(platform: Any) -> bool:
    """Whether there is hardware that belongs to the platform; OpenCL on a processor does not count."""
    import openmm

    try:
        return len(platform.getDevices()) > 0 and not only_processors(platform)
    except openmm.OpenMMException:
        return False


def check_platform(wanted: str, kernel: str = KERNEL) -> None:
    """Refuse the name of a platform that cannot be used here; 'auto' always can.

    Raises
    ------
    ValueError
        naming those that can
    """
    if wanted != "auto":
        _named(wanted, list_platforms(kernel))


def make_simulation(
    topology: Any,
    system: Any,
    make_integrator: Callable[[], Any],
    settings: RunSettings,
    kernel: str = KERNEL,
) -> tuple[Any, list[str]]:
    """Make an openmm.app.Simulation on the platform that the settings ask for.

    'auto' tries the platforms that have the kernel, fastest first, and takes the first one on which the System
    comes up.
    OpenCL on a processor is passed over: the CPU platform is faster there.

    Parameters
    ----------
    topology : openmm.app.Topology
        of the atoms
    system : openmm.System
        what to simulate
    make_integrator : callable
        without arguments; a Context consumes its Integrator
    settings : RunSettings
        platform, precision and threads
    kernel : str
        that a platform needs

    Returns
    -------
    simulation : openmm.app.Simulation
        without positions
    notes : list of str
        sentences about platforms that were passed over

    Raises
    ------
    ValueError
        for no such platform, a platform without the kernel, a precision it does not have, or no platform on which the
        System comes up
    """
    import openmm
    from openmm import app

    available = list_platforms(kernel)
    if settings.platform != "auto":
        candidates = [_named(settings.platform, available)]
    else:
        candidates = [info for info in available if info.has_kernel]
    notes = []
    for info in candidates:
        properties = _properties(info.name, settings)
        if properties is None:
            notes.append(f"{info.name} has no precision '{settings.precision}'")
            continue
        platform = openmm.Platform.getPlatformByName(info.name)
        if settings.platform == "auto" and only_processors(platform):
            notes.append(f"{info.name} finds only a processor; the CPU platform is faster there")
            continue
        try:
            simulation = app.Simulation(topology, system, make_integrator(), platform, properties)
        except openmm.OpenMMException as error:
            notes.append(f"{info.name}: {error}")
            continue
        return simulation, notes
    tried = "; ".join(notes) or "none has the kernel " + kernel
    raise ValueError(f"platform: no platform can run this ({tried}); run 'openmm-lps doctor' to see what is missing")


def _named(name: str, available: Sequence[PlatformInfo]) -> PlatformInfo:
    known = {info.name.lower(): info for info in available}
    info = known.get(name.lower())
    if info is None or not info.has_kernel:
        usable = ", ".join(info.name for info in available if info.has_kernel) or "none"
        why = "does not exist here" if info is None else "cannot run a Deep Potential"
        raise ValueError(f"platform: '{name}' {why}; usable are: {usable}, or auto")
    return info


def _properties(platform: str, settings: RunSettings) -> dict[str, str] | None:
    """Platform properties; None if the platform does not have the precision that was asked for."""
    if platform in ("CUDA", "OpenCL", "HIP"):
        return {"Precision": "mixed" if settings.precision == "auto" else settings.precision}
    if settings.precision == "mixed" or (platform == "Reference" and settings.precision == "single"):
        return None
    return {"Threads": str(settings.threads)} if platform == "CPU" and settings.threads else {}


def only_processors(platform: Any) -> bool:
    """Tell whether an OpenCL platform has no graphics card, only processors that run OpenCL.

    The type that each device reports decides; names of processors are not known in advance.
    """
    import openmm

    if platform.getName() != "OpenCL":
        return False
    types = _opencl_device_types()
    try:
        devices = [(int(d["OpenCLPlatformIndex"]), int(d["DeviceIndex"])) for d in platform.getDevices()]
        return bool(devices) and all(types[device] & _CL_DEVICE_TYPE_CPU for device in devices)
    except (openmm.OpenMMException, IndexError, KeyError):
        return False  # no device at all, or an answer of a future version: creating the Context will tell


_CL_DEVICE_TYPE, _CL_DEVICE_TYPE_CPU, _CL_DEVICE_TYPE_ALL = 0x1000, 2, 0xFFFFFFFF


def _opencl_device_types() -> dict[tuple[int, int], int]:
    """Type of each OpenCL device, a bit field, by (index of its OpenCL platform, its index there).

    Asked from the library that OpenMM's OpenCL platform has loaded, because OpenMM does not tell types.
    """
    import ctypes
    import sys

    names = {"win32": "OpenCL.dll", "darwin": "/System/Library/Frameworks/OpenCL.framework/OpenCL"}
    try:
        library = ctypes.CDLL(names.get(sys.platform, "libOpenCL.so.1"))
    except OSError:
        return {}

    def query(function: Any, *arguments: Any) -> list[Any]:
        count = ctypes.c_uint()
        if function(*arguments, 0, None, ctypes.byref(count)) != 0:
            return []
        handles = (ctypes.c_void_p * count.value)()
        function(*arguments, count, handles, None)
        return [ctypes.c_void_p(handle) for handle in handles]

    types = {}
    kinds = ctypes.c_uint64(_CL_DEVICE_TYPE_ALL)
    for i, owner in enumerate(query(library.clGetPlatformIDs)):
        for j, device in enumerate(query(library.clGetDeviceIDs, owner, kinds)):
            value = ctypes.c_uint64()
            size = ctypes.c_size_t(ctypes.sizeof(value))
            library.clGetDeviceInfo(device, _CL_DEVICE_TYPE, size, ctypes.byref(value), None)
            types[i, j] = value.value
    return types
