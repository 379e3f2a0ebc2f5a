# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Settings of protocols: TOML with a comment for every number, and strict reading."""

from dataclasses import fields

import pytest

from openmmlps.protocols import ElasticSettings, QuenchSettings, RelaxSettings, TransportSettings
from openmmlps.protocols.settings import parse_assignment

KINDS = (QuenchSettings, TransportSettings, ElasticSettings, RelaxSettings)


@pytest.mark.parametrize("kind", KINDS)
def test_toml_round_trip(kind, tmp_path):
    for preset in ("", *kind.presets):
        settings = kind.make(preset, seed=7)
        file = tmp_path / "protocol.toml"
        file.write_text(settings.to_toml())
        assert kind.make(config=file) == settings
    lines = [line for line in settings.to_toml().splitlines() if "=" in line]
    assert len(lines) == len(fields(kind))
    assert all("  # " in line and len(line.split("  # ")[1]) > 1 for line in lines)


def test_config_beats_preset_and_options_beat_config(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("atoms = 300\nmelt_time_ps = 7\n")
    settings = QuenchSettings.make("quick", file, atoms=400)
    assert (settings.atoms, settings.melt_time_ps, settings.replicas) == (400, 7.0, 1)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (QuenchSettings, {"melt_temp_K": 1}, "unknown setting 'melt_temp_K'; did you mean 'melt_temperature_K'?"),
        (QuenchSettings, {"atoms": "many"}, "quench: atoms is 'many'; it must be a whole number"),
        (QuenchSettings, {"atoms": 2.5}, "atoms is 2.5; it must be a whole number"),
        (QuenchSettings, {"melt_time_ps": -1.0}, "melt_time_ps is -1; it must be more than 0"),
        (QuenchSettings, {"melt_time_ps": float("inf")}, "melt_time_ps is inf; it must hold finite numbers"),
        (QuenchSettings, {"cooling_ensemble": "nve"}, "cooling_ensemble is 'nve'; use npt, nvt"),
        (QuenchSettings, {"final_temperature_K": 2000.0}, "final_temperature_K is 2000, not below melt_temperature_K"),
        (QuenchSettings, {"composition": "Li-P-S"}, "nothing"),
        (TransportSettings, {"temperatures_K": []}, "temperatures_K is empty; give at least one number"),
        (TransportSettings, {"temperatures_K": [500, 500]}, "temperatures_K holds a temperature twice"),
        (TransportSettings, {"fit_window": [0.5, 0.1]}, "give two fractions of a block, such as [0.1, 0.5]"),
        (ElasticSettings, {"strain": 0.2}, "elastic constants are linear only up to about 0.02"),
        (ElasticSettings, {"symmetry": "round"}, "symmetry is 'round'; use triclinic, monoclinic"),
        (RelaxSettings, {"cell": 1}, "cell is 1; it must be true or false"),
    ],
)
def test_refusals(kind, values, message):
    if message == "nothing":
        kind.make(**values)  # three elements are a mixture too
        return
    with pytest.raises(ValueError) as caught:
        kind.make(**values)
    assert message in str(caught.value)


def test_presets_and_files_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="quench: there is no preset 'fast'; use quick or standard, or none"):
        QuenchSettings.make("fast")
    with pytest.raises(FileNotFoundError, match="is not a file; write one with --write-config"):
        QuenchSettings.make(config=tmp_path / "none.toml")
    damaged = tmp_path / "damaged.toml"
    damaged.write_text("atoms = = 3")
    with pytest.raises(ValueError, match="is not valid TOML"):
        QuenchSettings.make(config=damaged)


def test_assignments():
    assert parse_assignment("melt_time_ps=20", "quench") == ("melt_time_ps", 20)
    assert parse_assignment("composition = 75Li2S-25P2S5", "quench") == ("composition", "75Li2S-25P2S5")
    assert parse_assignment("temperatures_K=[500, 600]", "transport")[1] == [500, 600]
    with pytest.raises(ValueError, match="--set 'melt' is not NAME=VALUE"):
        parse_assignment("melt", "quench")


def test_runs_end_with_a_frame():
    settings = QuenchSettings.make(timestep_fs=3.0, frame_interval_ps=0.1)
    steps = round(settings.frames_time(1.0) / settings.timestep)
    assert steps % settings.steps(settings.frame_interval_ps) == 0
    assert settings.frames_time(1.0) >= 1.0 - settings.timestep
