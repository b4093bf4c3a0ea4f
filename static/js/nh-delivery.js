// <nh-delivery src="…"> follows a delivery by server-sent events: the figures, what is worth saying aloud, and the mails of each second.
import { Live } from "./nh-live.js";
import "./nh-tabs.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MOST] = [600, 80, 60];

class Delivery extends Live {
  connectedCallback() {
    this.says = this.querySelector("[data-says]");
    this.step = Number(this.dataset.step) || 1;
    this.counts = (this.dataset.counts ?? "").split(" ").filter(Boolean).map(Number);
    this.draw();
    super.connectedCallback();
  }

  told(now) {
    super.told(now);
    if (now.pace) {
      this.step = now.pace.step;
      this.counts = now.pace.counts;
      this.draw();
    }
    this.milestone(now);
    if (!now.over) return;
    this.source.close();
    this.lost(false);
  }

  milestone(now) {
    const share = now.of ? now.sent / now.of : 0;
    const reached = now.over ? "done" : share >= 0.75 ? "most" : share >= 0.5 ? "half" : share >= 0.25 ? "quarter" : "";
    if (!reached || reached === this.reached) return;
    this.reached = reached;
    this.say(this.dataset[reached]);
  }

  say(text) { this.says.textContent = text; }

  draw() {
    const chart = this.querySelector("[data-chart]");
    chart.hidden = this.counts.length < 2;
    if (chart.hidden) return;
    const rates = this.counts.slice(-MOST).map((count) => count / this.step);
    const [peak, width] = [Math.max(...rates, 1), WIDTH / Math.max(rates.length, 12)];
    chart.querySelector("svg").replaceChildren(...rates.map((rate, index) => {
      const bar = document.createElementNS(SVG, "rect");
      const height = rate ? Math.max(1, (rate / peak) * HEIGHT) : 0;
      for (const [name, value] of Object.entries({ x: index * width, y: HEIGHT - height, width: Math.max(1, width - 1), height })) bar.setAttribute(name, value.toFixed(2));
      return bar;
    }));
    const label = chart.querySelector("[data-peak]");
    const most = peak.toLocaleString(document.documentElement.lang, { maximumFractionDigits: peak < 10 ? 1 : 0 });
    label.textContent = label.dataset.peak.replace("%(count)s", most);
  }
}
customElements.define("nh-delivery", Delivery);
