# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""``openmm-lps quench``, ``transport``, ``thermal``, ``elastic`` and ``relax``: one form for all protocols."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from .output import ConsoleMonitor, console, report_errors, table

_WHAT, _WHERE = "What is done", "Where it runs"


@dataclass(frozen=True)
class Shared:
    """Options of every protocol, in the order of the help."""

    supercell: Annotated[str | None, typer.Option(help="Repeats, as 1x2x2.", rich_help_panel=_WHAT)] = None
    model: Annotated[
        str | None,
        typer.Option(
            help="Model file, or [bold]lps-fast[/], or another potential: ase:module.Class?key=value, sevenn:NAME, openmmml:NAME\\[:FILE]. Default: the packaged Li-P-S model, [bold]lps[/].",
            rich_help_panel=_WHAT,
        ),
    ] = None
    preset: Annotated[
        str,
        typer.Option(
            help="quick, or standard: what publications use. Default: standard.",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = ""
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings; see --write-config.", rich_help_panel=_WHAT)
    ] = None
    format: Annotated[
        str | None,
        typer.Option(help="Format of the structure file by ASE's name, as lammps-data.", rich_help_panel=_WHAT),
    ] = None
    elements: Annotated[
        str | None,
        typer.Option(help="Element of each type, as Li,P,S, for files that number types.", rich_help_panel=_WHAT),
    ] = None
    no_checks: Annotated[
        bool,
        typer.Option("--no-checks", help="Take atoms nearer than 0.5 Å in structure files.", rich_help_panel=_WHAT),
    ] = False
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting of the TOML file; repeatable.", rich_help_panel=_WHAT
        ),
    ] = None
    write_config: Annotated[
        bool,
        typer.Option(
            "--write-config", help="Print the settings as commented TOML and do nothing.", rich_help_panel=_WHAT
        ),
    ] = False
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the protocol.", rich_help_panel=_WHERE)
    ] = None
    platform: Annotated[str | None, typer.Option(help="OpenMM platform. Default: auto.", rich_help_panel=_WHERE)] = None
    threads: Annotated[
        int | None, typer.Option(help="Of the CPU platform. Default: all cores.", rich_help_panel=_WHERE)
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Continue what is in --output.", rich_help_panel=_WHERE)] = (
        False
    )
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is in --output.", rich_help_panel=_WHERE)
    ] = False


def _protocol(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of :class:`Shared` beside its own; it receives them as `shared`."""
    own = [entry for entry in inspect.signature(command).parameters.values() if entry.name != "shared"]
    shared = [
        inspect.Parameter(entry.name, inspect.Parameter.KEYWORD_ONLY, default=entry.default, annotation=entry.type)
        for entry in fields(Shared)
    ]

    @report_errors
    @functools.wraps(command)
    def wrapped(**options: Any) -> None:
        command(Shared(**{entry.name: options.pop(entry.name) for entry in shared}), **options)

    wrapped.__signature__ = inspect.Signature(own + shared)  # type: ignore[attr-defined]
    return wrapped


Structure = Annotated[
    str | None, typer.Argument(help="Packaged structure, any file that ASE reads, or the folder of a quench or relax.")
]
Replicas = Annotated[int | None, typer.Option(help="Runs at each temperature.", rich_help_panel=_WHAT)]
Barostat = Annotated[str | None, typer.Option(help="isotropic, anisotropic or flexible.", rich_help_panel=_WHAT)]
Mobile = Annotated[
    str | None, typer.Option(help="The mobile ions. Default: from the composition.", rich_help_panel=_WHAT)
]
Seed = Annotated[int | None, typer.Option(help="Of all random numbers.", rich_help_panel=_WHAT)]


@_protocol
def quench(
    shared: Shared,
    composition: Annotated[
        str | None,
        typer.Option(help="Percent Li2S in Li2S-P2S5, or as 60Li2S-32SiS2-8P2S5. Default: 75.", rich_help_panel=_WHAT),
    ] = None,
    atoms: Annotated[int | None, typer.Option(help="Of a random start, about.", rich_help_panel=_WHAT)] = None,
    units: Annotated[
        str | None,
        typer.Option(help='Anions of a random start, as "PS4(3-), P2S7(4-)". Default: atoms.', rich_help_panel=_WHAT),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="A crystal to melt instead of a random start.", rich_help_panel=_WHAT)
    ] = None,
    replicas: Annotated[int | None, typer.Option(help="Independent quenches.", rich_help_panel=_WHAT)] = None,
    seed: Seed = None,
) -> None:
    """Make glasses: melt a random or crystalline start, cool it at a constant rate, equilibrate it.

    Writes replica-N/final.extxyz and the runs that led there.

    \b
    openmm-lps quench --composition 75 --preset quick -o glass
    openmm-lps quench --composition 75 --write-config > quench.toml
    openmm-lps quench --config quench.toml -o glass
    openmm-lps quench --resume -o glass              # after Ctrl-C, a kill, a reboot
    """
    _carry_out(
        "quench",
        shared,
        lambda s: f"quench-{s.composition if s.start == 'random' else Path(s.start).stem}",
        composition=composition,
        atoms=atoms,
        units=units,
        start=start,
        replicas=replicas,
        seed=seed,
    )


@_protocol
def transport(
    shared: Shared,
    structure: Structure = None,
    temperatures: Annotated[str | None, typer.Option(help="In K, as 500,600,700.", rich_help_panel=_WHAT)] = None,
    replicas: Replicas = None,
    barostat: Barostat = None,
    mobile: Mobile = None,
    field: Annotated[
        str | None,
        typer.Option(
            help='Small fields on the ions, as "0.005,0.01 V/A", for the conductivity.', rich_help_panel=_WHAT
        ),
    ] = None,
    seed: Seed = None,
) -> None:
    """Measure diffusion and conductivity: mean cell at constant pressure, then production, at each temperature.

    \b
    openmm-lps transport glass --preset quick -o glass-transport     # glass: the folder of a quench
    openmm-lps transport beta-Li3PS4 --supercell 1x2x2 --barostat anisotropic --temperatures 500,600,700
    openmm-lps report glass glass-transport
    """
    _carry_out(
        "transport",
        shared,
        _named_after_structure,
        structure=structure,
        temperatures_K=temperatures and _numbers(temperatures, "temperatures"),
        replicas=replicas,
        barostat=barostat,
        mobile=mobile,
        field_V_per_angstrom=field and _fields(field),
        seed=seed,
    )


@_protocol
def thermal(
    shared: Shared,
    structure: Structure = None,
    temperatures: Annotated[
        str | None, typer.Option(help="In K, as 300,400. Default: 300.", rich_help_panel=_WHAT)
    ] = None,
    replicas: Replicas = None,
    barostat: Barostat = None,
    mobile: Mobile = None,
    seed: Seed = None,
) -> None:
    """Measure the thermal conductivity by Green and Kubo: mean cell, then NVE with the heat current, at each temperature.

    \b
    openmm-lps thermal glass --preset quick -o glass-thermal         # glass: the folder of a quench
    openmm-lps thermal gamma-Li3PS4 --supercell 3x4x4 --barostat anisotropic --temperatures 300
    openmm-lps report glass-thermal
    """
    _carry_out(
        "thermal",
        shared,
        _named_after_structure,
        structure=structure,
        temperatures_K=temperatures and _numbers(temperatures, "temperatures"),
        replicas=replicas,
        barostat=barostat,
        mobile=mobile,
        seed=seed,
    )


@_protocol
def elastic(
    shared: Shared,
    structure: Structure = None,
    temperature: Annotated[
        float | None, typer.Option(help="K. Default: 0, relaxed ions.", rich_help_panel=_WHAT)
    ] = None,
    symmetry: Annotated[
        str | None,
        typer.Option(
            help="Crystal class, as orthorhombic; isotropic for a glass. Default: triclinic.", rich_help_panel=_WHAT
        ),
    ] = None,
    strain: Annotated[float | None, typer.Option(help="Default: 0.01.", rich_help_panel=_WHAT)] = None,
    seed: Seed = None,
) -> None:
    """Elastic constants from the stresses of strained cells; B, G, E and Poisson's ratio (Voigt-Reuss-Hill).

    \b
    openmm-lps elastic beta-Li3PS4 --symmetry orthorhombic -o elastic
    openmm-lps elastic glass --symmetry isotropic --temperature 300 --preset quick
    """
    _carry_out(
        "elastic",
        shared,
        _named_after_structure,
        structure=structure,
        temperature_K=temperature,
        symmetry=symmetry,
        strain=strain,
        seed=seed,
    )


@_protocol
def relax(
    shared: Shared,
    structure: Structure = None,
    pressure: Annotated[
        float | None, typer.Option(help="Target, GPa, positive under compression. Default: 0.", rich_help_panel=_WHAT)
    ] = None,
    fixed_cell: Annotated[
        bool, typer.Option("--fixed-cell", help="Relax the atoms only.", rich_help_panel=_WHAT)
    ] = False,
) -> None:
    """Relax cell and atoms to a pressure, to force and stress tolerances.

    Writes replica-1/final.extxyz.

    \b
    openmm-lps relax beta-Li3PS4 -o relaxed
    openmm-lps relax glass --pressure 1 -o relaxed
    """
    _carry_out(
        "relax",
        shared,
        _named_after_structure,
        structure=structure,
        pressure_GPa=pressure,
        cell=False if fixed_cell else None,
    )


def _named_after_structure(settings: Any) -> str:
    return f"{settings.label()}-{Path(settings.structure).name}"


def _carry_out(name: str, shared: Shared, default_output: Callable[[Any], str], **own: Any) -> None:
    """Settings from preset, file and options; then start or resume.

    Parameters
    ----------
    name : str
        of the protocol
    shared : Shared
        options of every protocol
    default_output : callable
        settings -> name of the folder
    **own
        settings that come from the protocol's own options; None: not given
    """
    from openmmlps import protocols

    protocol = getattr(protocols, name)
    values = _given(name, shared, own)
    if shared.resume:
        result = _resume(protocol, shared, values)
    else:
        settings = protocol.settings.make(shared.preset, shared.config, **values)
        if shared.write_config:
            typer.echo(settings.to_toml(), nl=False)
            return
        output = shared.output or Path(default_output(settings))
        with ConsoleMonitor() as monitor:
            result = protocol.start(output, settings, overwrite=shared.overwrite, monitor=monitor)
    _conclude(name, result)


def _given(name: str, shared: Shared, own: dict[str, Any]) -> dict[str, Any]:
    """Settings that the options name."""
    from openmmlps.protocols.protocol_settings import parse_assignment

    options = {
        **own,
        "supercell": _supercell(shared.supercell) if shared.supercell else None,
        "model": shared.model,
        "format": shared.format,
        "elements": shared.elements,
        "checks": False if shared.no_checks else None,
        "platform": shared.platform,
        "threads": shared.threads,
    }
    values: dict[str, Any] = dict(parse_assignment(text, name) for text in shared.assign or [])
    values |= {key: value for key, value in options.items() if value is not None}
    return values


def _resume(protocol: Any, shared: Shared, values: dict[str, Any]) -> Any:
    from openmmlps.protocols.protocol import CHANGEABLE

    name = protocol.name
    if shared.output is None:
        raise ValueError(f"{name}: which one to continue? name its folder with --output")
    if shared.overwrite:
        raise ValueError(f"{name}: --resume continues and --overwrite replaces; give one of them")
    frozen = set(values) - set(CHANGEABLE)
    if frozen or shared.preset or shared.config:
        what = ", ".join(sorted(frozen)) or "--preset and --config"
        raise ValueError(
            f"{name}: {what} cannot change once a protocol has begun, only {', '.join(CHANGEABLE)}; start a new one"
        )
    with ConsoleMonitor() as monitor:
        return protocol.resume(shared.output, values, monitor=monitor)


def _supercell(text: str) -> tuple[float, ...]:
    from .run_command import parse_supercell

    repeats = parse_supercell(text)
    if len(repeats) != 3 or not all(isinstance(count, int) for count in repeats):
        raise ValueError(f"--supercell: '{text}' is not three repeats; give for example 1x2x2")
    return tuple(float(count) for count in repeats)


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"--{option}: '{text}' is not a list of numbers; give for example 500,600,700") from None


def _fields(text: str) -> list[float]:
    """Fields in V/angstrom from a text such as '0.005,0.01 V/A' or '0.1 V/nm'."""
    unit = next((unit for unit in _FIELD_UNITS if text.endswith(unit)), None)
    if unit is None:
        raise ValueError(f'--field: \'{text}\' has no unit; give for example "0.005,0.01 V/A" or "0.1 V/nm"')
    return [_FIELD_UNITS[unit] * number for number in _numbers(text.removesuffix(unit), "field")]


_FIELD_UNITS = {"V/A": 1.0, "V/Å": 1.0, "V/angstrom": 1.0, "V/nm": 0.1}


def _conclude(name: str, result: Any) -> None:
    from openmmlps.app.quantities import format_clock

    out = console()
    if result.state == "interrupted":
        text = f"Interrupted; continue with: openmm-lps {name} --resume --output {result.folder}"
        out.print(text, soft_wrap=True)
        raise typer.Exit(128 + result.signal)
    out.print(
        table([("finished", format_clock(result.seconds)), ("report", f"openmm-lps report {result.folder}")]),
    )
