"""An AWS account in a folder (tests/deploy/aws.sh), and deploy.sh run against it."""

import os
import shutil
import signal
import subprocess
import zipfile

import pytest
from conftest import ROOT

REGION, STACK, EMAIL = "us-east-1", "quotas", "on-call@example.com"
ALARM = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{STACK}/{REGION}/api/ListUsers"
CODE_BUCKET = f"{STACK}-code-123456789012-{REGION}"


class Account:
    """One AWS account in a folder, and deploy.sh run against it."""

    def __init__(self, folder, zip_file):
        self.state, self.zip_file = folder / "state", zip_file
        (self.state / "buckets").mkdir(parents=True)
        programs = folder / "bin"
        programs.mkdir()
        shutil.copy(ROOT / "tests" / "deploy" / "aws.sh", programs / "aws")
        (programs / "sleep").write_text("#!/bin/sh\n")
        (programs / "sleep").chmod(0o755)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "STATE": str(self.state),
            "TMPDIR": str(self.temporary),
        }

    def answers(self, call, code):
        """Lets shell code answer this call, before the others; it may look first, and leave it."""
        aws = self.state.parent / "bin" / "aws"
        anchor = 'number=$(wc -l <"$STATE/calls")\n'
        text = aws.read_text()
        assert anchor in text
        aws.write_text(text.replace(anchor, f'{anchor}if [ "$1 $2" = "{call}" ]; then\n{code}\nfi\n', 1))

    def run(self, *options, trouble="", script=ROOT / "deploy.sh"):
        (self.state / "calls").unlink(missing_ok=True)
        (self.state / "trouble").write_text(f"{trouble}\n" if trouble else "none 0\n")
        # A process group of its own, which gets the Ctrl-C as a terminal's does.
        process = subprocess.Popen(
            ["bash", script, "--stack-name", STACK, "--region", REGION, *options],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        said, _ = process.communicate(timeout=120)
        assert not list(self.temporary.iterdir()), "it leaves files behind"
        return process.returncode, said

    def deploy(self, *options, **more):
        return self.run("--zip", str(self.zip_file), "--email", EMAIL, "--yes", *options, **more)

    def delete(self, **more):
        return self.run("--delete", "--yes", **more)

    def settle(self):
        """Time passes: CloudFormation ends what it has begun."""
        subprocess.run([ROOT / "tests" / "deploy" / "aws.sh", "settle"], env=self.environment, check=True)

    def has(self, name):
        return (self.state / name).exists()

    def read(self, name):
        return (self.state / name).read_text().strip() if self.has(name) else ""

    @property
    def calls(self):
        return self.read("calls").splitlines()

    def works(self):
        bucket = self.state / "buckets" / CODE_BUCKET
        assert self.read("status") in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        assert self.read("rule") == "ENABLED" and self.has("function")
        assert bucket.is_dir() and all(bucket.with_name(f"{CODE_BUCKET}.{s}").exists() for s in ("tag", "block", "policy"))

    def left(self):
        """What is there that costs money or watches, by the word that must name it."""
        names = {"table": "table-1", "alarms": f"{STACK}/{REGION}/", "rule": "rule-1"}
        found = {word for file, word in names.items() if self.has(file)}
        return found | {path.name for path in (self.state / "buckets").iterdir() if path.is_dir()}


@pytest.fixture(scope="session")
def zip_file(tmp_path_factory):
    """As much of a program as deploy.sh looks at."""
    path = tmp_path_factory.mktemp("zip") / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.create_system, entry.external_attr = 3, 0o100755 << 16
        archive.writestr(entry, b"\x7fELF" + bytes(14) + b"\xb7\x00" + bytes(44) + b"GLIBC_2.34\n")
    return path


@pytest.fixture
def account(tmp_path, zip_file):
    count = 0

    def new():
        nonlocal count
        count += 1
        return Account(tmp_path / f"account-{count}", zip_file)

    return new
