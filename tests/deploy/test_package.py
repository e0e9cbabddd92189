"""The package that `deploy.sh --package-only` built for x86_64 (its path in PACKAGE)."""

import json
import os
import platform
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from deploy.runtime_api import RuntimeApi


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory):
    package = os.environ.get("PACKAGE")
    if not package:
        pytest.skip("PACKAGE is not set: no package was built")
    with zipfile.ZipFile(package) as archive:
        assert archive.namelist() == ["bootstrap"]
        assert archive.getinfo("bootstrap").external_attr >> 16 & 0o111, "it is not executable"
        path = Path(archive.extract("bootstrap", tmp_path_factory.mktemp("package")))
    path.chmod(0o755)
    return path


def test_it_runs_where_lambda_has_glibc_2_34(bootstrap):
    symbols = subprocess.run(
        ["readelf", "--version-info", bootstrap], check=True, capture_output=True, text=True
    ).stdout
    versions = {tuple(map(int, v.split("."))) for v in re.findall(r"Name: GLIBC_([0-9.]+)", symbols)}
    assert versions and max(versions) <= (2, 34)
    libraries = subprocess.run(["readelf", "--dynamic", bootstrap], check=True, capture_output=True, text=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", libraries))
    assert needed <= {
        "libc.so.6",
        "libm.so.6",
        "libgcc_s.so.1",
        "libpthread.so.0",
        "libdl.so.2",
        "ld-linux-x86-64.so.2",
    }


@pytest.mark.skipif("RELEASE_PACKAGE" not in os.environ, reason="PACKAGE is not a release's: its size says nothing")
def test_it_fits(bootstrap):
    assert os.path.getsize(os.environ["PACKAGE"]) < 5_000_000, "a small package starts quickly"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the package is for x86_64")
def test_it_is_the_command_too(bootstrap):
    quotas = subprocess.run([bootstrap, "quotas", "--output", "json"], check=True, capture_output=True, env={})
    assert len(json.loads(quotas.stdout)) > 500


def run(bootstrap, payload, **environment):
    with RuntimeApi() as runtime:
        environment = {
            "AWS_LAMBDA_RUNTIME_API": runtime.address,
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            **environment,
        }
        with subprocess.Popen([bootstrap], env=environment, stdout=subprocess.DEVNULL) as process:
            try:
                failed, answer = runtime.invoke(payload, 120, process)
            finally:
                process.kill()
    return failed, json.loads(answer)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the package is for x86_64")
def test_it_starts_under_the_runtime_api(bootstrap, measured):
    failed, report = run(
        bootstrap,
        b'{"dry_run":true}',
        AWS_ENDPOINT_URL=measured,
        CONNECT_PACING="per-operation",
        INCLUDE_INSTANCES="acme-supp*",
    )
    assert not failed and report["dry_run"] and report["violations"] > 0
    failed, error = run(bootstrap, b"{}", THRESHOLD_PERCENTAGE="0")
    assert failed and error["errorType"] == "ConfigError"
