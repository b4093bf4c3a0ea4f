// One stream for all pages of this browser: HTTP/1.1 allows six connections to a host, and each tab would hold one.
// Whoever has the lock listens and passes on; when that tab closes, the next one takes over. A new start hears again what came
// shortly before, so nothing is lost in between, and whoever listens folds what it knows already.
export const shared = (name, events) => {
  const listeners = new Set();
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(name) : null;
  let source = null;
  let last = "";

  const tell = (event) => {
    last = event.id || last;
    for (const listener of listeners) listener(event);
  };

  const listen = (url) => {
    source?.close();
    source = new EventSource(`${url}?last=${encodeURIComponent(last)}`);
    for (const name of events) {
      source.addEventListener(name, (message) => {
        const event = { name, id: message.lastEventId, data: JSON.parse(message.data) };
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
    navigator.locks.request(name, () => {
      listen(url);
      return new Promise(() => {});
    });
    channel.postMessage({ name: "hello" });
  };

  return (url, since, listener) => {
    last ||= since;
    listeners.add(listener);
    begin(url);
  };
};
