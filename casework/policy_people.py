"""The part of a policy pack that is about people: authority, roles, liaisons, and how long files are kept."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from casework.policy_base import Code, Country, Dated, Email, Language, PackModel, Source, Texts
from casework.policy_clocks import LimitSpec
from casework.vocabulary import Role


class NamePeriod(Dated):
    """The authority's name over a period; names of authorities change."""

    name: Texts
    source: Source


class Signatory(Dated):
    name: Texts
    position: Texts


class Authority(PackModel):
    """Who reports: names by period, contact, languages."""

    id: Code
    country: Country
    zone: str
    """A place of the time zone database; the days of letters and of dates of effect are its days."""
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}$")]
    """What case numbers begin with."""
    names: Annotated[tuple[NamePeriod, ...], Field(min_length=1)]
    unit: Texts
    address: Texts
    email: Email
    phone: str
    duty_phone: str
    signatories: Annotated[tuple[Signatory, ...], Field(min_length=1)]
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    """Languages of its letters; templates must exist in each."""
    reads: Annotated[tuple[Language, ...], Field(min_length=1)]
    """Languages its reviewers read: content in another one needs a translation."""
    default_language: Language
    """The language of a letter whose recipient's own is not among ``languages``."""
    authentic_language: Texts
    """Which language version counts, as letters say it."""
    emergency_numbers: dict[Language, tuple[str, ...]]
    unit_mailbox: Email
    head_mailbox: Email | None = None
    """The mailbox of the head of the unit; null: the unit's own is read."""
    source: Source

    def name_on(self, on: date) -> NamePeriod:
        """The name in force on a day; LookupError when the pack has none for it."""
        for period in self.names:
            if period.in_force_on(on):
                return period
        raise LookupError(f"authority {self.id} has no name for {on.isoformat()}")

    def signatory_on(self, on: date) -> Signatory:
        """Who signs on a day; LookupError when nobody may."""
        for person in self.signatories:
            if person.in_force_on(on):
                return person
        raise LookupError(f"authority {self.id} has no signatory for {on.isoformat()}")

    def language_of_letter(self, wanted: str) -> str:
        """The language of a letter to somebody who prefers ``wanted``."""
        return wanted if wanted in self.languages else self.default_language


def _can_encrypt(pem: str) -> str:
    """Refuse what is no certificate, and one of a kind that letters cannot be encrypted with."""
    try:
        key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is no certificate in PEM") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("letters can only be encrypted with a certificate of an RSA key")
    return pem


Certificate = Annotated[str, AfterValidator(_can_encrypt)]


class Contact(PackModel):
    """Somebody who receives letters; a role, not necessarily a named person."""

    name: Texts
    email: Email
    language: Language
    certificate: Certificate | None = None
    """Letters to this contact are encrypted (S/MIME) with the key of this certificate, in PEM; null: they are not."""
    deputy: Contact | None = None
    """Who gets the letters while this contact is absent, or its address fails."""


class Liaison(Dated):
    """Who stands in for a platform in the region, over a period."""

    platform: Code
    role: Literal["liaison", "head"]
    contact: Contact
    source: Source | None = None


class Liaisons(PackModel):
    """Whom we write to besides a platform's own desk."""

    liaisons: tuple[Liaison, ...] = ()
    police: Contact
    """The police unit for crimes against children; referrals never wait."""
    authority: Contact
    """The next competent authority: the last rung of a ladder."""
    audit_officers: tuple[Contact, ...] = ()
    """The two who keep the signed heads of the event log, best outside the reach of whoever runs the database; none:
    the heads are signed and kept, and nobody outside has them."""

    @model_validator(mode="after")
    def _two_officers(self) -> Liaisons:
        addresses = {officer.email.lower() for officer in self.audit_officers}
        if self.audit_officers and (len(self.audit_officers), len(addresses)) != (2, 2):
            raise ValueError("audit_officers are two people with two addresses")
        return self


class RoleTitle(PackModel):
    """What this authority calls a role of the engine."""

    role: Role
    title: Texts
    note: str | None = None


class Roles(PackModel):
    """Titles of the roles in use, and roles that no one person may hold together."""

    roles: Annotated[tuple[RoleTitle, ...], Field(min_length=1)]
    never_together: tuple[tuple[Role, Role], ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Roles:
        named = [entry.role for entry in self.roles]
        twice = sorted({role for role in named if named.count(role) > 1})
        if twice:
            raise ValueError(f"role '{twice[0]}' stands twice")
        if Role.SYSTEM in named:
            raise ValueError("'system' is no person's role")
        return self

    def title(self, role: Role) -> Texts | None:
        return next((entry.title for entry in self.roles if entry.role == role), None)

    def clash(self, held: frozenset[Role]) -> tuple[Role, Role] | None:
        """Two roles in ``held`` that one person must not have, or None."""
        return next((pair for pair in self.never_together if held.issuperset(pair)), None)


class RetentionRule(Dated):
    """How long a kind of record is kept after the case has ended."""

    record: Literal["case_file", "party", "raw_report", "letter"]
    keep: LimitSpec
    source: Source


class Retention(PackModel):
    """How long records are kept. Events are kept for good: they prove what was done."""

    rules: Annotated[tuple[RetentionRule, ...], Field(min_length=1)]
