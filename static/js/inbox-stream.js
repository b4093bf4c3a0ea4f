// One stream for all pages of this browser: HTTP/1.1 allows six connections to a host, and each tab would hold one.
// Whoever has the lock listens and passes on; when that tab closes, the next one takes over. Everything is folded by id,
// and five minutes are sent again on each new start, so nothing is lost in between.
const listeners = new Set();
const channel = "BroadcastChannel" in window ? new BroadcastChannel("nh-inbox") : null;
let source = null;
let last = "";

const tell = (event) => {
  if (event.name === "notification") last = event.data.id;
  for (const listener of listeners) listener(event);
};

const listen = (url) => {
  source?.close();
  source = new EventSource(`${url}?last=${encodeURIComponent(last)}`);
  for (const name of ["notification", "read", "count"]) {
    source.addEventListener(name, (message) => {
      const event = { name, data: JSON.parse(message.data) };
      tell(event);
      channel?.postMessage(event);
    });
  }
  source.addEventListener("error", () => {
    // refused, or the server was away for longer than the browser cares to wait: the session may be over, or it comes back
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(url), 30_000);
  });
};

let begun = false;
const begin = (url) => {
  if (begun) return;
  begun = true;
  channel?.addEventListener("message", ({ data }) => {
    if (data.name !== "hello") tell(data);
    else if (source) listen(url); // another page has just begun: it hears the last minutes again
  });
  if (!channel || !navigator.locks) return listen(url);
  navigator.locks.request("nh-inbox", () => {
    listen(url);
    return new Promise(() => {});
  });
  channel.postMessage({ name: "hello" });
};

export const follow = (url, since, listener) => {
  last ||= since;
  listeners.add(listener);
  begin(url);
};
