# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""What the packages promise: the recipe agrees with pyproject.toml, and entry points and extras are there."""

import re
import shutil
import subprocess
import warnings
from importlib.metadata import entry_points, requires, version
from pathlib import Path

import pytest
import yaml

import openmmlps

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging" / "conda" / "recipe.yaml"


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def recipe():
    """The recipe with its own variables filled in."""
    text = RECIPE.read_text()
    for name, value in yaml.safe_load(text)["context"].items():
        text = re.sub(r"\$\{\{ *" + name + r" *\}\}", str(value), text)
    return yaml.safe_load(text)


def test_recipe_has_the_parts_of_a_recipe(recipe):
    assert recipe["schema_version"] == 1
    assert set(recipe) == {
        "schema_version", "context", "package", "source", "build", "requirements", "tests", "about", "extra",
    }  # fmt: skip
    assert set(recipe["requirements"]) == {"build", "host", "run"}
    assert recipe["package"] == {"name": "openmm-lps", "version": openmmlps.__version__}
    assert (ROOT / recipe["about"]["license_file"]).is_file()
    unresolved = re.findall(r"\$\{\{(.*?)\}\}", str(recipe))
    assert [text.strip() for text in unresolved] == ['compiler("cxx")', 'stdlib("c")']


def test_rattler_build_accepts_the_recipe():
    """It refuses unknown keys and wrong values."""
    rattler_build = pytest.importorskip("rattler_build")
    recipe = rattler_build.Stage0Recipe.from_file(str(RECIPE))
    assert list(recipe.render(rattler_build.VariantConfig({"c_stdlib": ["sysroot"]})))


def test_recipe_pins_the_minor_version_of_openmm(recipe):
    pin = f"openmm {openmmlps._build.openmm_minor}.*"
    assert pin in recipe["requirements"]["host"] and pin in recipe["requirements"]["run"]


def test_recipe_needs_what_the_wheel_needs(recipe, project):
    def names(items):
        return {re.split(r"[ ;<>=\[]", item)[0].lower() for item in items}

    conda = {"matplotlib-base": "matplotlib"}
    found = {conda.get(name, name) for name in names(recipe["requirements"]["run"])} - {"python"}
    assert found == names(project["dependencies"])
    (script,) = recipe["build"]["python"]["entry_points"]
    assert script == f"openmm-lps = {project['scripts']['openmm-lps']}"


def test_cmake_writes_the_entry_points_of_the_wheel(project):
    text = (ROOT / "wrappers" / "python" / "CMakeLists.txt").read_text()
    for group in (project["scripts"], project["entry-points"]["openmmml.potentials"]):
        for name, target in group.items():
            assert f"{name} = {target}" in text


def test_installed_metadata(project):
    assert version("openmm-lps") == openmmlps.__version__
    (potential,) = [entry for entry in entry_points(group="openmmml.potentials") if entry.name == "lps"]
    assert potential.value == "openmmlps.mlpotential:LPSPotentialImplFactory"
    minor = openmmlps._build.openmm_minor
    pins = [line for line in requires("openmm-lps") if line.lower().startswith("openmm") and "extra" not in line]
    following = ".".join([minor.split(".")[0], str(int(minor.split(".")[1]) + 1)])
    assert len(pins) == 1 and f">={minor}" in pins[0] and f"<{following}" in pins[0]
    assert {"cuda12", "cuda13", "hip6", "hip7", "openmmml"} <= set(project["optional-dependencies"])


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("ninja")), reason="no CMake or no Ninja")
@pytest.mark.parametrize(
    ("version", "option", "said"),
    [
        ((1, 2, 0), "OFF", r" highway 1\.2\.0;"),
        ((9, 0, 1), "OFF", r" highway from third_party \(the system's 9\.0\.1 is not between 1\.0\.3 and [0-9.]+\);"),
        ((1, 2, 0), "ON", r"Headers: eigen from third_party; json from third_party; highway from third_party;"),
    ],
)
def test_headers_are_those_of_the_system_only_if_tested(tmp_path, version, option, said):
    (tmp_path / "system/hwy").mkdir(parents=True)
    (tmp_path / "system/hwy/highway.h").touch()
    names = zip(("MAJOR", "MINOR", "PATCH"), version, strict=True)
    (tmp_path / "system/hwy/base.h").write_text("".join(f"#define HWY_{name} {number}\n" for name, number in names))
    module = ROOT / "devtools/cmake/Headers.cmake"
    (tmp_path / "CMakeLists.txt").write_text(
        f'cmake_minimum_required(VERSION 3.20)\nproject(x NONE)\ninclude("{module}")\n'
    )
    options = ["-G", "Ninja", f"-DLPS_HIGHWAY_INCLUDE={tmp_path}/system", f"-DLPS_CARRIED_HEADERS={option}"]
    output = subprocess.run(
        ["cmake", "-B", "build", *options], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert re.search(said, output.stdout)
    carried = tmp_path / "build/third_party/highway/hwy/highway.h"
    assert carried.is_file() == ("from third_party" in output.stdout)  # one archive holds all three


@pytest.mark.parametrize("module", [__name__, "openmmlps", "openmmlps.ase", "app_support"])
def test_our_own_warnings_fail_a_test(module):
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("ours", DeprecationWarning, "file.py", 1, module)


def test_warnings_of_other_packages_do_not_fail_a_test():
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn_explicit("theirs", DeprecationWarning, "file.py", 1, "ase.atoms")
    assert len(seen) == 1
