// <nh-clock>: how much of a promised time is left, by the server's clock. Without it the page says when it was as it says.
const language = document.documentElement.dataset.formats;
const units = Object.fromEntries(["day", "hour", "minute"].map((unit) => [unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" })]));

// as the server spells it: minutes that have begun are counted
const spell = (time) => {
  const minutes = Math.max(1, Math.ceil(Math.abs(time) / 60_000));
  const parts = { day: Math.floor(minutes / 1440), hour: Math.floor(minutes / 60) % 24, minute: minutes % 60 };
  return Object.entries(parts).filter(([, count]) => count).map(([unit, count]) => units[unit].format(count)).join(" ");
};

const clocks = new Set();
setInterval(() => { for (const clock of clocks) clock.show(); }, 1000);

class Clock extends HTMLElement {
  connectedCallback() {
    this.ahead = Date.parse(this.dataset.now) - Date.now(); // this device may be minutes off
    this.until = Date.parse(this.dataset.until);
    this.warned = Date.parse(this.dataset.warned);
    this.querySelector("[data-as-of]").hidden = true;
    clocks.add(this);
    this.show();
  }

  disconnectedCallback() { clocks.delete(this); }

  show() {
    const now = Date.now() + this.ahead;
    const phase = now >= this.until ? "breached" : now >= this.warned ? "warned" : "running";
    const time = spell(this.until - now);
    for (const face of this.querySelectorAll("[data-phase]")) {
      face.hidden = face.dataset.phase !== phase;
      const place = face.querySelector("[data-time]");
      const text = place.dataset.time.replace("{}", time);
      if (place.textContent !== text) place.textContent = text;
    }
  }
}
customElements.define("nh-clock", Clock);
