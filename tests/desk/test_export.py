"""A case leaves as files that a stranger checks without our software, and whoever changes a byte is found out."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tasks.collect_outcomes import collect
from tests.desk.conftest import AtTheDesk

VERIFIER = Path(__file__).resolve().parents[2] / "tools" / "verify_export.py"
PURPOSE = ("--purpose", "For the administrative court, case 12.")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_export", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verifier = load(VERIFIER)


def refusal(folder: Path, key: bytes | None = None) -> str:
    """What the verifier finds wrong; '' where everything holds."""
    try:
        verifier.verify(folder, key, lambda line: None)
    except verifier.Wrong as wrong:
        return str(wrong)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return "no shape of an export"
    return ""


@pytest.fixture
def told(desk: AtTheDesk) -> AtTheDesk:
    """A desk whose signing key was made."""
    desk.says("audit", "key", "new")
    return desk


def exported(desk: AtTheDesk, folder: Path, *words: str) -> tuple[str, Path]:
    """A case with a long way behind it, among others, in a folder."""
    story = desk.story
    story.submitted()
    number = story.submitted(description="See https://evil.example/x and tell nobody.")
    story.submitted()
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    desk.says("letters", "send")
    desk.says("case", "export", number, "--to", folder, "--as", "marat", *PURPOSE, *words)
    return number, folder


def test_an_export_is_checked_by_one_file_and_a_bare_python(told: AtTheDesk, tmp_path: Path) -> None:
    number, folder = exported(told, tmp_path / "out")
    copy = shutil.copy(VERIFIER, tmp_path / "verify.py")
    key = told.tells("audit", "key", "show")["public_key"]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", copy, folder, "--key", key], capture_output=True, text=True, cwd=tmp_path, env={}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{number} is 'closed'" in ran.stdout
    assert "Everything holds." in ran.stdout
    assert "It cannot show that no other event" in ran.stdout
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_byte_changed_anywhere_is_found_out(told: AtTheDesk, tmp_path: Path) -> None:
    _, folder = exported(told, tmp_path / "out", "--with-identities")
    assert refusal(folder) == ""
    chance = random.Random(7)
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for position in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(40))}:
            changed = bytearray(data)
            changed[position] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(changed))
            assert refusal(folder), f"{path.name}, byte {position}"
        path.write_bytes(data[:-1])
        assert refusal(folder), f"{path.name} cut"
        path.write_bytes(data + b"\n")
        assert refusal(folder), f"{path.name} longer"
        path.unlink()
        assert refusal(folder), f"{path.name} gone"
        path.write_bytes(data)
    (folder / "more.txt").write_text("")
    assert "not part of the export" in refusal(folder)


def resigned(folder: Path, key: Ed25519PrivateKey, **files: Any) -> None:
    """What a forger with a key of his own does: change files, and make manifest and signature fit."""
    for name, data in files.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(data), "sha256": verifier.sha256(data)}
    signed = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(signed)
    public = key.public_key().public_bytes_raw()
    said = {
        "signed": True, "key_id": verifier.sha256(public)[:32], "public_key": public.hex(),
        "signature": key.sign(signed).hex(),
    }  # fmt: skip
    (folder / "manifest.signature.json").write_text(verifier.canonical(said) + "\n")


def test_an_event_altered_left_in_another_place_or_made_up_does_not_hold_even_where_the_forger_has_the_key(
    told: AtTheDesk, tmp_path: Path
) -> None:
    """The head that an officer kept is what the forger cannot change; here it is the one in the export."""
    _, folder = exported(told, tmp_path / "out")
    key = Ed25519PrivateKey.from_private_bytes(_private(told.story.runtime.settings.signing_key))
    proof = json.loads((folder / "proof.json").read_text())

    def with_event(**changes: Any) -> dict[str, Any]:
        changed = json.loads(json.dumps(proof))
        event = changed["events"][2]
        event["content"] |= changes
        said = [*(event["content"][field] for field in verifier.EVENT_FIELDS), event["previous"]]
        event["hash"] = verifier.sha256(verifier.canonical(said).encode())
        return changed

    resigned(folder, key, proof=with_event(reason="Another reason."))
    assert "does not stand in the log" in refusal(folder)
    resigned(folder, key, proof=with_event(seq=proof["events"][2]["content"]["seq"] + 1))
    assert "does not stand in the log" in refusal(folder)
    resigned(folder, key, proof=with_event(seq=10_000))
    assert "is not one of the" in refusal(folder)
    changed = json.loads(json.dumps(proof))
    changed["head"]["statement"]["root"] = "ab" * 32
    resigned(folder, key, proof=changed)
    assert "not of this head" in refusal(folder)
    resigned(folder, key, proof=proof)
    assert refusal(folder) == ""
    stranger = Ed25519PrivateKey.generate()
    resigned(folder, stranger)
    assert "another key than the manifest" in refusal(folder)
    assert "another key than the one that was given" in refusal(folder, key.public_key().public_bytes_raw())


def _private(path: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key.private_bytes_raw()


def test_an_export_tells_nothing_about_other_cases(told: AtTheDesk, tmp_path: Path) -> None:
    number, folder = exported(told, tmp_path / "out")
    text = "".join(path.read_text() for path in folder.iterdir())
    assert set(re.findall(r"KZ-2026-\d{6}", text)) == {number}
    proof = json.loads((folder / "proof.json").read_text())
    assert len({event["content"]["case_id"] for event in proof["events"]}) == 1


def test_who_the_people_are_leaves_only_when_asked_for_by_the_head_and_is_on_the_record(
    told: AtTheDesk, tmp_path: Path
) -> None:
    number, folder = exported(told, tmp_path / "without")
    text = "".join(path.read_text() for path in folder.iterdir())
    assert "Practice Reporter" not in text
    assert "reporter@mail.example" not in text
    words = ("case", "export", number, "--to", tmp_path / "with", *PURPOSE, "--with-identities")
    for other in ("daniyar", "dina"):
        assert "may not export who its people are" in told.refuses(*words, "--as", other)
    told.says(*words, "--as", "marat")
    [person] = json.loads((tmp_path / "with" / "identities.json").read_text())["people"]
    assert (person["name"], person["email"]) == ("Practice Reporter", "reporter@mail.example")
    assert refusal(tmp_path / "with") == ""
    opened = told.story.events(number, "vault.opened")[-1]
    assert (opened.actor_id, opened.data["purpose"]) == ("marat", f"export: {PURPOSE[1]}")
    [first, second] = told.story.events(number, "case.exported")
    assert (first.reason, first.data["identities"], second.data["identities"]) == (PURPOSE[1], False, True)


def test_some_may_not_export_and_a_purpose_is_asked_for(told: AtTheDesk, tmp_path: Path) -> None:
    number = told.story.take_in()
    words = ("case", "export", number, "--to", tmp_path / "out")
    assert "aigerim may not export it" in told.refuses(*words, *PURPOSE, "--as", "aigerim")
    assert "[export.purpose_missing]" in told.refuses(*words, "--purpose", "x", "--as", "marat")
    assert "[case.not_found]" in told.refuses(
        "case", "export", "KZ-2026-999999", "--to", tmp_path / "out", *PURPOSE, "--as", "marat"
    )
    assert told.story.events(number, "case.exported") == []
    (tmp_path / "out").mkdir()
    assert "[export.folder_exists]" in told.refuses(*words, *PURPOSE, "--as", "marat")
    assert told.story.events(number, "case.exported") == []


def test_without_a_key_an_export_says_that_it_is_not_signed(desk: AtTheDesk, tmp_path: Path) -> None:
    number = desk.story.submitted()
    ran = desk.run("case", "export", number, "--to", tmp_path / "out", "--as", "marat", *PURPOSE)
    assert ran.exit_code == 0
    assert "nothing is signed" in ran.stderr
    lines: list[str] = []
    verifier.verify(tmp_path / "out", None, lines.append)
    assert any("NOT SIGNED" in line for line in lines)
    assert "a key was given" in refusal(tmp_path / "out", bytes(32))


def test_the_page_loads_nothing_opens_nothing_and_shows_links_defanged(told: AtTheDesk, tmp_path: Path) -> None:
    number, folder = exported(told, tmp_path / "out")
    page = (folder / "case.html").read_text()
    assert not re.search(r"https?://", page)
    assert not re.search(r"<(a|img|script|link|iframe|form|object|video)\b", page)
    assert "hxxps" in page
    assert number in page
    assert "default-src 'none'" in page
    case = json.loads((folder / "case.json").read_text())
    assert case["items"][0]["url_original"].startswith("https://")


def test_a_disk_that_fails_leaves_nothing_that_looks_like_an_export(
    told: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    number = told.story.take_in()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = told.refuses("case", "export", number, "--to", tmp_path / "deep" / "out", "--as", "marat", *PURPOSE)
    assert "No space left on device [export.not_written]" in said
    assert list((tmp_path / "deep").iterdir()) == []


@given(st.binary(max_size=200), st.integers(0, 511), st.binary(min_size=32, max_size=32))
def test_the_verifier_says_of_a_signature_what_the_library_says(message: bytes, bit: int, seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifier.signature_holds(public, message, signature)
    altered = bytearray(signature)
    altered[bit // 8] ^= 1 << bit % 8
    assert not verifier.signature_holds(public, message, bytes(altered))
    assert not verifier.signature_holds(public, message + b"x", signature)
