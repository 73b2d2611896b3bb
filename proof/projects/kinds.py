"""Three kinds of projects: where candidates come from, how one is fetched, set up and tested, and what its tests say."""

import dataclasses
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import tarfile
import tomllib

from . import tests_said

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FETCH_WITHIN = 120  # seconds; a package that takes longer is not small


class Excluded(Exception):
    """Why the rule leaves a candidate out."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    name: str
    version: str


def by_hash(candidates):
    return sorted(candidates, key=lambda one: hashlib.sha256(one.name.encode()).hexdigest())


def listed(file):
    lines = (HERE / file).read_text().splitlines()
    return [Candidate(*line.split()) for line in lines if line and not line.startswith("#")]


def client(words, env, cwd):
    """A package client's run; its failure leaves the candidate out."""
    try:
        subprocess.run(words, env=env, cwd=cwd, timeout=FETCH_WITHIN, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Excluded(f"cannot be fetched: {type(error).__name__}") from error


def unpack(archive, into):
    """The one folder in an archive of sources."""
    with tarfile.open(archive) as tar:
        tar.extractall(into.parent / "unpacked", filter="data")
    inner = list((into.parent / "unpacked").iterdir())
    if len(inner) != 1 or not inner[0].is_dir():
        raise Excluded("is not one folder")
    inner[0].rename(into)


class Rust:
    """The crates of this repository's lock file."""

    name = "rust"
    programs = ("cargo", "rustc")
    setup = "cargo fetch"
    test = "cargo test --offline --no-fail-fast"
    counts = staticmethod(tests_said.cargo)

    def candidates(self):
        packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
        return by_hash({Candidate(one["name"], one["version"]) for one in packages if "source" in one})

    def fetch(self, one, env, into):
        folder = next(self._sources(one), None)
        if folder is None:
            client(["cargo", "fetch", "--locked", "--quiet"], None, ROOT)
            folder = next(self._sources(one), None)
        if folder is None:
            raise Excluded("cannot be fetched: not for this platform")
        texts = [path.read_text(errors="replace") for path in folder.rglob("*.rs")]
        if not any("#[test]" in text for text in texts):
            raise Excluded("ships no tests")
        shutil.copytree(folder, into, symlinks=True)

    def _sources(self, one):
        home = pathlib.Path("~/.cargo").expanduser()
        return home.glob(f"registry/src/*/{one.name}-{one.version}")


class Npm:
    """npm's most downloaded."""

    name = "npm"
    programs = ("node", "npm")
    setup = "npm install --ignore-scripts --no-audit --no-fund"
    test = "npm test --ignore-scripts"
    counts = staticmethod(tests_said.npm)

    def candidates(self):
        return listed("npm.txt")

    def fetch(self, one, env, into):
        client(["npm", "pack", "--silent", "--ignore-scripts", f"{one.name}@{one.version}"], env, into.parent)
        unpack(next(into.parent.glob("*.tgz")), into)
        manifest = json.loads((into / "package.json").read_text())
        script = manifest.get("scripts", {}).get("test", "")
        names = {path.name for path in into.rglob("*") if "node_modules" not in path.parts}
        ships = any(re.match(r"(test|tests|__tests__|spec)$|.*\b(test|spec)\.[cm]?[jt]sx?$", name) for name in names)
        if not script or "no test specified" in script or not ships:
            raise Excluded("ships no tests")


class Pypi:
    """PyPI's most downloaded. What its tests need is read from where packages say it."""

    name = "pypi"
    programs = ("python3",)
    test = ".venv/bin/python -m pytest -q -p no:cacheprovider"
    counts = staticmethod(tests_said.pytest)
    requirements = ("requirements-test.txt", "requirements-tests.txt", "test-requirements.txt", "requirements_test.txt",
                    "tests/requirements.txt", "test/requirements.txt", "requirements-dev.txt", "dev-requirements.txt")
    extras = ("test", "tests", "testing", "dev")

    @property
    def setup(self):
        files = " ".join(self.requirements)
        extras = " ".join(self.extras)
        return (
            "python3 -m venv .venv && .venv/bin/python -m pip install --quiet pytest . && "
            f"for file in {files}; do test ! -f $file || .venv/bin/python -m pip install --quiet -r $file; done && "
            f"for extra in {extras}; do ! grep -qE \"(^|[ .'\\\"])$extra['\\\"]? *[=:] *\\[\" pyproject.toml setup.py setup.cfg 2>/dev/null "
            "|| .venv/bin/python -m pip install --quiet \".[$extra]\"; done"
        )

    def candidates(self):
        return listed("pypi.txt")

    def fetch(self, one, env, into):
        wanted = f"{one.name}=={one.version}"
        words = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", one.name, wanted]
        client(words, env, into.parent)
        archive = next(into.parent.glob("*.tar.gz"), None)
        if archive is None:
            raise Excluded("has no sources")
        unpack(archive, into)
        if not any(re.match(r"test_.*\.py$|.*_test\.py$", path.name) for path in into.rglob("*.py")):
            raise Excluded("ships no tests")


KINDS = (Rust(), Pypi(), Npm())
