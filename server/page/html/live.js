// Looks at the page again when the server says that something has happened, and
// from time to time. Only what is inside #now is replaced.
"use strict";
(() => {
  const sign = document.getElementById("live");
  const part = () => document.getElementById("now");
  if (!sign || !part() || !window.EventSource) return;
  const often = Number(sign.dataset.refresh) * 1000;
  let busy = false, again = false, last = Date.now();

  function say(state, text) {
    sign.hidden = false;
    sign.dataset.state = state;
    if (sign.textContent !== text) sign.textContent = text;
  }

  // Somebody who is about to press a button is not disturbed.
  function inUse() {
    const now = part();
    return now.querySelector("details[open]") || (now.contains(document.activeElement) && document.activeElement.matches("button, input, summary"));
  }

  async function look() {
    if (busy) { again = true; return; }
    if (document.hidden || inUse()) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname !== location.pathname) { location.reload(); return; }
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      const now = fresh.getElementById("now"), clock = fresh.querySelector("footer time");
      if (now && !inUse()) part().replaceWith(document.adoptNode(now));
      if (now && clock) document.querySelector("footer time").replaceWith(document.adoptNode(clock));
      if (now) last = Date.now();
    } catch {
      say("lost", "no connection");
    } finally {
      busy = false;
      if (again) { again = false; look(); }
    }
  }

  let stream;
  function listen() {
    stream = new EventSource("/live");
    stream.addEventListener("ready", () => { say("on", "live"); look(); });
    stream.addEventListener("ha", look);
    stream.addEventListener("lease", look);
    stream.onerror = () => {
      say("lost", "no connection");
      if (stream.readyState === EventSource.CLOSED) { // refused: too many are open, or somebody has to log in
        stream.close();
        setTimeout(listen, 30000);
        look();
      }
    };
  }
  setInterval(() => { if (Date.now() - last >= often) look(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.addEventListener("pagehide", () => stream.close());
  window.addEventListener("pageshow", (e) => { if (e.persisted) listen(); });
  listen();
})();
