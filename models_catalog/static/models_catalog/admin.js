// Copy buttons, rows that move by keyboard, and what a provider type expects.
"use strict";

(() => {
  const COPIED_MS = 1600;

  async function copy(text) {
    if (navigator.clipboard && window.isSecureContext) {
      return navigator.clipboard.writeText(text);
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // the only way on plain http
    area.remove();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-sb-copy]");
    if (!button) return;
    await copy(document.getElementById(button.dataset.sbCopy).textContent.trim());
    const label = button.querySelector("[data-sb-label]");
    const before = label.textContent;
    label.textContent = "Copied";
    button.classList.add("sb-copied");
    setTimeout(() => {
      label.textContent = before;
      button.classList.remove("sb-copied");
    }, COPIED_MS);
  });

  // Sortable rows: the handle takes the focus, the arrow keys move its row.

  const savedRows = (table) => [...table.querySelectorAll(":scope > .form-group.original")];

  function number(table) {
    savedRows(table).forEach((row, index) => {
      const input = row.querySelector(`input[name$="-${table.dataset.orderingField}"]`);
      input.value = index;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  function move(handle, step) {
    const row = handle.closest(".form-group");
    const table = row.parentElement;
    const rows = savedRows(table);
    const other = rows[rows.indexOf(row) + step];
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    number(table);
    handle.focus();
  }

  function prepareHandles() {
    for (const handle of document.querySelectorAll(".form-group.original [x-sort\\:handle]")) {
      handle.dataset.sbHandle = "";
      handle.tabIndex = 0;
      handle.setAttribute("role", "button");
      handle.setAttribute("aria-label", "Move this row: drag it, or use the up and down arrow keys");
      handle.title = "Drag, or use the arrow keys";
      handle.addEventListener("keydown", (event) => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        move(handle, step);
      });
    }
  }

  // Removing an unsaved row renumbers the rows below it by their markup, which does not know what was typed: tell it.

  function keepTyped(event) {
    if (!event.target.closest(".delete-template")) return;
    for (const input of event.target.closest(".formset").querySelectorAll("input, select, textarea")) {
      if (input.type === "checkbox") input.toggleAttribute("checked", input.checked);
      else if (input.tagName === "SELECT") for (const option of input.options) option.toggleAttribute("selected", option.selected);
      else if (input.tagName === "TEXTAREA") input.textContent = input.value;
      else input.setAttribute("value", input.value);
    }
  }

  // Provider form: the placeholder and hints follow the chosen type.

  function followType() {
    const data = document.getElementById("provider-types");
    const select = document.getElementById("id_type");
    if (!data || !select) return;
    const types = JSON.parse(data.textContent);
    const show = () => {
      const type = types[select.value];
      document.getElementById("id_api_base").placeholder = (type && type.api_base) || "https://";
      document.getElementById("provider-type-hint").textContent = type ? type.hint : "";
    };
    select.addEventListener("change", show);
    show();
  }

  document.addEventListener("click", keepTyped, true);
  document.addEventListener("DOMContentLoaded", () => {
    prepareHandles();
    followType();
  });
})();
