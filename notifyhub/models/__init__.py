"""Tables only, one file per subject; no decisions."""

from notifyhub.models.abuse import AbuseReport
from notifyhub.models.access import ApiKey, Idempotency, SignIn, SignInAttempt, SignInLink, SpentToken, Staff
from notifyhub.models.account import Account
from notifyhub.models.address import Confirmation, DeliveryAddress, Mailbox
from notifyhub.models.announcement import Announcement, Revision
from notifyhub.models.audit import AuditEntry
from notifyhub.models.chat import Chat, ChatMessage, ChatPresence
from notifyhub.models.event import Event
from notifyhub.models.file import StoredFile
from notifyhub.models.intake import HeldMail, IncomingMail
from notifyhub.models.notification import Delivery, Notification
from notifyhub.models.relay import RelayState
from notifyhub.models.response_time import ResponseTime
from notifyhub.models.service import Service, ServiceAddress
from notifyhub.models.tally import Tally
from notifyhub.models.ticket import Ticket, TicketChange, TicketFile, TicketMessage

__all__ = [
    "AbuseReport",
    "Account",
    "Announcement",
    "ApiKey",
    "AuditEntry",
    "Chat",
    "ChatMessage",
    "ChatPresence",
    "Confirmation",
    "Delivery",
    "DeliveryAddress",
    "Event",
    "HeldMail",
    "Idempotency",
    "IncomingMail",
    "Mailbox",
    "Notification",
    "RelayState",
    "ResponseTime",
    "Revision",
    "Service",
    "ServiceAddress",
    "SignIn",
    "SignInAttempt",
    "SignInLink",
    "SpentToken",
    "Staff",
    "StoredFile",
    "Tally",
    "Ticket",
    "TicketChange",
    "TicketFile",
    "TicketMessage",
]
