"""The fastest way into Postgres we know: a binary COPY of tuples that numpy packed.

Nothing is checked, merged, counted or indexed but the primary key; the table is logged, and all
rows go in one transaction. Texts are of one length each, so that a structured dtype can hold them.
"""

from __future__ import annotations

import time

import numpy as np
import psycopg

from benchmarks.gallery.rows import LICENCE, Rows

TABLE = (
    "create table bare (id bigint primary key, latitude float8 not null,"
    " longitude float8 not null, country text, author text, licence text,"
    " embedding halfvec({dimension}) not null)"
)
BATCH = 20_000

HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
END = b"\xff\xff"


def bare_copy_s(conninfo: str, rows: Rows) -> float:
    """Load all rows; return the seconds from the first byte packed to the commit.

    Raises:
        RuntimeError: Not all rows are there afterwards.
    """
    dimension = rows.drawn.vectors.shape[1]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(TABLE.format(dimension=dimension).encode())
        connection.execute("alter table bare alter embedding set storage plain")
        with connection.cursor() as cursor:
            start = time.perf_counter()
            with cursor.copy("copy bare from stdin (format binary)") as copy:
                copy.write(HEADER)
                for first, last in rows.batches(BATCH):
                    copy.write(_packed(rows, first, last))
                copy.write(END)
            took = time.perf_counter() - start
            stored = cursor.execute("select count(*) from bare").fetchone()
    if stored != (len(rows),):
        raise RuntimeError(f"bare COPY stored {stored!r} of {len(rows)!r} rows")
    return took


def _packed(rows: Rows, first: int, last: int) -> bytes:
    dimension = rows.drawn.vectors.shape[1]
    authors = np.array([rows.author(row) for row in range(first, last)], dtype="S13")
    columns: list[tuple[str, str, object]] = [
        ("id", ">i8", np.arange(first, last)),
        ("latitude", ">f8", rows.drawn.latitude[first:last]),
        ("longitude", ">f8", rows.drawn.longitude[first:last]),
        ("country", "S2", rows.countries[first:last]),
        ("author", "S13", authors),
        ("licence", f"S{len(LICENCE)}", LICENCE.encode()),
    ]
    # Each field is its length and its bytes; a halfvec is dimension, two unused bytes, numbers.
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("fields", ">i2")]
    for name, kind, _ in columns:
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    fields += [("vector_length", ">i4"), ("dimension", ">i2"), ("unused", ">i2")]
    fields += [("vector", ">f2", (dimension,))]
    tuples = np.zeros(last - first, np.dtype(fields))
    tuples["fields"] = len(columns) + 1
    for name, kind, values in columns:
        tuples[f"{name}_length"] = np.dtype(kind).itemsize
        tuples[name] = values
    tuples["vector_length"] = 4 + 2 * dimension
    tuples["dimension"] = dimension
    tuples["vector"] = rows.drawn.vectors[first:last]
    return tuples.tobytes()
