"""Results: each kind comes back as it was, or is said not to be stored."""

from __future__ import annotations

import enum
import errno
import json
import math
import os
import subprocess
import sys
import textwrap
import time
from collections import OrderedDict
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from pydantic import BaseModel, Field

from orchestra_nb.errors import StoreError
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.results import load_result

from .disk import put, replaced

# Numbers as names of parameters: the values themselves are megabytes.


class Color(enum.IntEnum):
    """A number that is more than a number."""

    RED = 1


class Report(BaseModel):
    """A model as an agent may return it."""

    title: str = Field(alias="Title")
    points: list[tuple[int, float]] = []


class Moody(BaseModel):
    """A model that does not come back."""

    number: float


class Rude:
    """An object with a repr that raises."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [
        *(True, False, 0, -5, 10**30, 1.5, -0.0, "", "done", "ä\ud800", [], {}),
        {"a": [1, 2.5, None, {"b": "x" * 900}]},
    ],
    ids=map(str, count(1)),
)
def test_small_values_are_in_the_log(journal: FileJournal, value: object) -> None:
    """A small plain value needs no file, and comes back equal and of the same type."""
    stored = journal.inline_result(value)
    assert stored is not None
    back = load_result(journal.folder.path, stored)
    assert back == value
    assert type(back) is type(value)


def test_none_is_told_apart(journal: FileJournal) -> None:
    """No result is a kind of its own."""
    assert journal.inline_result(None) == {"kind": "none"}
    assert load_result(journal.folder.path, {"kind": "none"}) is None


def test_inline_value_is_the_logs_own(journal: FileJournal) -> None:
    """What an agent does to its list later does not change what the log says."""
    value = [1]
    stored = journal.inline_result(value)
    value.append(2)
    assert stored == {"kind": "json", "value": [1]}


@pytest.mark.parametrize(
    "value",
    [
        *("x" * 1025, "\x00" * 400, ["x" * 200] * 6, list(range(10**6)), "ä" * 600),
        *((1, 2), {1: 2}, [math.nan], math.inf, b"", {"a": object()}, {"a": {3}}),
        *(Color.RED, OrderedDict(), [10**5000], "\ud83d\ude00", Rude()),
    ],
    ids=map(str, count(1)),
)
def test_other_values_are_not_in_the_log(journal: FileJournal, value: object) -> None:
    """What is big, or would not come back the same, is not put into the log."""
    assert journal.inline_result(value) is None


def test_looking_at_a_huge_value_is_quick(journal: FileJournal) -> None:
    """The engine's loop does not wait for a huge result to be looked through."""
    huge: list[Any] = [list(range(1000)) for _ in range(2000)]
    begin = time.thread_time()
    for _ in range(100):
        assert journal.inline_result(huge) is None
    assert time.thread_time() - begin < 0.5


@pytest.mark.parametrize(
    ("value", "kind", "suffix"),
    [
        ("x" * 3_000_000, "text", "txt"),
        ("ä\r\n𝄞" * 700_000, "text", "txt"),
        ("a\ud800" * 2_000, "json", "json"),
        (b"\0\xff" * 1_500_000, "bytes", "bin"),
        ([{"i": i, "s": "ä\n"} for i in range(20_000)], "json", "json"),
        ({str(i): [i, None, True, 0.1] for i in range(5_000)}, "json", "json"),
        ({"long": 'q"\\\x01' * 300_000, "rest": ["y" * 20_000, {}]}, "json", "json"),
        ([[["deep " * 9000]]], "json", "json"),
    ],
    ids=map(str, count(1)),
)
def test_big_values_are_files(journal: FileJournal, value: object, kind: str, suffix: str) -> None:
    """Big plain values are files named by task number and attempt, and come back the same."""
    stored = put(journal, value, index=2, attempt=3)
    assert stored["kind"] == kind
    assert stored["file"] == f"results/0003.3.{suffix}"
    path = journal.folder.path / stored["file"]
    assert path.stat().st_size == stored["size"]
    assert path.stat().st_mode & 0o777 == 0o600
    back = load_result(journal.folder.path, stored)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ((1, 2), "it holds a tuple"),
        ([(1, 2)] * 10_000, "it holds a tuple"),
        ({"a": {1: 2}}, "it holds a key that is a int"),
        ([0.5] * 10_000 + [math.nan], "it holds the number nan"),
        ({"a": {1, 2}}, "it holds a set"),
        (Color.RED, "it holds a Color"),
        ("\ud83d\ude00" * 1000, "two half surrogates in a row"),
        ("\ud800" * 300_000, "a long text with half surrogates"),
        ([10**5000], "more than 4,000 digits"),
        (Rude(), "it holds a Rude"),
        (pd.Series([1]), "it is a pandas Series"),
        (go.Bar(x=[1]), "it is a Bar, not a figure"),
        (Moody(number=math.nan), "its model refuses its own JSON"),
    ],
    ids=map(str, count(1)),
)
def test_what_would_not_come_back_is_not_stored(
    journal: FileJournal, value: object, why: str
) -> None:
    """A value that JSON would change is described in at most 4 kB and leaves no file."""
    stored = put(journal, value)
    assert stored["kind"] == "repr"
    assert stored["stored"] is False
    assert why in stored["why"]
    assert len(stored["repr"].encode()) <= 4096
    assert list(journal.folder.results.iterdir()) == []
    with pytest.raises(StoreError, match="was not stored"):
        load_result(journal.folder.path, stored)


def test_endless_value_is_not_stored(journal: FileJournal) -> None:
    """A list that holds itself ends as a description."""
    value: list[Any] = [1]
    value.append(value)
    assert journal.inline_result(value) is None
    assert "nested more than" in put(journal, value)["why"]


def test_models(journal: FileJournal) -> None:
    """A pydantic model is plain data again, or the model for those who bring its class."""
    report = Report(Title="x", points=[(1, 2.0)])
    stored = put(journal, report)
    assert stored["class"] == f"{__name__}:Report"
    assert load_result(journal.folder.path, stored, model=Report) == report
    plain = {"Title": "x", "points": [[1, 2.0]]}
    assert load_result(journal.folder.path, stored) == plain
    with pytest.raises(StoreError, match="can't be read"):
        load_result(journal.folder.path, stored, model=Moody)


FRAMES = {
    "plain": pd.DataFrame({"a": [1, 2], "b": [0.1, None], "c": ["x", None], "d": [True, False]}),
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="float32")}),
    "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
    "times": pd.DataFrame(
        {
            "utc": pd.to_datetime(["2026-01-01T00:00:00.123456789Z", "NaT"]),
            "naive": pd.to_datetime(["2026-01-01", "1970-01-01"]),
            "tz": pd.to_datetime(["2026-01-01", "2026-07-01"]).tz_localize("Europe/Berlin"),
            "delta": pd.to_timedelta(["1h", None]),
        }
    ),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "days": pd.DataFrame({"a": [1, 2]}, index=pd.to_datetime(["2026-01-01", "2026-01-02"])),
    "numbers as names": pd.DataFrame([[1, 2]], columns=[10, 20]),
    "same name twice": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "missing": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "objects": pd.DataFrame({"a": pd.Series([1, "x", None, 2.5], dtype="object")}),
    "uint8": pd.DataFrame({"a": pd.Series([1, 255], dtype="uint8")}),
    "long": pd.DataFrame({"a": range(120_000)}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(journal: FileJournal, name: str) -> None:
    """A DataFrame comes back with its values, types, index and names, without pyarrow."""
    stored = put(journal, FRAMES[name])
    assert stored["kind"] == "frame", stored
    back = load_result(journal.folder.path, stored)
    pd.testing.assert_frame_equal(FRAMES[name], back, check_freq=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pd.DataFrame({"a": [object()]}), "a column of the type object"),
        (pd.DataFrame({"a": pd.Categorical(["x"], ["y", "x"])}), "come back different"),
        (pd.DataFrame({("a", "b"): [1]}), "MultiIndex"),
        (pd.DataFrame({"a": [math.inf]}), "it holds the number inf"),
    ],
)
def test_frames_that_are_not_stored(journal: FileJournal, frame: pd.DataFrame, why: str) -> None:
    """A frame that would lose something is not stored, and says what."""
    stored = put(journal, frame)
    assert stored["kind"] == "repr"
    assert why in stored["why"]


def test_figures(journal: FileJournal) -> None:
    """A Plotly figure comes back as a figure."""
    figure = go.Figure(go.Bar(x=["a", "b"], y=[1, 2]), {"title": {"text": "ä"}})
    stored = put(journal, figure)
    assert stored["kind"] == "figure"
    back = load_result(journal.folder.path, stored)
    assert isinstance(back, go.Figure)
    assert json.loads(back.to_json()) == json.loads(figure.to_json())


def test_masked_results_say_so(journal: FileJournal) -> None:
    """A result with a key in it is kept without the key, and says that something is missing."""
    key = "sk-ant-api03-abcdef"
    for value in (f"{key} " * 500, [key] * 500, Report(Title=key), pd.DataFrame({"a": [key]})):
        stored = put(journal, value)
        assert stored["masked"] is True
        assert "sk-ant" not in str(load_result(journal.folder.path, stored))
    assert "masked" not in put(journal, ["a bearer of news"] * 500)
    assert "masked" not in put(journal, "a bearer of news" * 500)


def test_result_is_durable_before_it_is_named(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File and folder are synced first; then the engine hears of it."""
    paths: list[str] = []

    def fsync(fd: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{fd}") if sys.platform == "linux" else "")
        os.fsync(fd)

    replaced(monkeypatch, fsync=fsync)
    stored = put(journal, "x" * 2000)
    if sys.platform == "linux":
        path = journal.folder.path / stored["file"]
        assert paths == [str(path), str(path.parent)]
    assert len(paths) == 2


@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_full_disk(journal: FileJournal, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A result that can't be written is said not to be stored; nothing raises, nothing is left."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        replaced(patch, **{call: full})
        stored = put(journal, "x" * 2000)
    assert stored["stored"] is False
    assert "No space left" in stored["why"]
    if call != "fsync":
        assert list(journal.folder.results.iterdir()) == []
    assert put(journal, "x" * 2000, attempt=2)["kind"] == "text"


def test_no_result_overwrites_another(journal: FileJournal) -> None:
    """A second result of the same attempt gets a name of its own."""
    first, second = put(journal, "a" * 2000), put(journal, "b" * 2000)
    assert [first["file"], second["file"]] == ["results/0003.1.txt", "results/0003.1-2.txt"]
    assert load_result(journal.folder.path, first) == "a" * 2000
    assert load_result(journal.folder.path, second) == "b" * 2000


def test_damaged_and_forged_results(journal: FileJournal, tmp_path: Path) -> None:
    """A file that changed, is missing or lies outside the run is refused."""
    stored = put(journal, "a" * 2000)
    path = journal.folder.path / stored["file"]
    folder = journal.folder.path
    path.write_text("b" * 2000)
    with pytest.raises(StoreError, match="checksum differs"):
        load_result(folder, stored)
    path.unlink()
    with pytest.raises(StoreError, match="can't be read"):
        load_result(folder, stored)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match="symbolic link"):
        load_result(folder, stored)
    for name in ("../plan.json", "/etc/passwd", "results/../plan.json", None):
        with pytest.raises(StoreError, match="which it can't be"):
            load_result(folder, stored | {"file": name})


def test_unknown_kind(journal: FileJournal) -> None:
    """A kind that a newer version wrote is named."""
    stored = put(journal, "a" * 2000)
    with pytest.raises(StoreError, match="'hologram' can't be read"):
        load_result(journal.folder.path, stored | {"kind": "hologram"})


def test_broken_listener(journal: FileJournal) -> None:
    """A callback that raises does not end the thread that writes."""

    def broken(stored: object) -> None:
        raise ValueError

    journal.put_result(0, 1, [1], broken)
    assert put(journal, "a" * 2000)["kind"] == "text"


def test_plain_results_import_nothing_heavy() -> None:
    """Keeping plain values and models imports neither pandas nor plotly."""
    code = """
        import sys, threading
        from pathlib import Path
        from pydantic import BaseModel
        from orchestra_nb.store.results import ResultJob, keep_results
        Path("results").mkdir()
        class Model(BaseModel):
            x: int = 1
        kinds = []
        for value in ("x", [1], b"", object(), Model()):
            job = ResultJob(Path(), 0, 1, value, lambda stored: kinds.append(stored["kind"]))
            keep_results([job])
        assert kinds == ["text", "json", "bytes", "repr", "model"], kinds
        assert not {"pandas", "plotly", "pyarrow", "anthropic"} & set(sys.modules)
    """
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
