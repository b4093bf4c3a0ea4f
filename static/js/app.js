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
// an answer that redirects to sign in leads there
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status === 401 && event.detail.xhr.getResponseHeader("HX-Redirect")) location.assign(event.detail.xhr.getResponseHeader("HX-Redirect"));
});
