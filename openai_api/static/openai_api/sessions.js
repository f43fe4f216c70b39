// The page of a session that runs: asks for what is new, and puts it into its place. Without it, the page is reloaded by hand.
"use strict";

(() => {
  const SOON_MS = 1000;
  const LATE_MS = 8000;
  const MOST_ENTRIES = 1500; // then the page is reloaded rather than made longer

  const timeline = document.getElementById("timeline");
  if (!timeline || !timeline.dataset.sbLive) return;
  const following = document.querySelector("[data-sb-following]");
  let after = timeline.dataset.sbAfter;
  let wait = SOON_MS;

  const say = (text, ended) => {
    following.textContent = text;
    if (ended) document.getElementById("following").classList.add("sb-stopped");
  };

  function open(element) {
    return [...element.querySelectorAll("details")].map((one) => one.open);
  }

  const number = (entry) => Number(entry.dataset.sbNumber);

  // An entry that has ended stands where it began; what was unfolded in it stays so.
  function place(entry) {
    const made = document.createElement("template");
    made.innerHTML = entry.html; // made by the server, which escapes all that was said
    const fresh = made.content.firstElementChild;
    const old = document.getElementById(entry.key);
    if (!old) {
      fresh.classList.add("sb-entry-new");
      timeline.insertBefore(fresh, [...timeline.children].find((one) => number(one) >= number(fresh)) || null);
      return;
    }
    const opened = open(old);
    if (opened.length === open(fresh).length) fresh.querySelectorAll("details").forEach((one, index) => { one.open = opened[index]; });
    old.replaceWith(fresh);
  }

  function show(news) {
    const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 120;
    document.getElementById("session-head").innerHTML = news.head;
    document.getElementById("timeline-empty")?.remove();
    news.entries.forEach(place);
    if (news.entries.length && atEnd) window.scrollTo({ top: document.documentElement.scrollHeight });
  }

  async function ask() {
    const answer = await fetch(`${timeline.dataset.sbLive}?after=${after}`, { headers: { accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { gone: answer.status < 500 });
    return answer.json();
  }

  // Whether there may be more.
  async function step() {
    let news;
    try {
      news = await ask();
    } catch (error) {
      if (error.gone) {
        say("It is no longer here. Reload the page.", true);
        return false;
      }
      say("The gateway does not answer. Trying again.");
      wait = LATE_MS;
      return true;
    }
    const isNew = String(news.newest) !== String(after);
    after = news.newest;
    wait = isNew ? SOON_MS : Math.min(wait * 1.5, LATE_MS);
    show(news);
    if (!news.live) say("The session has ended.", true);
    else if (timeline.childElementCount > MOST_ENTRIES) say("There is more. Reload the page to follow it.", true);
    else say("It runs: what is new appears here.");
    return news.live && timeline.childElementCount <= MOST_ENTRIES;
  }

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const seen = () => new Promise((done) => {
    if (!document.hidden) return done();
    document.addEventListener("visibilitychange", done, { once: true });
  });

  (async () => {
    do {
      await pause(wait);
      await seen();
    } while (await step());
  })();
})();
