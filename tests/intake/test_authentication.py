"""Who a mail is from: one From, one address, and the word of the provider's own mail server. Everything else is a pretence."""

from __future__ import annotations

import pytest

from notifyhub.intake import authentication, parsing
from tests.intake.people import MX, OWNER, mail, results

PASS = results()
EVIL = "evil@elsewhere.example"


def proven(raw: bytes, id: str | None = MX) -> str | None:
    """Whose it is proven to be."""
    message = parsing.parse(raw)
    author = authentication.author(message)
    return author.email.key if author and authentication.is_proven(message, author.email, id) else None


GENUINE = {
    "as most servers write it": mail(proof=PASS),
    "with the method's version": mail(proof=f"{MX} 1; dmarc/1=pass header.from=one.example"),
    "in another case": mail(proof="MX.Provider.Example; DMARC=Pass header.from=ONE.example", sender="Owner <Owner@One.Example>"),
    "a bare address": mail(proof=PASS, sender=OWNER),
    "an address with a comment": mail(proof=PASS, sender=f"{OWNER} (Owner of it)"),
    "a quoted name": mail(proof=PASS, sender=f'"Owner, One Ltd. <\\"x\\">" <{OWNER}>'),
    "an encoded name": mail(proof=PASS, sender=f"=?utf-8?q?=C3=96wner?= <{OWNER}>"),
    "a folded From": mail(proof=PASS, sender=f"Owner of it\r\n <{OWNER}>"),
    "signatures with = signs": mail(proof=f"{MX}; dkim=pass header.b=ab+c/==; dmarc=pass header.from=one.example"),
    "comments between": mail(proof=f"{MX} (b (c)); dmarc (d) = pass (e; f) header.from = one.example (g)"),
}  # fmt: skip


@pytest.mark.parametrize("raw", GENUINE.values(), ids=GENUINE)
def test_these_are_proven(raw: bytes) -> None:
    assert proven(raw) == OWNER


PRETENCES = {
    "nothing found out": mail(),
    "another server's word": mail(proof=results(id="mx.elsewhere.example")),
    "a server with a similar name": mail(proof=results(id=f"{MX}.elsewhere.example")),
    "our server's word below another one's": mail(proof=results(id="mx.elsewhere.example"), headers=(("Authentication-Results", PASS),)),
    "a forged word below a failure": mail(proof=results(dmarc="fail"), headers=(("Authentication-Results", PASS),)),
    "a forged word in the text": mail(body=f"Authentication-Results: {PASS}\n\nHello"),
    "a second From": mail(proof=PASS, headers=(("From", EVIL),)),
    "a second From of the same": mail(proof=PASS, headers=(("from", OWNER),)),
    "two addresses in From": mail(proof=PASS, sender=f"{OWNER}, {EVIL}"),
    "two addresses in brackets": mail(proof=PASS, sender=f"<{EVIL}> <{OWNER}>"),
    "an address before an address": mail(proof=results("elsewhere.example"), sender=f"{OWNER} <{EVIL}>"),
    "a group": mail(proof=PASS, sender=f"Owners: {OWNER};"),
    "a route": mail(proof=PASS, sender=f"<@elsewhere.example:{OWNER}>"),
    "a comment with an address": mail(proof=PASS, sender=f"{OWNER} ({EVIL})"),
    "a comment in the address": mail(proof=PASS, sender="owner(x)@one.example"),
    "a name that looks like an address": mail(proof=results("elsewhere.example"), sender=f'"{OWNER}" <{EVIL}>'),
    "an encoded name that looks like an address": mail(proof=PASS, sender=f"=?utf-8?q?owner=40one=2Eexample?= <{EVIL}>"),
    "an encoded address": mail(proof=PASS, sender="=?utf-8?q?owner=40one=2Eexample?="),
    "an encoded name that ends the address": mail(proof=PASS, sender=f"=?utf-8?q?=3Cowner=40one=2Eexample=3E?= <{EVIL}>"),
    "Sender": mail(proof=PASS, sender=EVIL, headers=(("Sender", OWNER),)),
    "Reply-To": mail(proof=PASS, sender=EVIL, headers=(("Reply-To", OWNER),)),
    "dmarc=pass for another domain": mail(proof=results("elsewhere.example")),
    "dmarc=pass for the domain above": mail(proof=PASS, sender="owner@mail.one.example"),
    "dmarc=pass for a domain below": mail(proof=results("mail.one.example")),
    "a homograph of the domain": mail(proof=results("xn--ne-1sb.example")),
    "dmarc=none": mail(proof=results(dmarc="none")),
    "dmarc=passed": mail(proof=results(dmarc="passed")),
    "dkim=pass alone": mail(proof=f"{MX}; dkim=pass header.d=one.example header.from=one.example"),
    "a pass in a comment": mail(proof=f"{MX}; none (; dmarc=pass header.from=one.example)"),
    "a pass in a comment in a comment": mail(proof=f"{MX}; none (a (b) ; dmarc=pass header.from=one.example)"),
    "a comment that is closed by an escape": mail(proof=f"{MX}; none (\\) ; dmarc=pass header.from=one.example"),
    "a pass in a quoted string": mail(proof=f'{MX}; spf=fail smtp.mailfrom="a; dmarc=pass header.from=one.example"'),
    "a quote that does not end": mail(proof=f'{MX}; spf=fail reason="; dmarc=pass header.from=one.example'),
    "a pass that was put into an address": mail(
        proof=f"{MX}; spf=pass smtp.mailfrom=a; dmarc=pass header.from=one.example; x@b.example; dmarc=fail header.from=one.example"
    ),
    "two words on dmarc": mail(proof=f"{MX}; dmarc=pass header.from=one.example; dmarc=fail header.from=one.example"),
    "two domains": mail(proof=f"{MX}; dmarc=pass header.from=elsewhere.example header.from=one.example"),
    "the id in a comment": mail(proof=f"mx.elsewhere.example ({MX}); dmarc=pass header.from=one.example"),
    "a comment before the id": mail(proof=f"(a) {PASS}"),
    "an escape in the id": mail(proof=f'"{MX[:2]}\\{MX[2:]}"; dmarc=pass header.from=one.example'),
    "the id behind another": mail(proof=f"mx.elsewhere.example {MX}; dmarc=pass header.from=one.example"),
    "the id in another header": mail(headers=(("X-Authentication-Results", PASS), ("ARC-Authentication-Results", f"i=1; {PASS}"))),
    "another version": mail(proof=f"{MX}; dmarc/2=pass header.from=one.example"),
    "a line break in the id": mail(proof=f"{MX}\r\n\tx; dmarc=pass header.from=one.example"),
    "a NUL in From": mail(proof=PASS, sender=f"Owner\0 <{OWNER}>"),
    "no From": mail(proof=PASS).replace(b"From:", b"Fr0m:"),
}


@pytest.mark.parametrize("raw", PRETENCES.values(), ids=PRETENCES)
def test_these_are_not(raw: bytes) -> None:
    assert proven(raw) != OWNER


def test_a_homograph_is_another_address() -> None:
    author = authentication.author(parsing.parse(mail(sender="Owner <owner@оne.example>")))
    assert author is not None
    assert author.email.key != OWNER


def test_without_a_configured_id_nothing_is_proven() -> None:
    assert proven(mail(proof=PASS), None) is None


def test_long_headers_take_no_time() -> None:
    for text in ("(" * 7000, '"' * 7001, "a=" * 3500, ";" * 7000, "a " * 3500, "\\" * 7000):
        authentication.read_results(text)
        authentication.author(parsing.parse(b"From: " + text.encode() + b"<a@b.example>\r\n\r\n"))
