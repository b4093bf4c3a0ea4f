"""What a file is, what it is called, and who may have it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from notifyhub import dispatch, files
from notifyhub.database import db, transaction, utcnow
from notifyhub.dispatch import Telling
from notifyhub.errors import NotFound
from notifyhub.kinds import KINDS
from notifyhub.letters import FILE_BYTES
from notifyhub.models import Account, StoredFile
from tests import files as samples
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

MOST = 1_000_000


def check(content: bytes, name: str = "file", allowed: Any = files.ATTACHMENTS) -> files.Checked:
    return files.check(name, content, allowed, MOST)


class TestContent:
    @pytest.mark.parametrize(
        ("content", "media_type"),
        [
            (samples.pdf(), "application/pdf"),
            (samples.PNG, "image/png"),
            (samples.JPEG, "image/jpeg"),
            (samples.GIF, "image/gif"),
            (samples.WEBP, "image/webp"),
            (samples.GZIP, "application/gzip"),
            (samples.zipped(), "application/zip"),
            (b"64 bytes from 203.0.113.7\r\n\x1b[31mlost\x1b[0m\n", "text/plain"),
            ("Bağlantı yok".encode(), "text/plain"),
            ("Bağlantı yok".encode("cp1254"), "text/plain"),
            ("Bağlantı yok".encode("utf-16"), "text/plain"),
        ],
    )
    def test_says_what_a_file_is(self, content: bytes, media_type: str) -> None:
        assert check(content, "lies.exe").media_type == media_type

    @pytest.mark.parametrize("content", [samples.EXE, b"\x00", b"\xff\xfe\x00", b"\x7fELF\x02", b"text\x00more"])
    def test_that_is_none_of_these_is_refused(self, content: bytes) -> None:
        with pytest.raises(ValueError, match="is none of the files that are taken here: PDF, PNG"):
            check(content, "harmless.txt")

    @pytest.mark.parametrize("content", [samples.HTML, samples.SVG, samples.PNG, samples.HTML + samples.pdf()])
    def test_that_only_claims_to_be_a_pdf_is_refused(self, content: bytes) -> None:
        with pytest.raises(ValueError, match="by its content; taken are: PDF"):
            check(content, "invoice.pdf", files.DOCUMENTS)

    @pytest.mark.parametrize("content", [samples.HTML, samples.SVG])
    def test_that_a_browser_would_run_is_text_with_a_name_that_says_so(self, content: bytes) -> None:
        assert check(content, "page.html")[:2] == ("page.html.txt", "text/plain")

    def test_of_a_pdf_must_be_whole(self) -> None:
        with pytest.raises(ValueError, match="its end is missing"):
            check(samples.pdf()[:-20])

    def test_has_a_limit_that_is_said(self) -> None:
        with pytest.raises(ValueError, match="has 1,000,001 bytes; 1,000,000 are allowed"):
            check(b"a" * (MOST + 1))

    def test_must_not_be_empty(self) -> None:
        with pytest.raises(ValueError, match="is empty"):
            check(b"")


class TestName:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("invoice.pdf", "invoice.pdf"),
            ("INVOICE.PDF", "INVOICE.PDF"),
            ("Fatura Şubat.pdf", "Fatura Şubat.pdf"),
            ("../../etc/passwd", "passwd.pdf"),
            ("C:\\Users\\me\\invoice.pdf", "invoice.pdf"),
            ("a\r\nContent-Type: text/html\r\n\r\n.pdf", "html.pdf"),
            ("a\r\nBcc: all@one.example.pdf", "aBcc_ all@one.example.pdf"),
            ("invoice.pdf.exe", "invoice.pdf.exe.pdf"),
            ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
            ("..", "file.pdf"),
            (".pdf", "pdf.pdf"),
            ("", "file.pdf"),
            ("/", "file.pdf"),
            ('"quoted"; filename="x.exe', "_quoted_; filename=_x.exe.pdf"),
            ("con.pdf", "_con.pdf"),
            ("a\ud800.pdf", "a.pdf"),
            ("half\x00.pdf", "half.pdf"),
        ],
    )
    def test_is_a_safe_one(self, given: str, kept: str) -> None:
        assert check(samples.pdf(), given).name == kept

    @given(st.text(max_size=400), st.sampled_from(sorted(files.ATTACHMENTS)))
    def test_is_safe_whatever_was_given(self, name: str, media_type: str) -> None:
        safe = files.safe_name(name, media_type)
        assert len(safe) <= files.NAME_CHARACTERS
        assert not set(safe) & set('/\\<>:"|?*\r\n\0')
        assert not safe.startswith(".")
        assert safe.lower().endswith(files.TYPES[media_type].extensions)
        assert files.safe_name(safe, media_type) == safe


@pytest.fixture
def accounts(api: Api) -> None:
    for id in ("C-1", "C-2"):
        api.put(f"/v1/accounts/{id}", account(registered_email=f"{id}@one.example"))


def tell(*given: tuple[str, bytes], to: str = "C-1", most: int = 20_000_000) -> list[str]:
    """A notification with these files; answers their ids."""
    with transaction() as session:
        id = session.scalars(select(Account.id).where(Account.external_id == to)).one()
        kept = [files.keep(session, files.check(name, content, files.ATTACHMENTS, most), utcnow(), id) for name, content in given]
        data = {"changes": [], "files": [files.described(file) for file in kept]}
        dispatch.accept(session, Telling(KINDS["addresses_changed"], "test", str(uuid.uuid4()), data=data), utcnow(), id)
        return [str(file.id) for file in kept]


@pytest.mark.usefixtures("accounts")
class TestDownload:
    def test_the_item_names_its_files(self, api: Api) -> None:
        (id,) = tell(("../invoice", samples.pdf()))
        (item,) = api.get("/v1/accounts/C-1/inbox").json["items"]
        assert item["files"] == [{"id": id, "name": "invoice.pdf", "media_type": "application/pdf", "size": len(samples.pdf())}]

    def test_a_program_fetches_it(self, api: Api) -> None:
        (id,) = tell(("invoice.pdf", samples.pdf()))
        answer = api.get(f"/v1/accounts/C-1/files/{id}")
        assert (answer.status_code, answer.data, answer.mimetype) == (200, samples.pdf(), "application/pdf")

    @pytest.mark.parametrize("id", [None, "01890000-0000-7000-8000-000000000000"])
    def test_another_account_has_no_such_file(self, api: Api, id: str | None) -> None:
        (theirs,) = tell(("invoice.pdf", samples.pdf()))
        assert api.get(f"/v1/accounts/C-2/files/{id or theirs}").status_code == 404

    def test_it_is_on_the_page_of_the_item(self, app: Flask, api: Api) -> None:
        (id,) = tell(("invoice.pdf", samples.pdf()))
        (item,) = api.get("/v1/accounts/C-1/inbox").json["items"]
        browser = Browser(app).as_customer("C-1")
        assert f'href="/files/{id}"' in browser.get(f"/inbox/{item['id']}").text
        assert browser.get(f"/files/{id}").data == samples.pdf()

    def test_nobody_else_who_is_signed_in_gets_it(self, app: Flask) -> None:
        (id,) = tell(("invoice.pdf", samples.pdf()))
        assert Browser(app).as_customer("C-2").get(f"/files/{id}").status_code == 404
        assert Browser(app).get(f"/files/{id}").status_code == 303

    @pytest.mark.parametrize(("name", "content"), [("a.html", samples.HTML), ("a.svg", samples.SVG), ("a.pdf", samples.pdf())])
    def test_it_is_saved_and_never_run(self, app: Flask, name: str, content: bytes) -> None:
        (id,) = tell((name, content))
        for path in (f"/files/{id}", f"/files/{id}?show=1"):
            headers = Browser(app).as_customer("C-1").get(path).headers
            assert headers["Content-Disposition"].startswith("attachment; filename=")
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert "html" not in headers["Content-Type"]
            assert "svg" not in headers["Content-Type"]

    def test_a_picture_is_shown_where_that_is_asked_for(self, app: Flask) -> None:
        (id,) = tell(("screen.png", samples.PNG))
        browser = Browser(app).as_customer("C-1")
        assert browser.get(f"/files/{id}").headers["Content-Disposition"].startswith("attachment")
        assert browser.get(f"/files/{id}?show=1").headers["Content-Disposition"].startswith("inline")

    def test_a_name_in_any_script_arrives(self, api: Api) -> None:
        (id,) = tell(('Fatura Şubat; a="b".pdf', samples.pdf()))
        header = api.get(f"/v1/accounts/C-1/files/{id}").headers["Content-Disposition"]
        assert "filename*=UTF-8''Fatura%20%C5%9Eubat%3B%20a%3D_b_.pdf" in header

    def test_staff_may_have_any_and_a_file_of_nobody(self, app: Flask) -> None:
        (id,) = tell(("invoice.pdf", samples.pdf()))
        with transaction() as session:
            nobodys = files.keep(session, check(samples.PNG), utcnow(), None).id
        assert files.find(db.session(), uuid.UUID(id), None).name == "invoice.pdf"
        assert files.find(db.session(), nobodys, None).media_type == "image/png"
        with pytest.raises(NotFound):
            files.find(db.session(), nobodys, 1)

    def test_an_erased_account_leaves_none(self, app: Flask, api: Api) -> None:
        tell(("invoice.pdf", samples.pdf()))
        api.delete("/v1/accounts/C-1")
        assert db.session.scalars(select(StoredFile)).all() == []

    def test_the_export_lists_them(self, api: Api) -> None:
        (id,) = tell(("invoice.pdf", samples.pdf()))
        assert [file["id"] for file in api.get("/v1/accounts/C-1/export").json["files"]] == [id]


@pytest.mark.usefixtures("accounts")
class TestMail:
    def test_it_travels_with_the_mail(self, work: Callable[[], None], smtp: Server) -> None:
        tell(("Fatura Şubat.pdf", samples.pdf()), ("trace.log", b".1 one.example\n..2 two.example\n"))
        work()
        (mail,) = smtp.mails
        assert [(part.get_filename(), part.get_content_type()) for part in mail.message.iter_attachments()] == [
            ("Fatura Şubat.pdf", "application/pdf"), ("trace.log", "text/plain"),
        ]  # fmt: skip
        assert [part.get_payload(decode=True) for part in mail.message.iter_attachments()] == [
            samples.pdf(), b".1 one.example\n..2 two.example\n",
        ]  # fmt: skip

    def test_the_mail_names_it_with_its_size(self, work: Callable[[], None], smtp: Server) -> None:
        tell(("trace.log", b"x" * 1500))
        work()
        assert "Attached: trace.log (1.5 kB)" in smtp.mails[0].text
        assert "trace.log" in smtp.mails[0].html

    def test_what_is_too_large_for_a_mail_stays_in_the_inbox(self, work: Callable[[], None], smtp: Server) -> None:
        tell(("large.txt", b"x" * (FILE_BYTES - 10)), ("more.txt", b"y" * 100), ("small.txt", b"z"))
        work()
        (mail,) = smtp.mails
        assert [part.get_filename() for part in mail.message.iter_attachments()] == ["large.txt", "small.txt"]
        assert "In your inbox, as it is too large for a mail: more.txt (0.1 kB)" in mail.text
        assert "Attached: large.txt (10 MB)" in mail.text

    def test_a_mail_without_files_says_nothing_of_any(self, work: Callable[[], None], smtp: Server) -> None:
        tell()
        work()
        (mail,) = smtp.mails
        assert ("Attached" in mail.text, mail.message.get_content_type()) == (False, "multipart/alternative")
