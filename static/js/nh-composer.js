// <nh-composer> around the composer's form: keeps what is typed, warns before it is lost, and shows the mail in a frame.
import "./nh-tabs.js";
import "./nh-picker.js";

const PASSING = new Set(["csrf_token", "seen", "as", "read_in", "view", "language", "do"]); // of the form, no part of the draft
const PREFIX = "nh-composer:";
const SENT = `${PREFIX}sent`; // the key of what was sent to be saved

// stands on a page that only comes once the form before it was saved
class Saved extends HTMLElement {
  connectedCallback() {
    try {
      const sent = sessionStorage.getItem(SENT);
      if (sent) sessionStorage.removeItem(sent);
      sessionStorage.removeItem(SENT);
    } catch { /* nothing can be kept here, so nothing is */ }
  }
}
customElements.define("nh-saved", Saved);

class Composer extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.key = PREFIX + location.pathname;
    this.before = this.written();
    this.leaving = false;
    this.addEventListener("input", (event) => this.looked(event), true);
    this.form.addEventListener("input", (event) => this.typed(event));
    this.form.addEventListener("keydown", (event) => this.pressed(event));
    this.form.addEventListener("submit", (event) => this.submitted(event));
    addEventListener("beforeunload", (event) => { if (this.changed() && !this.leaving) event.preventDefault(); });
    document.body.addEventListener("htmx:afterSettle", (event) => this.settled(event));
    this.offer();
    this.querySelector("[aria-invalid=true]:not([hidden])")?.focus();
  }

  written() {
    return JSON.stringify([...new FormData(this.form)].filter(([name, value]) => !PASSING.has(name) && typeof value === "string" && value));
  }

  changed() { return this.hasAttribute("data-changed") || this.written() !== this.before; }

  typed(event) {
    this.mended(event.target);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), 300);
  }

  keep() {
    const changed = this.changed();
    if (changed) this.form.querySelector("#saved").textContent = this.dataset.unsaved;
    this.store(changed ? { seen: this.form.elements.seen.value, fields: JSON.parse(this.written()) } : null);
  }

  store(kept) {
    try {
      if (kept) sessionStorage.setItem(this.key, JSON.stringify(kept));
      else sessionStorage.removeItem(this.key);
    } catch { /* full, or not allowed: the page works without */ }
  }

  submitted(event) {
    if (event.submitter?.hasAttribute("data-frame")) return;
    this.keep();
    this.leaving = true;
    setTimeout(() => { this.leaving = false; }, 3000); // the answer did not come: what is typed is still only here
    try { sessionStorage.setItem(SENT, this.key); } catch { /* as above */ }
  }

  // what was typed here before the session ended, the tab crashed, or the page was left
  offer() {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(this.key)); } catch { return; }
    if (!kept || this.hasAttribute("data-changed")) return;
    if (kept.seen !== this.form.elements.seen.value || JSON.stringify(kept.fields) === this.before) return this.store(null);
    const note = document.createElement("div");
    note.className = "note info";
    note.setAttribute("role", "status");
    const text = document.createElement("p");
    text.textContent = this.dataset.restore;
    const yes = this.button(this.dataset.yes, () => this.takeUp(kept.fields));
    const no = this.button(this.dataset.no, () => { this.store(null); note.remove(); });
    const buttons = document.createElement("p");
    buttons.className = "buttons";
    buttons.append(yes, no);
    const inner = document.createElement("div");
    inner.append(text, buttons);
    note.append(inner);
    this.form.querySelector(".page-head").after(note);
  }

  button(label, act) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "button", textContent: label });
    button.addEventListener("click", act);
    return button;
  }

  // the server writes the form anew, with as many languages as there were
  takeUp(fields) {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: this.form.action, hidden: true });
    const passing = [["csrf_token", this.form.elements.csrf_token.value], ["seen", this.form.elements.seen.value], ["do", "show"]];
    for (const [name, value] of [...fields, ...passing]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    this.leaving = true;
    form.submit();
  }

  settled(event) {
    const place = event.detail.target;
    if (place?.id === "texts") {
      this.keep();
      place.querySelector("[role=tabpanel]:not([hidden]) .input")?.focus();
    }
    if (place?.id === "preview") this.show(place.querySelector("[data-mail]") !== null);
  }

  // A mail has styles of its own, which the page's policy forbids here: so it is a document in a frame, and the form is sent there.
  // A new frame each time, since a form sent to one that is there adds to the browser's history; the one before stays in sight
  // until then. It stands beside what is swapped: a frame that is moved is empty.
  show(ready) {
    const place = this.querySelector("#mail-frame");
    place.querySelector(".coming")?.remove();
    place.hidden = !ready;
    if (!ready) return;
    const frame = document.createElement("iframe");
    Object.assign(frame, { name: `mail-${Date.now()}`, title: place.dataset.title, className: "mail coming" });
    frame.setAttribute("sandbox", place.dataset.sandbox);
    place.append(frame);
    const button = this.form.querySelector("[data-frame]");
    button.formTarget = frame.name;
    button.hidden = false; // a hidden one may not submit in every browser
    this.form.requestSubmit(button);
    button.hidden = true;
    frame.addEventListener("load", () => {
      for (const old of [...place.children]) if (old !== frame) old.remove();
      frame.classList.remove("coming");
    });
  }

  // to look at it in another way changes nothing
  looked(event) {
    if (event.target.name === "view") event.stopPropagation();
  }

  pressed(event) {
    if (event.key !== "Enter" || event.target.name !== "language") return;
    event.preventDefault(); // it adds the language, and does not save the draft
    this.querySelector("[value=add_language]").click();
  }

  // what is being mended is not held to what was wrong with it before
  mended(field) {
    field.removeAttribute("aria-invalid");
    for (const wrong of field.closest(".field, fieldset")?.querySelectorAll(".wrong") ?? []) wrong.remove();
    for (const wrong of field.closest("#who")?.querySelectorAll(":scope > .wrong") ?? []) wrong.remove();
  }
}
customElements.define("nh-composer", Composer);
