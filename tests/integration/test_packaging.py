"""What a stranger installs is the house and nothing else, whichever way they install it.

Everything is built from a copy of the tree and imported by a fresh interpreter in isolated mode, so that
neither the repository nor an earlier build can help.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "domain": "turnlog/domain",
    "projections": "turnlog/projections",
    "infrastructure": "turnlog/infrastructure",
}
LEFT_BEHIND = (".git", ".venv", "*.egg-info", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")

IMPORT_EVERYTHING = """
import importlib, importlib.resources, json, pkgutil
import turnlog

names = [found.name for found in pkgutil.walk_packages(turnlog.__path__, "turnlog.")]
modules = [turnlog, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
assert importlib.resources.files("turnlog").joinpath("py.typed").is_file()
print(json.dumps({module.__name__: module.__file__ for module in modules}))
"""


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_of_the_tree(target: Path) -> Path:
    return shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))


def packaged_files() -> set[str]:
    """Where each file of the house lies in a wheel."""
    folders = {**ROOMS, "turnlog": "turnlog"}
    linked = [ROOT / link for link in ROOMS.values()]
    return {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in folders.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not any(path.is_relative_to(link) for link in linked)
    }


@dataclass(frozen=True)
class Environment:
    """An environment of one's own that sees this one's dependencies, but not the house."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Environment":
        venv.create(folder)
        made = cls(folder)
        # Path files are not read in folders that a path file adds, so our own editable install stays unseen.
        (made.site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
        return made

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder), "platbase": str(self.folder)}))

    def install(self, *what: str | Path) -> None:
        offline = (
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            "--quiet",
            "--disable-pip-version-check",
        )
        run(sys.executable, "-P", "-m", "pip", "--python", self.python, "install", *offline, *what)

    def answer(self, code: str) -> str:
        return run(self.python, "-I", "-c", code)

    def modules_of_the_house(self) -> dict[str, Path]:
        return {name: Path(file) for name, file in json.loads(self.answer(IMPORT_EVERYTHING)).items()}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.make(tmp_path / "environment")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    tree = copy_of_the_tree(folder / "tree")
    run(sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", folder, tree)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of somebody else's package that is called `domain`."""
    wheel = tmp_path_factory.mktemp("stranger") / "stranger-1.0-py3-none-any.whl"
    about = "stranger-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("domain/__init__.py", "OWNER = 'the stranger'\n")
        archive.writestr("domain/events.py", "")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return wheel


def test_a_wheel_holds_each_file_of_the_house_once_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert len(names) == len(set(names))
    assert {name for name in names if ".dist-info/" not in name} == packaged_files()


def test_a_wheel_carries_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (about,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(f"{about}/METADATA").decode()
        licence = archive.read(f"{about}/licenses/LICENSE").decode()

    assert "License-Expression: Apache-2.0\n" in metadata
    assert licence == (ROOT / "LICENSE").read_text("utf-8")


def test_an_sdist_holds_the_rooms_themselves_and_no_links(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()

    files = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert [member.name for member in members if member.issym() or member.islnk()] == []
    assert {"pyproject.toml", "LICENSE", "domain/__init__.py", "turnlog/py.typed"} <= files
    assert [name for name in files if name.startswith(tuple(ROOMS.values()))] == []


def test_an_installed_wheel_imports_from_where_it_was_installed(environment: Environment, wheel: Path) -> None:
    environment.install(wheel)

    modules = environment.modules_of_the_house()
    where = {path.relative_to(environment.site).as_posix() for path in modules.values()}
    assert where == {name for name in packaged_files() if name.endswith(".py") and "__main__" not in name}


def test_a_tree_installs_what_the_wheel_of_its_sdist_installs(
    environment: Environment, wheel: Path, tmp_path: Path
) -> None:
    environment.install(copy_of_the_tree(tmp_path / "tree"))

    installed = {
        path.relative_to(environment.site).as_posix()
        for path in (environment.site / "turnlog").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        assert installed == {name for name in archive.namelist() if name.startswith("turnlog/")}
    assert all(path.is_relative_to(environment.site) for path in environment.modules_of_the_house().values())


def test_an_editable_install_imports_each_module_from_the_tree(environment: Environment, tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path / "tree")
    environment.install("--editable", tree)
    (tree / "domain" / "written_later.py").write_text("", "utf-8")

    modules = environment.modules_of_the_house()
    assert all(path.is_relative_to(tree) for path in modules.values())
    assert modules["turnlog.domain.written_later"].resolve() == (tree / "domain" / "written_later.py").resolve()


@pytest.mark.parametrize("way", ["wheel", "editable"])
@pytest.mark.parametrize("order", ["theirs first", "ours first"])
def test_a_strangers_own_domain_package_lives_beside_ours(
    environment: Environment, wheel: Path, stranger: Path, tmp_path: Path, way: str, order: str
) -> None:
    ours = (wheel,) if way == "wheel" else ("--editable", copy_of_the_tree(tmp_path / "tree"))
    for what in [(stranger,), ours] if order == "theirs first" else [ours, (stranger,)]:
        environment.install(*what)

    assert environment.answer("import domain; print(domain.OWNER)") == "the stranger\n"
    assert environment.answer("import turnlog.domain, domain; print(turnlog.domain is domain)") == "False\n"
    assert "turnlog.domain.decisions" in environment.modules_of_the_house()
