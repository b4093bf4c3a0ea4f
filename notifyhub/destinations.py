"""Where mail goes now, and why, in sentences: what the routing policy decided and gave as its reason, put into words for the customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from babel import Locale
from babel.lists import format_list
from babel.support import NullTranslations
from markupsafe import Markup, escape

from notifyhub import labels
from notifyhub.routing import SKIPPED_STATES, Decision


class Sentence(NamedTuple):
    text: Markup  # addresses in it are set apart
    tone: str = "quiet"


def sentences(
    decisions: Sequence[Decision], category: str, registered: str | None, formats: Locale, words: NullTranslations
) -> list[Sentence]:
    """`decisions` on one mail of the category; `registered` is the account's registered address."""
    mails = [decision for decision in decisions if decision.channel == "email"]
    skipped = [decision for decision in mails if decision.action == "skip" and decision.mailbox]
    said = []
    for rule, reason in dict.fromkeys((decision.rule, decision.reason) for decision in mails if decision not in skipped):
        going = [decision.mailbox.email for decision in mails if (decision.rule, decision.reason) == (rule, reason) and decision.mailbox]
        say, tone = SENTENCES[rule, reason]
        values = {
            "addresses": _listed(going, formats),
            "category": words.gettext(labels.CATEGORIES[category].inline),
            "skipped": _listed([decision.mailbox.email for decision in skipped if decision.mailbox], formats),
            "registered": _address(registered or ""),
        }
        text = say(words, len(going), skipped)
        said.append(Sentence(Markup(escape(text)) % values, tone))  # noqa: S704 (escaped)
    return said


def _listed(emails: Sequence[str], formats: Locale) -> Markup:
    return Markup(format_list([_address(email) for email in emails], locale=formats))  # noqa: S704 (each is escaped)


def _address(email: str) -> Markup:
    return Markup('<bdi class="to">{}</bdi>').format(email)


# --- one for each rule and reason of the policy by which a mail is sent, or nobody can be reached

Say = Callable[[NullTranslations, int, Sequence[Decision]], str]


def _chosen(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    return words.ngettext(
        "Now goes to %(addresses)s (your address for %(category)s).", "Now goes to %(addresses)s (your addresses for %(category)s).", count
    )


def _replaced(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    return words.gettext("Now goes to %(addresses)s, until an address that replaces it is confirmed.")


def _registered(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    return words.gettext("Now goes to %(addresses)s (registered), because no address is set here.")


def _instead(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    reasons = {decision.reason for decision in skipped}
    if reasons == {SKIPPED_STATES["pending"]}:
        return words.ngettext(
            "Now goes to %(addresses)s (registered), because %(skipped)s is not confirmed yet.",
            "Now goes to %(addresses)s (registered), because %(skipped)s are not confirmed yet.",
            len(skipped),
        )
    if reasons == {SKIPPED_STATES["bouncing"]}:
        return words.ngettext(
            "Now goes to %(addresses)s (registered), because %(skipped)s does not accept our mail.",
            "Now goes to %(addresses)s (registered), because %(skipped)s do not accept our mail.",
            len(skipped),
        )
    return words.gettext("Now goes to %(addresses)s (registered), because no address set here can be used.")


def _nobody(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    if skipped:
        return words.gettext(
            "Nobody can be reached by mail: no address set here can be used, and the registered one, %(registered)s, does not accept"
            " our mail. You find everything in your inbox."
        )
    return words.gettext(
        "Nobody can be reached by mail: the registered address, %(registered)s, does not accept our mail."
        " You find everything in your inbox."
    )


def _fresh(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    return words.gettext(
        "To be safe, it also goes to %(addresses)s (registered): the address for %(category)s changed in the last 72 hours."
    )


def _previous(words: NullTranslations, count: int, skipped: Sequence[Decision]) -> str:
    return words.gettext(
        "To be safe, it also goes to %(addresses)s: that was the registered address until it changed, in the last 72 hours."
    )


SENTENCES: dict[tuple[int, str], tuple[Say, str]] = {
    (3, "confirmed address of this category"): (_chosen, "quiet"),
    (3, "address in use until its replacement is confirmed"): (_replaced, "quiet"),
    (4, "registered address: none is set for this category"): (_registered, "quiet"),
    (4, "registered address: none set for this category is usable"): (_instead, "warn"),
    (5, "no usable address"): (_nobody, "bad"),
    (6, "registered address: the address for abuse became usable less than 72 hours ago"): (_fresh, "info"),
    (6, "previous registered address: it changed less than 72 hours ago"): (_previous, "info"),
}
