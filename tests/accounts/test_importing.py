"""Lines of a stream, in whatever pieces it comes."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.accounts.importing import LINE_BYTES, lines_of, read_line
from notifyhub.errors import Invalid
from tests.builders import account


def in_pieces(content: bytes, size: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(content)
    return lambda wanted: stream.read(min(size, wanted))


def lines(content: bytes, size: int = 65536) -> list[bytes]:
    return list(lines_of(in_pieces(content, size)))


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.integers(1, 10))
def test_lines_come_out_whole_however_the_stream_was_cut(expected: list[bytes], size: int) -> None:
    assert lines(b"".join(line + b"\n" for line in expected), size) == expected


def test_the_last_line_needs_no_end() -> None:
    assert lines(b"a\nb") == [b"a", b"b"]


def test_an_empty_stream_has_no_lines() -> None:
    assert lines(b"") == []


def test_an_over_long_line_comes_back_cut_and_the_next_one_whole() -> None:
    first, second, third = lines(b"a\n" + b"x" * (3 * LINE_BYTES) + b"\nb\n")
    assert (first, third) == (b"a", b"b")
    assert LINE_BYTES < len(second) < LINE_BYTES + 2 * 65536


def test_an_over_long_last_line_comes_back_once() -> None:
    assert len(lines(b"x" * (3 * LINE_BYTES))) == 1


def test_the_memory_does_not_grow_with_the_stream() -> None:
    block = b"{}\n" * 21_000
    left = iter([block] * 60)
    tracemalloc.start()
    count = sum(1 for _ in lines_of(lambda wanted: next(left, b"")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60 * 21_000
    assert peak < 3_000_000  # the lines of two blocks, as Python objects


def refusal(line: bytes) -> tuple[str, str]:
    with pytest.raises(Invalid) as refused:
        read_line(line)
    return refused.value.errors[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"external_id": "C-1",}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"1" * 5000, "is not JSON"),
        (b"7", "must be an object, not a number"),
        (b"x" * (LINE_BYTES + 1), "the line is longer than 4,194,304 bytes"),
    ],
)
def test_a_line_that_is_no_object_is_refused(line: bytes, message: str) -> None:
    field, said = refusal(line)
    assert field == ""
    assert said.startswith(message)


def test_a_line_without_external_id_is_refused() -> None:
    assert refusal(json.dumps(account()).encode()) == ("external_id", "is required")


def test_a_line_is_read_with_white_space_around_it() -> None:
    line: dict[str, Any] = account(external_id="C-1")
    assert read_line(b" " + json.dumps(line).encode() + b"\r") == read_line(json.dumps(line).encode())
