// A part of a page that is fetched again when something about it is new. What stands in it and is being read, stays where it is.
import "./nh-clock.js";

const SOON = 200; // ms: what comes together is fetched at once
const SELDOM = 2000; // ms: no more often than that, however much happens
const AGAIN = 5000; // ms

export class LivePart extends HTMLElement {
  seldom = SELDOM;

  connectedCallback() {
    this.live = this.querySelector("[data-live]");
    this.says = this.querySelector("[data-says]");
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") this.shown(); });
  }

  // nobody looks: it is fetched when someone does
  shown() { if (this.stale) this.changed(0); }

  changed(wait = SOON) {
    this.stale = true;
    clearTimeout(this.timer);
    wait = Math.max(wait, (this.asked ?? 0) + this.seldom - Date.now());
    if (document.visibilityState === "visible") this.timer = setTimeout(() => this.refresh(), wait);
  }

  async refresh() {
    this.stale = false;
    this.asked = Date.now();
    const answer = await fetch(location.href, { headers: { "HX-Request": "true", Accept: "text/html" } }).catch(() => null);
    if (answer?.status === 401) return; // signed out: what is being typed is not thrown away, and whoever sends it is told
    if (!answer?.ok) return this.changed(AGAIN);
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    this.take(made.content);
  }

  take(made) {
    const held = this.contains(document.activeElement) ? document.activeElement.id : "";
    const [grown, grows] = [made.querySelector("[data-grows]"), this.live.querySelector("[data-grows]")];
    if (grown && grows) {
      const fresh = this.grow(grows, grown);
      for (const part of made.querySelectorAll("[data-swap]")) this.swap(document.getElementById(part.id), part);
      if (fresh.length) this.came(fresh);
    } else {
      this.live.replaceChildren(made);
      this.came([]);
    }
    if (held) document.getElementById(held)?.focus();
  }

  // what is there stays as it is, so that whoever reads or marks something in it is not disturbed
  grow(list, made) {
    const fresh = [];
    let place = list.firstElementChild;
    for (const line of [...made.children]) {
      if (place?.dataset.key === line.dataset.key) {
        place = place.nextElementSibling;
        continue;
      }
      line.classList.add("arrived");
      list.insertBefore(line, place);
      fresh.push(line);
    }
    return fresh;
  }

  // unless someone is at it, or has changed something in it that is not sent yet
  swap(old, part) {
    if (!old || old.contains(document.activeElement) && document.activeElement.matches("select, input, textarea")) return;
    if ([...old.querySelectorAll("select")].some((field) => !field.selectedOptions[0]?.defaultSelected)) return;
    const opened = [...old.querySelectorAll("details")].map((details) => details.open);
    part.querySelectorAll("details").forEach((details, index) => { details.open = opened[index] ?? false; });
    old.replaceWith(part);
  }

  came() {}

  say(text) { if (this.says) this.says.textContent = text; }
}
