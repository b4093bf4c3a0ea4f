// <nh-unread>: the number of unread items in the navigation, in the title and in the tab's icon.
import { follow } from "./inbox-stream.js";

class Unread extends HTMLElement {
  connectedCallback() {
    this.badge = document.querySelector("[data-unread]");
    this.icon = document.querySelector("link[rel=icon]");
    this.plain = this.icon?.href;
    this.title = document.title;
    this.show(parseInt(this.badge?.textContent, 10) || 0);
    follow(this.dataset.stream, this.dataset.now, ({ name, data }) => name === "count" && this.show(data.unread));
  }

  show(count) {
    const number = count < 1000 ? String(count) : "999+";
    if (this.badge && this.badge.firstChild?.textContent !== number) {
      this.badge.replaceChildren();
      if (count) {
        const word = document.createElement("span");
        word.className = "away";
        word.textContent = ` ${this.dataset.word}`;
        this.badge.append(number, word);
      }
    }
    document.title = document.title.replace(/^\(\d+\+?\) /, "");
    if (count) document.title = `(${number}) ${document.title}`;
    if (this.icon) this.icon.href = count ? this.dataset.icon : this.plain;
  }
}
customElements.define("nh-unread", Unread);
