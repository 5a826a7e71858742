"""A real mail server (Exim) and a real IMAP server (Dovecot), for tests: high ports, one folder, no root.

Exim takes mail by SMTP with STARTTLS and delivers it into Maildirs from which Dovecot serves IMAP over TLS. Nothing
leaves the machine: every domain under .example is local. Some local parts behave:

``gone``     accepted, then returned to the envelope's sender as a bounce
``full``     accepted, then returned as a full mailbox
``refused``  refused at RCPT with 550
``later``    put off at RCPT with 451
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.certificates import own_certificate

HOST = "127.0.0.1"
PASSWORD = "practice"
START_SECONDS = 30.0

EXIM_CONFIG = """
primary_hostname = relay.example
spool_directory = {home}/spool
log_file_path = {home}/log/%slog
pid_file_path = {home}/exim.pid
log_selector = +smtp_confirmation
exim_user = {uid}
exim_group = {gid}
deliver_drop_privilege = true
never_users =
daemon_smtp_ports = {smtp_port}
local_interfaces = {host}
keep_environment =
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
domainlist local_domains = *.example
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept_all
tls_advertise_hosts = {tls_hosts}
tls_certificate = {home}/server.pem
tls_privatekey = {home}/server.key
dsn_advertise_hosts = {dsn_hosts}
smtp_accept_max = 50
queue_run_max = 5
message_size_limit = 60M
bounce_return_size_limit = 20K
ignore_bounce_errors_after = 0s

begin acl

accept_all:
  accept

check_rcpt:
  deny    local_parts = refused
          message = 5.1.1 No such mailbox (practice)
  defer   local_parts = later
          message = 4.3.0 Try again later (practice)
  accept  domains = +local_domains
  deny    message = 5.7.1 Nothing leaves this machine

begin routers

gone:
  driver = redirect
  local_parts = gone
  data = :fail: 5.1.1 The mailbox does not exist any more
  allow_fail

full:
  driver = redirect
  local_parts = full
  data = :fail: 5.2.2 Mailbox full
  allow_fail

boxes:
  driver = accept
  domains = +local_domains
  local_part_suffix = +*
  local_part_suffix_optional
  transport = maildir

begin transports

maildir:
  driver = appendfile
  directory = {home}/mail/${{lookup{{$local_part@$domain}}lsearch{{{home}/boxes}}{{$value}}{{other}}}}
  maildir_format
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add

begin retry
*  *  F,1h,5s
"""

DOVECOT_CONFIG = """
base_dir = {home}/dovecot
state_dir = {home}/dovecot-state
log_path = {home}/log/dovecot.log
protocols = imap
listen = {host}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{home}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = yes
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
"""


class NoMailServer(Exception):
    """Why no real mail server can be started here."""


@dataclass
class RealMail:
    """The running servers. ``ca_file`` holds the certificate that they show."""

    home: Path
    smtp_port: int
    imap_port: int
    imaps_port: int
    ca_file: Path

    def settings(self) -> dict[str, Any]:
        """Settings of an installation that uses them."""
        return {
            "smtp_host": HOST, "smtp_port": self.smtp_port, "smtp_security": "starttls", "smtp_ca_file": self.ca_file,
            "imap_host": HOST, "imap_port": self.imaps_port, "imap_security": "tls", "imap_user": "notices",
            "imap_password": SecretStr(PASSWORD),
        }  # fmt: skip

    def messages(self, box: str) -> list[EmailMessage]:
        """The messages in a mailbox, oldest first."""
        found = sorted(
            (path for part in ("new", "cur") for path in (self.home / "mail" / box / part).glob("*")),
            key=lambda path: path.name,
        )
        read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]
        return [message for message in read if isinstance(message, EmailMessage)]

    def wait_for(self, box: str, count: int, seconds: float = 20.0) -> list[EmailMessage]:
        """At least so many messages in a mailbox; fails when they do not come in time."""
        deadline = time.monotonic() + seconds
        while len(found := self.messages(box)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} messages in {box}; {self.log()}"
            time.sleep(0.05)
        return found

    def write(self, sender: str, recipient: str, message: bytes) -> None:
        """Send a message as somebody outside would."""
        with smtplib.SMTP(HOST, self.smtp_port, timeout=10) as line:
            line.sendmail(sender, [recipient], message)

    def log(self) -> str:
        """The last lines of Exim's log."""
        path = self.home / "log" / "mainlog"
        return "\n".join(path.read_text(errors="replace").splitlines()[-8:]) if path.exists() else "no log"


@contextmanager
def running_real_mail(home: Path, boxes: dict[str, str], *, tls: bool = True, dsn: bool = True) -> Iterator[RealMail]:
    """Start both servers over ``home``. ``boxes`` says which address is kept in which mailbox; all others in 'other'.

    Raises NoMailServer when one of them is not installed or does not come up.
    """
    exim, dovecot = shutil.which("exim4") or _found("/usr/sbin/exim4"), _found("/usr/sbin/dovecot")
    if exim is None or dovecot is None:
        missing = "exim4-daemon-light" if exim is None else "dovecot-imapd"
        raise NoMailServer(f"{missing} is not installed")
    person = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    mail = RealMail(home, free_port(), free_port(), free_port(), home / "server.pem")
    _make_folders(home)
    own_certificate(home, "server", "relay.example", HOST)
    (home / "boxes").write_text("".join(f"{address}: {box}\n" for address, box in boxes.items()))
    values = {
        "home": home, "host": HOST, "uid": person.pw_uid, "gid": person.pw_gid, "user": person.pw_name,
        "group": _group(person.pw_gid), "smtp_port": mail.smtp_port, "imap_port": mail.imap_port,
        "imaps_port": mail.imaps_port, "password": PASSWORD, "tls_hosts": "*" if tls else "",
        "dsn_hosts": "*" if dsn else "",
    }  # fmt: skip
    (home / "exim.conf").write_text(EXIM_CONFIG.format(**values))
    (home / "dovecot.conf").write_text(DOVECOT_CONFIG.format(**values))
    if os.getuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, person.pw_uid, person.pw_gid)
    started = [
        _start([exim, "-bdf", "-q5s", "-C", str(home / "exim.conf")], person),
        _start([dovecot, "-F", "-c", str(home / "dovecot.conf")], person),
    ]
    try:
        _wait(started, mail)
        yield mail
    finally:
        for process in started:
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def _found(path: str) -> str | None:
    return path if Path(path).exists() else None


def _group(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


def _make_folders(home: Path) -> None:
    home.chmod(0o755)
    for name in ("spool", "log", "mail", "dovecot", "dovecot-state"):
        (home / name).mkdir()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start(command: list[str], person: pwd.struct_passwd) -> subprocess.Popen[bytes]:
    drop: dict[str, Any] = {}
    if os.getuid() == 0:
        drop = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, cwd="/", **drop
    )


def _wait(started: list[subprocess.Popen[bytes]], mail: RealMail) -> None:
    deadline = time.monotonic() + START_SECONDS
    context = ssl.create_default_context(cafile=str(mail.ca_file))
    while True:
        for process in started:
            if process.poll() is not None:
                assert process.stderr is not None
                raise NoMailServer(process.stderr.read().decode(errors="replace")[-500:] or "it ended at once")
        try:
            smtplib.SMTP(HOST, mail.smtp_port, timeout=5).quit()
            imaplib.IMAP4_SSL(HOST, mail.imaps_port, ssl_context=context, timeout=5).logout()
            return
        except (OSError, imaplib.IMAP4.error, smtplib.SMTPException) as error:
            if time.monotonic() > deadline:
                raise NoMailServer(f"it did not answer in time: {error}") from error
            time.sleep(0.1)
