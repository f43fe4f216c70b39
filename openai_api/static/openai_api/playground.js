// The playground: a client of the public path. The key lives in this page's memory, is sent to /v1 alone, and is gone with the page.
"use strict";

(() => {
  const root = document.getElementById("playground");
  if (!root) return;
  const at = (id) => document.getElementById(id);
  const API = new URL(root.dataset.base).pathname;
  const LOOK_MS = [300, 700, 1500, 3000]; // when it is looked for what was recorded
  const NONE = "None";

  let key = "";
  let models = new Map();
  let running = [];
  let histories = [[], []];

  // Elements

  function make(tag, values = {}, ...children) {
    const made = Object.assign(document.createElement(tag), values);
    made.append(...children);
    return made;
  }

  const area = (name, label, more = {}) => ({ kind: "textarea", name, label, ...more });
  const text = (name, label, more = {}) => ({ kind: "text", name, label, ...more });
  const check = (name, label, on) => ({ kind: "checkbox", name, label, value: on });
  const file = (name, label, accept, more = {}) => ({ kind: "file", name, label, accept, ...more });

  function field(one) {
    const id = `pg-field-${one.name}`;
    if (one.kind === "checkbox") {
      const box = make("input", { id, type: "checkbox", checked: one.value });
      return make("label", { className: "sb-pg-check" }, box, one.label);
    }
    const input = one.kind === "textarea"
      ? make("textarea", { id, rows: 3, className: "sb-input", value: one.value || "" })
      : make("input", { id, type: one.kind, className: "sb-input", value: one.value || "" });
    if (one.accept) input.accept = one.accept;
    if (one.kind === "number") Object.assign(input, { min: one.min, max: one.max, step: one.step });
    return make("div", {}, make("label", { htmlFor: id, textContent: one.label + (one.needed ? "" : " (optional)") }), input);
  }

  function values(task) {
    const found = {};
    for (const one of task.fields) {
      const input = at(`pg-field-${one.name}`);
      const value = one.kind === "checkbox" ? input.checked : one.kind === "file" ? input.files[0] : input.value;
      if (one.needed && (one.kind === "file" ? !value : !value.trim())) {
        input.setAttribute("aria-invalid", "true");
        input.focus();
        throw new Error(`${one.label} is required.`);
      }
      input.removeAttribute("aria-invalid");
      if (value !== "" && value !== undefined) found[one.name] = one.kind === "number" ? Number(value) : value;
    }
    return found;
  }

  const asDataUrl = (chosen) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("The file cannot be read."));
    reader.readAsDataURL(chosen);
  });

  // What can be asked for, and how its answer is shown

  const NUMBERS = [
    { kind: "number", name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.1 },
    { kind: "number", name: "max_tokens", label: "Most tokens of the answer", min: 1, step: 1 },
  ];
  const heard = (path) => ({
    path,
    fields: [file("file", "Sound", "audio/*,video/*", { needed: true }), text("prompt", "Hint")],
    form: (told) => told,
    show: (side, answer) => side.say(answer.text ?? JSON.stringify(answer)),
  });
  const TASKS = {
    chat: {
      label: "Chat",
      path: "/chat/completions",
      keeps: true,
      fields: [text("system", "System prompt"), area("message", "Message", { needed: true }), file("image", "Picture", "image/*"), ...NUMBERS, check("stream", "Stream the answer", true)],
      async body({ system, message, image, stream, ...rest }, history) {
        const content = image ? [{ type: "text", text: message }, { type: "image_url", image_url: { url: await asDataUrl(image) } }] : message;
        const turn = { role: "user", content };
        const messages = [...(system ? [{ role: "system", content: system }] : []), ...history, turn];
        return { messages, ...rest, ...(stream ? { stream, stream_options: { include_usage: true } } : {}) };
      },
      show: (side, answer) => side.say(answer.choices?.[0]?.message?.content ?? ""),
      event: (side, event) => side.say(event.choices?.[0]?.delta?.content ?? ""),
    },
    responses: {
      label: "Responses",
      path: "/responses",
      fields: [area("input", "Input", { needed: true }), check("stream", "Stream the answer", true)],
      body: ({ stream, ...rest }) => ({ ...rest, store: false, ...(stream ? { stream } : {}) }),
      show: (side, answer) => side.say((answer.output ?? []).flatMap((item) => item.content ?? []).map((part) => part.text ?? "").join("")),
      event: (side, event) => { if (event.type === "response.output_text.delta") side.say(event.delta); },
    },
    completion: {
      label: "Completion",
      path: "/completions",
      fields: [area("prompt", "Prompt", { needed: true }), ...NUMBERS, check("stream", "Stream the answer", true)],
      body: ({ stream, ...rest }) => ({ ...rest, ...(stream ? { stream, stream_options: { include_usage: true } } : {}) }),
      show: (side, answer) => side.say(answer.choices?.[0]?.text ?? ""),
      event: (side, event) => side.say(event.choices?.[0]?.text ?? ""),
    },
    embedding: {
      label: "Embedding",
      path: "/embeddings",
      fields: [area("input", "Text", { needed: true })],
      show: (side, answer) => {
        const vector = answer.data?.[0]?.embedding ?? [];
        side.say(`${vector.length} numbers: ${vector.slice(0, 8).map((one) => one.toFixed(4)).join(", ")}${vector.length > 8 ? ", …" : ""}`);
      },
    },
    moderation: {
      label: "Moderation",
      path: "/moderations",
      fields: [area("input", "Text", { needed: true })],
      show: (side, answer) => {
        const result = answer.results?.[0] ?? {};
        const found = Object.keys(result.categories ?? {}).filter((name) => result.categories[name]);
        side.say(result.flagged ? `Flagged: ${found.join(", ")}` : "Not flagged.");
      },
    },
    rerank: {
      label: "Rerank",
      path: "/rerank",
      fields: [text("query", "Query", { needed: true }), area("documents", "Documents, one a line", { needed: true })],
      body: ({ query, documents }) => ({ query, documents: documents.split("\n").filter((line) => line.trim()) }),
      show: (side, answer) => side.say((answer.results ?? []).map((one) => `${one.index + 1}: ${one.relevance_score}`).join("\n")),
    },
    image_generation: {
      label: "Image",
      path: "/images/generations",
      fields: [area("prompt", "Prompt", { needed: true }), text("size", "Size, like 1024x1024")],
      show: showImages,
    },
    image_edit: {
      label: "Edit an image",
      path: "/images/edits",
      fields: [file("image", "Picture", "image/*", { needed: true }), area("prompt", "Prompt", { needed: true })],
      form: (told) => told,
      show: showImages,
    },
    text_to_speech: {
      label: "Speech",
      path: "/audio/speech",
      fields: [area("input", "Text", { needed: true }), text("voice", "Voice", { needed: true, value: "alloy" })],
      blob: true,
      show: (side, sound) => side.put(make("audio", { controls: true, src: URL.createObjectURL(sound), ariaLabel: "The spoken text" })),
    },
    audio_transcription: { label: "Transcription", ...heard("/audio/transcriptions") },
    audio_translation: { label: "Translation of sound", ...heard("/audio/translations") },
  };

  function showImages(side, answer) {
    for (const [index, one] of (answer.data ?? []).entries()) {
      if (one.b64_json) side.put(make("img", { src: `data:image/${answer.output_format ?? "png"};base64,${one.b64_json}`, alt: `Picture ${index + 1}` }));
      else if (one.url?.startsWith("data:image/")) side.put(make("img", { src: one.url, alt: `Picture ${index + 1}` }));
      else if (/^https?:/.test(one.url ?? "")) side.put(make("a", { href: one.url, className: "sb-link", rel: "noreferrer", target: "_blank", textContent: "Open the picture at its host" }));
    }
  }

  // One answer

  class Side {
    constructor(index, model) {
      this.index = index;
      this.model = model;
      this.said = "";
      this.began = performance.now();
      this.first = null;
      this.abort = new AbortController();
      this.turns = make("div", { ariaLive: "polite" });
      this.state = make("p", { className: "sb-muted" });
      this.state.setAttribute("role", "status");
      this.facts = make("dl", { className: "sb-pg-facts" });
      this.raw = make("div");
      const title = make("h2", { id: `pg-side-${index}`, textContent: model });
      this.element = make("section", { className: "sb-card" }, title, this.turns, this.state, this.facts, this.raw);
      this.element.setAttribute("aria-labelledby", title.id);
      for (const turn of histories[index]) this.turn(turn.role, typeof turn.content === "string" ? turn.content : turn.content[0].text);
    }

    turn(who, words) {
      const said = make("div", { className: "sb-pg-said", textContent: words });
      this.turns.append(make("div", { className: "sb-pg-turn" }, make("div", { className: "sb-pg-who", textContent: who }), said));
      return said;
    }

    begin() { this.output = this.turn("assistant", ""); }

    heard() { if (this.first === null) this.first = performance.now() - this.began; }

    say(words) {
      if (!words) return;
      this.heard();
      this.said += words;
      this.output.append(words);
    }

    put(element) { this.heard(); this.output.append(element); }

    fact(name, value) {
      if (value === undefined || value === null || value === "") return;
      const known = [...this.facts.children].find((one) => one.firstChild.textContent === name);
      if (known) known.lastChild.replaceChildren(value);
      else this.facts.append(make("div", {}, make("dt", { textContent: name }), make("dd", {}, value)));
    }

    show(title, words) {
      const shown = make("pre", { textContent: words, tabIndex: 0 });
      this.raw.append(make("details", {}, make("summary", { textContent: title }), shown));
    }

    fail(words) {
      this.state.textContent = words;
      this.state.className = "sb-bad";
    }
  }

  const HINTS = {
    invalid_api_key: "The key is not accepted: use another one above.",
    model_not_found: "The key may not use this model, or it is gone: use the key again to load its models.",
    rate_limit_exceeded: "A limit is reached: wait, or ask Explain which one.",
    insufficient_quota: "A budget is used up: ask Explain which one.",
    capability_not_supported: "The model cannot do this: choose another task.",
  };

  function words(status, error) {
    const where = error.param ? ` (field ${error.param})` : "";
    const hint = HINTS[error.code] ? ` ${HINTS[error.code]}` : "";
    return `${status ? `${status} ` : ""}${error.code || error.type || "error"}: ${error.message}${where}${hint}`;
  }

  function parsed(told) {
    try {
      return JSON.parse(told);
    } catch {
      return null;
    }
  }

  const quoted = (told) => `'${told.replaceAll("'", "'\\''")}'`;

  function curl(task, body, form) {
    const lines = [`curl ${root.dataset.base}${task.path}`, '-H "Authorization: Bearer $OPENAI_API_KEY"', '-H "x-gateway-test: true"'];
    if (form) for (const [name, value] of form.entries()) lines.push(`-F ${quoted(`${name}=${value instanceof File ? `@${value.name}` : value}`)}`);
    else lines.push('-H "Content-Type: application/json"', `-d ${quoted(JSON.stringify(body, shortened, 2))}`);
    return lines.join(" \\\n  ");
  }

  const shortened = (name, value) => (typeof value === "string" && value.startsWith("data:") && value.length > 200 ? `${value.slice(0, 60)}…` : value);

  function used(side, usage) {
    if (!usage) return;
    side.fact("Tokens in", usage.prompt_tokens ?? usage.input_tokens);
    side.fact("Tokens out", usage.completion_tokens ?? usage.output_tokens);
  }

  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      rest = (rest + (value ?? "")).replaceAll("\r\n", "\n");
      const frames = rest.split("\n\n");
      rest = done ? "" : frames.pop();
      for (const frame of frames) {
        const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
        if (data && data !== "[DONE]") yield JSON.parse(data);
      }
      if (done) return;
    }
  }

  async function streamed(side, task, response) {
    for await (const event of events(response)) {
      const error = event.error ?? event.response?.error;
      if (error) throw new Error(words(0, error));
      task.event(side, event);
      used(side, event.usage ?? event.response?.usage);
    }
  }

  async function whole(side, task, response) {
    if (task.blob) return task.show(side, await response.blob());
    const told = await response.text();
    const answer = parsed(told);
    if (answer === null) return side.say(told);
    task.show(side, answer);
    used(side, answer.usage);
    return side.show("Answer", JSON.stringify(answer, (name, value) => (typeof value === "string" && value.length > 2000 ? `${value.slice(0, 60)}…` : value), 2));
  }

  async function run(side, task, told) {
    const history = histories[side.index];
    let body = null;
    let form = null;
    if (task.form) {
      form = new FormData();
      form.set("model", side.model);
      for (const [name, value] of Object.entries(task.form(told))) form.set(name, value);
    } else {
      body = { model: side.model, ...(task.body ? await task.body(told, history) : told) };
    }
    side.turn("user", told.message ?? told.input ?? told.prompt ?? told.query ?? told.file?.name ?? "");
    side.begin();
    side.state.textContent = "Running …";
    const headers = { authorization: `Bearer ${key}`, "x-gateway-test": "true", ...(form ? {} : { "content-type": "application/json" }) };
    side.show("Request", curl(task, body, form));
    side.began = performance.now();
    let id = "";
    try {
      const options = { method: "POST", headers, body: form ?? JSON.stringify(body), signal: side.abort.signal, credentials: "omit", cache: "no-store" };
      const response = await fetch(API + task.path, options);
      id = response.headers.get("x-request-id") ?? "";
      told_by(side, response, id);
      if (!response.ok) {
        const error = parsed(await response.text())?.error ?? { message: response.statusText || "No answer that could be read." };
        throw new Error(words(response.status, error));
      }
      if ((response.headers.get("content-type") ?? "").startsWith("text/event-stream")) await streamed(side, task, response);
      else await whole(side, task, response);
      side.state.textContent = "Done.";
      if (task.keeps) history.push(body.messages.at(-1), { role: "assistant", content: side.said });
    } catch (error) {
      if (error.name === "AbortError") side.fail("Stopped.");
      else side.fail(error instanceof TypeError ? "The connection failed: the gateway cannot be reached, or it ended the answer." : error.message);
    }
    if (side.first !== null) side.fact("First token", `${Math.round(side.first)} ms`);
    side.fact("In all", `${Math.round(performance.now() - side.began)} ms`);
    if (id) recorded(side, id);
  }

  function told_by(side, response, id) {
    side.fact("Status", String(response.status));
    side.fact("Provider", response.headers.get("x-gateway-provider"));
    side.fact("Tries", response.headers.get("x-gateway-attempts"));
    side.fact("Cost", response.headers.has("x-gateway-cost-usd") ? `${response.headers.get("x-gateway-cost-usd")} USD` : "");
    const heads = [...response.headers].filter(([name]) => name.startsWith("x-gateway-") || name === "x-request-id" || name.startsWith("x-ratelimit-"));
    side.show("Headers of the answer", heads.map(([name, value]) => `${name}: ${value}`).join("\n"));
    if (id && root.dataset.requestsUrl) {
      const url = `${root.dataset.requestsUrl}?test=shown&request_id=${encodeURIComponent(id)}`;
      side.fact("Request", make("a", { href: url, className: "sb-link", textContent: id }));
    } else side.fact("Request", id);
  }

  // What was recorded is told a little later than the answer.
  async function recorded(side, id) {
    if (!root.dataset.requestUrl) return;
    for (const wait of LOOK_MS) {
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      const response = await fetch(`${root.dataset.requestUrl}?id=${encodeURIComponent(id)}`).catch(() => null);
      const told = response?.ok ? await response.json() : null;
      if (!told?.found) continue;
      side.fact("Request", make("a", { href: told.url, className: "sb-link", textContent: id }));
      if (told.cost_usd !== null) side.fact("Cost", `${told.cost_usd} USD`);
      if (told.attempts.length) side.show("Attempts", told.attempts.map((one, index) => `${index + 1}. ${one.provider} / ${one.upstream_model}: ${one.outcome} after ${one.ms.toFixed(1)} ms`).join("\n"));
      return;
    }
  }

  // The form

  function options(select, names, chosen) {
    select.replaceChildren(...names.map(([value, label]) => make("option", { value, textContent: label, selected: value === chosen })));
  }

  function drawTasks() {
    const able = models.get(at("pg-model-0").value) ?? [];
    const before = at("pg-task").value;
    options(at("pg-task"), Object.keys(TASKS).filter((name) => able.includes(name)).map((name) => [name, TASKS[name].label]), before);
    drawFields();
  }

  function drawFields() {
    const name = at("pg-task").value;
    const task = TASKS[name];
    const beside = at("pg-model-1");
    const others = [...models].filter(([, able]) => able.includes(name)).map(([model]) => [model, model]);
    options(beside, [["", NONE], ...others], beside.value);
    at("pg-send").disabled = !task;
    at("pg-fault").textContent = task ? "" : "None of the tasks of this page is a capability of this model.";
    if (at("pg-fields").dataset.task === name) return;
    at("pg-fields").dataset.task = name;
    at("pg-fields").replaceChildren(...(task ? task.fields.map(field) : []));
    begin();
  }

  function begin() {
    stop();
    histories = [[], []];
    at("pg-sides").replaceChildren();
  }

  function stop() {
    for (const side of running) side.abort.abort();
  }

  async function send() {
    const task = TASKS[at("pg-task").value];
    if (!task || running.length) return;
    let told;
    try {
      told = values(task);
      at("pg-fault").textContent = "";
    } catch (error) {
      at("pg-fault").textContent = error.message;
      return;
    }
    const chosen = [at("pg-model-0").value, at("pg-model-1").value];
    running = chosen.flatMap((model, index) => (model ? [new Side(index, model)] : []));
    at("pg-sides").replaceChildren(...running.map((side) => side.element));
    at("pg-send").disabled = true;
    at("pg-stop").disabled = false;
    await Promise.allSettled(running.map((side) => run(side, task, told)));
    running = [];
    at("pg-send").disabled = false;
    at("pg-stop").disabled = true;
    if (task.keeps) at("pg-field-message").value = "";
  }

  // The key

  const state = (said, bad) => {
    at("pg-key-state").textContent = said;
    at("pg-key-state").className = bad ? "sb-bad" : "";
  };

  async function take(given, name) {
    const response = await fetch(`${API}/models`, { headers: { authorization: `Bearer ${given}`, "x-gateway-test": "true" }, credentials: "omit", cache: "no-store" }).catch(() => null);
    const answer = response ? parsed(await response.text()) : null;
    if (!response?.ok) {
      const error = answer?.error ?? { message: response ? response.statusText || "This server does not serve models." : "The gateway cannot be reached." };
      return state(words(response?.status ?? 0, error), true);
    }
    key = given;
    models = new Map(answer.data.filter((one) => !one.id.endsWith("*")).map((one) => [one.id, one.capabilities ?? []]));
    at("pg-key").value = "";
    state(models.size ? `${name || `A key that ends in ${given.slice(-4)}`}: ${models.size} models.` : "The key may not use any model.", !models.size);
    at("pg-form").hidden = !models.size;
    const wanted = at("pg-model-0").value || root.dataset.model;
    options(at("pg-model-0"), [...models.keys()].map((one) => [one, one]), wanted);
    return drawTasks();
  }

  const MADE_MS = [700, 700, 1500, 2500]; // a new key is known everywhere within a second or so

  async function makeKey() {
    const body = new URLSearchParams({ project: at("pg-project")?.value ?? "" });
    const token = at("pg-key-form").querySelector("[name=csrfmiddlewaretoken]").value;
    state("Making a key …");
    const response = await fetch(root.dataset.keyUrl, { method: "POST", body, headers: { "x-csrftoken": token } }).catch(() => null);
    const told = response ? parsed(await response.text()) : null;
    if (!response?.ok || !told?.key) return state(told?.error ?? "No key was made: reload the page and try again.", true);
    for (const wait of MADE_MS) {
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      await take(told.key, `${told.name}, until ${new Date(told.expires_at).toLocaleTimeString()}`);
      if (key === told.key) return undefined;
    }
    return undefined;
  }

  at("pg-key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = at("pg-key").value.trim();
    if (!given) state("Paste a client key first.", true);
    else if (!/^[\x21-\x7e]+$/.test(given)) state("A key has visible ASCII characters only.", true);
    else take(given, "");
  });
  at("pg-make")?.addEventListener("click", makeKey);
  at("pg-form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  at("pg-stop").addEventListener("click", stop);
  at("pg-clear").addEventListener("click", begin);
  at("pg-model-0").addEventListener("change", () => { begin(); drawTasks(); });
  at("pg-model-1").addEventListener("change", begin);
  at("pg-task").addEventListener("change", drawFields);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && at("pg-form").contains(document.activeElement)) send();
  });
  window.addEventListener("pagehide", () => { key = ""; at("pg-key").value = ""; });
})();
