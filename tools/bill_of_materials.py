"""The bill of materials (CycloneDX 1.6, JSON) of what is installed, from the packages' own words.

Written with cyclonedx-python-lib alone. Its extras, and the command line beside it, bring a grammar of
internationalised addresses that jsonschema builds wherever it is imported, which is in every process that has Prefect.

The file says of each package: name, version, purl, licences, summary, addresses for people, extras that others ask
for, and what it names as its requirements. Hashes stand in requirements.lock, one for each file that an index may
serve; which of them was installed here nobody knows afterwards, so a component bears none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.exception.model import InvalidUriException
from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import fixup_id, is_expression
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT, WRITER = "qorgan", "cyclonedx-python-lib"
"""What the bill is of, and what writes it."""

DECLARED = LicenseAcknowledgement.DECLARED

SPDX: Mapping[str, str] = {
    "License :: OSI Approved :: GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Python Software Foundation License": "Python-2.0",
}
"""Classifiers that name one SPDX licence and no other; the rest ('BSD License') stay as they were written."""

KINDS: Mapping[str, ExternalReferenceType] = {
    "bugreports": ExternalReferenceType.ISSUE_TRACKER,
    "bugtracker": ExternalReferenceType.ISSUE_TRACKER,
    "changelog": ExternalReferenceType.RELEASE_NOTES,
    "changes": ExternalReferenceType.RELEASE_NOTES,
    "chat": ExternalReferenceType.CHAT,
    "docs": ExternalReferenceType.DOCUMENTATION,
    "documentation": ExternalReferenceType.DOCUMENTATION,
    "download": ExternalReferenceType.DISTRIBUTION,
    "github": ExternalReferenceType.VCS,
    "home": ExternalReferenceType.WEBSITE,
    "homepage": ExternalReferenceType.WEBSITE,
    "issues": ExternalReferenceType.ISSUE_TRACKER,
    "issuetracker": ExternalReferenceType.ISSUE_TRACKER,
    "repository": ExternalReferenceType.VCS,
    "tracker": ExternalReferenceType.ISSUE_TRACKER,
}
"""What a package's label of an address means, in small letters and nothing else."""


def licence(said: str) -> License:
    """An SPDX identifier where that is one, else an expression, else the words themselves."""
    identifier = fixup_id(said)
    if identifier is not None:
        return DisjunctiveLicense(id=identifier, acknowledgement=DECLARED)
    if is_expression(said):
        return LicenseExpression(said, acknowledgement=DECLARED)
    return DisjunctiveLicense(name=said, acknowledgement=DECLARED)


def licences_of(package: Distribution) -> Iterator[License]:
    """The package's expression; without one, its classifiers, and its licence field where that is no whole text."""
    said = package.metadata
    if said.get("License-Expression"):
        yield licence(said["License-Expression"])
        return
    for line in said.get_all("Classifier") or []:
        if line.startswith("License :: "):
            yield licence(SPDX.get(line, line))
    field = said.get("License")
    if field and (fixup_id(field) is not None or is_expression(field)):
        yield licence(field)


def references_of(package: Distribution) -> Iterator[ExternalReference]:
    """Addresses that the package names for people. A place on this machine is nobody's business."""
    said = package.metadata
    labelled = [line.partition(",")[::2] for line in said.get_all("Project-URL") or []]
    named = [(f" Project-URL: {label}", KINDS.get(re.sub("[^a-z]", "", label.lower())), url) for label, url in labelled]
    named.append((": Home-page", ExternalReferenceType.WEBSITE, said.get("Home-page") or ""))
    named.append((": Download-URL", ExternalReferenceType.DISTRIBUTION, said.get("Download-URL") or ""))
    for comment, kind, url in named:
        if not url.strip() or url.strip().startswith("file:"):
            continue
        try:
            address = XsUri(url.strip())
        except InvalidUriException:
            continue
        yield ExternalReference(
            type=kind or ExternalReferenceType.OTHER, url=address, comment=f"from packaging metadata{comment}"
        )


def component_of(package: Distribution, *, reference: str | None = None) -> Component:
    """The package as the bill names it; ``reference`` is what the graph of dependencies calls it."""
    name, said = package.metadata["Name"], list(licences_of(package))
    component = Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        description=package.metadata.get("Summary"),
        purl=PackageURL(type="pypi", name=name, version=package.version),
        external_references=references_of(package),
        bom_ref=reference,
    )
    # The schema takes one expression or several names, never both; what is left over is kept as evidence.
    whole = next((one for one in said if isinstance(one, LicenseExpression)), None)
    component.licenses = said if whole is None else [whole]
    left = [one for one in said if one != whole]
    if whole is not None and left:
        component.evidence = ComponentEvidence(licenses=left)
    return component


def bill_of(packages: Mapping[str, Distribution]) -> Bom:
    """The bill of these packages, given by canonical name.

    The project's own, which is on no index, is what the bill is of. A requirement is an edge wherever its package is
    installed, also one that the package has only for an extra or for its own tests.
    """
    components = {
        name: component_of(package, reference=f"{package.metadata['Name']}=={package.version}")
        for name, package in packages.items()
    }
    project = components[PROJECT]
    project.type, project.purl, project.bom_ref.value = ComponentType.APPLICATION, None, "root-component"
    needed: dict[str, list[Component]] = {name: [] for name in packages}
    for name, package in packages.items():
        for line in package.requires or []:
            asked = Requirement(line)
            found = components.get(canonicalize_name(asked.name))
            if found is None or found is components[name]:
                continue
            needed[name].append(found)
            found.properties.update(
                Property(name="cdx:python:package:required-extra", value=canonicalize_name(extra))
                for extra in asked.extras
            )
    # Only now: a component that changes after it was put into the bill's set is lost there.
    bill = Bom(components=[one for name, one in components.items() if name != PROJECT])
    bill.metadata.component = project
    bill.metadata.tools.components.add(component_of(packages[WRITER]))
    for name, component in components.items():
        bill.register_dependency(component, needed[name])
    bill.metadata.properties.add(Property(name="cdx:reproducible", value="true"))
    return bill


def text_of(bill: Bom) -> str:
    """The bill as JSON without its number and its hour: equal installations give equal files."""
    told = json.loads(JsonV1Dot6(bill).output_as_string())
    told.pop("serialNumber", None)
    told["metadata"].pop("timestamp", None)
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def fault_in(text: str) -> str:
    """Where a bill breaks the published schema, or ''. Prefect brings jsonschema, which judges it."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return "" if fault is None else f"{fault.data.json_path}: {fault.data.message}"


def write_bill(path: Path) -> str:
    """Write the bill of materials of this installation; what is wrong, in which case nothing is written, or ''."""
    text = text_of(bill_of({canonicalize_name(one.metadata["Name"]): one for one in distributions()}))
    fault = fault_in(text)
    if fault:
        return f"no bill of materials: {fault[:200]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return ""
