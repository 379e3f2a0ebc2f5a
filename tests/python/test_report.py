# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""From the command line to a report in a real browser: quench, transport, report, with the packaged model, in small."""

import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from browser_support import look
from openmmlps.cli import app
from openmmlps.observables import State
from openmmlps.references import References, read_table
from openmmlps.report import content, snapshots, write_report
from openmmlps.report.style import picture
from openmmlps.report.transport_section import temperature_warning

MACHINE = ["--platform", "CPU", "--threads", "1", "--model", "lps-fast"]
QUENCH = {
    "melt_temperature_K": 1500,
    "melt_time_ps": 0.6,
    "cooling_rate_K_per_ps": 2000,
    "equilibration_time_ps": 0.6,
    "frame_interval_ps": 0.02,
    "thermo_interval_ps": 0.02,
}
TRANSPORT = {
    "cell_time_ps": 0.5,
    "equilibration_time_ps": 0.2,
    "production_time_ps": 1.6,
    "frame_interval_ps": 0.02,
    "thermo_interval_ps": 0.02,
}


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def assignments(values):
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A glass, its transport, a short NVE run; without the picture of each stage, which takes a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openmmlps.app.run.Run._draw", lambda run: None)
        return make_folders(tmp_path_factory)


def make_folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("report")
    glass, transport, run = base / "glass", base / "glass-transport", base / "run"
    options = ["--atoms", 64, "--replicas", 2, "--preset", "quick", *assignments(QUENCH), *MACHINE]
    call("quench", "--composition", 75, *options, "-o", glass)
    options = ["--preset", "quick", "--temperatures", "900,1200", *assignments(TRANSPORT), *MACHINE]
    call("transport", glass, *options, "-o", transport)
    length = ["--time", "4.2 ps", "--timestep", "2", "--report-interval", "0.01 ps", "--ensemble", "nve"]
    call("run", "gamma-Li3PS4", "--temperature", 300, *length, *MACHINE, "-o", run)
    return glass, transport, run


@pytest.fixture(scope="module")
def report(folders, tmp_path_factory):
    """The page that the command writes, and the findings that went into it."""
    import openmmlps.report

    file, kept = tmp_path_factory.mktemp("page") / "report.html", []

    def keep(path, found, title):
        kept.extend(found)
        write_report(path, found, title)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openmmlps.report, "write_report", keep)
        result = call("report", *folders, "-o", file)
    assert re.search(r"report\.html \(\d\.\d MB\)", result.output)
    return file, kept


@pytest.fixture(scope="module")
def page(report):
    return report[0]


@pytest.fixture(scope="module")
def findings(report):
    assert report[1][0].kind == "comparison"
    return report[1][1:]


def test_report_in_a_browser(page, tmp_path):
    found, messages = look(page, (1280, 390), tmp_path)
    assert messages == []
    assert [entry["width"] for entry in found] == [1280, 390]
    for entry in found:
        assert entry["pictures"] >= 15 and entry["missing"] == []
        assert entry["scroll"] <= entry["client"] == entry["width"], entry
        assert entry["wide"] == [] and entry["small"] == 0
        assert len(entry["colors"]) == 3 and min(entry["colors"]) > 500  # three structures are drawn
        assert entry["controls"] == 13 and entry["outside"] == []
    assert found[1]["height"] > found[0]["height"]


def test_the_browser_test_can_fail(tmp_path):
    bad = tmp_path / "bad.html"
    picture = '<img src="missing.png" alt="gone"><a href="http://example.org">x</a>'
    bad.write_text(
        f'<script>nothing()</script>{picture}<p style="width:2000px;font-size:8px">wide</p><canvas></canvas>'
    )
    found, messages = look(bad, (390,), tmp_path)
    assert "Uncaught ReferenceError: nothing is not defined" in messages
    entry = found[0]
    assert entry["missing"] == ["gone"] and entry["scroll"] > 2000 and len(entry["wide"]) == 1
    assert entry["small"] == 1 and entry["colors"] == [0] and "http://example.org" in entry["outside"]


def test_report_holds_everything(page, folders):
    text = page.read_text()
    assert "http" not in re.sub(r"https?://www\.w3\.org\S*", "", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    record = json.loads((folders[0] / "inputs" / "protocol.json").read_text())
    for needed in (record["model"]["sha256"], "OpenMM 8", "CPU", "Zhou", "What to keep in mind", "only 2 replicas"):
        assert needed in text
    for heading in (
        "Anions of the glass",
        "Diffusion and conductivity",
        "Melting, cooling, equilibration",
        "Vibrations",
    ):
        assert heading in text


def test_every_picture_and_table_is_a_file(folders):
    for folder in folders:
        files = {file.name for file in (folder / "analysis").iterdir()}
        assert any(name.endswith(".png") for name in files)
        for name in sorted(files - {".files"}):
            if name.endswith(".png"):
                assert (folder / "analysis" / name).read_bytes().startswith(b"\x89PNG")
                assert {name.replace(".png", ".csv"), name.replace(".png", ".svg")} <= files
            elif name.endswith(".svg"):
                assert b"<svg" in (folder / "analysis" / name).read_bytes()
            else:
                rows = list(csv.reader((folder / "analysis" / name).read_text().splitlines()))
                assert len(rows) > 1 and len({len(row) for row in rows}) == 1, name


def test_numbers_of_the_report_are_those_of_the_trajectory(folders, findings):
    from openmmlps import analysis
    from openmmlps.app.thermo_file import read_thermo

    found, densities, shares = findings[0], [], []
    for replica in ("replica-1", "replica-2"):
        run = folders[0] / replica / "equilibrate"
        thermo = read_thermo(run / "thermo.csv")
        densities.append(thermo["density_g_per_cm3"][len(thermo["step"]) // 2 :].mean())
        trajectory = analysis.read(run / "trajectory.h5")
        speciation = analysis.classify_anions(trajectory[len(trajectory) // 2 :])
        shares.append(100 * speciation.q_n_fractions("P")[0])
    value, error = map(float, found.results[0].value.split(" ± "))
    assert value == pytest.approx(np.mean(densities), abs=2e-2 * error + 1e-2)
    two_samples = 12.706  # Student's t at 97.5 % with one degree of freedom
    assert error == pytest.approx(two_samples * np.std(densities, ddof=1) / np.sqrt(2), rel=0.1)
    assert float(found.results[1].value.split(" ± ")[0]) == pytest.approx(np.mean(shares), abs=1)  # with an interval
    table = next(item for s in found.sections for item in s.items if item.name == "glass-qn-P")
    assert table.rows[0][1].value == pytest.approx(np.mean(shares), abs=0.06)
    assert table.rows[0][2] == 93.2  # Zhou, 75 % Li2S


def test_warnings_are_in_plain_words(findings):
    glass, transport, _ = findings
    assert any("the cell is" in text and "Å wide, below 20 Å" in text for text in glass.warnings)
    assert any("faster than published quenches" in text for text in glass.warnings)
    assert any("1 replica at each temperature" in text for text in transport.warnings)
    assert any(re.search(r"900 K: .*(not diffusive|not distinguishable)", text) for text in transport.warnings)
    assert any("the conductivity at 300 K is not determined: " in text for text in transport.warnings)
    assert [result.value for result in transport.results[:3]] == ["not determined"] * 3


def test_temperature_off_by_chance_is_told_from_one_that_is_not():
    """Over many starts, constant-energy runs of 192 atoms at 500 K have mean temperatures that spread by 500 K / sqrt(3 * 192) = 21 K."""

    def warning(mean, ensemble="nve", replicas=1):
        found = temperature_warning(State((), ("",) * replicas, 500.0, mean), ensemble, atoms=192)
        return found[0] if found else None

    assert warning(476) is warning(524) is None
    assert warning(545).startswith(
        "500 K: production ran at 545 K, which is used; energies drawn at 500 K give ±21 K with 192 atoms"
    )
    assert "±15 K with 192 atoms and 2 replicas" in warning(540, replicas=2)
    for other in (warning(435), warning(565), warning(565, replicas=2), warning(545, replicas=4), warning(545, "nvt")):
        assert other.endswith("equilibrate longer to hit the target")


def test_analyze_prints_results(folders):
    output = call("analyze", folders[0]).output
    assert "density at 300 K" in output and "1.85 (Zhou), 1.84 (Zhou, classical MD), 1.88" in output
    assert re.search(r"written: .*analysis/ \(\d+ files\)", output)


def test_analysis_says_how_far_it_is(folders, monkeypatch):
    monkeypatch.setattr("openmmlps.cli.report_commands.LINE_SECONDS", 0.0)
    assert re.search(r"run: trajectory\.h5, frame \d+ of \d+\n", call("analyze", folders[2]).output)


def test_status_is_a_table(folders):
    output = call("status", *folders).output
    assert re.search(r"glass-transport +transport +finished +100 % ", output)
    assert re.search(r"run +nve +finished +100 % +- +4\.2 ps", output)
    status = folders[2] / "status.json"
    record = json.loads(status.read_text())
    try:
        status.write_text(json.dumps(record | {"state": "running", "updated": "2020-01-01T00:00:00+00:00"}))
        assert re.search(r"run +nve +silent ", call("status", folders[2]).output)
        status.write_text("{")
        assert "status.json' is damaged" in call("status", folders[2], code=2).stderr
    finally:
        status.write_text(json.dumps(record))


@pytest.mark.parametrize("case", ["one frame", "no anions", "cluster"])
def test_small_and_odd_runs(case, tmp_path):
    """A report on whatever there is, with what cannot be said left out."""
    structure, length, options = {
        "one frame": ("gamma-Li3PS4", "1 fs", []),
        "no anions": ("Li2S", "40 fs", ["--ensemble", "npt"]),
        "cluster": (tmp_path / "cluster.xyz", "40 fs", []),
    }[case]
    corners = "".join(
        f"S {x} {y} {z}\n" for x, y, z in ((1.2, 1.2, 1.2), (-1.2, -1.2, 1.2), (1.2, -1.2, -1.2), (-1.2, 1.2, -1.2))
    )
    (tmp_path / "cluster.xyz").write_text(f"5\n\nP 0 0 0\n{corners}")
    run = tmp_path / "odd"
    call("run", structure, "--time", length, "--report-interval", "10 fs", *options, *MACHINE, "-o", run)
    call("report", run)
    text = (run / "report.html").read_text()
    assert "Thermodynamics" in text
    assert ("Anions" in text) == (case == "one frame")
    assert ("<canvas" in text) == (case != "cluster")


def test_unfinished_protocol_says_how_to_go_on(folders, tmp_path):
    import shutil

    for folder, protocol in zip(folders[:2], ("quench", "transport"), strict=True):
        copy = tmp_path / protocol
        shutil.copytree(folder, copy)
        for result in copy.rglob("result.json"):
            result.unlink()
        assert f"continue with: openmm-lps {protocol} --resume --output {copy}" in refused("report", copy)


def test_report_that_fails_keeps_the_old_one(folders, tmp_path):
    """Of two folders the second cannot be read: neither the page nor the pictures of the first are replaced."""
    import shutil

    run = shutil.copytree(folders[2], tmp_path / "run")
    page, picture = tmp_path / "report.html", run / "analysis" / "run-history.png"
    picture.parent.mkdir(exist_ok=True)
    page.write_text("old")
    picture.write_bytes(b"old")
    assert "holds neither a run nor a protocol" in refused("report", run, tmp_path, "-o", page)
    assert page.read_text() == "old" and picture.read_bytes() == b"old"
    settings = folders[2] / "inputs" / "settings.json"
    before = settings.read_bytes()
    assert "give the path of an .html file" in refused("report", folders[2], "-o", settings)
    assert settings.read_bytes() == before


def refused(*arguments):
    result = call(*arguments, code=2)
    return " ".join(result.stderr.split())


def test_refusals(folders, tmp_path):
    assert "does not exist; give the folder of a run or of a protocol" in refused("analyze", tmp_path / "none")
    assert "holds neither a run nor a protocol of openmm-lps" in refused("report", tmp_path)
    (tmp_path / "file.h5").touch()
    assert "is a file; give folders, and trajectories to openmm-lps analyze" in refused("report", tmp_path / "file.h5")
    assert "has no status.json; give the folder" in refused("status", tmp_path)
    assert "cannot be written; give the path of an .html file" in refused(
        "report", folders[0], "-o", tmp_path / "a" / "b.html"
    )
    assert "two folders have the same name" in refused("report", folders[0], folders[0])
    assert "--resume continues and --overwrite replaces" in refused(
        "quench", "--resume", "--overwrite", "-o", folders[0]
    )
    assert "which one to continue? name its folder" in refused("quench", "--resume")
    assert "composition cannot change once a protocol has begun" in refused(
        "quench", "--resume", "--composition", 70, "-o", folders[0]
    )
    (tmp_path / "cluster.xyz").write_text("1\n\nLi 0 0 0\n")
    assert "is not periodic; give a crystal or a glass with a cell" in refused("elastic", tmp_path / "cluster.xyz")
    assert "--supercell: '2x2' is not three repeats" in refused("transport", "beta-Li3PS4", "--supercell", "2x2")
    assert "--temperatures: 'hot' is not a list of numbers" in refused("transport", "--temperatures", "hot")
    assert "unknown setting 'melt_time'; did you mean 'melt_time_ps'?" in refused("quench", "--set", "melt_time=3")


@pytest.mark.parametrize("command", ["quench", "transport", "elastic", "relax"])
def test_write_config_can_be_read_back(command, tmp_path):
    output = call(command, "--preset", "quick", "--write-config").output
    file = tmp_path / "settings.toml"
    file.write_text(output)
    assert call(command, "--config", file, "--write-config").output == output
    assert "openmm-lps " in call(command, "--help").output


def test_numbers_as_text():
    assert content.rounded(1.23456, 0.0123) == "1.235 ± 0.012"
    assert content.rounded(299.7, 1.43) == "299.7 ± 1.4"
    assert content.rounded(8.1e-6, 1.1e-6) == "(8.1 ± 1.1)×10⁻⁶"
    assert content.rounded(2.5e-8) == "2.50×10⁻⁸"
    assert content.rounded(float("nan")) == "–" and content.rounded(0.0) == "0"
    assert content.rounded(-0.02, 0.016) == "-0.020 ± 0.016"
    assert content.pretty("beta-Li3PS4") == "β-Li₃PS₄" and content.pretty("my file 2") == "my file 2"


def test_csv_has_errors_in_columns_of_their_own():
    rows = (("a", content.Measured(1.0, 0.25), 3), ("b", "-", 4))
    table = content.Table("name", "caption", ("", "D", "n"), rows)
    assert table.to_csv() == ",D,half width of the 95 % interval of D,n\na,1,0.25,3\nb,-,,4\n"
    assert table.heads == ("", "D, ± 95 %", "n")
    assert str(rows[0][1]) == "1.00 ± 0.25"


def test_only_files_of_an_earlier_analysis_are_removed(tmp_path):
    def write(*names):
        tables = [content.Table(name, "", ("n",), ((1,),)) for name in names]
        found = content.Findings("x", "run", "title", "", sections=[content.Section("key", "title", items=tables)])
        return found.write(tmp_path)

    (tmp_path / "thermo.csv").write_text("mine")
    assert write("first", "second") == ["first.csv", "second.csv"]
    assert write("second") == ["second.csv"]
    assert {file.name for file in tmp_path.glob("*.csv")} == {"thermo.csv", "second.csv"}


def test_published_values_are_found_by_composition(tmp_path):
    glass = {"Li": 72, "P": 24, "S": 96}
    known = References.of(glass, "glass")
    assert known.quote("density", "", 300).startswith("1.85 (Zhou), 1.84 (Zhou, classical MD), 1.88 (Zhou, experiment)")
    assert known.quote("conductivity", "", 300) == "3.6 (Zhou), 0.3–1 (Zhou, experiment)"
    assert known.quote("conductivity", "", 600) == ""
    assert known.tuples("q_n", ("P0", "P1", "P9")) == "93.2 / 6.8 / – (Zhou)"
    assert References.of({"Li": 2, "S": 1}, "glass").rows == ()
    assert References.of(glass, "beta-Li3PS4").quote("density") == "1.853 (Homma)"
    table = tmp_path / "mine.csv"
    table.write_text("quantity,composition,x,value,source\ndensity,Li3PS4,,1.9,me\nstructure_factor,,1.5,0.7,me\n")
    mine = References.of(glass, "glass", [table])
    assert mine.quote("density").endswith(", 1.9 (me)") and mine.sources["me"] == "given with --reference"
    assert [list(values) for values in mine.curves("structure_factor")["me"]] == [[1.5], [0.7]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantity,size\n", r"has a column 'size'; columns are quantity, of,"),
        ("of,value\n", r"has no column 'quantity'"),
        ("quantity,value\ndensity,high\n", r"line 2: value is 'high', which is no number"),
        ("quantity,value\ndensity,\n", r"line 2: neither a value nor a range"),
        ("quantity,composition,value\ndensity,lithium,1\n", r"line 2: composition is 'lithium'; write a formula"),
    ],
)
def test_tables_of_references_that_cannot_be_read(text, message, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        list(read_table(tmp_path / "bad.csv"))


def test_snapshot_keeps_anions_whole():
    from openmmlps.app import load

    loaded = load("Li7P3S11")
    found = snapshots.fold(loaded.symbols, loaded.positions._value * 10, loaded.box._value * 10, "cell")
    bonds = np.array(found.bonds)
    assert len(bonds) == 6 * 4  # every P has its four S, the bridging S of P2S7 may lie at one of its two P
    lengths = np.linalg.norm(found.positions[bonds[:, 0]] - found.positions[bonds[:, 1]], axis=1)
    assert lengths.max() < 2.6


def test_structure_of_a_run_has_the_grades_of_its_atoms(page, findings):
    (run,) = (found for found in findings if found.kind == "run")
    grades = run.snapshots[0].grades
    assert len(grades) == len(run.snapshots[0].symbols) and 0 < min(grades) < max(grades) < 3
    assert any("extrapolation grade above 1" in text for text in run.warnings) == (max(grades) > 1)
    assert f'"grades":[{grades[0]:.2g}' in page.read_text()


def test_names_are_escaped(tmp_path):
    found = content.Findings("x", "run", "<script>alert(1)</script>", "a & b", warnings=["1 < 2 & <b>"])
    found.snapshots = [content.Snapshot("</script><b>", ("Li",), [[0, 0, 0]], np.eye(3), ())]
    write_report(tmp_path / "report.html", [found])
    text = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in text and "1 &lt; 2 &amp; &lt;b&gt;" in text and "</script><b>" not in text


FOREIGN = "module://some_notebook.backend"  # a notebook sets such a name for its children


def test_pictures_do_not_ask_for_the_backend_of_the_surroundings(tmp_path):
    """Matplotlib itself cannot even be imported under such a name, so this needs a process of its own."""
    program = "from openmmlps.report.style import picture; print(len(picture(lambda axes: axes.plot([1, 2])).png))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"MPLBACKEND": FOREIGN},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) > 1000


def test_picture_that_fails_is_a_warning(folders, tmp_path, monkeypatch):
    """A report says which pictures are missing and why, and holds everything else."""

    def broken(self, *arguments, **options):
        raise OSError("no font")

    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.print_png", broken)
    assert picture(lambda axes: None).problem == "OSError: no font"
    call("report", folders[2], "-o", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "run-history" in text and "could not be drawn (OSError: no font); the numbers are in the CSV files" in text
    assert "<img" not in text and "density (g/cm³)" in text
