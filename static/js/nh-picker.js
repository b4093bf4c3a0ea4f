// <nh-picker list="id of a datalist"> makes a list in a <textarea>, one a line, into chips that come and go one by one.
// The textarea stays what is sent.
const FEW = 30; // more chips than these are shown as a number
const OFFERED = 10; // so many choices are offered at once; more are suggested as one types

class Picker extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(".chips")) return;
    this.area = this.querySelector("textarea");
    this.label = this.querySelector("label");
    this.chips = document.createElement("div");
    this.chips.className = "chips input";
    this.input = document.createElement("input");
    this.input.id = `${this.area.id}-add`;
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (this.area.hasAttribute(name)) this.input.setAttribute(name, this.area.getAttribute(name));
    }
    this.choices = [...(document.getElementById(this.getAttribute("list"))?.options ?? [])];
    if (this.choices.length > OFFERED) this.input.setAttribute("list", this.getAttribute("list"));
    this.offers = document.createElement("div");
    this.offers.className = "offers";
    this.label.htmlFor = this.input.id;
    this.area.hidden = true;
    this.area.after(this.chips, this.offers);
    this.querySelector(".hint")?.remove(); // the same choices, for reading
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("input", (event) => { event.stopPropagation(); this.suggested(event); });
    this.input.addEventListener("paste", (event) => this.pasted(event));
    this.input.addEventListener("blur", () => this.take());
    this.chips.addEventListener("click", (event) => { if (event.target === this.chips) this.input.focus(); });
    this.draw();
  }

  get items() { return this.area.value.split("\n").map((item) => item.trim()).filter(Boolean); }

  set items(items) {
    this.area.value = [...new Set(items)].join("\n");
    this.draw();
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  draw() {
    const items = this.items;
    const shown = items.length > FEW ? [] : items.map((item) => this.chip(item, () => this.remove(item)));
    if (items.length > FEW) shown.push(this.chip(this.dataset.many.replace("%(count)s", items.length.toLocaleString(document.documentElement.lang)), () => { this.items = []; }));
    this.input.placeholder = items.length ? "" : this.area.placeholder;
    const held = document.activeElement === this.input;
    this.chips.replaceChildren(...shown, this.input);
    if (held) this.input.focus();
    const left = this.choices.length > OFFERED ? [] : this.choices.filter((choice) => !items.includes(choice.value));
    this.offers.replaceChildren(...left.map((choice) => this.offer(choice)));
  }

  offer(choice) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "offer", textContent: `+ ${choice.value}`, title: choice.textContent });
    const count = document.createElement("span");
    count.className = "quiet";
    count.textContent = ` ${choice.dataset.count}`;
    button.append(count);
    button.addEventListener("click", () => {
      const at = [...this.offers.children].indexOf(button);
      this.items = [...this.items, choice.value];
      (this.offers.children[at] ?? this.offers.lastElementChild ?? this.input).focus();
    });
    return button;
  }

  chip(text, gone) {
    const chip = document.createElement("span");
    chip.className = "chip";
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: "×" });
    button.setAttribute("aria-label", this.dataset.remove.replace("%(name)s", text));
    button.addEventListener("click", () => { gone(); this.input.focus(); });
    chip.append(text, button);
    return chip;
  }

  remove(item) { this.items = this.items.filter((other) => other !== item); }

  split(text) {
    return text.split("spaces" in this.dataset ? /[\n,;]+/ : /[\s,;]+/).map((item) => item.trim()).filter(Boolean);
  }

  take() {
    const found = this.split(this.input.value);
    this.input.value = "";
    if (found.length) this.items = [...this.items, ...found];
  }

  key(event) {
    if (event.key === "Enter" || event.key === ",") {
      if (event.key === "Enter" && !this.input.value.trim() && (event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      this.take();
    } else if (event.key === "Backspace" && !this.input.value && this.items.length && this.items.length <= FEW) {
      this.items = this.items.slice(0, -1);
    }
  }

  suggested(event) {
    const chosen = event.inputType === "insertReplacementText" || !(event instanceof InputEvent);
    if (chosen && [...(this.input.list?.options ?? [])].some((option) => option.value === this.input.value)) this.take();
  }

  pasted(event) {
    const found = this.split(event.clipboardData.getData("text"));
    if (found.length < 2) return;
    event.preventDefault();
    this.items = [...this.items, ...found];
  }
}
customElements.define("nh-picker", Picker);
