"""What customers read: locales, windows, variables, safety, and the mails of our own kinds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub import rendering
from notifyhub.config import Brand
from notifyhub.rendering import Content, Reader, Stamp, choose_locale, compile_content, problems

BRAND = Brand("Provider & Co", "#0b6e4f", "Provider", "notify@provider.example", "https://notify.provider.example", "help@provider.example")
START, END = datetime(2026, 11, 27, 22, 30, tzinfo=UTC), datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
TWO = [("#1001", "vps-12.example.net"), ("#1002", "ds-3.example.net")]
LINK = "https://notify.provider.example/confirm/token-1"


def content(title: str = "Network maintenance", body: str = "We replace **core switches**.", **values: Any) -> Content:
    given: dict[str, Any] = {"kind": "maintenance", "impact": "outage", "starts_at": START, "ends_at": END}
    given["texts"] = {"en": {"title": title, "body": body}}
    return Content(**(given | values))


def reader(**values: Any) -> Reader:
    given: dict[str, Any] = {"account_name": "Acme Inc.", "time_zone": "Europe/Istanbul", "services": TWO}
    return Reader(**(given | values))


def stamp(**values: Any) -> Stamp:
    given: dict[str, Any] = {"to": "noc@one.example", "message_id": "m@provider.example", "date": START, "rule": 3}
    return Stamp(**({"category": "announcements"} | given | values))


def parts(what: Content | None = None, who: Reader | None = None, locale: str = "en", **values: Any) -> Any:
    return compile_content(what or content(), locale, BRAND).parts(who or reader(), stamp(**values))


def made(what: Content, *zones: str) -> list[bytes]:
    """The boundaries of mails to readers in these zones: one for all that share what they have in common."""
    compiled = compile_content(what, "en", BRAND)
    raw = [compiled.mail(reader(time_zone=zone), stamp()) for zone in zones]
    return [message.partition(b'boundary="')[2].partition(b'"')[0] for message in raw]


def test_readers_in_all_time_zones_share_what_tells_no_time() -> None:
    one, other = made(content(starts_at=None, ends_at=None), "Europe/Istanbul", "Asia/Tokyo")
    assert one == other
    one, other = made(content(), "Europe/Istanbul", "Asia/Tokyo")
    assert one != other


# --- languages


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        ("tr", ["en", "tr"], "tr"),
        ("de_AT", ["en", "de"], "de"),
        ("tr-TR", ["en", "tr"], "tr"),
        ("pt", ["en", "pt_BR"], "pt_BR"),
        ("zh_Hant_TW", ["en", "zh_Hans", "zh_Hant"], "zh_Hant"),
        ("fr", ["de", "en"], "en"),
        ("fr", ["de", "it"], "de"),
    ],
)
def test_a_locale_falls_back_to_its_language_then_the_default_then_the_first(wanted: str, available: list[str], chosen: str) -> None:
    assert choose_locale(wanted, available, "en") == chosen


def test_words_and_dates_follow_the_language_of_the_text() -> None:
    texts = {"en": {"title": "t", "body": "b"}, "tr": {"title": "Ağ bakımı", "body": "gövde"}}
    turkish = parts(content(texts=texts), locale="tr-TR")
    assert "Planlı bakım" in turkish.text
    assert "28 Kas 2026" in turkish.text
    assert "Planned maintenance" in parts(content(texts=texts), locale="fr").text


def test_a_right_to_left_language_sets_the_direction() -> None:
    arabic = compile_content(content(texts={"ar": {"title": "صيانة", "body": "مرحبا {{ account_name }}"}}), "ar_JO", BRAND)
    assert arabic.locale == "ar"
    assert 'dir="rtl"' in arabic.parts(reader(), stamp()).html
    assert "<bdi>Acme Inc.</bdi>" in arabic.inbox(reader()).html


# --- windows


def test_a_window_is_told_in_both_zones() -> None:
    text = parts().text
    assert "Sat, 28 Nov 2026, 01:30–05:00 (Europe/Istanbul, UTC+03:00)" in text
    assert "Fri, 27 Nov 2026, 22:30 – Sat, 28 Nov 2026, 02:00 UTC" in text
    assert "clock" not in text


@pytest.mark.parametrize(
    ("zone", "start", "end", "offsets", "change"),
    [
        ("America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 9, tzinfo=UTC), "-04:00 -05:00", "02:00 01:00"),
        ("Europe/Berlin", datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 3, 28, 4, tzinfo=UTC), "+01:00 +02:00", "02:00 03:00"),
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 3, 14, tzinfo=UTC),
            datetime(2026, 10, 3, 17, tzinfo=UTC),
            "+10:30 +11:00",
            "02:00 02:30",
        ),
    ],
)
def test_a_window_that_crosses_a_clock_change_says_so(zone: str, start: datetime, end: datetime, offsets: str, change: str) -> None:
    text = " ".join(parts(content(starts_at=start, ends_at=end), reader(time_zone=zone)).text.split())
    before, after = change.split()
    assert all(offset in text for offset in offsets.split())
    assert f"at {before} in {zone} it goes " in text
    assert f"to {after}." in text


def test_a_clock_change_elsewhere_is_not_mentioned() -> None:
    change = content(starts_at=datetime(2026, 11, 1, 4, tzinfo=UTC), ends_at=datetime(2026, 11, 1, 9, tzinfo=UTC))
    assert "clock" not in parts(change, reader(time_zone="Europe/Istanbul")).text


def test_an_account_in_utc_reads_the_time_once() -> None:
    assert parts(who=reader(time_zone="UTC")).text.count("22:30") == 1


def test_an_outage_may_have_no_end_yet() -> None:
    assert "from Sat, 28 Nov 2026, 01:30 (Europe/Istanbul, UTC+03:00)" in parts(content(kind="outage", ends_at=None)).text


def test_a_zone_that_no_longer_exists_falls_back_to_utc() -> None:
    assert "22:30" in parts(who=reader(time_zone="Mars/Olympus")).text


# --- variables and safety


def test_variables_are_filled_in_title_and_body() -> None:
    what = content("For {{account_name}}", "Dear {{ account_name }}: {{ services }}, {{ window }}.")
    item = compile_content(what, "en", BRAND).inbox(reader(account_name="A & B"))
    assert item.title == "For A & B"
    assert "Dear A & B: vps-12.example.net (#1001), ds-3.example.net (#1002), Sat, 28 Nov 2026, 01:30" in item.text
    assert "Dear A &amp; B:" in item.html


def test_values_are_never_markup_nor_variables() -> None:
    evil = "<script>alert(1)</script> **b** {{ services }} %(to)s %s \r\nBcc: x"
    html = parts(content("T {{ account_name }}", "Dear {{ account_name }}"), reader(account_name=evil, services=[(evil, evil)])).html
    assert "<script>" not in html
    assert "<strong>b" not in html
    assert "{{ services }} %(to)s %s" in html


@pytest.mark.parametrize(
    "body",
    [
        "<script>x</script>",
        "<img src=x onerror=y>",
        "[a](javascript:x)",
        "[a](data:text/html,x)",
        "![a](https://x.example/i.png)",
        "[a](/b)",
    ],
)
def test_staff_text_brings_no_raw_html_images_or_odd_links(body: str) -> None:
    what = content(body=body)
    if problems("t", body):
        with pytest.raises(ValueError, match="body"):
            compile_content(what, "en", BRAND)
    else:
        html = compile_content(what, "en", BRAND).inbox(reader()).html
        assert not any(mark in html for mark in ("<script", "<img", "href"))


@pytest.mark.parametrize(
    ("title", "body", "field", "says"),
    [
        ("", "b", "title", "empty"),
        ("t", " \n", "body", "empty"),
        ("t\nu", "b", "title", "single line"),
        ("t", "{{ name }}", "body", "{{ account_name }}, {{ services }}, {{ window }}"),
        ("{{ window|upper }}", "b", "title", "no variable"),
        ("t", "[x](https://x.example/{{ account_name }})", "body", "link"),
        ("t", "<https://x.example/{{account_name}}>", "body", "link"),
        ("t", '[x](https://x.example "{{ account_name }}")', "body", "link"),
        ("t", "[x][y]\n\n[y]: https://{{ account_name }}.example", "body", "link"),
        ("t", "[x](ftp://x.example)", "body", "http"),
    ],
)
def test_problems_name_the_field_and_what_would_be_right(title: str, body: str, field: str, says: str) -> None:
    assert any(at == field and says in message for at, message in problems(title, body)), problems(title, body)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.text(max_size=80) | st.text(st.sampled_from("ab*_`[]()<>!#|-~&\\\"' \n{}:/1."), max_size=200))
def test_any_text_is_either_refused_or_rendered(title: str, body: str) -> None:
    if not problems(title, body):
        item = compile_content(content(title, body), "en", BRAND).inbox(reader())
        assert not any(mark in item.html for mark in ("<script", "<img", "<style"))


def test_good_text_has_no_problems() -> None:
    assert problems("For {{ account_name }}", "# Hi\n\n{{ window }}, [x](https://x.example) {% raw %} <mailto:a@b.example>") == []


# --- the mail


def test_the_first_screen_has_the_facts_in_text_and_html() -> None:
    mail = parts()
    for shown in (mail.text, unescape(mail.html)):
        for fact in ("Network maintenance", "Outage", "01:30–05:00", "02:00 UTC", "vps-12.example.net", "#1002"):
            assert 0 <= shown.index(fact) < shown.index("core switches")
        assert "https://notify.provider.example/inbox" in shown
        assert "https://notify.provider.example/settings/send-email" in shown


def test_links_are_written_out_in_plain_text() -> None:
    assert "see how (https://docs.example/x)" in parts(content(body="[see how](https://docs.example/x)")).text


def test_forty_services_leave_the_first_screen_to_the_message() -> None:
    text = parts(content(body="Details: {{ services }}."), reader(services=[(f"#{n}", f"vps-{n}") for n in range(100, 140)])).text
    top, _, end = text.partition("Details")
    assert "vps-103" in top
    assert "vps-104" not in top
    assert "36 more" in top
    assert all(f"vps-{n} #{n}" in end for n in range(100, 140))


@pytest.mark.parametrize("rule", [0, 3, 4, 6])
def test_the_footer_says_why_this_address_got_it(rule: int) -> None:
    text = " ".join(parts(rule=rule).text.split())
    assert "sent to noc@one.example because" in text
    assert ("has set this address" in text) == (rule == 3)
    assert ("registered address" in text) == (rule in (4, 6))


def test_unsubscribing_is_offered_only_where_it_is_possible() -> None:
    url = "https://notify.provider.example/u/1?a=1&b=2"
    assert url in parts(unsubscribe_url=url).text
    assert "a=1&amp;b=2" in parts(unsubscribe_url=url).html
    assert "nsubscribe" not in parts().text + parts().html


@pytest.mark.parametrize(
    ("action", "starts"),
    [
        ("changed", "Changed: "),
        ("reminder", "Reminder: "),
        ("started", "Started: "),
        ("completed", "Completed: "),
        ("cancelled", "Cancelled: "),
    ],
)
def test_the_subject_says_what_happened_since(action: str, starts: str) -> None:
    assert parts(content(action=action)).subject == f"{starts}Network maintenance"


def test_a_cancelled_maintenance_has_no_impact() -> None:
    assert "Outage" not in parts(content(action="cancelled")).text


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=120),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=120),
)
def test_the_bytes_are_the_parts_for_names_in_all_scripts(account: str, service: str) -> None:
    who, what = reader(account_name=account, services=[("#1", service)]), SHARED.parts
    expected, raw = what(who, stamp()), SHARED.mail(who, stamp())
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    message = message_from_bytes(raw, policy=policy.default)
    text, html = (part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in message.iter_parts())  # type: ignore[union-attr, attr-defined]
    assert (text, html) == (expected.text, expected.html)
    assert str(message["Subject"]).split() == expected.subject.split()


SHARED = compile_content(content("For {{ account_name }}", "Dear {{ account_name }}, about {{ services }}: {{ window }}"), "en", BRAND)


def test_lines_of_plain_text_fit_whatever_the_names_are() -> None:
    long = reader(account_name="Very Long Name " * 12, services=[("#1", "a service with a long name " * 5)])
    assert max(map(len, SHARED.parts(long, stamp()).text.splitlines())) <= 75


def test_what_is_kept_is_bounded() -> None:
    compiled = compile_content(content(body="{{ window }}"), "en", BRAND)
    for n in range(1200):
        compiled.inbox(reader(time_zone=f"Zone/{n}"))
    assert rendering._inbox_group.cache_info().currsize <= 1000


def test_whoever_shows_an_inbox_does_not_wait_for_the_mail_to_be_laid_out() -> None:
    compiled = compile_content(content(), "en", BRAND)
    compiled.inbox(reader())
    assert "_mail" not in vars(compiled)


# --- our own kinds


def own(kind: str, locale: str = "en", **data: Any) -> tuple[Any, Any]:
    compiled = compile_content(Content(kind), locale, BRAND)
    who = Reader("EVIL <b>name</b>", "Europe/Istanbul", [], data)
    return compiled.parts(who, stamp(rule=0, category="abuse")), compiled.inbox(who)


def test_a_confirmation_names_provider_and_address_and_nothing_an_attacker_wrote() -> None:
    mail, item = own("confirmation", email="noc@one.example", link=LINK, expires_at="2026-11-29T12:00:00+00:00")
    for shown in (mail.text, unescape(mail.html)):
        assert "Provider & Co" in shown
        assert "noc@one.example" in shown
        assert LINK in shown
        assert "I did not ask for this" in " ".join(shown.split())
        assert "EVIL" not in shown
    assert "Sun, 29 Nov 2026, 15:00 (Europe/Istanbul, UTC+03:00)" in " ".join(mail.text.split())
    assert LINK not in item.text + item.html


def test_a_sign_in_link_names_provider_and_address_and_nothing_an_attacker_wrote() -> None:
    mail, item = own("sign_in", email="owner@one.example", link=LINK, expires_at="2026-11-29T12:00:00+00:00")
    assert mail.subject == "Sign in to Provider & Co"
    for shown in (mail.text, unescape(mail.html)):
        assert all(text in shown for text in ("Provider & Co", "owner@one.example", LINK))
        assert "EVIL" not in shown
    assert LINK not in item.text + item.html


def test_a_change_of_addresses_is_told_in_words() -> None:
    changes = [
        {"action": "added", "category": "invoices", "email": "new@one.example"},
        {"action": "removed", "category": "abuse", "email": "old@one.example"},
        {"action": "registered", "category": None, "email": "boss@one.example"},
    ]
    mail, item = own("addresses_changed", changes=changes)
    for shown in (mail.text, item.text):
        assert "Added for invoices and orders: new@one.example" in shown
        assert "Removed from abuse and security: old@one.example" in shown
        assert "New registered address: boss@one.example" in shown
        assert "If it was not you" in shown
        assert "EVIL" not in shown
    assert "<li>New registered address: boss@one.example</li>" in item.html


def test_a_repair_notice_says_what_to_do() -> None:
    _, item = own("repair", addresses=["a@one.example", "<b>@one.example"])
    assert "a@one.example" in item.text
    assert "https://notify.provider.example/settings/send-email" in item.text
    assert "&lt;b&gt;@one.example" in item.html


TICKET = {"ticket": "1001", "subject": "Slow", "path": "/tickets/1001", "link": LINK}
ALERT = TICKET | {
    "account": "C-1 One", "priority": "high", "department": "technical", "promised_at": "2026-11-29T12:00:00+00:00", "stage": "breach"
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("ticket", TICKET | {"stage": "received", "promised_at": "2026-11-29T12:00:00+00:00"}),
        ("ticket", TICKET | {"stage": "answer", "reply_markdown": "Hello,\n\n- one\n- two\n", "status": "resolved"}),
        ("ticket", TICKET | {"stage": "changed", "department": "financial"}),
        ("ticket_alert", ALERT),
        ("service_suspended", {"service_name": "vps-12", "reason": "unpaid", "link": LINK, "explanation": "Since May."}),
        ("abuse", {"what": "messaging/spam", "address": "203.0.113.7", "evidence": "one\ntwo", "link": LINK}),
    ],
)
@pytest.mark.parametrize("services", [[], TWO])
def test_one_empty_line_parts_what_is_there_whatever_is_not(kind: str, data: dict[str, Any], services: list[Any]) -> None:
    compiled, who = compile_content(Content(kind), "en", BRAND), reader(services=services, data=data)
    for text in (compiled.parts(who, stamp()).text, compiled.inbox(who).text):
        assert "\n\n\n" not in text
        assert text == text.lstrip("\n")


def test_the_body_of_a_mail_stands_between_empty_lines() -> None:
    mail, item = own("ticket", **TICKET, stage="changed", priority="high")
    assert mail.text.startswith(f"Provider & Co\n\n[#1001] Slow\n\nThis ticket now has high priority.\n\nOpen the ticket:\n{LINK}\n\n-- \n")
    assert item.text == "This ticket now has high priority."


def test_lists_keep_their_indent_between_sections() -> None:
    _, item = own("ticket", **TICKET, stage="signed", answer_by="Ada", reply_markdown="- one\n- two", status="closed")
    assert item.text.startswith("Ada wrote:\n\n  * one\n  * two\n\nThis ticket is closed.")


def test_our_own_kinds_speak_turkish() -> None:
    mail, _ = own("confirmation", "tr_TR", email="noc@one.example", link=LINK, expires_at="2026-11-29T12:00:00+00:00")
    assert mail.subject == "Provider & Co bildirimleri için bu adresi onaylayın"
    assert "Bunu ben istemedim" in mail.text.replace("\n", " ")


def test_a_kind_without_text_or_template_is_an_error() -> None:
    with pytest.raises((KeyError, ValueError)):
        compile_content(Content("maintenance"), "en", BRAND)


# --- the provider's own


def test_a_mail_shows_the_logo_and_whom_to_ask(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"")
    parts = compile_content(content(), "en", replace(BRAND, logo=logo)).parts(reader(), stamp())
    assert 'src="https://notify.provider.example/brand/logo?v=' in parts.html
    assert 'alt="Provider &amp; Co"' in parts.html
    assert ("mailto:help@provider.example" in parts.html, "help@provider.example" in parts.text) == (True, True)


def test_a_logo_that_mail_programs_do_not_show_is_left_out_of_mails(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg/>")
    assert "<img" not in compile_content(content(), "en", replace(BRAND, logo=logo)).parts(reader(), stamp()).html
