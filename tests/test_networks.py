"""Addresses and prefixes as the database compares them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.networks import parse_network

v4 = st.builds(lambda ip, length: IPv4Network((ip, length), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))
v6 = st.builds(lambda ip, length: IPv6Network((ip, length), strict=False), st.integers(2**96, 2**128 - 1), st.integers(0, 128))


def written(network: Any) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


@given(v4 | v6)
def test_what_was_read_is_written_the_same(network: Any) -> None:
    assert str(parse_network(str(network))) == written(network)


@given(v4 | v6, v4 | v6)
def test_one_lies_in_the_other_when_its_bytes_lie_in_its_range(inner: Any, outer: Any) -> None:
    a, b = parse_network(str(inner)), parse_network(str(outer))
    contained = b.network <= a.network <= b.last() and a.prefix_length >= b.prefix_length
    both_of_one_family = inner.version == outer.version
    assert contained == inner.subnet_of(outer) if both_of_one_family else not contained or outer.prefixlen < 97


@given(v4)
def test_an_ipv4_prefix_has_as_many_ancestors_as_its_length(network: IPv4Network) -> None:
    supernets = [str(network.supernet(new_prefix=length)) for length in range(network.prefixlen)]
    assert [str(ancestor) for ancestor in parse_network(str(network)).ancestors()] == supernets


def test_an_ipv4_address_in_ipv6_notation_is_that_ipv4_address() -> None:
    assert parse_network("::ffff:203.0.113.7") == parse_network("203.0.113.7")


def test_spellings_of_one_ipv6_prefix_compare_equal() -> None:
    assert parse_network("2001:DB8:0:0::/64") == parse_network("2001:db8::/64")


@pytest.mark.parametrize(
    "text",
    ["", "/", "/24", "203.0.113", "203.0.113.256", "203.0.113.7/", "203.0.113.7/33", "203.0.113.7/-1", "203.0.113.7/+8",
     "203.0.113.0/24/24", "203.0.113.0/255.255.255.0", "203.0.113.7\n", " 203.0.113.7", "2001:db8::/129", "2001:db8:::1",
     "fe80::1%eth0", "203.0.113.\u0667", "203.0.113.0/\u0662\u0664", "host.example", "203.0.113.7\x00", "\ud800", "0x7f.1",
     "3405803783", "203.0.113.07", "1.2.3.4/" + "9" * 5000],
)  # fmt: skip
def test_what_is_no_address_or_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IPv4 or IPv6 address or prefix, such as"):
        parse_network(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [("203.0.113.7/24", "203.0.113.0/24"), ("2001:db8::1/64", "2001:db8::/64"), ("::ffff:203.0.113.7/120", "::ffff:cb00:7100/120")],
)
def test_a_prefix_with_host_bits_is_told_what_it_would_be(text: str, right: str) -> None:
    with pytest.raises(ValueError, match="has host bits set") as refusal:
        parse_network(text)
    assert ip_network(right) == ip_network(str(refusal.value).split("; ")[1].split(" ")[0])


@given(st.text(alphabet="0123456789abcdef:./% \u0661", max_size=24))
def test_anything_typed_is_a_network_or_a_refusal(text: str) -> None:
    try:
        network = parse_network(text)
    except ValueError:
        return
    assert parse_network(str(network)) == network
