"""Bundles that were changed, damaged or made to do harm are refused, and leave nothing behind."""

from __future__ import annotations

import stat
import sys
import zipfile
from pathlib import Path

import pytest

from liface.database import Database
from liface.dispatch import bundles
from liface.dispatch.bundles import DATABASE, SUMS, open_bundle, verify_bundle, write_bundle
from liface.dispatch.lock_file import lock_text
from liface.errors import BundleError, LockError

sys.path.insert(0, str(Path(__file__).parents[1] / "database"))
from database_factories import calculation, finished_case, provenance, run, surface

from liface.documents import RunCalculation


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """A lock and a database that belong together."""
    path = tmp_path_factory.mktemp("bundle") / DATABASE
    done = calculation(1)
    result = surface(campaign="quickstart")
    result = result.model_copy(update={"provenance": provenance("quickstart", "case", (done.calc_id,))})
    row = run().calculations[0].model_dump() | {"calc_id": done.calc_id}
    record = run().records[0].model_copy(update={"record_id": result.record_id, "calc_ids": (done.calc_id,)})
    lock = run(calculations=(RunCalculation(**row),), records=(record,))
    with Database(path.with_name("all.db")) as database:
        database.add_calculation(done)
        database.commit_case(finished_case([result], calc_ids=(done.calc_id,)), [result])
        database.add_run(lock)
        database.copy_campaign("quickstart", path)
    return {
        "quickstart.lock.json": lock_text(lock).encode(),
        DATABASE: path.read_bytes(),
        "structures/a_b.extxyz": b"1\n\nCu 0 0 0\n",
    }


@pytest.fixture
def bundle(members, tmp_path):
    path = tmp_path / "b.zip"
    write_bundle(path, members)
    return path


def refused(path: Path, match: str) -> None:
    """Both ways to look into it say no, and leave the folder as it was."""
    there = sorted(each.name for each in path.parent.iterdir())
    for look in (verify_bundle, lambda p: open_bundle(p, p.parent / "opened")):
        with pytest.raises((BundleError, LockError), match=match):
            look(path)
    assert sorted(each.name for each in path.parent.iterdir()) == there


def rewritten(bundle: Path, change) -> Path:
    """Write a bundle anew, each member as ``change`` has it; what it returns is a list of entry and content."""
    with zipfile.ZipFile(bundle) as archive:
        entries = [(member, archive.read(member)) for member in archive.infolist()]
    path = bundle.with_name("changed.zip")
    bundle.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in change(entries):
            archive.writestr(member, data)
    return path


def test_a_bundle_opens_to_what_was_put_in(bundle, members, tmp_path):
    opened = open_bundle(bundle, tmp_path / "o")
    assert verify_bundle(bundle) == opened
    assert (opened.run.campaign, opened.members) == ("quickstart", 4)
    assert {name: (tmp_path / "o" / name).read_bytes() for name in members} == members
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "o"]


def test_the_same_content_is_the_same_file(bundle, members, tmp_path):
    again = write_bundle(tmp_path / "again.zip", dict(reversed(members.items())))
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()
    assert again == verify_bundle(bundle).sha256


def test_a_folder_that_is_there_is_left_alone(bundle, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("mine")
    with pytest.raises(BundleError, match="is there already"):
        open_bundle(bundle, tmp_path / "o")
    assert (tmp_path / "o" / "mine.txt").read_text() == "mine"
    with pytest.raises(BundleError, match="no folder"):
        open_bundle(bundle, tmp_path / "x" / "y")


@pytest.mark.parametrize("name", [DATABASE, "quickstart.lock.json", "structures/a_b.extxyz"])
def test_a_changed_member_is_found(bundle, name):
    def change(entries):
        return [(m, data + b" " if m.filename == name else data) for m, data in entries]

    refused(rewritten(bundle, change), f"{name} is not what SHA256SUMS says")


def test_members_that_are_missing_added_or_unlisted_are_found(bundle):
    path = rewritten(bundle, lambda entries: entries[:-1])
    refused(path, "does not list what it holds")
    refused(rewritten(path, lambda entries: [*entries, ("more.txt", b"")]), "does not list what it holds")


def test_without_checksums_it_is_no_bundle(bundle):
    refused(rewritten(bundle, lambda entries: [e for e in entries if e[0].filename != SUMS]), "is missing")


@pytest.mark.parametrize(
    "name",
    ["../escape", "/etc/escape", "a/../../escape", "C:escape", "a\\b", ".hidden", "a//b", "./a", "a/b/c/d", "e\x01e"],
)
def test_names_that_lead_elsewhere_are_refused(bundle, name):
    refused(rewritten(bundle, lambda entries: [*entries, (name, b"x")]), "which no bundle has")
    with pytest.raises(BundleError, match="which no bundle has"):
        write_bundle(bundle.with_name("w.zip"), {name: b""})


@pytest.mark.parametrize(("kind", "name"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "pipe"), (stat.S_IFDIR, "folder")])
def test_links_and_other_things_that_are_no_files_are_refused(bundle, kind, name):
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, (kind | 0o777) << 16
    refused(rewritten(bundle, lambda entries: [*entries, (member, b"/etc/passwd")]), "is no plain file")


def test_two_members_of_one_name_are_refused(bundle):
    refused(rewritten(bundle, lambda entries: [*entries, ("RESULTS.DB", b"x")]), "two members")


def test_a_member_that_swells_is_refused_before_it_is_written(bundle):
    refused(rewritten(bundle, lambda entries: [*entries, ("zeros", bytes(20_000_000))]), "swells from")


def test_a_member_that_lies_about_its_length_is_refused(bundle):
    """The size that the limits go by is that of the directory at the end of the file."""
    raw = bytearray(bundle.read_bytes())
    at = raw.rindex(b"structures/a_b.extxyz") - 22  # uncompressed size in its entry of the directory
    raw[at : at + 4] = (3).to_bytes(4, "little")
    bundle.write_bytes(raw)
    refused(bundle, "damaged|longer than|not what")


def test_too_much_in_all_is_refused(bundle, monkeypatch):
    monkeypatch.setattr(bundles, "MOST_BYTES", 1000)
    refused(bundle, "more than 1000")
    monkeypatch.setattr(bundles, "MOST_MEMBERS", 2)
    refused(bundle, "more than 2")


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped", "scrambled"])
def test_damage_is_told_of(bundle, damage):
    raw = bundle.read_bytes()
    half = len(raw) // 2
    flipped = raw[:half] + bytes([raw[half] ^ 0xFF]) + raw[half + 1 :]
    scrambled = raw[:half] + bytes(byte ^ 0xFF for byte in raw[half : half + 60]) + raw[half + 60 :]
    bundle.write_bytes(
        {"scrambled": scrambled, "cut": raw[:half], "empty": b"", "text": b"no zip at all", "flipped": flipped}[damage]
    )
    refused(bundle, "damaged|not what")
    with pytest.raises(BundleError, match="no bundle at"):
        verify_bundle(bundle.with_name("absent.zip"))


def test_lock_and_database_belong_together(members, tmp_path):
    other = {**members, "quickstart.lock.json": lock_text(run()).encode()}
    write_bundle(tmp_path / "b.zip", other)
    refused(tmp_path / "b.zip", "that its database has not")
    no_lock = {name: data for name, data in members.items() if not name.endswith(".json")}
    write_bundle(tmp_path / "b.zip", no_lock)
    refused(tmp_path / "b.zip", "it holds 0 locks")


def test_a_lock_that_was_changed_with_its_checksum_is_found(members, tmp_path):
    forged = members["quickstart.lock.json"].replace(b'"gamma_mev_per_a2": 80.0', b'"gamma_mev_per_a2": 99.0')
    assert forged != members["quickstart.lock.json"]
    write_bundle(tmp_path / "b.zip", {**members, "quickstart.lock.json": forged})
    refused(tmp_path / "b.zip", "was changed after it was written")
