// The live chat on any web site: <script src="…/chat/widget.js" defer data-token="…">. `given`: what the server puts before it.
if (document.querySelector("notifyhub-chat")) return; // the script stands on the page twice
const script = document.currentScript;
const base = script.src.replace(/\/chat\/widget\.js.*$/, "");
const speaks = [script.dataset.language, document.documentElement.lang, ...navigator.languages];
const language = speaks.map((tag) => (tag ?? "").split(/[-_]/)[0].toLowerCase()).find((tag) => tag in given.words) ?? "en";
const words = given.words[language];
const OVER = ["ticket", "ended"];
const SILENT = 45_000; // ms: the server says something three times as often
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
const random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));
const newId = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) => (digit ^ random(1)[0] & 15 >> digit / 4).toString(16));
const newToken = () => btoa(String.fromCharCode(...random(32))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// --- what this browser keeps: the token of the conversation, and what is not sent yet. Of another customer it keeps nothing.

const KEY = `notifyhub-chat ${base}`;
const subject = (token) => {
  try { return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub; } catch { return ""; }
};
const who = script.dataset.account ?? (script.dataset.token ? subject(script.dataset.token) : "");
const load = () => {
  try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return kept; }
};
let kept = {};
const keep = (changes) => {
  kept = { ...load(), ...changes };
  try { localStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* it lasts as long as the page, then */ }
};
const begin = () => {
  const { visitor, until } = load();
  kept = { who, visitor, until, token: newToken(), outbox: [], begun: false, seen: 0 };
  try { localStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* as above */ }
};
kept = load();
if (kept.who !== who) try { localStorage.removeItem(KEY); } catch { /* as above */ }
if (kept.who !== who || !kept.token) begin();

const call = (method, path, body) => fetch(`${base}/chat${path}`, {
  method, credentials: "omit", cache: "no-store", body: body && JSON.stringify(body),
  headers: { Authorization: `Bearer ${kept.token}`, ...(body && { "Content-Type": "application/json" }) },
});

// the token of the web site is good for a minute and for once, so it is exchanged as the page is loaded
const identify = async () => {
  if (script.dataset.visitor) return keep({ visitor: script.dataset.visitor });
  if (!script.dataset.token || kept.until > Date.now()) return;
  const answer = await call("POST", "/identity", { token: script.dataset.token }).catch(() => null);
  if (answer?.ok) keep({ visitor: (await answer.json()).visitor, until: Date.now() + 11 * 3_600_000 });
};
const identified = identify();

// --- what is seen

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const picture = (...paths) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) svg.appendChild(document.createElementNS(svg.namespaceURI, "path")).setAttribute("d", d);
  return svg;
};

const host = document.createElement("notifyhub-chat");
const root = host.attachShadow({ mode: "open" });
const sheet = new CSSStyleSheet();
const { light, dark, fill, on } = given.accent;
sheet.replaceSync(`${given.style} :host { --accent: ${light}; --fill: ${fill}; --on: ${on}; }
  @supports (color: light-dark(#000, #fff)) { :host { --accent: light-dark(${light}, ${dark}); } }`);
root.adoptedStyleSheets = [sheet];

const badge = make("span", { class: "badge", hidden: "" });
const opener = make("button", { class: "open", type: "button", "aria-label": words.open, "aria-expanded": "false", title: words.open },
  picture("M21 15a2 2 0 0 1-2 2H7l-4 4V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2z"), badge);
const closer = make("button", { class: "plain", type: "button", "aria-label": words.close, title: words.close }, picture("M18 6 6 18", "m6 6 12 12"));
const there = make("p", { class: "there", role: "status" });
const list = make("ol");
const said = make("div", { role: "log", "aria-label": words.log, "aria-live": "off" }, list);
const hello = make("p", { class: "quiet" }, words.hello);
const lostNote = make("p", { class: "note", role: "status", hidden: "" }, words.lost);
const leftNote = make("p", { class: "note", hidden: "" });
const email = make("input", { type: "email", name: "email", required: "", autocomplete: "email", maxlength: "254" });
const name = make("input", { type: "text", name: "name", autocomplete: "name", maxlength: "100" });
const addressWrong = make("p", { class: "bad", role: "alert", id: "wrong" });
const address = make("form", { class: "address", novalidate: "", hidden: "" }, make("p", {}, words.ask), make("label", {}, words.email, email),
  make("label", {}, words.name, name), addressWrong, make("button", { class: "primary" }, words.leave));
const log = make("div", { class: "log", tabindex: "0", role: "region", "aria-label": words.title }, hello, said, address);
const field = make("textarea", { name: "body", "aria-label": words.message, placeholder: words.message, rows: "2", maxlength: given.most, dir: "auto" });
const ender = make("button", { class: "plain", type: "button", hidden: "" }, words.end);
const composer = make("form", {}, field, make("div", { class: "row" }, ender, make("button", { class: "primary" }, words.send)));
const renewer = make("button", { class: "primary", type: "button" }, words.new);
const over = make("div", { class: "over", hidden: "" }, renewer);
const panel = make("section", { class: "panel", role: "dialog", "aria-label": `${given.brand}: ${words.title}`, hidden: "" },
  make("div", { class: "head" }, make("div", {}, make("p", { class: "title" }, given.brand), there), closer), log, lostNote, leftNote, composer, over);
host.lang = language;
root.append(panel, opener);

const isOpen = () => !panel.hidden;
const toEnd = () => { log.scrollTop = log.scrollHeight; };
const show = (open, focus = true) => {
  panel.hidden = !open;
  opener.hidden = open;
  host.toggleAttribute("open", open);
  opener.setAttribute("aria-expanded", String(open));
  try { sessionStorage.setItem(KEY, open ? "open" : ""); } catch { /* it is closed on the next page */ }
  if (open) { toEnd(); read(); follow(); look(); }
  if (focus) (open ? (over.hidden ? field : renewer) : opener).focus();
};
const look = async () => {
  if (kept.begun) return;
  const answer = await call("GET", "/state").catch(() => null);
  if (answer?.ok && !kept.begun) presence((await answer.json()).there);
};
const presence = (is) => {
  const text = is ? words.there : words.away;
  there.classList.toggle("yes", is);
  if (there.textContent !== text) there.replaceChildren(make("i", { "aria-hidden": "true" }), text);
  hello.textContent = is ? words.hello : `${words.hello} ${words.question}`;
};

// --- what was said

const lines = new Map(); // by number
const unsent = new Map(); // by id
let last = 0; // what the stream has told of; what else is known comes again with it
let state = {};

// links of ours can be followed; nothing else in a text is more than text
const text = (body, links) => {
  const place = make("p", { class: "words", dir: "auto" });
  for (const part of body.split(/(https?:\/\/[^\s<>"]+)/)) {
    place.append(links && /^https?:\/\//.test(part) ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
  }
  return place;
};
const happened = ({ event, details }) => {
  const ticket = () => {
    const known = kept.who || !state.email;
    const sentence = (known ? words.ticket : words.ticket_unknown).replace("{number}", details.number).replace("{email}", state.email);
    return kept.who ? [sentence, " ", make("a", { href: `${base}/tickets/${details.number}` }, words.see)] : [sentence];
  };
  const texts = { nobody: () => [kept.who ? words.nobody : words.nobody_unknown], late: () => [words.late], ticket, ended: () => [words.ended] };
  return make("p", {}, ...(texts[event]?.() ?? [event]));
};
const lineOf = (message) => {
  if (message.event) return make("li", { class: "system" }, happened(message));
  const at = new Date(message.at).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const mine = message.from === "visitor";
  const line = make("li", { class: message.from }, make("p", { class: "who" }, make("b", {}, mine ? words.you : message.name ?? words.support), ` ${at}`));
  line.append(text(message.body, !mine));
  return line;
};
const put = (message) => {
  if (lines.has(message.number)) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = lineOf(message);
  unsent.get(message.id)?.remove();
  unsent.delete(message.id);
  if (said.getAttribute("aria-live") === "polite") line.classList.add("new");
  lines.set(message.number, line);
  const later = [...lines].filter(([number]) => number > message.number).sort(([one], [other]) => one - other)[0]?.[1];
  list.insertBefore(line, later ?? list.querySelector(".unsent"));
  if (atEnd) toEnd();
  if (message.from === "staff") { fresh.push(message.number); read(); }
};
const pending = (entry) => {
  const line = lineOf({ from: "visitor", body: entry.body, at: entry.at });
  line.classList.add("unsent");
  line.append(make("p", { class: "quiet", role: "status" }, words.sending));
  unsent.set(entry.id, line);
  list.append(line);
  toEnd();
};
const mark = (entry, text, tone = "quiet") => {
  const place = unsent.get(entry.id)?.querySelector("[role=status]");
  if (place && place.textContent !== text) Object.assign(place, { textContent: text, className: tone });
};

const fresh = []; // numbers of what support wrote
const read = () => {
  if (isOpen() && document.visibilityState === "visible" && fresh.length) keep({ seen: Math.max(kept.seen, ...fresh) });
  const count = fresh.filter((number) => number > kept.seen).length;
  badge.hidden = !count;
  badge.textContent = count;
  opener.setAttribute("aria-label", count ? `${words.open} (${count} ${words.unread})` : words.open);
};

const told = (now) => {
  state = now;
  presence(now.there);
  const isOver = OVER.includes(now.status);
  const asks = address.hidden && now.asks_address;
  address.hidden = !now.asks_address;
  leftNote.hidden = !now.email || isOver;
  leftNote.textContent = words.left.replace("{email}", now.email);
  composer.hidden = isOver;
  over.hidden = !isOver;
  ender.hidden = isOver;
  if (asks) toEnd();
};

// --- the line to the server: what it lost while it was cut, comes when it is mended

let line = null;
const follow = async () => {
  if (line || !kept.begun || OVER.includes(state.status) || document.visibilityState !== "visible" && !isOpen()) return;
  const mine = line = new AbortController();
  for (let wait = 1000; !mine.signal.aborted; wait = Math.min(wait * 2, 15_000)) {
    try {
      await hear(mine, () => { wait = 1000; });
    } catch { /* it is tried again */ }
    if (mine.signal.aborted || !kept.begun || OVER.includes(state.status)) break;
    lost ??= setTimeout(() => { lostNote.hidden = false; }, 3000);
    await sleep(wait * (0.5 + Math.random() / 2));
  }
  found();
  if (line === mine) line = null;
};
let lost = null;
const found = () => {
  clearTimeout(lost);
  lost = null;
  lostNote.hidden = true;
};
const hear = async (mine, heard) => {
  const { token } = kept;
  const cut = new AbortController();
  mine.signal.addEventListener("abort", () => cut.abort());
  let timer = setTimeout(() => cut.abort(), SILENT);
  const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream", ...(last && { "Last-Event-ID": String(last) }) };
  try {
    const answer = await fetch(`${base}/chat/stream`, { headers, signal: cut.signal, credentials: "omit", cache: "no-store" });
    if (answer.status === 404) return token === kept.token && renew();
    if (!answer.ok) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = "", part; !(part = await reader.read()).done;) {
      clearTimeout(timer);
      timer = setTimeout(() => cut.abort(), SILENT);
      found();
      heard();
      const blocks = (rest + part.value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) if (token === kept.token) take(Object.fromEntries(block.split("\n").map((field) => field.split(/: (.*)/s))));
    }
  } finally {
    clearTimeout(timer);
    cut.abort();
  }
};
const take = ({ event, data }) => {
  if (event === "message") {
    const message = JSON.parse(data);
    put(message);
    last = message.number;
  }
  if (event === "state") {
    told(JSON.parse(data));
    said.setAttribute("aria-live", "polite"); // from here on it is news
  }
};
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") { adopt(); read(); follow(); } else if (!isOpen()) { line?.abort(); line = null; }
});

// --- what is written: kept until the server has it

const outbox = () => kept.outbox ?? [];
let delivering = false;
const deliver = async () => {
  if (delivering) return;
  delivering = true;
  await identified;
  for (let wait = 1000; outbox().length;) {
    const [entry] = outbox();
    const about = kept.begun ? {} : { visitor: kept.visitor, page: location.href, language };
    const answer = await call("POST", "/messages", { id: entry.id, body: entry.body, ...about }).catch(() => null);
    if (answer?.status === 201) {
      const message = await answer.json().catch(() => null);
      keep({ outbox: load().outbox.filter(({ id }) => id !== entry.id), begun: true });
      if (message) put(message);
      wait = 1000;
      follow();
    } else if (answer?.status === 401 && about.visitor) {
      keep({ visitor: null, until: 0 }); // handed over too long ago: nobody we know, then
    } else if (answer?.status === 429) {
      mark(entry, words.much);
      await sleep(1000 * (Number(answer.headers.get("Retry-After")) || 10));
    } else if (answer && answer.status < 500) {
      keep({ outbox: outbox().filter(({ id }) => id !== entry.id) });
      refuse(entry, answer.status);
    } else {
      mark(entry, words.unsent);
      await sleep(wait);
      wait = Math.min(wait * 2, 15_000);
    }
  }
  delivering = false;
};
// what cannot be taken is given back
const refuse = (entry, status) => {
  mark(entry, words.refused, "bad");
  if (status === 409) { line?.abort(); line = null; follow(); }
  const again = make("button", { class: "plain", type: "button" }, words.again);
  again.addEventListener("click", () => {
    unsent.get(entry.id).remove();
    unsent.delete(entry.id);
    if (!composer.hidden || renew()) { field.value = entry.body; field.focus(); }
  });
  unsent.get(entry.id)?.append(again);
};
const send = () => {
  const body = field.value;
  if (!body.trim()) return;
  const entry = { id: newId(), body, at: Date.now() };
  field.value = "";
  keep({ outbox: [...outbox(), entry] });
  pending(entry);
  deliver();
};
// what another tab of this site has begun meanwhile
const adopt = () => {
  const now = load();
  if (now.who !== who || delivering) return;
  if (now.token !== kept.token) clear();
  kept = now;
};
const renew = () => {
  begin();
  clear();
  look();
  return true;
};
const clear = () => {
  line?.abort();
  line = null;
  last = 0;
  state = {};
  lines.clear();
  unsent.clear();
  fresh.length = 0;
  list.replaceChildren();
  said.setAttribute("aria-live", "off");
  for (const part of [address, leftNote, over, ender]) part.hidden = true;
  composer.hidden = false;
};

// --- what is pressed

opener.addEventListener("click", () => show(true));
closer.addEventListener("click", () => show(false));
panel.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); show(false); } });
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
composer.addEventListener("submit", (event) => { event.preventDefault(); send(); field.focus(); });
renewer.addEventListener("click", () => { renew(); field.focus(); });
ender.addEventListener("click", async () => {
  const answer = await call("POST", "/end", {}).catch(() => null);
  if (!answer?.ok) return there.replaceChildren(words.failed);
  told(await answer.json());
  renewer.focus();
});
address.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await call("POST", "/address", { email: email.value, name: name.value }).catch(() => null);
  const wrong = answer?.ok ? "" : answer?.status === 422 ? words.wrong : answer?.status === 429 ? words.much : words.failed;
  addressWrong.textContent = wrong;
  email.setAttribute("aria-invalid", String(answer?.status === 422));
  email.setAttribute("aria-describedby", wrong ? "wrong" : "");
  if (wrong) return email.focus();
  told(await answer.json());
  (over.hidden ? field : renewer).focus();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest?.('a[href$="#chat"]')) return;
  event.preventDefault();
  show(true);
});

(document.body ?? document.documentElement).append(host);
for (const entry of outbox()) pending(entry);
if (outbox().length) deliver();
follow();
let before = null;
try { before = sessionStorage.getItem(KEY); } catch { /* closed */ }
if (location.hash === "#chat") show(true);
else if (before === "open") show(true, false);
