import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))


def cargo(*arguments):
    subprocess.run(["cargo", *arguments], cwd=ROOT, check=True)


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """A package as the build makes it, of the program that the other tests use too."""
    binary = target() / "debug" / "connect-quota-monitor"
    if not binary.exists():
        cargo("build", "--locked", "--bin", "connect-quota-monitor")
    folder = tmp_path_factory.mktemp("package")
    small = folder / "bootstrap"
    subprocess.run(["strip", "-o", small, binary], check=True)
    path = folder / "bootstrap.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(small, "bootstrap")
    return path


@pytest.fixture(scope="session")
def measured():
    """The simulated Connect, Service Quotas and CloudWatch; yields their address."""
    binary = target() / "debug" / "examples" / "serve"
    if not binary.exists():
        cargo("build", "--locked", "-p", "simaws", "--example", "serve")
    with subprocess.Popen([binary, "0"], stdout=subprocess.PIPE, text=True) as process:
        url = re.search(r"AWS_ENDPOINT_URL=(\S+)", process.stdout.readline())[1]
        yield url
        process.kill()


class Fleet:
    """The simulated accounts and Regions of a fleet; `say` changes something there."""

    def __init__(self, process):
        self._process = process
        self.url = re.search(r"AWS_ENDPOINT_URL=(\S+)", process.stdout.readline())[1]
        while not process.stdout.readline().startswith("export FLEET_ROLE_NAME"):
            pass

    def say(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture
def fleet():
    binary = target() / "debug" / "examples" / "serve_fleet"
    if not binary.exists():
        cargo("build", "--locked", "-p", "simaws", "--example", "serve_fleet")
    with subprocess.Popen([binary, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Fleet(process)
        process.kill()


@pytest.fixture(scope="session")
def _cloud():
    from deploy import cloud

    running = cloud.start()
    yield running
    running.stop()


@pytest.fixture
def aws(_cloud):
    _cloud.reset()
    _cloud.measured = None
    return _cloud


@pytest.fixture(scope="session")
def tool():
    """Finds a program beside this Python, or on the path."""

    def find(name):
        beside = Path(sys.executable).parent / name
        found = str(beside) if beside.exists() else shutil.which(name)
        assert found, f"{name} is not installed: pip install -r tests/requirements.txt"
        return found

    return find
