"""IP addresses and prefixes as the database compares them: 16 bytes and a length of at most 128 bits."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from notifyhub.languages import N_, said

V4_IN_V6 = bytes(10) + b"\xff\xff"  # RFC 4291 section 2.5.5.2


class Network(NamedTuple):
    network: bytes
    prefix_length: int

    def __str__(self) -> str:
        if self.network.startswith(V4_IN_V6) and self.prefix_length >= 96:
            shown: IPv4Network | IPv6Network = IPv4Network((self.network[12:], self.prefix_length - 96))
        else:
            shown = IPv6Network((self.network, self.prefix_length))
        return str(shown.network_address) if shown.prefixlen == shown.max_prefixlen else str(shown)

    def last(self) -> bytes:
        return (int.from_bytes(self.network) | ((1 << (128 - self.prefix_length)) - 1)).to_bytes(16)

    def ancestors(self) -> list[Network]:
        """The wider prefixes that this one lies in."""
        number = int.from_bytes(self.network)
        family = 96 if self.network.startswith(V4_IN_V6) and self.prefix_length >= 96 else 0
        return [Network((number >> (128 - n) << (128 - n)).to_bytes(16), n) for n in range(family, self.prefix_length)]


def parse_network(text: str) -> Network:
    """An address or a prefix, IPv4 or IPv6. Raises ValueError with a sentence."""
    address, slash, length = text.partition("/")
    family, bits = (AF_INET6, 128) if ":" in address else (AF_INET, 32)
    try:
        packed = inet_pton(family, address)  # a tenth of the time that ipaddress takes, and an import has millions
        prefix = int(length) if slash and length.isdecimal() and length.isascii() else bits
    except (OSError, ValueError):  # ValueError: a NUL or a surrogate in it
        raise ValueError(WRONG) from None
    if prefix > bits or (slash and not (length.isdecimal() and length.isascii())):
        raise ValueError(WRONG)
    if family == AF_INET:
        packed, prefix = V4_IN_V6 + packed, prefix + 96
    if prefix < 128 and int.from_bytes(packed) & ((1 << (128 - prefix)) - 1):
        raise ValueError(said("has host bits set; %(prefix)s would be the prefix", prefix=str(ip_network(text, strict=False))))
    return Network(packed, prefix)


WRONG = N_("is not an IPv4 or IPv6 address or prefix, such as 203.0.113.7 or 2001:db8::/64")
