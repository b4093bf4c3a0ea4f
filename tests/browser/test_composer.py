"""Writing an announcement, seeing what they get while typing, publishing it, and watching it go out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hub import Hub

NEW = "/staff/announcements/new"


@pytest.fixture
def composer(hub: Hub, signed_in_as: Callable[[str], Page]) -> Page:
    page = signed_in_as("Olivia Ops")
    page.goto(hub.base + NEW)
    page.wait_for_selector("nh-composer:defined", state="attached")
    return page


def write(page: Page, title: str, body: str = "Dear {{ account_name }},\n\nwe replace **switches**.\n\n{{ services }}") -> None:
    page.get_by_label("Outage").check()
    page.get_by_label("Starts").fill("2030-11-28T01:30")
    page.get_by_label("Ends").fill("2030-11-28T05:00")
    page.get_by_label("Time zone").select_option("Europe/Istanbul")
    page.get_by_label("Title").fill(title)
    page.get_by_role("textbox", name="Text", exact=True).fill(body)


def take(page: Page, label: str, value: str) -> None:
    field = page.locator("#who").get_by_label(label, exact=True).first
    field.fill(value)
    field.press("Enter")


def unique() -> str:
    return f"Switches {uuid.uuid4().hex[:8]}"


def test_from_the_first_word_to_the_last_mail(composer: Page) -> None:
    title = unique()
    write(composer, title)
    take(composer, "Locations", "fra1")
    expect(composer.locator("#spelled")).to_contain_text("UTC+03:00")
    expect(composer.locator("#spelled")).to_contain_text("Wed, 27 Nov 2030, 22:30 – Thu, 28 Nov 2030, 02:00 UTC")
    expect(composer.locator("#reach")).to_contain_text("2 accounts · 3 services")
    mail = composer.frame_locator(".mail-view iframe:not(.coming)")
    expect(mail.locator("body")).to_contain_text("Dear One Ltd")

    composer.get_by_label("Title").press("End")
    composer.keyboard.type(" again")
    expect(mail.get_by_role("heading", name=f"{title} again")).to_be_visible()
    assert mail.locator("strong", has_text="switches").evaluate("node => getComputedStyle(node).fontWeight") == "700"

    composer.get_by_role("button", name="Publish…").click()
    expect(composer.get_by_role("heading", name="Publish this?")).to_be_visible()
    composer.get_by_role("button", name="Publish to 2 accounts").click()
    expect(composer).to_have_url(re.compile(r"/staff/announcements/[0-9a-f-]{36}$"))
    expect(composer.get_by_role("progressbar")).to_have_attribute("value", "2")
    expect(composer.locator("nh-delivery")).to_contain_text("done")


def test_the_live_page_fills_without_being_loaded_again(hub: Hub, signed_in_as: Callable[[str], Page]) -> None:
    page = signed_in_as("Olivia Ops")
    id = hub.announce(unique())
    page.goto(f"{hub.base}/staff/announcements/{id}")
    page.evaluate("window.stayed = true")
    expect(page.locator("nh-delivery")).to_contain_text("done")
    assert page.evaluate("window.stayed")


def test_the_preview_shows_another_account_in_another_language(composer: Page) -> None:
    write(composer, "Switches")
    take(composer, "Locations", "fra1")
    composer.get_by_label("Another language").fill("tr")
    composer.get_by_role("button", name="Add language").click()
    composer.get_by_role("tab", name="tr").click()
    composer.locator("[name='title.tr']").fill("Anahtarlar")
    composer.locator("[name='body.tr']").fill("Sayın {{ account_name }}")
    expect(composer.locator("#f-as option")).to_have_count(2)
    composer.get_by_label("As seen by").select_option("C-1043")
    expect(composer.frame_locator(".mail-view iframe:not(.coming)").locator("body")).to_contain_text("Sayın İki Bilişim")
    expect(composer.locator(".mail-head")).to_contain_text("Anahtarlar")
    composer.locator("label[for=view-inbox]").click()
    expect(composer.locator(".inbox-view")).to_contain_text("Sayın İki Bilişim")


def test_pasted_addresses_become_chips_that_come_and_go(composer: Page) -> None:
    field = composer.locator("#f-take-networks-add")
    field.evaluate(
        """(input) => { const data = new DataTransfer(); data.setData("text", "203.0.113.7, 203.0.113.64/29\\n192.0.2.17");
        input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }"""
    )
    expect(composer.locator(".chip")).to_have_count(3)
    expect(composer.locator("#reach")).to_contain_text("2 accounts · 3 services")
    composer.get_by_role("button", name="Remove 192.0.2.17").click()
    expect(composer.locator("#reach")).to_contain_text("1 account · 2 services")
    field.press("Backspace")
    expect(composer.locator(".chip")).to_have_count(1)


def test_whoever_leaves_with_something_unsaved_is_asked(hub: Hub, composer: Page) -> None:
    asked = []
    composer.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    composer.get_by_label("Title").fill("Unsaved")
    composer.goto(hub.base + "/staff/accounts")
    assert asked == ["beforeunload"]


def test_what_was_typed_survives_the_session(hub: Hub, composer: Page) -> None:
    title = unique()
    write(composer, title)
    take(composer, "Locations", "fra1")
    cookies = composer.context.cookies()
    composer.context.clear_cookies(name="nh_staff")
    composer.get_by_role("button", name="Save draft").click()
    expect(composer.get_by_role("heading", name="Not saved yet")).to_be_visible()
    assert title in [field.input_value() for field in composer.locator("input.input").all()]
    composer.context.add_cookies(cookies)
    composer.goto(hub.base + NEW)
    composer.get_by_role("button", name="Take it up").click()
    expect(composer.get_by_label("Title")).to_have_value(title)
    expect(composer.locator(".chip")).to_have_text(re.compile("fra1"))


def test_once_it_is_saved_nothing_is_offered_again(hub: Hub, composer: Page) -> None:
    write(composer, unique())
    take(composer, "Locations", "fra1")
    composer.get_by_role("button", name="Save draft").click()
    expect(composer.locator("#saved")).to_contain_text("Draft saved today")
    composer.wait_for_selector("nh-composer:defined", state="attached")
    composer.goto(hub.base + NEW)
    composer.wait_for_selector("nh-composer:defined", state="attached")
    expect(composer.get_by_role("button", name="Take it up")).to_have_count(0)


def test_all_of_it_works_without_scripts(hub: Hub, new_context: Callable[..., object]) -> None:
    from tests.browser.hub import sign_in

    page = new_context(java_script_enabled=False).new_page()  # type: ignore[attr-defined]
    sign_in(page, hub, "Olivia Ops")
    page.goto(hub.base + NEW)
    title = unique()
    write(page, title)
    page.locator("[name='take.locations']").fill("fra1")
    page.get_by_role("button", name="Publish…").click()
    page.get_by_role("button", name="Publish to 2 accounts").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def test_the_mail_stays_in_sight_while_the_next_one_comes(composer: Page) -> None:
    write(composer, unique())
    frames = composer.locator("#mail-frame iframe")
    for word in ("one", "two", "three"):
        composer.get_by_label("Title").fill(word)
        expect(composer.frame_locator("#mail-frame iframe:not(.coming)").get_by_role("heading", name=word)).to_be_visible()
        expect(frames).to_have_count(1)
    length = composer.evaluate("history.length")
    composer.get_by_label("Title").fill("four")
    expect(composer.frame_locator("#mail-frame iframe:not(.coming)").get_by_role("heading", name="four")).to_be_visible()
    assert composer.evaluate("history.length") == length


def test_choices_are_offered_with_their_counts_and_taken_with_a_click(composer: Page) -> None:
    offer = composer.locator("#who nh-picker", has_text="Locations").first.get_by_role("button", name=re.compile("fra1"))
    expect(offer).to_contain_text("3")
    offer.click()
    expect(composer.locator("#f-take-locations")).to_have_value("fra1")
    expect(composer.locator("#reach")).to_contain_text("2 accounts · 3 services")
    expect(composer.get_by_role("button", name="Remove fra1")).to_be_visible()


def test_enter_in_the_language_adds_it_and_saves_nothing(composer: Page) -> None:
    composer.get_by_label("Another language").fill("tr")
    composer.get_by_label("Another language").press("Enter")
    expect(composer.get_by_role("tab", name="tr")).to_have_attribute("aria-selected", "true")
    expect(composer.locator("[id='f-title-tr']")).to_be_focused()
    expect(composer).to_have_url(re.compile("/new$"))


def test_what_is_wrong_has_the_focus_and_goes_as_it_is_mended(composer: Page) -> None:
    composer.get_by_role("button", name="Save draft").click()
    field = composer.get_by_label("Starts")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("2030-11-28T01:30")
    expect(field).not_to_have_attribute("aria-invalid", "true")
