"""pandas frames as plain data: readable by anybody, and by any version of this package.

Parquet would need pyarrow to write, and again to read on another machine.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from .exact import InexactError

__all__ = ["frame_data", "frame_from_data"]

_BLOCK = 50_000
_SCALARS = (str, int, float, bool, type(None))


def frame_data(frame: object) -> dict[str, Any]:
    """A frame as JSON-able data from which the very same one can be made.

    Raises:
        InexactError: If that is not possible.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InexactError(f"it is a pandas {type(frame).__name__}; a DataFrame can be kept")
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1:
        raise InexactError("it is a frame with a MultiIndex; reset_index() makes it storable")
    if frame.attrs:
        raise InexactError("it is a frame with attrs")
    columns = [frame.iloc[:, number] for number in range(frame.shape[1])]
    data = {
        "columns": _column(pd.Series(frame.columns)),
        "columns_name": frame.columns.name,
        "index": _index(frame.index),
        "index_name": frame.index.name,
        "values": [_column(column) for column in columns],
    }
    _check_same(frame, data)
    return data


def _index(index: Any) -> Any:
    if type(index) is pd.RangeIndex:
        return {"range": [index.start, index.stop, index.step]}
    return _column(pd.Series(index))


def _column(column: Any) -> dict[str, Any]:
    kind = column.dtype.kind
    dtype = str(column.dtype)
    values: list[Any] = []
    for start in range(0, len(column), _BLOCK):
        block = column.iloc[start : start + _BLOCK]
        if kind in "mM":
            values += block.astype("int64").tolist()
        elif dtype == "object":
            values += block.tolist()
        else:
            values += [
                None if missing else value
                for value, missing in zip(block.tolist(), block.isna().tolist(), strict=True)
            ]
    if any(type(value) not in _SCALARS for value in values):
        raise InexactError(f"it is a frame with a column of the type {dtype}")
    return {"dtype": dtype, "values": values}


def frame_from_data(data: dict[str, Any]) -> pd.DataFrame:
    """The frame of which :func:`frame_data` made the data."""
    index = data["index"]
    rows = pd.RangeIndex(*index["range"]) if "range" in index else pd.Index(_series(index))
    values = dict(enumerate(map(_series, data["values"])))
    frame = pd.DataFrame(values, index=pd.RangeIndex(len(rows)))
    frame.index = rows.set_names(data["index_name"])
    frame.columns = pd.Index(_series(data["columns"])).set_names(data["columns_name"])
    return frame


def _series(column: dict[str, Any]) -> Any:
    dtype = column["dtype"]
    if dtype.startswith(("datetime64", "timedelta64")):
        return pd.Series(column["values"], dtype="int64").astype(dtype)
    return pd.Series(column["values"], dtype=dtype)


def _check_same(frame: pd.DataFrame, data: dict[str, Any]) -> None:
    try:
        back = frame_from_data(data)
        pd.testing.assert_frame_equal(frame, back, check_exact=True, check_freq=False)
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise InexactError(f"it is a frame that would come back different: {first}") from error
