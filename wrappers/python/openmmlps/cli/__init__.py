# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The command ``openmm-lps``."""

import os
from typing import Annotated

import typer

from . import (
    environment_commands,
    export_command,
    interface_command,
    learn_commands,
    model_commands,
    protocol_commands,
    report_commands,
    run_command,
    study_commands,
)
from .output import print_anywhere

app = typer.Typer(
    name="openmm-lps",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from openmmlps.app.h5md_reporter import package_version

        typer.echo(f"openmm-lps {package_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Molecular dynamics with Deep Potentials in OpenMM.

    \b
    openmm-lps run beta-Li3PS4 --temperature 600 --time "5 ps"
    openmm-lps info graph.pb
    openmm-lps doctor
    """


app.command("run")(run_command.run)
app.command("quench")(protocol_commands.quench)
app.command("transport")(protocol_commands.transport)
app.command("thermal")(protocol_commands.thermal)
app.command("elastic")(protocol_commands.elastic)
app.command("relax")(protocol_commands.relax)
app.add_typer(study_commands.app, name="study")
app.command("analyze")(report_commands.analyze)
app.command("report")(report_commands.report)
app.command("export")(export_command.export)
app.command("status")(report_commands.status)
app.command("label")(learn_commands.label)
app.command("calibrate")(learn_commands.calibrate)
app.command("train")(learn_commands.train)
app.command("validate")(learn_commands.validate)
app.command("dispersion")(learn_commands.dispersion)
app.command("learn")(learn_commands.learn)
app.command("info")(model_commands.info)
app.command("convert")(model_commands.convert)
app.command("interface")(interface_command.interface)
app.command("structures")(environment_commands.structures)
app.command("platforms")(environment_commands.platforms)
app.command("doctor")(environment_commands.doctor)


def main() -> None:
    """Entry point of the command. Exit codes: 0 done, 1 the run failed, 2 wrong input, 130/143 interrupted."""
    print_anywhere()
    os.environ["MPLBACKEND"] = "agg"  # no window is ever opened; that of a notebook may not exist here
    app()
