"""Behind a trusted proxy the client is who the proxy says; whatever clients say of themselves counts for nothing."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from notifyhub.proxies import BehindProxies

TRUSTED = (ip_network("127.0.0.1"), ip_network("::1"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # connects itself, and claims to be a proxy
        ("127.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),  # sent a header of its own to the proxy, which added to it
        ("127.0.0.1", "192.0.2.7, 10.1.2.3", "192.0.2.7"),  # two proxies
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "192.0.2.7", ""),  # a Unix socket
    ],
)
def test_who_asks(peer: str, header: str | None, client: str) -> None:
    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": header} if header is not None else {})
    BehindProxies(lambda environ, start_response: [], TRUSTED)(environ, None)
    assert environ["REMOTE_ADDR"] == client
