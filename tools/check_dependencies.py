"""``python -m tools.check_dependencies``: what is installed is what is locked, and nothing in it is known to be weak.

1. Offline: every locked package has an exact version and hashes and is installed in that version, nothing else is
   installed, no address of a registry stands in the lock file, and every licence is one of those named here.
2. The bill of materials (CycloneDX) is written to var/sbom.json; equal installations give equal files.
3. Where a network is there, pip-audit asks the OSV database about known weaknesses. Without one that is said, and no
   failure. A weakness fails the check unless tools/known_weaknesses.toml bears it, with a reason, until a day.

Ends with 1 when something is wrong. ``--offline`` leaves 3 out.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import httpx

from tools.bill_of_materials import write_bill

ROOT = Path(__file__).resolve().parents[1]
LOCK, BORNE, BILL = ROOT / "requirements.lock", ROOT / "tools" / "known_weaknesses.toml", ROOT / "var" / "sbom.json"

UNLOCKED = frozenset({"qorgan", "pip"})
"""The project itself, and what installs it."""

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache Software License", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0",
        "CNRI-Python", "ISC", "ISC License (ISCL)", "MIT", "MIT License", "MIT-0", "PSF-2.0",
        "Python Software Foundation License", "Zlib",
        # Their own files stay under their licence; ours need not.
        "LGPL-3.0-only", "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)",
    }
)  # fmt: skip
"""Licences that an authority may use and pass on with its own code, as packages write them."""

DECIDED: Mapping[str, str] = {
    "dkimpy": "a licence like that of zlib, which the package calls 'DFSG approved'",
    "pytest-timeout": "MIT; 'DFSG approved' stands beside it",
    "text-unidecode": "Artistic License, chosen where GPL is the other",
}
"""Packages whose own words do not say it, and what a person found."""

OSV = "https://api.osv.dev/"
NETWORK_SECONDS, AUDIT_SECONDS = 3, 180
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})*)$")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# The lock file and what is installed


@dataclass(frozen=True, slots=True)
class Locked:
    """What the lock file says: versions by name, and what is wrong with the file itself."""

    versions: dict[str, str]
    wrong: list[str]


def read_lock(text: str) -> Locked:
    versions: dict[str, str] = {}
    wrong = ["it names an address: where packages come from is the machine's setting"] if "://" in text else []
    for line in text.replace("\\\n", " ").splitlines():
        said = line.split(" #")[0].strip()
        if not said or said.startswith("#"):
            continue
        found = _LOCKED.match(said)
        if found is None:
            wrong.append(f"this line fixes no version: {said.split()[0]}")
            continue
        versions[canonical(found[1])] = found[2]
        if not found[3]:
            wrong.append(f"{found[1]} has no hash")
    return Locked(versions, wrong)


def compare(locked: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Where installed and locked packages differ."""
    wrong = [
        f"{name} {version} is installed and not in the lock file"
        for name, version in sorted(installed.items())
        if name not in locked and name not in UNLOCKED
    ]
    for name, version in sorted(locked.items()):
        if name not in installed:
            wrong.append(f"{name} {version} is locked and not installed")
        elif installed[name] != version:
            wrong.append(f"{name} is locked as {version} and installed as {installed[name]}")
    return wrong


def licence_of(package: Distribution) -> list[str]:
    """The licences that a package names: by expression, else by classifier, else by its own first words."""
    said = package.metadata
    if said.get("License-Expression"):
        parts = re.split(r"\s+(?:AND|OR)\s+|[()]", said["License-Expression"])
        return [part.strip() for part in parts if part.strip()]
    prefix = "License :: "
    classified = [line.split(" :: ")[-1] for line in said.get_all("Classifier") or [] if line.startswith(prefix)]
    named = [line for line in classified if line != "OSI Approved"]
    return named or [(said.get("License") or "no licence named").splitlines()[0].strip()[:80]]


def licences(packages: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Packages with a licence that nobody has allowed."""
    return [
        f"{name}: '{', '.join(named)}' is no licence that was looked at; see ALLOWED and DECIDED"
        for name, named in packages
        if name not in UNLOCKED and name not in DECIDED and not ALLOWED.issuperset(named)
    ]


# Known weaknesses


@dataclass(frozen=True, slots=True)
class Borne:
    """A weakness that is borne until a day."""

    id: str
    package: str
    until: date
    reason: str


def read_borne(text: str) -> list[Borne]:
    """Raises ValueError for an entry that lacks its reason or its day."""
    found = [Borne(**entry) for entry in tomllib.loads(text).get("weakness", [])]
    for one in found:
        if not isinstance(one.until, date) or len(one.reason.strip()) < 10:
            raise ValueError(f"{one.id}: until must be a day, and the reason a sentence")
    return found


def judge(report: Mapping[str, Any], borne: Sequence[Borne], today: date) -> list[str]:
    """What an audit found that nobody bears, or not any more."""
    wrong = []
    for package in report["dependencies"]:
        for weakness in package.get("vulns", []):
            names = {weakness["id"], *weakness.get("aliases", [])}
            known = [one for one in borne if one.id in names and canonical(one.package) == canonical(package["name"])]
            fixed = ", ".join(weakness.get("fix_versions", [])) or "no version yet"
            said = f"{package['name']} {package['version']} has {weakness['id']}; mended in {fixed}"
            if not known:
                wrong.append(said)
            elif today > known[0].until:
                wrong.append(f"{said}; it was borne until {known[0].until}")
    return wrong


def ask_network(borne: Sequence[Borne], today: date) -> tuple[str, list[str]]:
    """What pip-audit says of the locked packages: a sentence, and what is wrong. Bounded in time."""
    try:
        httpx.get(OSV, timeout=NETWORK_SECONDS)
    except httpx.HTTPError:
        return "no network: nobody was asked about known weaknesses", []
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "audit.json"
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip",
            "--vulnerability-service", "osv", "--format", "json", "--output", str(result), "--timeout", "10",
            "--progress-spinner", "off",
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, timeout=AUDIT_SECONDS, check=False)  # noqa: S603  our words
        except subprocess.TimeoutExpired:
            return f"no answer within {AUDIT_SECONDS} s: nobody knows about weaknesses today", []
        if not result.exists() or not result.stat().st_size:
            return "the network broke off: nobody knows about weaknesses today", []
        report = json.loads(result.read_text(encoding="utf-8"))
    wrong = judge(report, borne, today)
    return f"{len(report['dependencies'])} packages asked about, {len(wrong)} weakness(es) that nobody bears", wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What is installed is what is locked, and nothing in it is weak.")
    parser.add_argument("--offline", action="store_true", help="ask nobody about known weaknesses")
    asked = parser.parse_args(arguments)
    packages = {canonical(one.metadata["Name"]): one for one in distributions()}
    lock = read_lock(LOCK.read_text(encoding="utf-8"))
    wrong = [f"requirements.lock: {fault}" for fault in lock.wrong]
    wrong += compare(lock.versions, {name: package.version for name, package in packages.items()})
    wrong += licences((name, licence_of(package)) for name, package in sorted(packages.items()))
    bill = write_bill(BILL)
    wrong += [bill] if bill else []
    borne = read_borne(BORNE.read_text(encoding="utf-8"))
    said = "not asked about known weaknesses"
    if not asked.offline:
        said, weak = ask_network(borne, datetime.now(UTC).date())
        wrong += weak
    sys.stdout.write(f"{len(lock.versions)} locked packages, bill of materials in var/sbom.json; {said}.\n")
    for fault in wrong:
        sys.stdout.write(f"wrong: {fault}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
