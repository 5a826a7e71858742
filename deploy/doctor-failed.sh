#!/bin/sh
# What doctor said goes into the journal as an alert, and to root by mail where this machine has a mailer.
# Our own mail is no way for this: it is sent by the very work that stands still.
set -u
said=$(journalctl --unit=qorgan-doctor.service --lines=40 --output=cat --no-pager)
printf '%s\n' "Qorgan on $(uname -n): doctor failed." "$said" | systemd-cat --identifier=qorgan-doctor --priority=alert
if command -v sendmail >/dev/null; then
    printf 'To: root\nSubject: Qorgan on %s: scheduled work stands still\n\n%s\n' "$(uname -n)" "$said" | sendmail -t ||
        echo "The mailer did not take the alarm; the journal has it." >&2
fi
