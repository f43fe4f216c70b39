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

  const savedRows = (table) => [...table.querySelectorAll(":scope > .form-group.original, :scope > tbody:has([x-sort\\:handle])")];

  function number(table) {
    savedRows(table).forEach((row, index) => {
      const input = row.querySelector(`input[name$="-${table.dataset.orderingField}"]`);
      input.value = index;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  function move(handle, step) {
    const row = handle.closest("tbody");
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
    for (const handle of document.querySelectorAll(".form-group.original [x-sort\\:handle], #result_list [x-sort\\:handle]")) {
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

  // Rows to choose from: only those that hold what is typed are shown, and one box chooses all that are shown.

  function prepareChoice(table) {
    const rows = [...table.tBodies[0].rows];
    const all = table.querySelector("[data-sb-all]");
    const boxes = () => rows.filter((row) => !row.hidden).map((row) => row.querySelector("input[type=checkbox]:not(:disabled)")).filter(Boolean);
    const count = document.querySelector("[data-sb-count]");
    const tell = () => {
      const chosen = table.tBodies[0].querySelectorAll("input[type=checkbox]:checked").length;
      count.textContent = `${chosen} chosen`;
      const shown = boxes();
      all.checked = shown.length > 0 && shown.every((box) => box.checked);
    };
    document.querySelector("[data-sb-filter]").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      tell();
    });
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      tell();
    });
    table.addEventListener("change", () => {
      for (const row of rows) row.querySelector("[data-sb-called]").disabled = !row.querySelector("[name=model]").checked;
    });
    table.addEventListener("change", tell);
    tell();
  }

  // The menu of a row opens by keyboard, too.

  function prepareMenus() {
    for (const dots of document.querySelectorAll("[x-ref^=rowDropdown]")) {
      dots.tabIndex = 0;
      dots.setAttribute("role", "button");
      const name = dots.closest("tr").querySelector("th a, td a");
      dots.setAttribute("aria-label", name ? `Actions for ${name.textContent.trim()}` : "Actions");
      dots.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        dots.click();
      });
    }
  }

  // Tabs: one part of a form at a time. The tab is remembered for the page; one with errors is opened first.

  function prepareTabs(root) {
    const tabs = [...root.querySelectorAll(":scope > [role=tablist] > [role=tab]")];
    const place = `sb-tab:${location.pathname}`;
    const show = (chosen) => {
      for (const tab of tabs) {
        const on = tab === chosen;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
        document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
      }
    };
    const choose = (tab) => {
      show(tab);
      sessionStorage.setItem(place, tab.id);
    };
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const last = tabs.length - 1;
        const to = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        choose(tabs[to]);
        tabs[to].focus();
      });
    });
    tabs[0].parentElement.hidden = false;
    const kept = sessionStorage.getItem(place);
    show(tabs.find((tab) => "sbErrors" in tab.dataset) || tabs.find((tab) => tab.id === kept) || tabs[0]);
  }

  document.addEventListener("click", keepTyped, true);
  document.addEventListener("DOMContentLoaded", () => {
    prepareHandles();
    followType();
    prepareMenus();
    document.querySelectorAll("[data-sb-choose]").forEach(prepareChoice);
    document.querySelectorAll("[data-sb-tabs]").forEach(prepareTabs);
  });

  // What is drawn in the place of a choice that is searched for has the name of the choice.

  function nameChoices() {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const label = select.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
      const name = select.getAttribute("aria-label") || (label ? label.textContent.replace("*", "").trim() : "");
      const drawn = select.nextElementSibling;
      if (!name || !drawn) continue;
      const parts = ".select2-selection, .select2-selection__rendered, .select2-search__field";
      for (const part of drawn.querySelectorAll(parts)) part.setAttribute("aria-label", name);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameChoices();
    new MutationObserver(nameChoices).observe(document.body, { childList: true, subtree: true });
  });
})();
