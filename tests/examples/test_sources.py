"""Finding and reading the sources of a package."""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from examples.review.sources import MAX_BYTES, Source, SourceError, count_words, find_package, read

from .conftest import WritePackage


def read_one(write_package: WritePackage, text: str | bytes) -> Source:
    """The file of a package of one file."""
    return read(write_package({"specimen/__init__.py": text}).files[0])


def test_a_package_is_found_without_being_imported(write_package: WritePackage) -> None:
    """Neither a package nor a parent of it runs when it is looked for."""
    package = write_package(
        {
            "specimen/__init__.py": "raise SystemExit('imported')",
            "specimen/inner/__init__.py": "raise SystemExit('imported')",
            "specimen/inner/deep.py": "",
        }
    )
    assert [file.module for file in package.files] == [
        "specimen",
        "specimen.inner",
        "specimen.inner.deep",
    ]
    inner = find_package("specimen.inner")
    assert [file.shown for file in inner.files] == [
        "specimen/inner/__init__.py",
        "specimen/inner/deep.py",
    ]
    assert "specimen" not in sys.modules


def test_tests_and_vendored_code_are_told_from_code(write_package: WritePackage) -> None:
    """Folders and file names say what is a test and what is somebody else's."""
    package = write_package(
        {
            "specimen/__init__.py": "",
            "specimen/testing.py": "",
            "specimen/test_it.py": "",
            "specimen/conftest.py": "",
            "specimen/tests/helper.py": "",
            "specimen/_vendor/six.py": "",
            "specimen/__pycache__/old.py": "",
            "specimen/data.txt": "",
        }
    )
    assert [file.module for file in package.code] == ["specimen", "specimen.testing"]
    assert [file.module for file in package.tests] == [
        "specimen.conftest",
        "specimen.test_it",
        "specimen.tests.helper",
    ]
    assert len(package.files) == 6


def test_a_module_of_one_file_is_a_package_of_one(write_package: WritePackage) -> None:
    """`specimen.py` is reviewed like a package."""
    package = write_package({"specimen.py": "x = 1\n"})
    assert [(file.module, file.shown) for file in package.code] == [("specimen", "specimen.py")]


def test_a_namespace_package_has_the_files_of_all_its_folders(
    write_package: WritePackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package without `__init__.py` may lie in several places."""
    write_package({"specimen/one.py": "", "elsewhere/specimen/two.py": ""})
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    importlib.invalidate_caches()
    assert [file.module for file in find_package("specimen").files] == [
        "specimen.one",
        "specimen.two",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is not a name that can be imported"),
        ("../etc", "is not a name that can be imported"),
        ("specimen-package", "is not a name that can be imported"),
        ("no_such_package_here", "No package 'no_such_package_here' is installed"),
        ("pandsa", "Did you mean 'pandas'"),
        ("PyYAML", "is imported as 'yaml': use that name"),
        ("pandas.no_such_part", "No package 'pandas.no_such_part' is installed"),
        ("six.moves", "No package 'six.moves' is installed"),
        ("sys", "has no Python source to review"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_with_a_way_on(name: str, message: str) -> None:
    """The message says what is wrong and what to do."""
    with pytest.raises(SourceError, match=re.escape(message)):
        find_package(name)


def test_a_package_of_compiled_modules_alone_is_refused(write_package: WritePackage) -> None:
    """There must be source to read."""
    with pytest.raises(SourceError, match="1 compiled module"):
        write_package({f"specimen/fast{EXTENSION_SUFFIXES[0]}": b"\x7fELF"})


def test_a_byte_order_mark_is_not_part_of_the_text(write_package: WritePackage) -> None:
    """A file with a BOM parses, and its first line is clean."""
    source = read_one(write_package, b"\xef\xbb\xbfx = 'gr\xc3\xbc\xc3\x9f'\n")
    assert source.problem is None
    assert source.lines == ("x = 'grüß'",)


def test_a_declared_encoding_is_obeyed(write_package: WritePackage) -> None:
    """Latin-1 is read when the file says so."""
    source = read_one(write_package, b"# -*- coding: latin-1 -*-\nx = 'gr\xfc\xdf'\n")
    assert source.problem is None
    assert source.lines[1] == "x = 'grüß'"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"x = 'gr\xfc\xdf'\n", "is not UTF-8 and declares no encoding"),
        (b"# coding: utf-8\nx = 'gr\xfc\xdf'\n", "is not the utf-8 it declares"),
        (b"# coding: klingon\n", "declares an unknown encoding, 'klingon'"),
        (b"# coding: base64\nx = 1\n", "declares an unknown encoding, 'base64'"),
        (b"x = 1\ndef broken(:\n", "does not parse: invalid syntax (line 2)"),
        (b"x = '\0'\n", "does not parse"),
        (b"x = " + b"(" * 5_000 + b")" * 5_000, "does not parse"),
    ],
)
def test_a_broken_file_is_a_problem_and_not_an_error(
    write_package: WritePackage, data: bytes, problem: str
) -> None:
    """What is wrong is said, and the lines can still be counted."""
    source = read_one(write_package, data)
    assert source.tree is None
    assert source.problem is not None
    assert problem in source.problem
    assert source.lines


def test_an_expression_deeper_than_the_recursion_limit_is_read(
    write_package: WritePackage,
) -> None:
    """Generated code nests deeply; it may be refused, but it never breaks the review."""
    source = read_one(write_package, "x = " + " + ".join(["1"] * 20_000))
    assert (source.tree is None) == (source.problem is not None)


def test_a_huge_file_is_left_out(write_package: WritePackage) -> None:
    """Files over the limit are not parsed."""
    source = read_one(write_package, b"#" * (MAX_BYTES + 1))
    assert source.problem == "larger than 1.5 MB, left out"


def test_a_file_that_vanished_is_a_problem(write_package: WritePackage) -> None:
    """The package may change while it is read."""
    file = write_package({"specimen/__init__.py": ""}).files[0]
    file.path.unlink()
    assert "cannot be read" in (read(file).problem or "")


def test_doubtful_escapes_warn_nobody(write_package: WritePackage) -> None:
    """Python's warnings about somebody else's source are kept out, even as errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = read_one(write_package, 'x = "\\d"\n')
    assert source.problem is None
    assert not caught


def test_lines_are_numbered_as_python_numbers_them(write_package: WritePackage) -> None:
    """Form feeds do not end a line, and all three kinds of line ends do."""
    source = read_one(write_package, b"a = 1\r\n\x0c\r\nb = 2\nc = 3\rd = 4\n")
    assert source.quote(3, 99) == ["3  b = 2", "4  c = 3", "5  d = 4"]
    assert read_one(write_package, b"").lines == ()


def test_only_whole_words_are_counted(write_package: WritePackage) -> None:
    """`get` is not in `get_all`."""
    source = read_one(write_package, "get = get_all(get)\n# get\n")
    assert count_words(source, {"get", "set"}) == {"get": 3}


def test_a_file_name_that_is_no_text_can_be_shown(
    write_package: WritePackage, tmp_path: Path
) -> None:
    """Bytes that no encoding explains become a visible stand-in."""
    folder = tmp_path / "specimen"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.py")).write_bytes(b"x = 1\n")
    except OSError:
        pytest.skip("this file system has no such names")
    (file,) = write_package({}).files
    assert file.shown == "specimen/bad\ufffd.py"
    assert read(file).lines == ("x = 1",)


def test_what_runs_only_as_a_script_is_left_out(write_package: WritePackage) -> None:
    """The block under `__name__ == "__main__"` is not in the tree, its `else` is."""
    text = "a = 1\nif __name__ == '__main__':\n import demo\nelse:\n b = 2\nif a == 1:\n c = 3\n"
    tree = read_one(write_package, text).tree
    assert tree is not None
    assert [ast.unparse(node) for node in tree.body] == ["a = 1", "b = 2", "if a == 1:\n    c = 3"]
