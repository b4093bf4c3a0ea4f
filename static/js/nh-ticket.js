// <nh-ticket>: a customer's ticket, or the list of them, that follows the inbox: whatever is new about a ticket is told there.
import "./nh-clock.js";
import { follow } from "./inbox-stream.js";
import { LivePart } from "./live-part.js";

class Ticket extends LivePart {
  connectedCallback() {
    super.connectedCallback();
    const unread = document.querySelector("nh-unread");
    if (!this.hasAttribute("data-still")) follow(unread.dataset.stream, unread.dataset.now, (event) => this.hear(event));
    if (this.hasAttribute("data-unread-here")) this.mark();
  }

  hear({ name, data }) {
    const { number } = this.dataset;
    if (name === "notification" && data.ticket && (!number || data.ticket === number)) this.changed();
    if (name === "read" && !number) this.changed(); // the dots of the list
  }

  shown() {
    super.shown();
    if (this.unread) this.mark();
  }

  came(lines) {
    const message = lines.findLast((line) => line.hasAttribute("data-message"));
    if (message) this.say(this.dataset.new.replace("{}", message.querySelector(".who .name").textContent));
    if (this.dataset.read) this.mark();
  }

  // it is read once it is looked at; no GET says so, since programs follow links
  async mark() {
    this.unread = document.visibilityState !== "visible";
    if (this.unread) return;
    const headers = JSON.parse(document.body.getAttribute("hx-headers"));
    const answer = await fetch(this.dataset.read, { method: "POST", headers, keepalive: true }).catch(() => null);
    if (answer?.ok) this.removeAttribute("data-unread-here");
  }
}
customElements.define("nh-ticket", Ticket);
