// Times of charts and their tables, which are sent in UTC, in the time of who looks at them.
"use strict";

(() => {
  const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
  const shown = { "7d": { weekday: "short", ...clock } };

  // Before unfold draws the charts, which it does when all is loaded.
  for (const canvas of document.querySelectorAll("canvas[data-ov-at]")) {
    const data = JSON.parse(canvas.dataset.value);
    const format = new Intl.DateTimeFormat("en-GB", shown[canvas.dataset.ovRange] ?? clock);
    data.labels = JSON.parse(canvas.dataset.ovAt).map((seconds) => format.format(new Date(seconds * 1000)));
    canvas.dataset.value = JSON.stringify(data);
  }

  const whole = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[data-ov-time]")) {
    time.title = time.textContent;
    time.textContent = whole.format(new Date(time.dateTime));
  }
})();
