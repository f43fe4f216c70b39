// The pages of requests: times of this place, and requests in flight anew every two seconds.
"use strict";

(() => {
  const EVERY_MS = 2000;

  function local(part) {
    for (const time of part.querySelectorAll("time[data-sb-local]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.valueOf())) time.textContent = at.toLocaleString();
    }
  }

  async function again(part) {
    if (document.hidden) return;
    try {
      const answer = await fetch(part.dataset.sbFollow, { headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      if (!found) return;
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      part.replaceChildren(...found.childNodes);
      if (focused) document.getElementById(focused)?.focus();
    } catch {
      // the gateway does not answer in this moment: it is asked again
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    local(document);
    document.querySelector(".sb-search")?.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) {
        if (!value || (name === "test" && value === "hidden")) event.formData.delete(name); // addresses say what is asked for
      }
    });
    const part = document.querySelector("[data-sb-follow]");
    if (part) setInterval(() => again(part), EVERY_MS);
  });
})();
