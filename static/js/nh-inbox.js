// <nh-inbox>: the list that follows the stream, items that open beside it, and keys. Everything works without it, too.
import { follow } from "./inbox-stream.js";

const WIDE = matchMedia("(min-width: 960px)");
const KEYS = "nh_keys";
const BURST = 150; // ms: what comes together is fetched at once
const AGAIN = 5000; // ms

class Inbox extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("[data-items]");
    this.dialog = document.querySelector("[data-keys]");
    this.headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "HX-Request": "true" };
    this.waiting = new Set();
    this.changed = new Set();
    const unread = document.querySelector("nh-unread");
    follow(unread.dataset.stream, unread.dataset.now, (event) => this.hear(event));
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("submit", (event) => this.submitted(event));
    document.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener("visibilitychange", () => this.markShown());
    window.addEventListener("popstate", (event) => { if (event.state?.inbox !== undefined || this.moved) location.reload(); });
    this.list.addEventListener("htmx:beforeSwap", (event) => { this.focused = this.remember(event.target.closest("li")); });
    document.body.addEventListener("htmx:afterSwap", () => this.swapped());
    this.prepareKeys();
    this.querySelector(".message.chosen")?.scrollIntoView({ block: "nearest" });
    this.markShown();
  }

  // --- live

  hear({ name, data }) {
    if (name === "notification" && this.dataset.follows === "yes" && !this.row(data.id)) this.waiting.add(data.id);
    if (name === "read") for (const id of data.ids) if (this.row(id)) this.changed.add(id);
    this.fetchSoon(BURST);
  }

  fetchSoon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchRows(), wait);
  }

  // what could not be fetched stays wanted: a server that is away for a moment takes no line out of the list
  async fetchRows() {
    const [fresh, changed] = [[...this.waiting].slice(0, 50), [...this.changed].slice(0, 50)];
    const [came, stand] = await Promise.all([this.rows(fresh, true), this.rows(changed, false)]);
    if (!came || !stand) return this.fetchSoon(AGAIN);
    for (const id of fresh) this.waiting.delete(id);
    for (const row of came.reverse()) this.arrive(row);
    const rows = new Map(stand.map((row) => [row.dataset.id, row]));
    for (const id of changed) {
      this.changed.delete(id);
      this.replace(id, rows.get(id));
    }
    if (this.waiting.size || this.changed.size) await this.fetchRows();
  }

  async rows(ids, fit) {
    if (!ids.length) return [];
    const query = `${this.dataset.query}&ids=${ids.join(",")}${fit ? "&fit=1" : ""}`;
    const answer = await fetch(`${this.dataset.rows}?${query}`, { headers: this.headers }).catch(() => null);
    if (!answer?.ok) return null;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    return [...made.content.querySelectorAll("li")];
  }

  arrive(row) {
    if (this.row(row.dataset.id)) return;
    const at = row.querySelector("time").dateTime;
    const before = [...this.list.children].find((other) => other.querySelector("time").dateTime <= at);
    row.classList.add("arrived");
    this.list.insertBefore(row, before ?? null);
    htmx.process(row);
    this.querySelector("[data-empty]").hidden = true;
    const title = row.querySelector("bdi").textContent;
    this.querySelector("[data-announce]").textContent = this.dataset.new.replace("{title}", title);
  }

  replace(id, row) {
    const old = this.row(id);
    if (!old) return;
    if (!row) {
      if (this.dataset.keeps === "no") this.leave(old); // archived elsewhere
      return;
    }
    const focused = this.remember(old);
    this.choose(row);
    old.replaceWith(row);
    htmx.process(row);
    this.refocus(focused);
  }

  leave(row) {
    const focused = this.remember(row);
    row.remove();
    this.refocus(focused);
    this.querySelector("[data-empty]").hidden = this.list.children.length > 0;
  }

  // --- opening one beside the list

  clicked(event) {
    const link = event.target.closest(".line");
    if (event.target.closest("[data-keys-open]")) return this.dialog.showModal();
    if (!link || !WIDE.matches || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.open(link.href);
  }

  async open(url) {
    const asked = (this.asked = {});
    const answer = await fetch(url, { headers: this.headers }).catch(() => null);
    if (asked !== this.asked) return; // another one was chosen meanwhile
    if (!answer?.ok) return location.assign(url);
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    const pane = made.content.querySelector("#reading");
    document.getElementById("reading").replaceWith(pane);
    htmx.process(pane);
    this.classList.add("has-open");
    this.moved = true;
    history.pushState({ inbox: pane.dataset.id }, "", url);
    const [, count, page] = document.title.match(/^(\(\d+\+?\) )?(.*)$/s);
    document.title = `${count ?? ""}${pane.dataset.title} · ${page.split(" · ").slice(-2).join(" · ")}`;
    for (const row of this.list.children) this.choose(row);
    pane.scrollTop = 0;
    pane.querySelector("h1").focus({ preventScroll: true });
    this.markShown();
  }

  choose(row) {
    const chosen = row.dataset.id === this.openId();
    row.classList.toggle("chosen", chosen);
    const link = row.querySelector(".line");
    if (chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  openId() {
    return document.getElementById("reading").dataset.id;
  }

  // an open item is read as soon as it is looked at; no GET says so, since programs follow links
  markShown() {
    const pane = document.getElementById("reading");
    if (document.visibilityState !== "visible" || pane.dataset.unreadItem === undefined) return;
    delete pane.dataset.unreadItem;
    this.post(pane.dataset.readUrl, pane.dataset.id);
  }

  async post(url, id) {
    const answer = await fetch(url, { method: "POST", headers: this.headers }).catch(() => null);
    if (!answer?.ok) return;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    const toggle = made.content.querySelector(`#toggle-${id}`);
    toggle.removeAttribute("hx-swap-oob");
    const old = document.getElementById(toggle.id);
    const focused = old?.contains(document.activeElement);
    old?.replaceWith(toggle);
    if (focused) toggle.querySelector("button").focus();
    this.replace(id, made.content.querySelector("li"));
  }

  submitted(event) {
    const form = event.target.closest("#reading form[data-act=toggle]");
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    this.post(form.action, this.openId());
  }

  // --- what htmx swapped

  // where the focus is in a line, for when the line is replaced or gone
  remember(row) {
    if (!row?.contains(document.activeElement)) return null;
    const act = document.activeElement.dataset.act;
    return { id: row.dataset.id, part: act ? `[data-act=${act}]` : ".line", next: row.nextElementSibling ?? row.previousElementSibling };
  }

  refocus(focused) {
    if (!focused) return;
    const row = this.row(focused.id);
    (row?.querySelector(focused.part) ?? focused.next?.querySelector(".line") ?? this.querySelector("#q")).focus();
  }

  swapped() {
    for (const row of this.list.children) this.choose(row);
    this.querySelector("[data-empty]").hidden = this.list.children.length > 0;
    this.refocus(this.focused);
    this.focused = null;
  }

  row(id) {
    return document.getElementById(`item-${id}`);
  }

  // --- keys

  prepareKeys() {
    const button = this.querySelector("[data-keys-open]");
    const box = this.dialog.querySelector("[data-keys-on]");
    button.hidden = false;
    box.checked = localStorage.getItem(KEYS) !== "off";
    box.addEventListener("change", () => localStorage.setItem(KEYS, box.checked ? "on" : "off"));
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], dialog, details.menu") || this.dialog.open) return;
    if (localStorage.getItem(KEYS) === "off") return;
    const acts = {
      j: () => this.move(1), k: () => this.move(-1), e: () => this.act("archive"), u: () => this.act("toggle"),
      "/": () => this.querySelector("#q").focus(), "?": () => this.dialog.showModal(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  current() {
    return document.activeElement.closest?.(".message") ?? null;
  }

  move(step) {
    const rows = [...this.list.children];
    const from = this.current() ?? this.row(this.openId());
    const at = rows.indexOf(from);
    const to = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[to]?.querySelector(".line").focus();
  }

  act(name) {
    const place = this.current() ?? document.querySelector("#reading[data-id]");
    const button = place?.querySelector(`button[data-act=${name}], form[data-act=${name}] button`);
    button?.form.requestSubmit(button);
  }
}
customElements.define("nh-inbox", Inbox);
