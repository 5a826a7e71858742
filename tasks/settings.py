"""Settings from the environment (QORGAN_…), with defaults that need no other service."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from casework.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[1]
"""Where policies/ and templates/ lie."""

POLICIES = ROOT / "policies"


class Settings(BaseSettings):
    """Every setting, its unit and its default. docs/operations.md lists them from here."""

    model_config = SettingsConfigDict(env_prefix="QORGAN_", frozen=True)

    secrets_dir: Path | None = None
    """Folder with a file for each secret, named like its setting: `qorgan_smtp_password`. The environment wins."""
    home: Path = Path("var")
    """Folder of the embedded database, the vault key, the inbox and the logs."""
    database_url: str | None = Field(default=None, repr=False)
    """SQLAlchemy URL of the case file; by default SQLite in ``home``."""
    pack: str = Field(default_factory=lambda: (POLICIES / "default.txt").read_text(encoding="utf-8").strip())
    """Folder under policies/, or a path; by default the one named in policies/default.txt."""
    users_file: Path | None = None
    """Who may do what; by default users.yaml in ``home``."""
    environment: Literal["practice", "production"] = "practice"
    """A notice made in one environment is refused by the other."""
    vault_key: SecretStr | None = None
    """32 bytes in URL-safe base64; by default a file in ``home``."""
    signing_key_file: Path | None = None
    """Private key that signs the log's head and exports (PEM, Ed25519); by default signing.key in ``home``."""
    smtp_host: str | None = None
    """The mail server; without one letters wait and `doctor` says so."""
    smtp_port: int = 25
    """Its port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected; without protection nothing is sent unless this says `none`."""
    smtp_ca_file: Path | None = None
    """Certificates the mail servers' own are checked against (PEM); by default the system's."""
    smtp_user: str | None = None
    """Account at the mail server, where it wants one."""
    smtp_password: SecretStr | None = None
    """Its password."""
    smtp_timeout_seconds: float = Field(default=30.0, gt=0, le=60)
    """Longest silence of the mail server that is waited for; bounded, because a letter's lease must outlast a send."""
    dkim_selector: str | None = None
    """Selector of the DKIM key; with `dkim_key_file` every letter is signed."""
    dkim_key_file: Path | None = None
    """Private key of the DKIM signature (PEM)."""
    imap_host: str | None = None
    """The server whose mailbox is read for answers; without one only the folder is read."""
    imap_port: int = 993
    """Its port."""
    imap_security: Literal["tls", "starttls", "none"] = "tls"
    """How that connection is protected."""
    imap_user: str | None = None
    """Account of the mailbox."""
    imap_password: SecretStr | None = None
    """Its password."""
    imap_folder: str = "INBOX"
    """Folder of it that is read; what was stored is marked as seen there, and nothing is removed."""
    mail_max_bytes: int = Field(default=40_000_000, gt=0, le=200_000_000)
    """Longest mail that is read; of a longer one the head is kept, and a person is told."""
    acknowledge_url: str | None = None
    """Public address of the acknowledgement page; without one letters carry no link to it."""
    platform_url: str | None = None
    """Base address of the platforms' API channel."""
    platform_timeout_seconds: float = Field(default=20.0, gt=0, le=35)
    """Longest silence of a platform that is waited for; bounded for the same reason."""
    pg_bin: Path | None = None
    """Folder of PostgreSQL's `pg_dump` and `pg_restore`, of the server's version or newer; by default those on PATH."""
    first_sweep_most: int = Field(default=50, ge=0)
    """Letters that the first sweep after a restore or an import may write before a person confirms it."""
    backup_hours: int = Field(default=26, ge=0)
    """Hours after which `doctor` finds the last backup too old; 0 where backups are made by other means than ours."""
    prefect_servers: int = Field(default=1, ge=1, le=100)
    """API servers of Prefect that share one database; with more than one `doctor` demands that they share messages."""
    drive_concurrency: int | None = Field(default=None, ge=1, le=8)
    """Cases that one drive works on at a time; by default one on SQLite and four on PostgreSQL."""
    log_json: bool = False
    """One JSON object a line instead of the console's format."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the files of ``QORGAN_SECRETS_DIR``. ConfigurationError where that is no folder."""
        folder = os.environ.get("QORGAN_SECRETS_DIR")
        if not folder:
            return init_settings, env_settings, dotenv_settings, file_secret_settings
        if not Path(folder).is_dir():
            raise ConfigurationError(
                "QORGAN_SECRETS_DIR names no folder", rule="settings.no_secrets", next_step="Correct the setting."
            )
        return init_settings, env_settings, dotenv_settings, SecretsSettingsSource(settings_cls, folder)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'qorgan.db'}"

    @property
    def signing_key(self) -> Path:
        return self.signing_key_file or self.home / "signing.key"

    @property
    def drives_at_once(self) -> int:
        return self.drive_concurrency or (1 if self.database.startswith("sqlite") else 4)

    @property
    def users(self) -> Path:
        return self.users_file or self.home / "users.yaml"

    @property
    def inbox(self) -> Path:
        """Files put here are taken in by the scheduled intake and moved aside."""
        return self.home / "inbox"

    @property
    def mail_folder(self) -> Path:
        """Mails put here as .eml files are read like those of the mailbox, and moved aside."""
        return self.home / "mail-in"

    @property
    def pack_folder(self) -> Path:
        given = Path(self.pack)
        return given if given.is_dir() else POLICIES / self.pack

    def with_sandbox(self) -> Settings:
        """These settings, pointed at a running practice platform and mailbox of the same home, if there are any.

        Only fills what is not set, and only in the practice environment.
        """
        note = self.home / "sandbox.json"
        if self.environment != "practice" or not note.exists():
            return self
        found = json.loads(note.read_text())
        update: dict[str, object] = {}
        if self.smtp_host is None:
            update |= {"smtp_host": found["smtp_host"], "smtp_port": found["smtp_port"], "smtp_security": "none"}
        if self.platform_url is None:
            update["platform_url"] = found["platform_url"]
        return self.model_copy(update=update)
