"""deploy.sh --release: what is fetched, and what is refused. The releases are a folder; curl is the real one."""

import hashlib
import shutil

import pytest
from account import CODE_BUCKET, account, zip_file  # noqa: F401
from conftest import ROOT

PACKAGE = "connect-quota-monitor-arm64.zip"


@pytest.fixture
def release(tmp_path, zip_file):
    """A folder of releases, and the script alone, as somebody downloads it."""
    files = tmp_path / "repository" / "releases" / "latest" / "download"
    files.mkdir(parents=True)
    shutil.copy(zip_file, files / PACKAGE)
    shutil.copy(ROOT / "template.yaml", files)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(files.iterdir())]
    (files / "SHA256SUMS").write_text("".join(sums))
    shutil.copytree(files, files.parent.parent / "download" / "v1.2.3")
    script = tmp_path / "alone" / "deploy.sh"
    script.parent.mkdir()
    text = (ROOT / "deploy.sh").read_text()
    assert text.count("\nreadonly REPOSITORY=\n") == 1
    script.write_text(text.replace("\nreadonly REPOSITORY=\n", f"\nreadonly REPOSITORY=file://{tmp_path}/repository\n"))
    return files, script


def deploy(account, script, *options):
    return account.run("--email", "on-call@example.com", "--yes", *options, script=script)


@pytest.mark.parametrize("version", ["latest", "v1.2.3"])
def test_a_release_is_deployed_without_anything_else(account, release, version):
    new = account()
    code, said = deploy(new, release[1], "--release", version)
    assert code == 0, said
    assert f"Fetching {PACKAGE} of release {version}" in said and "Its sum is the release's" in said
    assert "template.yaml" in new.read("arguments")
    new.works()


def test_values_are_checked_by_the_releases_template(account, release):
    new = account()
    code, said = deploy(new, release[1], "--release", "latest", "--threshold", "101")
    assert code != 0 and "must be a whole number from 1 to 100" in said
    assert not list((new.state / "buckets").iterdir())


@pytest.mark.parametrize("name", [PACKAGE, "template.yaml"])
def test_what_is_not_the_releases_is_refused(account, release, name):
    files, script = release
    (files / name).write_bytes((files / name).read_bytes() + b"\n")
    new = account()
    code, said = deploy(new, script, "--release", "latest")
    assert code != 0 and f"{name} is not what the release's SHA256SUMS says" in said
    assert not list((new.state / "buckets").iterdir()), "nothing is made of it"


def test_what_the_release_does_not_name_is_refused(account, release):
    files, script = release
    sums = (files / "SHA256SUMS").read_text().splitlines(keepends=True)
    (files / "SHA256SUMS").write_text("".join(line for line in sums if PACKAGE not in line))
    code, said = deploy(account(), script, "--release", "latest")
    assert code != 0 and f"SHA256SUMS does not name {PACKAGE}" in said


def test_a_release_that_is_not_there(account, release):
    code, said = deploy(account(), release[1], "--release", "v9.9.9")
    assert code != 0 and "releases/download/v9.9.9/SHA256SUMS could not be fetched" in said


def test_the_address_is_cargos_or_refused(account, release, tmp_path):
    files, script = release
    script.write_text((ROOT / "deploy.sh").read_text())
    new = account()
    code, said = deploy(new, script, "--release", "latest")
    assert code != 0 and "Cargo.toml states no 'repository'" in said
    (script.parent / "Cargo.toml").write_text(f'[package]\nrepository = "file://{tmp_path}/repository/"\n')
    code, said = deploy(new, script, "--release", "latest")
    assert code == 0, said


def test_the_script_alone_says_what_it_lacks(account, release):
    code, said = deploy(account(), release[1])
    assert code != 0 and "template.yaml is not beside this script" in said and "--release latest" in said


def test_github_is_asked_who_built_it_where_somebody_is_logged_in(account, release):
    for answer, refused in (("exit 0", False), ('[ "$1" = auth ]', True)):
        new = account()
        gh = new.state.parent / "bin" / "gh"
        gh.write_text(f"#!/bin/sh\necho \"$@\" >>{new.state}/gh\n{answer}\n")
        gh.chmod(0o755)
        code, said = deploy(new, release[1], "--release", "latest")
        assert (code != 0) == refused, said
        assert "attestation verify" in new.read("gh") and f"{PACKAGE} --repo" in new.read("gh")
        assert ("does not attest" in said) == refused
        assert (new.state / "buckets" / CODE_BUCKET).exists() != refused


def test_a_dry_run_shows_what_would_be_fetched(account, release):
    new = account()
    code, said = deploy(new, release[1], "--release", "latest", "--dry-run")
    # Its own template is not there to read the constraints from.
    assert code != 0 and "template.yaml is not beside" in said and "curl -fsSL" in said
    shutil.copy(ROOT / "template.yaml", release[1].parent)
    code, said = deploy(new, release[1], "--release", "latest", "--dry-run")
    assert code == 0 and PACKAGE in said and not new.calls, said
