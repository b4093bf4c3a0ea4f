"""Mails as other systems send them, each in the shape that is seen in the wild; what they say is made up."""

from __future__ import annotations


def crlf(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def delivery_report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <noc@one.example>: Recipient address rejected: User unknown",
    returned: str = "Subject: Network maintenance",
    sender: str = "MAILER-DAEMON@mx.one.example (Mail Delivery System)",
) -> bytes:
    """RFC 3464, as Postfix writes it."""
    return crlf(f"""
From: {sender}
To: bounces@provider.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="A/b.1"

--A/b.1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.one.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--A/b.1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.one.example
X-Postfix-Queue-ID: 4D2F1180047
Arrival-Date: Wed, 25 Nov 2026 10:00:00 +0000 (UTC)

Final-Recipient: rfc822; noc@one.example
Original-Recipient: rfc822;noc@one.example
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--A/b.1
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{returned}

--A/b.1--
""")


EXIM = crlf("""
X-Failed-Recipients: noc@one.example
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.one.example>
To: bounces@provider.example
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  noc@one.example
    host mail.one.example [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<noc@one.example>:
    550 No such user here
""")

QMAIL = crlf("""
From: MAILER-DAEMON@one.example
To: bounces@provider.example
Subject: failure notice

Hi. This is the qmail-send program at one.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<noc@one.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Subject: Network maintenance
""")

FULL = crlf("""
X-Failed-Recipients: noc@one.example
From: Mail Delivery Subsystem <mailer-daemon@one.example>
To: bounces@provider.example
Subject: Delivery Status Notification (Failure)

The recipient's inbox is full. The response was:

552-5.2.2 The email account that you tried to reach is over quota
""")

VACATION = crlf("""
From: NOC <noc@one.example>
To: bounces@provider.example
Subject: Out of office: Network maintenance
Auto-Submitted: auto-replied
In-Reply-To: <announcement@provider.example>

I am away until Monday. My mailbox is full, user unknown is my favourite band.
""")

READ_RECEIPT = crlf("""
From: NOC <noc@one.example>
To: bounces@provider.example
Subject: Read: Network maintenance
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="r"

--r
Content-Type: text/plain

Your message was displayed.
--r
Content-Type: message/disposition-notification

Final-Recipient: rfc822; noc@one.example
Disposition: manual-action/MDN-sent-manually; displayed

--r--
""")

PERSON = crlf("""
From: NOC <noc@one.example>
To: bounces@provider.example
Subject: Re: Network maintenance

Thanks for telling us. A user unknown to me says: 550 5.1.1 does not exist.
""")


def complaint(returned: str, kind: str = "abuse") -> bytes:
    """RFC 5965, as mailbox providers send it."""
    return crlf(f"""
From: <feedback@mailbox.example>
To: complaints@provider.example
Subject: FW: Network maintenance
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="f"

--f
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.1.
--f
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--f
Content-Type: message/rfc822

{returned}

Dear customer
--f--
""")
