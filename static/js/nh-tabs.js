// <nh-tabs label="…"> shows one of its <section data-tab="…"> at a time. Without scripts all of them stand below each other.
class Tabs extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(":scope > [role=tablist]")) return;
    this.panels = [...this.querySelectorAll(":scope > [data-tab]")];
    const list = document.createElement("div");
    list.className = "tabs";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.tabs = this.panels.map((panel, index) => this.tab(panel, index));
    list.append(...this.tabs);
    list.addEventListener("keydown", (event) => this.move(event));
    this.prepend(list);
    this.show(Math.max(0, this.panels.findIndex((panel) => panel.hasAttribute("data-chosen"))));
  }

  tab(panel, index) {
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", textContent: panel.dataset.tab, id: `tab-${panel.dataset.tab}` });
    tab.setAttribute("role", "tab");
    if (panel.dataset.icon) tab.dataset.icon = panel.dataset.icon;
    tab.addEventListener("click", () => this.show(index));
    panel.setAttribute("role", "tabpanel");
    panel.id ||= `panel-${panel.dataset.tab}`;
    tab.setAttribute("aria-controls", panel.id);
    return tab;
  }

  show(chosen) {
    this.tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", index === chosen);
      tab.tabIndex = index === chosen ? 0 : -1;
      this.panels[index].hidden = index !== chosen;
    });
  }

  move(event) {
    const forwards = getComputedStyle(this).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const backwards = forwards === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const now = this.tabs.indexOf(document.activeElement);
    const next = { [forwards]: now + 1, [backwards]: now - 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    if (next === undefined || now < 0) return;
    event.preventDefault();
    const chosen = (next + this.tabs.length) % this.tabs.length;
    this.show(chosen);
    this.tabs[chosen].focus();
  }
}
customElements.define("nh-tabs", Tabs);
