// <nh-files> around a file field: lists what was chosen, adds to it instead of beginning anew, takes pictures that are pasted
// into the form, and says what is too much before it is sent.
const language = document.documentElement.dataset.formats;
const size = (bytes) => {
  const [unit, of] = bytes < 999_500 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: bytes / of < 9.95 ? 1 : 0 }).format(bytes / of);
};

class Files extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.list = this.querySelector("[data-chosen]");
    this.files = [];
    this.input.addEventListener("change", () => this.add([...this.input.files]));
    const form = this.closest("form");
    form.addEventListener("paste", (event) => this.pasted(event));
    form.addEventListener("submit", (event) => this.sent(event));
  }

  add(files) {
    const known = new Set(this.files.map((file) => `${file.name} ${file.size} ${file.lastModified}`));
    this.take([...this.files, ...files.filter((file) => !known.has(`${file.name} ${file.size} ${file.lastModified}`))]);
  }

  take(files) {
    const carrier = new DataTransfer();
    for (const file of files) carrier.items.add(file);
    this.files = files;
    this.input.files = carrier.files;
    this.draw();
  }

  pasted(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  draw() {
    for (const wrong of this.querySelectorAll(".wrong")) wrong.remove();
    this.input.removeAttribute("aria-invalid");
    const wrong = this.wrong().map((text) => this.line(text, "wrong"));
    this.list.replaceChildren(...this.files.map((file) => this.row(file)), ...wrong);
  }

  wrong() {
    const { most, bytes, together, many, large, much } = this.dataset;
    const found = this.files.filter((file) => file.size > bytes).map((file) => large.replace("{}", file.name));
    if (this.files.length > most) found.unshift(many.replace("{}", this.files.length));
    if (this.files.reduce((sum, file) => sum + file.size, 0) > together) found.push(much);
    return found;
  }

  row(file) {
    const row = this.line("", "row");
    const name = document.createElement("bdi");
    name.textContent = file.name;
    const amount = document.createElement("span");
    amount.className = "quiet";
    amount.textContent = size(file.size);
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "button link danger", textContent: this.dataset.remove });
    button.setAttribute("aria-label", `${this.dataset.remove}: ${file.name}`);
    button.addEventListener("click", () => {
      this.take(this.files.filter((other) => other !== file));
      this.input.focus();
    });
    row.append(name, amount, button);
    return row;
  }

  line(text, className) {
    const line = document.createElement("li");
    Object.assign(line, { className, textContent: text });
    return line;
  }

  // the server would refuse it, and the files would have to be chosen again
  sent(event) {
    if (!this.wrong().length) return;
    event.preventDefault();
    this.draw();
    this.input.focus();
  }
}
customElements.define("nh-files", Files);
