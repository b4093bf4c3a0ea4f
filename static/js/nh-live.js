// <nh-live src="…"> holds figures that change: they are told as HTML by server-sent events, and put in place of those before.
export class Live extends HTMLElement {
  connectedCallback() {
    this.figures = this.querySelector("[data-figures]");
    if (!this.hasAttribute("data-over")) this.follow();
  }

  disconnectedCallback() {
    this.source?.close();
    clearTimeout(this.timer);
    clearTimeout(this.again);
  }

  follow() {
    this.source = new EventSource(this.getAttribute("src"));
    this.source.addEventListener("progress", (event) => this.told(JSON.parse(event.data)));
    this.source.addEventListener("open", () => this.lost(false));
    this.source.addEventListener("error", () => {
      this.timer ??= setTimeout(() => this.lost(true), 3000); // a line that is cut is mostly mended before
      if (this.source.readyState === EventSource.CLOSED) this.again = setTimeout(() => this.follow(), 15_000);
    });
  }

  lost(is) {
    clearTimeout(this.timer);
    this.timer = null;
    this.querySelector("[data-lost]").hidden = !is;
  }

  told(now) {
    this.fill(now.html);
  }

  // the focus stays where it is, on a link that may be a new one of the same name
  fill(html) {
    const held = this.figures.contains(document.activeElement) ? document.activeElement.id : "";
    const made = new DOMParser().parseFromString(html, "text/html");
    this.figures.replaceChildren(...made.body.childNodes);
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
  }
}
customElements.define("nh-live", Live);
