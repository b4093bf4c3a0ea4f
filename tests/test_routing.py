"""The policy, rule by rule: plain data in, plain data out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.routing import REGISTERED, Address, Decision, Mailbox, Notification, Recipient, Router, route

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
LATELY, LONG_AGO = NOW - timedelta(hours=71), NOW - timedelta(hours=73)

OWNER = Mailbox(1, "owner@one.example")
BEFORE = Mailbox(2, "before@one.example")
NOC = Mailbox(3, "noc@one.example")
DESK = Mailbox(4, "desk@one.example")

MAINTENANCE = Notification("maintenance", "announcements")
NEWS = Notification("news", "announcements", optional=True)
ABUSE = Notification("abuse", "abuse")


def bouncing(mailbox: Mailbox) -> Mailbox:
    return mailbox._replace(status="bouncing")


def complained(mailbox: Mailbox) -> Mailbox:
    return mailbox._replace(status="complained")


def address(mailbox: Mailbox, state: Any = "verified", category: str = "announcements", since: datetime | None = None) -> Address:
    return Address(category, mailbox, state, since)


def recipient(registered: Mailbox | None = OWNER, **changes: Any) -> Recipient:
    return Recipient(17, registered)._replace(**changes)


def decide(notification: Notification, who: Recipient, *addresses: Address) -> list[tuple[str, str, str | None, int]]:
    """(channel, action, e-mail address, rule) of every decision."""
    decisions = route(notification, who, addresses, NOW)
    return [(d.channel, d.action, d.mailbox.email if d.mailbox else None, d.rule) for d in decisions]


def mailed(notification: Notification, who: Recipient, *addresses: Address) -> dict[str, int]:
    """E-mail address → the rule that sends there."""
    return {
        str(email): rule for channel, action, email, rule in decide(notification, who, *addresses) if (channel, action) == ("email", "send")
    }


def reasons(notification: Notification, who: Recipient, *addresses: Address) -> list[str]:
    return [d.reason for d in route(notification, who, addresses, NOW) if d.channel == "email"]


# --- rule 0


def test_a_notification_that_names_its_recipients_goes_to_exactly_those() -> None:
    notice = Notification("addresses_changed", "abuse", named=(OWNER, NOC))
    assert decide(notice, recipient(), address(DESK, category="abuse")) == [
        ("inbox", "send", None, 0),
        ("email", "send", OWNER.email, 0),
        ("email", "send", NOC.email, 0),
    ]


def test_it_is_in_the_inbox_only_where_its_kind_says_so() -> None:
    confirmation = Notification("confirmation", "abuse", named=(NOC,), inbox=False)
    assert decide(confirmation, recipient()) == [("email", "send", NOC.email, 0)]


def test_one_that_names_nobody_is_in_the_inbox_alone() -> None:
    assert decide(Notification("repair", "abuse", named=()), recipient()) == [("inbox", "send", None, 0)]


def test_a_mailbox_named_twice_is_told_once() -> None:
    assert decide(Notification("test", "support", named=(NOC, NOC), inbox=False), recipient()) == [("email", "send", NOC.email, 0)]


def test_someone_without_an_account_has_no_inbox() -> None:
    answer = Notification("answer", "support", named=(NOC,))
    assert decide(answer, Recipient(None, None)) == [("email", "send", NOC.email, 0)]


# --- rules 1, 3, 4, 5

TABLE = [
    # addresses set for the category, registered address, who is mailed by which rule, who is skipped by which rule
    ([], OWNER, {OWNER: 4}, {}),
    ([address(NOC)], OWNER, {NOC: 3}, {}),
    ([address(NOC), address(DESK)], OWNER, {NOC: 3, DESK: 3}, {}),
    ([address(NOC, "pending")], OWNER, {OWNER: 4}, {NOC: 3}),
    ([address(NOC, "pending"), address(DESK)], OWNER, {DESK: 3}, {NOC: 3}),
    ([address(NOC, "pending"), address(DESK, "replaced")], OWNER, {DESK: 3}, {NOC: 3}),
    ([address(bouncing(NOC))], OWNER, {OWNER: 4}, {NOC: 3}),
    ([address(bouncing(NOC)), address(DESK)], OWNER, {DESK: 3}, {NOC: 3}),
    ([address(bouncing(NOC), "pending")], OWNER, {OWNER: 4}, {NOC: 3}),
    ([address(bouncing(NOC), "replaced"), address(DESK, "pending")], OWNER, {OWNER: 4}, {NOC: 3, DESK: 3}),
    ([address(complained(NOC))], OWNER, {NOC: 3}, {}),
    ([], complained(OWNER), {OWNER: 4}, {}),
    ([address(NOC, category="abuse")], OWNER, {OWNER: 4}, {}),
    ([address(OWNER)], OWNER, {OWNER: 3}, {}),
    ([], bouncing(OWNER), {}, {None: 5}),
    ([], None, {}, {None: 5}),
    ([address(NOC, "pending")], bouncing(OWNER), {}, {NOC: 3, None: 5}),
    ([address(bouncing(NOC))], None, {}, {NOC: 3, None: 5}),
]


@pytest.mark.parametrize(("addresses", "registered", "sent", "skipped"), TABLE)
def test_mail_goes_where_the_table_says(
    addresses: list[Address], registered: Mailbox | None, sent: dict[Mailbox, int], skipped: dict[Mailbox | None, int]
) -> None:
    expected = [("email", "send", mailbox.email, rule) for mailbox, rule in sent.items()]
    expected += [("email", "skip", mailbox.email if mailbox else None, rule) for mailbox, rule in skipped.items()]
    inbox, *mail = decide(MAINTENANCE, recipient(registered), *addresses)
    assert inbox == ("inbox", "send", None, 1)
    assert sorted(mail, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("addresses", "registered", "reason"),
    [
        ([address(NOC)], OWNER, "confirmed address of this category"),
        ([address(NOC, "replaced")], OWNER, "address in use until its replacement is confirmed"),
        ([address(NOC, "pending")], OWNER, "address not confirmed yet"),
        ([address(bouncing(NOC))], OWNER, "mailbox does not accept our mail"),
        ([], OWNER, "registered address: none is set for this category"),
        ([address(NOC, "pending")], OWNER, "registered address: none set for this category is usable"),
        ([], None, "no usable address"),
    ],
)
def test_every_decision_says_why(addresses: list[Address], registered: Mailbox | None, reason: str) -> None:
    assert reason in reasons(MAINTENANCE, recipient(registered), *addresses)


# --- rule 2


def test_what_the_account_muted_is_not_mailed() -> None:
    assert decide(NEWS, recipient(muted=frozenset({"news"})), address(NOC)) == [("inbox", "send", None, 1), ("email", "skip", None, 2)]


def test_other_kinds_of_the_category_are_mailed_all_the_same() -> None:
    assert mailed(MAINTENANCE, recipient(muted=frozenset({"news"}))) == {OWNER.email: 4}


def test_muting_a_mandatory_kind_changes_nothing() -> None:
    assert mailed(MAINTENANCE, recipient(muted=frozenset({"maintenance"}))) == {OWNER.email: 4}


@pytest.mark.parametrize(
    ("registered", "addresses", "skipped"),
    [(complained(OWNER), [], OWNER), (OWNER, [address(complained(NOC))], NOC)],
)
def test_an_optional_kind_is_not_mailed_to_who_complained(registered: Mailbox, addresses: list[Address], skipped: Mailbox) -> None:
    assert decide(NEWS, recipient(registered), *addresses) == [("inbox", "send", None, 1), ("email", "skip", skipped.email, 2)]


def test_one_complaint_does_not_keep_the_others_from_their_news() -> None:
    assert mailed(NEWS, recipient(), address(complained(NOC)), address(DESK)) == {DESK.email: 3}


# --- rule 6


@pytest.mark.parametrize(
    ("since", "mailed_to"),
    [
        (LATELY, {NOC.email: 3, OWNER.email: 6}),
        (LONG_AGO, {NOC.email: 3}),
        (NOW - timedelta(hours=72), {NOC.email: 3}),
        (None, {NOC.email: 3}),
    ],
)
def test_an_abuse_address_that_became_usable_lately_does_not_silence_the_registered_one(
    since: datetime | None, mailed_to: dict[str, int]
) -> None:
    assert mailed(ABUSE, recipient(), address(NOC, category="abuse", since=since)) == mailed_to


def test_a_mailbox_that_stopped_bouncing_lately_became_usable_lately() -> None:
    mended = NOC._replace(usable_since=LATELY)
    assert mailed(ABUSE, recipient(), address(mended, category="abuse", since=LONG_AGO)) == {NOC.email: 3, OWNER.email: 6}


def test_other_categories_do_not_ask_since_when() -> None:
    assert mailed(MAINTENANCE, recipient(), address(NOC, since=LATELY)) == {NOC.email: 3}


def test_the_registered_address_before_is_told_too_where_that_changed_lately() -> None:
    who = recipient(previous_registered=BEFORE, registered_changed_at=LATELY)
    new = address(NOC, category="abuse", since=LATELY)
    assert mailed(ABUSE, who, new) == {NOC.email: 3, OWNER.email: 6, BEFORE.email: 6}


def test_it_is_told_where_the_new_registered_address_itself_is_the_one_in_use() -> None:
    who = recipient(previous_registered=BEFORE, registered_changed_at=LATELY)
    assert mailed(ABUSE, who) == {OWNER.email: 4, BEFORE.email: 6}


def test_it_is_not_told_where_that_changed_long_ago() -> None:
    who = recipient(previous_registered=BEFORE, registered_changed_at=LONG_AGO)
    assert mailed(ABUSE, who, address(NOC, category="abuse", since=LATELY)) == {NOC.email: 3, OWNER.email: 6}


def test_an_old_address_needs_no_company_when_only_the_registered_one_changed() -> None:
    who = recipient(previous_registered=BEFORE, registered_changed_at=LATELY)
    assert mailed(ABUSE, who, address(NOC, category="abuse", since=LONG_AGO)) == {NOC.email: 3}


@pytest.mark.parametrize("registered", [bouncing(OWNER), None])
def test_what_accepts_no_mail_is_not_told_for_company(registered: Mailbox | None) -> None:
    who = recipient(registered, previous_registered=bouncing(BEFORE), registered_changed_at=LATELY)
    assert mailed(ABUSE, who, address(NOC, category="abuse", since=LATELY)) == {NOC.email: 3}


def test_an_address_that_waits_for_confirmation_draws_nobody_in() -> None:
    assert mailed(ABUSE, recipient(), address(NOC, "pending", "abuse", since=LATELY)) == {OWNER.email: 4}


# --- rule 8


def test_a_mailbox_that_is_skipped_by_one_rule_and_sent_to_by_another_is_sent_to() -> None:
    assert decide(MAINTENANCE, recipient(), address(OWNER, "pending")) == [("inbox", "send", None, 1), ("email", "send", OWNER.email, 4)]


def test_the_registered_address_for_abuse_is_told_once() -> None:
    assert decide(ABUSE, recipient(), address(OWNER, category="abuse", since=LATELY)) == [
        ("inbox", "send", None, 1),
        ("email", "send", OWNER.email, 3),
    ]


# --- what holds whatever is put in

moments = st.sampled_from([None, LATELY, LONG_AGO])
statuses = st.sampled_from(["ok", "bouncing", "complained"])
kinds = st.sampled_from([MAINTENANCE, NEWS, ABUSE, Notification("invoice", "invoices"), Notification("ticket", "support")])


@st.composite
def situations(draw: st.DrawFn) -> tuple[Notification, Recipient, list[Address]]:
    mailboxes = [Mailbox(id, f"m{id}@one.example", draw(statuses), draw(moments)) for id in range(1, 7)]
    some = st.sampled_from(mailboxes)
    muted = st.sampled_from([frozenset(), frozenset({"news"})])
    who = Recipient(draw(st.sampled_from([17, None])), draw(st.none() | some), draw(st.none() | some), draw(moments), draw(muted))
    states = st.sampled_from(["pending", "verified", "replaced"])
    categories = st.sampled_from(["announcements", "abuse", "invoices"])
    addresses = draw(st.lists(st.builds(Address, categories, some, states, moments), max_size=6))
    return draw(kinds), who, addresses


def routed(situation: tuple[Notification, Recipient, list[Address]]) -> list[Decision]:
    return route(*situation, NOW)


@given(situations())
def test_an_account_finds_everything_in_its_inbox(situation: Any) -> None:
    in_inbox = [decision for decision in routed(situation) if decision.channel == "inbox"]
    assert [decision.action for decision in in_inbox] == (["send"] if situation[1].account_id else [])


@given(situations())
def test_no_mail_goes_to_a_mailbox_that_bounces(situation: Any) -> None:
    assert all(d.mailbox.status != "bouncing" for d in routed(situation) if d.action == "send" and d.mailbox)


@given(situations())
@settings(max_examples=300)
def test_no_mail_goes_to_an_address_that_is_not_confirmed(situation: Any) -> None:
    notification, who, addresses = situation
    confirmed = {a.mailbox.id for a in addresses if a.category == notification.category and a.state != "pending"}
    allowed = confirmed | {mailbox.id for mailbox in (who.registered, who.previous_registered) if mailbox}
    assert {d.mailbox.id for d in routed(situation) if d.action == "send" and d.mailbox} <= allowed


@given(situations())
def test_who_is_mailed_nothing_has_a_reason_for_it(situation: Any) -> None:
    mail = [decision for decision in routed(situation) if decision.channel == "email"]
    assert any(decision.action == "send" for decision in mail) or any(decision.action == "skip" and decision.reason for decision in mail)


@given(situations())
def test_where_no_mail_goes_the_deciding_rule_is_two_or_five(situation: Any) -> None:
    mail = [decision for decision in routed(situation) if decision.channel == "email"]
    assert any(decision.action == "send" for decision in mail) or {2, 5} & {decision.rule for decision in mail}


@given(situations())
def test_no_mailbox_is_told_twice(situation: Any) -> None:
    targets = [(decision.channel, decision.mailbox) for decision in routed(situation)]
    assert len(targets) == len(set(targets))


@given(situations())
def test_the_same_twice_gives_the_same(situation: Any) -> None:
    assert routed(situation) == routed(situation)


@given(situations())
def test_a_mandatory_kind_is_mailed_to_who_complained(situation: Any) -> None:
    notification, who, addresses = situation
    if notification.optional:
        return
    reach = [*(a.mailbox for a in addresses if a.category == notification.category and a.state != "pending"), who.registered]
    if any(mailbox and mailbox.status != "bouncing" for mailbox in reach):
        assert any(d.channel == "email" and d.action == "send" for d in routed(situation))


@given(st.lists(situations(), min_size=1, max_size=12))
def test_many_at_once_are_routed_as_each_alone(situations: Any) -> None:
    routers: dict[Notification, Router[list[Decision]]] = {}

    def own(decision: Decision, who: Recipient) -> Decision:
        return decision._replace(mailbox=who.registered) if decision.mailbox and decision.mailbox.id == REGISTERED else decision

    for notification, who, addresses in situations:
        # whoever has no addresses shares answers with others, so each is asked without them too
        for its in (addresses, []):
            router = routers.setdefault(notification, Router(notification, NOW, list))
            assert [own(decision, who) for decision in router.route(who, its)] == route(notification, who, its, NOW)
