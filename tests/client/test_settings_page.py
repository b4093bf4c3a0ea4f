"""Settings, Language and time zone."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub.database import db
from notifyhub.models import Account, AuditEntry
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api

PAGE = "/settings"


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    browser = Browser(app).as_customer("C-1")
    browser.get(PAGE)
    return browser


def stored() -> tuple[str, str, list[str]]:
    row = db.session.execute(select(Account.locale, Account.time_zone, Account.muted)).one()
    db.session.remove()
    return tuple(row)  # type: ignore[return-value]


def save(browser: Browser, locale: str = "tr", time_zone: str = "Europe/Berlin", **more: str) -> int:
    return browser.post(PAGE, locale=locale, time_zone=time_zone, **more).status_code


def test_it_shows_what_is_set(browser: Browser) -> None:
    page = browser.get(PAGE).text
    assert '<option value="en" selected>' in page
    assert '<option value="Europe/Istanbul" selected>Istanbul (UTC+03:00)' in page
    assert '<optgroup label="Indian Ocean">' in page
    assert 'value="news" checked' in page


def test_it_is_saved_and_recorded(browser: Browser) -> None:
    assert save(browser) == 303
    assert stored() == ("tr", "Europe/Berlin", ["news"])
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[-2:] == ["display.changed", "muted.changed"]
    save(browser, wanted="news")
    assert stored()[2] == []


def test_saving_the_same_changes_nothing(browser: Browser) -> None:
    save(browser, "en", "Europe/Istanbul", wanted="news")
    assert "display.changed" not in db.session.scalars(select(AuditEntry.action)).all()


def test_the_next_page_speaks_the_language_chosen(browser: Browser) -> None:
    browser.client.set_cookie("nh_language", "en")
    save(browser, "tr")
    assert browser.cookie("nh_language") is None
    assert '<html lang="tr"' in browser.get(PAGE).text


@pytest.mark.parametrize(("locale", "time_zone"), [("xx", "Europe/Berlin"), ("de", "Europe/Berlin"), ("en", "Mars/Olympus"), ("", "")])
def test_what_is_not_offered_is_refused(browser: Browser, locale: str, time_zone: str) -> None:
    answer = browser.post(PAGE, locale=locale, time_zone=time_zone)
    assert (answer.status_code, "choose one of them" in answer.text) == (422, True)
    assert stored() == ("en", "Europe/Istanbul", [])


def test_a_language_without_a_translation_can_be_kept(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account(locale="de_AT"))
    assert "Deutsch (Österreich)" in browser.get(PAGE).text
    assert save(browser, "de_AT") == 303
    save(browser, "en")
    assert "Deutsch" not in browser.get(PAGE).text


def test_what_the_customer_chose_survives_the_providers_nightly_sync(api: Api, browser: Browser) -> None:
    save(browser, "tr", "Asia/Tokyo")
    api.put("/v1/accounts/C-1", account())
    assert stored() == ("tr", "Asia/Tokyo", ["news"])
    api.put("/v1/accounts/C-1", account(time_zone="Europe/Paris"))
    assert stored() == ("tr", "Europe/Paris", ["news"])


def test_the_settings_lead_to_each_other(browser: Browser) -> None:
    for path in ("/settings", "/settings/send-email", "/settings/sessions"):
        page = browser.get(path).text
        assert f'href="{path}" aria-current="page"' in page
        assert page.count('href="/settings/send-email"') >= 2
