# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Settings of protocols: TOML with a comment for every number, and strict reading."""

from dataclasses import fields

import pytest

from openmmlps.app.run_settings import RunSettings
from openmmlps.protocols import ElasticSettings, QuenchSettings, RelaxSettings, ThermalSettings, TransportSettings
from openmmlps.protocols.protocol_settings import parse_assignment

KINDS = (QuenchSettings, TransportSettings, ThermalSettings, ElasticSettings, RelaxSettings)


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


def test_settings_of_earlier_runs_are_read(tmp_path):
    """Those that came later get their defaults; those of a later version are named."""
    file = tmp_path / "settings.json"
    file.write_text(
        '{"structure": "POSCAR", "supercell": [[1, 1, 0], [0, 1, 0], [0, 0, 1]], "time": 5, "threads": null}'
    )
    settings = RunSettings.from_file(file)
    assert settings == RunSettings(structure="POSCAR", supercell=((1, 1, 0), (0, 1, 0), (0, 0, 1)), time=5.0)
    file.write_text(settings.to_json())
    assert RunSettings.from_file(file) == settings
    file.write_text('{"structure": "POSCAR", "warp": 9}')
    with pytest.raises(
        ValueError, match="settings.json' does not hold settings of this version .*'warp'.*; start a new"
    ):
        RunSettings.from_file(file)


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
        (QuenchSettings, {"melt_time_ps": float("inf")}, "melt_time_ps is inf; it must be finite"),
        (QuenchSettings, {"cooling_ensemble": "nve"}, "cooling_ensemble is 'nve'; use npt, nvt"),
        (QuenchSettings, {"final_temperature_K": 2000.0}, "final_temperature_K is 2000, not below melt_temperature_K"),
        (QuenchSettings, {"composition": "Li-P-S"}, "nothing"),
        (ThermalSettings, {"current_interval_fs": 40}, "a current every 40 fs ends at 12.5 THz; lower one of them"),
        (TransportSettings, {"temperatures_K": []}, "temperatures_K is empty; give at least one value"),
        (TransportSettings, {"temperatures_K": [500, 500]}, "temperatures_K holds a temperature twice"),
        (
            TransportSettings,
            {"temperatures_K": [500, 600, 700], "production_time_ps": [10, 20]},
            "production_time_ps holds 2 times for 3 temperatures; give one for each, or a single one for all",
        ),
        (TransportSettings, {"temperatures_K": "hot"}, "temperatures_K is ('hot',); it must hold finite numbers"),
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


def test_standard_is_what_was_published():
    """Zhou, Luo, Martin and An: 1,700 K for 250 ps, 5e12 K/s to 300 K, 100 ps of NPT; 300 to 650 K; strains of 1 %."""
    for kind in KINDS:
        assert kind.make("standard") == kind.make() == kind()
    glass = QuenchSettings.make("standard")
    assert (glass.melt_temperature_K, glass.melt_time_ps) == (1700, 250)
    assert glass.cooling_rate_K_per_ps * 1e12 == 5e12 and glass.cooling_time_ps == 280
    assert (glass.final_temperature_K, glass.equilibration_time_ps, glass.pressure_bar) == (300, 100, 1)
    assert glass.replicas == 5
    transport = TransportSettings.make("standard")
    assert transport.temperatures_K == (300, 350, 400, 450, 500, 550, 600, 650)
    assert transport.production_time_ps == (15000, 5000, 1000, 1000, 1000, 1000, 1000, 1000)
    assert ElasticSettings.make("standard").strain == 0.01


def test_productions_have_lengths_of_their_own():
    chosen = TransportSettings.make(temperatures_K=[300, 380, 500])
    assert chosen.production_time_ps == (15000, 5000, 1000)
    assert [chosen.production(T) for T in chosen.temperatures_K] == [(15000, 750), (5000, 250), (1000, 50)]
    for same in (TransportSettings.make("quick"), TransportSettings.make(temperatures_K=300, production_time_ps=200)):
        assert [same.production(T) for T in same.temperatures_K] == [(200, 50)] * len(same.temperatures_K)
    frames = TransportSettings.make(temperatures_K=300.0, production_time_ps=0.25, frame_interval_ps=0.1)
    assert frames.production(300.0) == (pytest.approx(0.3), 50)


def test_presets_and_files_that_are_not_there(tmp_path):
    with pytest.raises(
        ValueError, match="quench: there is no preset 'fast'; use quick or standard, or none, which is standard"
    ):
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
    assert parse_assignment("temperatures_K=500,600", "transport")[1] == [500, 600]
    assert parse_assignment("start=a,b.cif", "quench")[1] == "a,b.cif"
    with pytest.raises(ValueError, match="--set 'melt' is not NAME=VALUE"):
        parse_assignment("melt", "quench")


def test_runs_end_with_a_frame():
    settings = QuenchSettings.make(timestep_fs=3.0, frame_interval_ps=0.1)
    steps = round(settings.frames_time(1.0) / settings.timestep)
    assert steps % settings.steps(settings.frame_interval_ps) == 0
    assert settings.frames_time(1.0) >= 1.0 - settings.timestep
