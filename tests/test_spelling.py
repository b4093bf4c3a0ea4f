"""Values of a notification, spelled out for a reader."""

from __future__ import annotations

from notifyhub.languages import formats, translations
from notifyhub.rendering import Content, Reader, compile_content
from notifyhub.spelling import Formatted, spelled
from tests.test_rendering import BRAND, stamp

REPLY = "It was **the disk**:\n\n- full\n- slow\n\n<script>x</script>"
DATA = {"ticket": "7", "subject": "Slow", "stage": "answer", "reply_markdown": REPLY, "link": "https://notify.provider.example/tickets/7"}
LATER = ".body pre { padding: 12px;"  # a rule for elements that come after styles were put on the others


def test_markdown_becomes_text_with_the_safe_html_of_it() -> None:
    value = spelled({"reply_markdown": REPLY}, "UTC", formats("en"), translations("en"))["reply_markdown"]
    assert isinstance(value, Formatted)
    assert value == "It was the disk:\n\n  * full\n  * slow\n\n<script>x</script>"
    assert value.html == (
        "<p>It was <strong>the disk</strong>:</p>\n<ul>\n<li>full</li>\n<li>slow</li>\n</ul>\n<p>&lt;script&gt;x&lt;/script&gt;</p>"
    )


def test_a_mail_has_it_in_both_of_its_forms() -> None:
    parts = compile_content(Content("ticket"), "en", BRAND).parts(Reader("One", "UTC", [], DATA), stamp())
    assert "It was the disk:\n\n  * full" in parts.text
    assert "<li>full</li>" in parts.html
    assert "<script>x" not in parts.html


def test_only_a_mail_that_is_filled_with_markup_later_keeps_the_rules_for_it() -> None:
    ticket = compile_content(Content("ticket"), "en", BRAND).parts(Reader("One", "UTC", [], DATA), stamp())
    test = compile_content(Content("test"), "en", BRAND).parts(Reader("One", "UTC", [], {"email": "a@one.example"}), stamp(rule=0))
    assert [LATER in parts.html for parts in (ticket, test)] == [True, False]


def test_a_kind_may_say_why_an_address_gets_it_and_who_has_no_inbox_has_no_settings() -> None:
    data = DATA | {"stage": "warning", "promised_at": "2026-11-25T10:00:00+00:00", "priority": "high", "department": "technical"}
    text = (
        compile_content(Content("ticket_alert"), "en", BRAND).parts(Reader("", "UTC", [], data), stamp(to="ada@staff.example", rule=0)).text
    )
    assert "ada@staff.example because whoever has this address" in text
    assert "settings/send-email" not in text
