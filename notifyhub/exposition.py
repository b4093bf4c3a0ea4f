"""The measures as Prometheus reads them. docs/operate.md names them all, with what is worth an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from notifyhub import tallies
from notifyhub.channels import CARRIED, CHANNELS
from notifyhub.kinds import KINDS, Lane
from notifyhub.measures import Measures, Waiting
from notifyhub.readiness import Part

WAY = ("lane", "channel")
WAYS = [tallies.way(lane, channel) for lane in Lane for channel in CHANNELS]
CARRIED_WAYS = [tallies.way(lane, channel) for lane in Lane for channel in CARRIED]


class Counter(NamedTuple):
    tally: tallies.Name
    name: str
    says: str
    labels: Sequence[str] = ()
    known: Sequence[str] = ("",)  # there from the start, so that a rate sees the first one too


COUNTERS = (
    Counter("told", "notifications", "Notifications recorded.", ("kind",), list(KINDS)),
    Counter("sent", "deliveries_sent", "Deliveries that are in the inbox, or that the relay took over.", WAY, WAYS),
    Counter("deferred", "deliveries_deferred", "Tries that were refused for now.", WAY, CARRIED_WAYS),
    Counter("failed", "deliveries_failed", "Deliveries refused for good, or given up.", WAY, CARRIED_WAYS),
    Counter("bounced", "deliveries_bounced", "Deliveries that came back after they were sent.", WAY, CARRIED_WAYS),
    Counter("skipped", "deliveries_skipped", "Deliveries that the policy decided against.", WAY, CARRIED_WAYS),
    Counter("cancelled", "deliveries_cancelled", "Deliveries cancelled before they left.", WAY, CARRIED_WAYS),
    Counter("superseded", "deliveries_superseded", "Deliveries that a newer revision replaced before they left.", WAY, CARRIED_WAYS),
    Counter(
        "answer", "relay_answers", "Answers to a mail, by class and enhanced status code.", ("class", "enhanced"), ("2xx", "4xx", "5xx")
    ),
    Counter(
        "rested", "relay_pauses", "Times that the relay was left alone, as it failed or refused too much.", ("why",), ("failed", "refused")
    ),
    Counter("lapsed", "lease_expiries", "Deliveries that are free again because whoever had them was gone."),
    Counter("spared", "duplicates_avoided", "What would have been told twice.", ("how",), ("journal", "repeated")),
)

WAITING: tuple[tuple[str, str, Callable[[Waiting], int]], ...] = (
    ("deliveries_queued", "Deliveries that wait, those for their next try too.", lambda waiting: waiting.queued),
    ("deliveries_due", "Of the queued ones, those that could leave now.", lambda waiting: waiting.due),
    ("deliveries_sending", "Deliveries in the hands of a worker.", lambda waiting: waiting.sending),
)


def families(measures: Measures | None, parts: Sequence[Part]) -> Iterator[Metric]:
    """Without the database there are no measures."""
    yield _gauge(
        "up", "Whether a part that NotifyHub stands on is well.", ("part",), [((part.name,), part.state == "ok") for part in parts]
    )
    if measures is None:
        return
    for name, says, of in WAITING:
        yield _gauge(
            name, says, ("lane", "channel"), [((lane.name, channel), of(some)) for (lane, channel), some in measures.waiting.items()]
        )
    oldest = [((lane.name,), seconds) for lane, seconds in measures.oldest_due.items()]
    yield _gauge("oldest_due_seconds", "How long the oldest due delivery of a lane has been due.", ("lane",), oldest)
    rates = [((lane.name, channel), measures.rate(tallies.way(lane, channel))) for lane, channel in measures.waiting]
    yield _gauge("send_rate", "Deliveries sent per second, over the last whole minute.", ("lane", "channel"), rates)
    yield _gauge("relay_paused", "Whether the relay is left alone now, because it failed.", (), [((), bool(measures.relay.paused_until))])
    yield _gauge(
        "relay_held", "Whether mail is held back, because the relay refused too much.", (), [((), bool(measures.relay.held_until))]
    )
    yield _gauge("relay_failures", "Failures of the relay in a row.", (), [((), measures.relay.failures)])
    yield _gauge("fan_outs_unfinished", "Announcements that are not yet told to all of their audience.", (), [((), measures.fan_outs)])
    for counter in COUNTERS:
        yield _counter(counter, dict.fromkeys(counter.known, 0) | measures.totals.get(counter.tally, {}))


def _gauge(name: str, says: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(f"notifyhub_{name}", says, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def _counter(counter: Counter, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"notifyhub_{counter.name}", counter.says, labels=counter.labels)
    for label, count in sorted(counts.items()):
        words = label.split(" ") if counter.labels else []
        family.add_metric(words + [""] * (len(counter.labels) - len(words)), count)
    return family
