// What every page needs: menus that close, messages that leave, and words for requests that fail.
const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

const toasts = () => document.getElementById("toasts");
const leave = (toast) => {
  const wait = toast.querySelector("form") ? 12000 : 5000;
  const timer = setInterval(() => {
    if (toast.matches(":hover, :focus-within")) return;
    clearInterval(timer);
    toast.remove();
  }, wait);
};
const watch = () => {
  for (const toast of toasts()?.children ?? []) if (!toast.dataset.seen) { toast.dataset.seen = "1"; leave(toast); }
};
watch();
new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });

export const say = (text) => {
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.textContent = text;
  toasts().append(toast);
};
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(name, () => say(document.body.dataset.failed));
}
// an answer of 422 is the form again, with what is wrong beside its fields
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) { event.detail.shouldSwap = true; event.detail.isError = false; }
});
// who was signed out in the meantime is led to sign in, and finds again what was typed
const TYPED = "nh-typed";
const place = (form) => form.getAttribute("hx-post") ?? form.getAttribute("action");
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, elt } = event.detail;
  const there = xhr.status === 401 && xhr.getResponseHeader("HX-Redirect");
  if (!there) return;
  const form = elt.closest("form");
  if (form) {
    const fields = [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
    try { sessionStorage.setItem(TYPED, JSON.stringify({ path: location.pathname, place: place(form), fields })); } catch { /* it is not kept, then */ }
  }
  location.assign(there);
});
try {
  const typed = JSON.parse(sessionStorage.getItem(TYPED));
  if (typed?.path === location.pathname) {
    sessionStorage.removeItem(TYPED);
    const form = [...document.forms].find((candidate) => place(candidate) === typed.place);
    for (const [name, value] of form ? typed.fields : []) {
      const field = form.elements.namedItem(name);
      if (!field || field.type === "hidden" || !("value" in field)) continue;
      field.value = value;
      for (let around = field.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    }
  }
} catch { /* nothing was kept, or it cannot be read */ }
