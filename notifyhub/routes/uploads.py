"""The files that come with a form."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from notifyhub import files
from notifyhub.errors import FieldError, Invalid
from notifyhub.languages import N_, said
from notifyhub.tickets import attachments
from notifyhub.tickets.attachments import MOST, MOST_BYTES, MOST_BYTES_TOGETHER, Upload

FIELD = "files"
NAME_CHARACTERS = 80
# More than is taken: a form with too much of it comes through, and is given back with what was typed in it.
FORM_BYTES = 4 * MOST_BYTES_TOGETHER
AGAIN = N_("were not kept, as browsers give no page its files back. Please choose them again.")
ACCEPT = ",".join(sorted({extension for name in files.ATTACHMENTS for extension in files.TYPES[name].extensions}))
TYPES = ", ".join(type.label for name, type in files.TYPES.items() if name in files.ATTACHMENTS)

LIMITS = {"most": MOST, "bytes": MOST_BYTES, "together": MOST_BYTES_TOGETHER, "accept": ACCEPT, "types": TYPES}


def read() -> list[Upload]:
    """No more of them into memory than can be accepted, and a byte, so that too much is seen to be too much."""
    room, found = MOST_BYTES_TOGETHER + 1, []
    for file in request.files.getlist(FIELD):
        if not file.filename:
            continue  # a browser sends an empty part where nothing was chosen
        content = file.stream.read(room)
        room -= len(content)
        found.append(Upload(file.filename, content))
    return found


def check(uploads: Sequence[Upload], errors: list[FieldError]) -> list[files.Checked]:
    """What is wrong is added to `errors`: each under the one field that there is, with the name of the file."""
    try:
        return attachments.check(uploads)
    except Invalid as error:
        errors += [_named(found, uploads) for found in error.errors]
        return []


def _named(error: FieldError, uploads: Sequence[Upload]) -> FieldError:
    _, _, index = error.field.partition(".")
    if not index:
        return FieldError(FIELD, error.message)
    return FieldError(FIELD, said("%(name)s: %(problem)s", name=_shown(uploads[int(index)].name), problem=error.message))


def _shown(name: str) -> str:
    """As it can stand in a sentence."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last))[:NAME_CHARACTERS] or "?"
