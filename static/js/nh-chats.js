// <nh-chats>: the console of the chat. It follows one stream for all tabs; as long as that is open, its agent is there.
import { LivePart } from "./live-part.js";
import { shared } from "./shared-stream.js";

const follow = shared("nh-chats", ["chats"]);
const newId = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) => (digit ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> digit / 4).toString(16));

class Chats extends LivePart {
  seldom = 250;

  connectedCallback() {
    super.connectedCallback();
    this.log = this.querySelector("[data-log]");
    this.form = this.querySelector("form[data-answer]");
    this.title = document.title;
    this.form?.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.form?.elements.body.addEventListener("keydown", (event) => this.pressed(event));
    this.toEnd();
    follow(this.dataset.stream, this.dataset.now, ({ data }) => this.hear(data));
  }

  hear({ waiting }) {
    document.title = waiting ? `(${waiting}) ${this.title}` : this.title;
    const badge = document.querySelector("[data-waiting]");
    badge.hidden = !waiting;
    badge.querySelector("[data-number]").textContent = waiting;
    this.changed(0);
  }

  pressed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  async send() {
    const { body, id } = this.form.elements;
    const text = body.value;
    if (!text.trim() || this.sending) return;
    if (this.tried !== undefined && this.tried !== text) id.value = newId(); // it may have been taken although we did not hear so
    this.tried = text;
    this.sending = true;
    const answer = await fetch(this.form.action, { method: "POST", body: new FormData(this.form), headers: { "HX-Request": "true" } }).catch(() => null);
    this.sending = false;
    if (answer?.ok) {
      if (body.value === text) body.value = "";
      id.value = newId();
      this.tried = undefined;
      this.wrong("");
      const made = document.createElement("template");
      made.innerHTML = await answer.text();
      this.take(made.content);
    } else {
      this.wrong([409, 422].includes(answer?.status) ? await answer.text() : this.dataset.failed);
    }
  }

  wrong(text) {
    const place = this.form.querySelector("[data-wrong]");
    place.textContent = text;
    place.hidden = !text;
  }

  // whoever reads further up is left there
  take(made) {
    const atEnd = this.log && this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    super.take(made);
    if (atEnd) this.toEnd();
  }

  came(lines) {
    const message = lines.findLast((line) => line.matches(".said.customer"));
    if (message) this.say(this.dataset.new.replace("{}", message.querySelector(".words").textContent));
  }

  toEnd() { if (this.log) this.log.scrollTop = this.log.scrollHeight; }
}
customElements.define("nh-chats", Chats);
