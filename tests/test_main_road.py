"""The way of a notification, from the account to the mail, in one piece."""

from __future__ import annotations

from collections.abc import Callable

from tests.builders import account, draft, service
from tests.conftest import Api
from tests.smtp import Server


def test_an_announcement_reaches_the_inbox_and_the_right_mailbox(api: Api, work: Callable[[], None], smtp: Server) -> None:
    api.put("/v1/accounts/C-1", account(registered_email="owner@one.example"))
    noc = {"announcements": [{"email": "noc@two.example", "state": "verified"}]}
    api.put("/v1/accounts/C-2", account(registered_email="owner@two.example", send_email=noc))
    api.put("/v1/accounts/C-3", account(registered_email="owner@three.example", services=[service(location="ams2")]))

    id = api.post("/v1/announcements", draft()).json["id"]
    assert api.post(f"/v1/announcements/{id}/publish", {}).status_code == 200
    work()

    assert sorted(mail.to for mail in smtp.mails) == ["noc@two.example", "owner@one.example"]
    (item,) = api.get("/v1/accounts/C-2/inbox").json["items"]
    assert item["title"] == "Network maintenance"
    assert {(to["channel"], to["address"], to["state"]) for to in item["sent_to"]} == {
        ("inbox", None, "sent"),
        ("email", "noc@two.example", "sent"),
    }
    assert api.get("/v1/accounts/C-3/inbox").json["items"] == []
