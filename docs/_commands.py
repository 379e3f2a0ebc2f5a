# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The page on commands, made from the command line itself so that it cannot be out of date."""

import typer


def write_commands(path):
    """Write the reference of every command and option as Markdown."""
    from openmmlps.cli import app

    command = typer.main.get_command(app)
    lines = ["# Commands", "", "Made from the program itself; `openmm-lps COMMAND --help` shows the same.", ""]
    _describe(command, "openmm-lps", None, lines)
    path.parent.mkdir(exist_ok=True)
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _describe(command, name, parent, lines):
    context = type(command).context_class(command, info_name=name.split()[-1], parent=parent)
    if parent is not None:
        lines += [f"## {name}", ""]
    usage = " ".join(command.collect_usage_pieces(context))
    lines += ["```text", f"{name} {usage}", "```", ""]
    for paragraph in (command.help or "").replace("\b", "").split("\n\n"):
        text = " ".join(paragraph.split())
        code = paragraph.strip().startswith("openmm-lps")
        lines += (
            ["```text", *(line.strip() for line in paragraph.strip().splitlines()), "```"] if code else [text]
        ) + [""]
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if rows:
        lines += ["| option | meaning |", "|---|---|", *rows, ""]
    for child in getattr(command, "commands", {}).values():
        if not child.hidden:
            _describe(child, f"{name} {child.name}", context, lines)


def _row(parameter):
    if parameter.param_type_name == "option":
        names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    else:
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    text = (
        " ".join((getattr(parameter, "help", None) or "").split())
        .replace("|", "\\|")
        .replace("[bold]", "`")
        .replace("[/]", "`")
    )
    default = parameter.default
    if not callable(default) and isinstance(default, (str, int, float)) and not isinstance(default, bool):
        text += f" Default: `{default}`."
    return f"| {names} | {text} |"
