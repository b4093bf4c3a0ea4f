// <nh-ticket-form>: takes the name from the service that is chosen, keeps "now" in the zone that is chosen, and goes to what is wrong.
const wall = (at, zone) => {
  const options = { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const part = Object.fromEntries(new Intl.DateTimeFormat("en", options).formatToParts(at).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
};

class TicketForm extends HTMLElement {
  connectedCallback() {
    const { service, service_name: name, started_at: time, time_zone: zone } = this.querySelector("form").elements;
    service?.addEventListener("change", () => this.named(service, name));
    if (service) this.filled = service.selectedOptions[0].dataset.name ?? "";
    this.shown = time.value;
    this.begun = Date.now();
    zone.addEventListener("change", () => this.moved(time, zone));
    this.addEventListener("input", (event) => this.mended(event.target));
    this.querySelector("[aria-invalid=true]")?.focus();
  }

  // a name that was typed stays
  named(service, name) {
    if (name.value.trim() && name.value !== this.filled) return;
    this.filled = name.value = service.selectedOptions[0].dataset.name ?? "";
  }

  // a time that was typed stays as it is on the wall
  moved(time, zone) {
    if (time.value !== this.shown) return;
    try { this.shown = time.value = wall(this.begun, zone.value); } catch { /* a zone that this browser does not know */ }
  }

  mended(field) {
    field.removeAttribute("aria-invalid");
    for (const wrong of field.closest(".field")?.querySelectorAll(":scope > .wrong") ?? []) wrong.remove();
  }
}
customElements.define("nh-ticket-form", TicketForm);
