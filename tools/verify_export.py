#!/usr/bin/env python3
"""Check an export of one case without Qorgan: ``python3 verify_export.py FOLDER [--key PUBLIC_KEY]``.

One file, Python 3.8 or newer, nothing else. It opens no network connection, writes nothing, and believes nothing that
stands in the folder but what follows from hashes and signatures:

1. The folder holds exactly the files of manifest.json, each with its SHA-256.
2. manifest.json is signed (Ed25519, RFC 8032).
3. The head of the authority's event log is signed with the same key: how many events it had, and the root of a tree
   over all of them (RFC 6962, 2.1).
4. Every event of the case has the hash of its content and of the event before it, and stands in that log at its
   place. Of the other events only hashes of whole branches are there: they tell nothing about other cases.
5. Every notice to a platform has the hash under which it was approved.

Whose key it is no file can tell: compare the key it prints with the one that the authority published, or give that
one with ``--key``. What an export cannot show is said at the end of every run.

It ends with 0 when everything holds, 1 when something does not, 2 when it was called wrongly.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

MANIFEST, SIGNATURE = "manifest.json", "manifest.signature.json"
EXPORT_KIND, HEAD_KIND = "qorgan.case_export/1", "qorgan.audit_head/1"
LARGEST = 500_000_000
"""Bytes of one file that are read."""
EVENT_FIELDS = (
    "seq", "case_id", "at", "kind", "actor_id", "actor_name", "from_status", "to_status", "reason", "policy_version",
    "data",
)  # fmt: skip
UNSEEN = (
    "An export shows that each event in it was in the log that was signed. It cannot show that no other event of this\n"
    "case was left out, nor that what people wrote is true. Who needs that asks for a check of the log itself."
)


class Wrong(Exception):
    """Something does not hold; the sentence says what."""


# Ed25519, verification only (RFC 8032, 5.1.7). Slow and plain; nothing secret is computed with.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def _add(one, two):
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = two
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number, point):
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point = _add(point, point)
        number >>= 1
    return found


def _equal(one, two):
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


def _point(data):
    """A point from its 32 bytes; None where there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public_key, message, signature):
    """Whether an Ed25519 signature is of these bytes."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, point = _point(public_key), _point(signature[:32])
    number = int.from_bytes(signature[32:], "little")
    if key is None or point is None or number >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % ORDER
    return _equal(_times(number, BASE), _add(point, _times(challenge, key)))


# Reading


def canonical(value):
    """The one way in which a value is written: sorted keys, no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read(folder, name):
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise Wrong(f"{name} is missing")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Wrong(f"{name} is larger than an export can be")
    return data


def parsed(name, data):
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Wrong(f"{name} is no JSON") from None
    if not isinstance(value, dict):
        raise Wrong(f"{name} is no JSON object")
    return value


# Checking


def check_files(folder):
    """Every file is there, none more, each as the manifest says. The manifest's bytes, and the files by name."""
    manifest_bytes = read(folder, MANIFEST)
    manifest = parsed(MANIFEST, manifest_bytes)
    if manifest.get("kind") != EXPORT_KIND:
        raise Wrong("this is no export of a case, or of a later form than this program knows")
    listed = manifest["files"]
    found = {path.name for path in folder.iterdir()}
    expected = set(listed) | {MANIFEST, SIGNATURE}
    if found - expected:
        raise Wrong(f"not part of the export: {', '.join(sorted(found - expected))}")
    files = {}
    for name in sorted(listed):
        if Path(name).name != name or name in (MANIFEST, SIGNATURE, "..", "."):
            raise Wrong("the manifest names a file outside the folder")
        files[name] = read(folder, name)
        if len(files[name]) != listed[name]["bytes"] or sha256(files[name]) != listed[name]["sha256"]:
            raise Wrong(f"{name} was altered")
    return manifest_bytes, manifest, files


def check_manifest_signature(folder, manifest_bytes):
    """The public key that signed the manifest; None where nothing is signed."""
    data = read(folder, SIGNATURE)
    said = parsed(SIGNATURE, data)
    if data != (canonical(said) + "\n").encode():
        raise Wrong(f"{SIGNATURE} was altered")
    if said == {"signed": False}:
        return None
    if set(said) != {"signed", "key_id", "public_key", "signature"}:
        raise Wrong(f"{SIGNATURE} was altered")
    key, signature = bytes.fromhex(said["public_key"]), bytes.fromhex(said["signature"])
    if said["key_id"] != sha256(key)[:32] or said["public_key"] != key.hex() or said["signature"] != signature.hex():
        raise Wrong(f"{SIGNATURE} was altered")
    if not signature_holds(key, manifest_bytes, signature):
        raise Wrong("the signature is not of this manifest: it was altered, or somebody else made it")
    return key


def check_statement(proof, key):
    """The head of the log is signed with the same key. The statement."""
    statement = proof["head"]["statement"]
    if statement["kind"] != HEAD_KIND:
        raise Wrong("the head of the log is of a form that this program does not know")
    if key is None:
        return statement
    if statement["key_id"] != sha256(key)[:32] or proof["head"]["public_key"] != key.hex():
        raise Wrong("the head of the log names another key than the manifest")
    if not signature_holds(key, canonical(statement).encode(), bytes.fromhex(proof["head"]["signature"])):
        raise Wrong("the signature is not of this head of the log")
    return statement


def root_from(event_hash, index, size, path):
    """The root that a leaf at ``index`` (from 0) of ``size`` has by its path (RFC 9162, 2.1.3.2)."""
    number, last = index, size - 1
    node = hashlib.sha256(b"\x00" + bytes.fromhex(event_hash)).digest()
    for neighbour in path:
        if last == 0:
            raise Wrong("a path to the root is too long")
        if number & 1 or number == last:
            node = hashlib.sha256(b"\x01" + bytes.fromhex(neighbour) + node).digest()
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + bytes.fromhex(neighbour)).digest()
        number, last = number >> 1, last >> 1
    if last:
        raise Wrong("a path to the root is too short")
    return node.hex()


def check_events(proof, statement):
    """Every event has its hash and its place in the log. How many there are."""
    before = None
    for event in proof["events"]:
        content = event["content"]
        if list(content) != list(EVENT_FIELDS):
            raise Wrong("an event lacks a field, or has one more")
        seq = content["seq"]
        if not isinstance(seq, int) or not 1 <= seq <= statement["seq"]:
            raise Wrong(f"event {seq} is not one of the {statement['seq']} that were signed")
        said = [*(content[field] for field in EVENT_FIELDS), event["previous"]]
        if sha256(canonical(said).encode()) != event["hash"]:
            raise Wrong(f"event {seq} was altered")
        if root_from(event["hash"], seq - 1, statement["seq"], event["path"]) != statement["root"]:
            raise Wrong(f"event {seq} does not stand in the log that was signed")
        if before is not None and (seq <= before[0] or (seq == before[0] + 1 and event["previous"] != before[1])):
            raise Wrong(f"event {seq} does not follow the one before it")
        if content["case_id"] != proof["events"][0]["content"]["case_id"]:
            raise Wrong(f"event {seq} is of another case")
        if seq == statement["seq"] and event["hash"] != statement["hash"]:
            raise Wrong(f"event {seq} is not the head that was signed")
        before = seq, event["hash"]
    if before is None:
        raise Wrong("there is no event in it")
    return len(proof["events"])


def check_case(case, proof, manifest, statement):
    """What is told of the case agrees with its events, and each notice with its approved hash."""
    if not manifest["case"] == case["case"]["number"] == proof["case"]:
        raise Wrong("the files are about different cases")
    if not manifest["authority"] == case["case"]["authority"] == statement["authority"]:
        raise Wrong("the files are of different authorities")
    moves = [event["content"]["to_status"] for event in proof["events"] if event["content"]["to_status"]]
    if not moves or moves[-1] != case["case"]["status"]:
        raise Wrong("the case's status is not the one that its events say")
    for notice in case["submissions"]:
        if notice["payload"] is not None and sha256(notice["payload"].encode()) != notice["payload_sha256"]:
            raise Wrong(f"notice {notice['number']} is not what was approved")


def verify(folder, published_key, say):
    """All checks in order; ``say`` gets one line for each that holds. Raises Wrong at the first that does not."""
    manifest_bytes, manifest, files = check_files(folder)
    say(f"files       {len(files)} files, each as the manifest says")
    key = check_manifest_signature(folder, manifest_bytes)
    if key is None and published_key is not None:
        raise Wrong("nothing is signed, and a key was given")
    if key is not None and published_key is not None and key != published_key:
        raise Wrong("it is signed with another key than the one that was given")
    for needed in ("case.json", "case.html", "proof.json"):
        if needed not in files:
            raise Wrong(f"{needed} is missing")
    case, proof = parsed("case.json", files["case.json"]), parsed("proof.json", files["proof.json"])
    statement = check_statement(proof, key)
    if key is None:
        say("signature   NOT SIGNED: the authority had no key; who altered everything consistently is not found out")
    else:
        whose = "the key that was given" if published_key else "a key that you must compare with the published one"
        say(f"signature   holds, with {whose}")
        say(f"            key {sha256(key)[:32]}, public key {key.hex()}")
    count = check_events(proof, statement)
    say(f"events      {count} events of the case, each in the log of {statement['seq']}")
    check_case(case, proof, manifest, statement)
    say(f"case        {manifest['case']} is '{case['case']['status']}', as its events say")
    erased = sum(notice["payload"] is None for notice in case["submissions"])
    say(f"notices     {len(case['submissions']) - erased}, each with its approved hash; {erased} erased")
    for erasure in case["erasures"]:
        say(f"erased      {erasure['record']}, on {erasure['erased_at']}: {erasure['rule']}")
    say(f"exported    {manifest['made_at']}, by {manifest['by']}")


def public_key(text):
    """A public key from its 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise argparse.ArgumentTypeError("a public key has 64 hexadecimal digits")
    return key


def say(line):
    sys.stdout.write(line + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check an export of one case.")
    parser.add_argument("folder", type=Path, help="the folder of the export")
    parser.add_argument("--key", type=public_key, help="the public key as the authority published it")
    asked = parser.parse_args(arguments)
    if not asked.folder.is_dir():
        parser.error(f"there is no folder {asked.folder}")
    try:
        verify(asked.folder, asked.key, say)
    except Wrong as wrong:
        say(f"\nDOES NOT HOLD: {wrong}.")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError):
        say("\nDOES NOT HOLD: a file has not the shape of an export.")
        return 1
    say("\nEverything holds.\n\n" + UNSEEN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
