// Offers the time zone that this device is set to, where another one is chosen.
class OwnZone extends HTMLElement {
  connectedCallback() {
    this.select = document.getElementById(this.getAttribute("for"));
    this.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (![...this.select.options].some((option) => option.value === this.zone)) return;
    const button = this.querySelector("button");
    button.append(` ${this.zone.replaceAll("_", " ")}`);
    button.addEventListener("click", () => {
      this.select.value = this.zone;
      this.select.focus();
      this.look();
    });
    this.select.addEventListener("change", () => this.look());
    this.look();
  }

  look() {
    this.hidden = this.select.value === this.zone;
  }
}
customElements.define("nh-own-zone", OwnZone);
