// At the desk of staff: <nh-alarms>, the number in the navigation; <nh-queue>; <nh-desk-ticket>. All of them follow one stream.
import { LivePart } from "./live-part.js";
import { shared } from "./shared-stream.js";

const follow = shared("nh-tickets", ["tickets"]);
const listen = (listener) => {
  const alarms = document.querySelector("nh-alarms");
  if (alarms) follow(alarms.dataset.stream, alarms.dataset.now, ({ data }) => listener(data));
};

class Alarms extends HTMLElement {
  connectedCallback() {
    this.badge = document.querySelector("[data-alarms]");
    listen(({ alerts }) => {
      this.badge.hidden = !alerts;
      this.badge.querySelector("[data-number]").textContent = alerts < 100 ? alerts : "99+";
    });
  }
}
customElements.define("nh-alarms", Alarms);

class Queue extends LivePart {
  connectedCallback() {
    super.connectedCallback();
    if (!this.hasAttribute("data-still")) listen(() => this.changed());
    this.known = this.titles();
  }

  titles() {
    return new Map([...this.querySelectorAll("[data-number] .title")].map((title) => [title.id, title.textContent.trim()]));
  }

  came() {
    const now = this.titles();
    const fresh = [...now].filter(([id]) => !this.known.has(id)).map(([, title]) => title);
    if (fresh.length) this.say(this.dataset.new.replace("{}", fresh.slice(0, 3).join(", ")));
    this.known = now;
  }
}
customElements.define("nh-queue", Queue);

class DeskTicket extends LivePart {
  connectedCallback() {
    super.connectedCallback();
    this.meanwhile = this.querySelector("[data-meanwhile]");
    this.seen = this.querySelector("[name=seen]");
    this.addEventListener("keydown", (event) => this.pressed(event));
    const number = Number(this.dataset.number);
    listen(({ numbers, all }) => { if (all || numbers.includes(number)) this.changed(); });
  }

  // Ctrl or Command with Enter sends what is being written
  pressed(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches("textarea")) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  }

  // what the customer wrote while a reply is being written stands right above the button that sends it
  came(lines) {
    const message = lines.findLast((line) => line.hasAttribute("data-message"));
    if (!message) return;
    const name = message.querySelector(".who .name").textContent;
    this.say(this.dataset.new.replace("{}", name));
    if (message.classList.contains("internal") || !this.seen) return;
    this.seen.value = message.dataset.key;
    const link = document.createElement("a");
    Object.assign(link, { href: `#${message.id}`, textContent: this.meanwhile.dataset.link });
    this.meanwhile.replaceChildren(this.meanwhile.dataset.text.replace("{}", name), " ", link);
    this.meanwhile.hidden = false;
  }
}
customElements.define("nh-desk-ticket", DeskTicket);
