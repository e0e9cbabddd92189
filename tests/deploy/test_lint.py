"""Linters, with warnings as errors."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT
from template import TEMPLATE

#: What people run: both work with the bash of macOS.
PEOPLES = ["deploy.sh", "fleet/deploy.sh"]
SCRIPTS = [*PEOPLES, *(str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.sh"))]


def clean(*command, **options):
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "us-gov-west-1"])
def test_cfn_lint(tool, region):
    clean(tool("cfn-lint"), "--template", "template.yaml", "--regions", region, "--non-zero-exit-code", "informational")


@pytest.mark.parametrize("example", sorted((ROOT / "docs" / "examples").glob("*.json")), ids=lambda path: path.name)
def test_cfn_lint_of_examples(tool, example):
    clean(tool("cfn-lint"), "--template", str(example), "--regions", "us-east-1", "--non-zero-exit-code", "informational")


def test_checkov():
    program = os.environ.get("CHECKOV", "checkov")
    said = clean(
        program, "--file", "template.yaml", "--framework", "cloudformation", "--quiet", "--compact", "--skip-download"
    )
    assert re.search(r"Failed checks: 0\b", said), said


def test_every_skip_is_justified_in_place():
    skips = [
        (name, skip)
        for name, resource in TEMPLATE["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    for name, skip in skips:
        assert len(skip["comment"]) > 40, f"{name} skips {skip['id']} without a reason"
    assert "checkov:skip" not in (ROOT / "template.yaml").read_text()


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck(tool, script):
    clean(tool("shellcheck"), script)


#: What bash 3.2, which macOS still ships, does not know.
NEWER_THAN_BASH_3_2 = {
    "associative arrays": r"\b(declare|local|typeset)\s+-[a-z]*A",
    "namerefs": r"\b(declare|local|typeset)\s+-[a-z]*n\b",
    "mapfile": r"\b(mapfile|readarray)\b",
    "changes of case": r"\$\{[^}]*(\^|,)[^}]*\}",
    "@ operators": r"\$\{[^}]*@[A-Za-z]\}",
    "&>>": r"&>>",
    "|&": r"\|&",
    "fallthrough": r";;&|;&",
    "coproc": r"\bcoproc\b",
    "negative subscripts": r"\[-[0-9]+\]",
    "wait -n": r"\bwait\s+-n",
    "printf %(": r"printf[^|;]*%\(",
    "test -v": r"\[\[?\s+-v\b",
    "EPOCHSECONDS": r"\bEPOCH(SECONDS|REALTIME)\b",
    "globstar": r"\bshopt\b",
    "readonly subshell fds": r"\{[a-z]+\}[<>]",
}

#: What the tools of macOS do not know.
NOT_ON_MACOS = {
    "GNU sed": r"\bsed\s+(-i|--)",
    "GNU alternation in sed or grep": r"\b(sed|grep)\s+(?!-[a-zA-Z]*E)[^|]*\\\|",
    "grep -P": r"\bgrep\s+-[a-zA-Z]*P",
    "readlink -f": r"\breadlink\s+-f",
    "stat": r"\bstat\s+-",
    "date -d": r"\bdate\s+-d",
    "timeout": r"(^|\s)timeout\s",
}


@pytest.mark.parametrize("what", [*NEWER_THAN_BASH_3_2, *NOT_ON_MACOS])
def test_portable(what):
    pattern = (NEWER_THAN_BASH_3_2 | NOT_ON_MACOS)[what]
    lines = [line for script in PEOPLES for line in (ROOT / script).read_text().splitlines()]
    code = [line for line in lines if not line.lstrip().startswith("#")]
    assert not [line for line in code if re.search(pattern, line)]


def test_an_empty_array_is_never_expanded():
    """bash before 4.4 takes it for an unset variable."""
    text = "".join((ROOT / script).read_text() for script in PEOPLES)
    expanded = set(re.findall(r'"\$\{(\w+)\[@\]\}"', text))
    assert expanded == {"AWS", "PAIRS"}, "AWS is filled before its first use, and PAIRS always has three"


def test_every_option_is_documented_and_read():
    text = (ROOT / "deploy.sh").read_text()
    usage = text[text.index("usage() {") : text.index("\nEND\n")]
    parser = text[text.index("parse_arguments() {") : text.index("# ---- Prerequisites")]
    documented = set(re.findall(r"(?<![\w-])(--[a-z0-9-]+)", usage)) - {"--email=", "--"}
    known = set(re.findall(r"(?m)(--[a-z0-9][a-z0-9-]*)(?= *[|)\\]| \|)", parser))
    assert documented == known


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_may_do_little(path):
    workflow = yaml.safe_load(path.read_text())
    assert "pull_request_target" not in path.read_text()
    # YAML 1.1 reads `on` as true.
    assert workflow[True] and set(workflow["permissions"]) <= {"contents"}
    assert workflow["permissions"].get("contents") in (None, "read"), "what writes asks for it in its own job"
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
            # What others write, such as a branch's name, is data for a script, never a part of it.
            assert "${{" not in step.get("run", "")
            assert ("GH_TOKEN" in step.get("env", {})) <= (path.name == "release.yml")


def test_zizmor():
    """Its strictest persona, without a network: what it would look up there is pinned by the tests around this one."""
    clean("zizmor", "--offline", "--persona", "auditor", "--no-progress", ".github")


RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]


def test_only_the_job_that_publishes_may_write_and_it_runs_nothing_of_ours():
    writing = {name for name, job in RELEASE.items() if "write" in job["permissions"].values()}
    assert writing == {"publish"}
    publish = RELEASE["publish"]
    assert publish["permissions"] == {"contents": "write", "id-token": "write", "attestations": "write"}
    assert set(publish["needs"]) == set(RELEASE) - {"publish"} and publish["environment"]
    used = [step["uses"].split("@")[0] for step in publish["steps"] if "uses" in step]
    assert used == ["actions/download-artifact", "actions/attest-build-provenance"], "no checkout"
    runs = [step["run"] for step in publish["steps"] if "run" in step]
    assert len(runs) == 2 and runs[0].endswith("sha256sum --check SHA256SUMS") and runs[1].startswith("gh release create")
    with_token = [(name, step["name"]) for name, job in RELEASE.items() for step in job["steps"] if "GH_TOKEN" in step.get("env", {})]
    assert with_token == [("publish", "Release")]


def test_what_builds_the_release_is_pinned_and_little():
    steps = RELEASE["build"]["steps"]
    text = "\n".join(step.get("run", "") for step in steps)
    assert "tests/" not in text and "--require-hashes" in text
    for name in ("template.yaml", "SHA256SUMS", "dist/deploy.sh", "connect-quota-monitor-$arch.zip", "dist/fleet.tar.gz fleet"):
        assert name in text


LOCKED = [
    "tests/requirements",
    "tests/deploy/requirements-checkov",
    "tests/deploy/requirements-localstack",
    ".github/build-requirements",
]


@pytest.mark.parametrize("name", LOCKED)
def test_every_python_package_has_its_hashes(name):
    """pip refuses what has another hash, and with one hash in the file it demands them all."""
    wanted = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if line and not line.startswith("#")]
    text = (ROOT / f"{name}.txt").read_text()
    entries = re.findall(r"(?m)^([\w.-]+)==([^\s;]+)([^\n]*)\n((?:    --hash=.*\n)*)", text.replace("\n\n", "\n"))
    assert entries and all(hashes.count("--hash=sha256:") >= 1 for *_, hashes in entries)
    assert len(entries) == len(re.findall(r"(?m)^\S+==", text))
    locked = {f"{package.lower()}=={version}" for package, version, *_ in entries}
    assert {re.sub(r"\[.*?\]", "", line).lower() for line in wanted} <= locked


def test_dependabot_watches_all_that_is_pinned():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {u["package-ecosystem"] for u in updates} == {"cargo", "pip", "npm", "github-actions"}
    (npm,) = [u["directories"] for u in updates if u["package-ecosystem"] == "npm"]
    locks = [path for path in (ROOT / "tests").rglob("package-lock.json") if "node_modules" not in path.parts]
    assert {f"/{path.parent.relative_to(ROOT)}" for path in locks} == set(npm)
    for path in locks:
        packages = json.loads(path.read_text())["packages"]
        assert all("integrity" in package for name, package in packages.items() if name), "every npm package has its hash"
    (pip,) = [u["directories"] for u in updates if u["package-ecosystem"] == "pip"]
    assert {f"/{name.rpartition('/')[0]}" for name in LOCKED} == set(pip)


def test_the_releases_script_knows_where_releases_are(tmp_path):
    """As the workflow stamps it; its line must be there to be replaced."""
    (stamp,) = re.findall(r"sed (\"s\|\^readonly REPOSITORY.*?\") deploy.sh", RELEASE["build"]["steps"][-2]["run"])
    environment = {**os.environ, "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "o/r"}
    stamped = clean("bash", "-c", f"repository=; sed {stamp} deploy.sh", env=environment)
    assert "\nreadonly REPOSITORY=https://github.example/o/r\n" in stamped


def test_ci_and_release_run_every_test():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml", "release.yml"]
    runs = {path.name: re.findall(r"(?m)^ *run: (tests/all\.sh.*)$", path.read_text()) for path in WORKFLOWS}
    assert runs == {"ci.yml": ["tests/all.sh"], "nightly.yml": ["tests/all.sh --deep"], "release.yml": ["tests/all.sh"]}
    assert yaml.safe_load(WORKFLOWS[1].read_text())[True]["schedule"]


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({}, 0, "SKIPPED: LocalStack needs Python 3.13"),
        ({"CI": "true"}, 1, "error: LocalStack needs Python 3.13"),
        ({"DEEP_PYTHON": "/nowhere/python"}, 1, "error: DEEP_PYTHON (/nowhere/python) is no Python 3.13"),
    ],
)
def test_the_deep_run_says_what_is_missing(tmp_path, environment, code, said):
    """Where it is skipped, nothing is installed; in CI it is not skipped."""
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [ROOT / "tests" / "all.sh", "--deep"],
        env={"PATH": str(tmp_path), **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout.count("\n")) == (code, 1) and done.stdout.startswith(said), done.stdout
