# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""The trajectory file changes completely or not at all, wherever a write is cut off."""

import errno
import os

import h5py
import numpy as np
import pytest

from openmmlps.app import journal


class Crash(BaseException):
    """Stands for a kill: nothing in the program may catch it."""


def make_file(path, rows=3):
    with h5py.File(path, "w") as file:
        file.create_dataset("values", (rows, 500), "f8", maxshape=(None, 500), chunks=(2, 500), data=content(rows))
        file.create_dataset("step", (rows,), "i8", maxshape=(None,), chunks=(64,), data=np.arange(rows))


def content(rows):
    return np.arange(rows * 500, dtype=float).reshape(rows, 500)


def grow(path, rows):
    with journal.transaction(path) as pages, h5py.File(pages, "r+") as file:
        before = len(file["step"])
        for name in ("step", "values"):
            file[name].resize(rows, axis=0)
        file["values"][before:] = content(rows)[before:]
        file["step"][before:] = np.arange(before, rows)


def rows_in(path):
    with h5py.File(path) as file:
        rows = len(file["step"])
        np.testing.assert_array_equal(file["values"][:], content(rows))
        np.testing.assert_array_equal(file["step"][:], np.arange(rows))
    return rows


def test_grows(tmp_path):
    path = tmp_path / "x.h5"
    make_file(path)
    for rows in (4, 9, 40, 41):
        grow(path, rows)
        assert rows_in(path) == rows
    assert os.listdir(tmp_path) == ["x.h5"]


def test_exception_inside_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x.h5"
    make_file(path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), journal.transaction(path) as pages, h5py.File(pages, "r+") as file:
        file["step"].resize(100, axis=0)
        raise ZeroDivisionError
    assert path.read_bytes() == before


def cut_off_at(monkeypatch, call, exception, partly=0):
    """Make the call-th system call that changes the disk fail; of a write, `partly` bytes still get through."""
    count = {"calls": 0}
    real_pwrite, real_truncate = os.pwrite, os.ftruncate

    def counted(real, write):
        def wrapped(descriptor, *arguments):
            count["calls"] += 1
            if count["calls"] == call:
                if write and partly:
                    real(descriptor, arguments[0][:partly], arguments[1])
                raise exception
            return real(descriptor, *arguments)

        return wrapped

    monkeypatch.setattr(os, "pwrite", counted(real_pwrite, True))
    monkeypatch.setattr(os, "ftruncate", counted(real_truncate, False))
    return count


@pytest.mark.parametrize("partly", [0, 1000])
def test_kill_at_every_write_leaves_old_or_new_content(tmp_path, partly):
    """After recovery at any point of a commit the file holds all of the frames or none; at most points without it."""
    outcomes, readable, call = [], [], 0
    while True:
        call += 1
        path = tmp_path / f"{call}.h5"
        make_file(path)
        with pytest.MonkeyPatch.context() as patch:
            count = cut_off_at(patch, call, Crash(), partly)
            try:
                grow(path, 8)
                break
            except Crash:
                pass
        if not journal.journal_path(path).exists():
            readable.append(rows_in(path))
        journal.recover(path)
        outcomes.append(rows_in(path))
        assert not journal.journal_path(path).exists()
        grow(path, 9)
        assert rows_in(path) == 9
    assert count["calls"] == call - 1 >= 8
    assert set(outcomes) == {3, 8} and outcomes == sorted(outcomes)
    assert readable and set(readable) == {3}


def test_full_disk_keeps_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    make_file(path)
    with pytest.MonkeyPatch.context() as patch:
        cut_off_at(patch, 2, OSError(errno.ENOSPC, "No space left on device"), partly=100)
        with pytest.raises(OSError, match="No space left"):
            grow(path, 8)
    assert rows_in(path) == 3
    grow(path, 8)
    assert rows_in(path) == 8


def test_torn_journal_is_dropped(tmp_path):
    path = tmp_path / "x.h5"
    make_file(path)
    for torn in (b"", b"LPSJRNL1", b"LPSJRNL1" + b"\xff" * 5000, os.urandom(9000)):
        journal.journal_path(path).write_bytes(torn)
        journal.recover(path)
        assert rows_in(path) == 3 and not journal.journal_path(path).exists()


def test_paged_file_behaves_like_a_file(tmp_path):
    """Random reads, writes, seeks and truncations against a plain file."""
    random = np.random.default_rng(1)
    ours, plain = tmp_path / "ours", tmp_path / "plain"
    for path in (ours, plain):
        path.write_bytes(bytes(range(256)) * 40)
    with journal.PagedFile(ours) as paged, open(plain, "r+b") as file:
        for _ in range(300):
            position, length = int(random.integers(0, 30000)), int(random.integers(1, 9000))
            assert paged.seek(position) == file.seek(position)
            if random.random() < 0.5:
                data = random.bytes(length)
                assert paged.write(data) == file.write(data)
            else:
                expected = file.read(length)
                buffer = bytearray(len(expected))
                paged.readinto(buffer)
                assert bytes(buffer) == expected
        paged.seek(0, os.SEEK_END), file.seek(0, os.SEEK_END)
        assert paged.tell() == file.tell()
        paged.truncate(20001), file.truncate(20001)
        paged.commit()
    assert ours.read_bytes() == plain.read_bytes()
