# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The command ``openmm-lps``."""

from typing import Annotated

import typer

from . import environment, models, protocols, reports, run

app = typer.Typer(
    name="openmm-lps",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted):
    if wanted:
        from openmmlps.app.trajectory import package_version

        typer.echo(f"openmm-lps {package_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
):
    """Molecular dynamics with Deep Potentials in OpenMM.

    \b
    openmm-lps run beta-Li3PS4 --temperature 600 --time "5 ps"
    openmm-lps info graph.pb
    openmm-lps doctor
    """


app.command("run")(run.run)
app.command("quench")(protocols.quench)
app.command("transport")(protocols.transport)
app.command("elastic")(protocols.elastic)
app.command("relax")(protocols.relax)
app.command("analyze")(reports.analyze)
app.command("report")(reports.report)
app.command("status")(reports.status)
app.command("info")(models.info)
app.command("convert")(models.convert)
app.command("structures")(environment.structures)
app.command("platforms")(environment.platforms)
app.command("doctor")(environment.doctor)


def main():
    """Entry point of the command. Exit codes: 0 done, 1 the run failed, 2 wrong input, 130/143 interrupted."""
    app()
