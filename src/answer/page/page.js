"use strict";
(() => {
  const $ = (query, of = document) => [...of.querySelectorAll(query)];
  const id = (name) => document.getElementById(name);
  const text = (node) => (node ? node.textContent.trim() : "");
  const rows = $(".q tbody tr").map((tr) => ({
    tr, all: tr.textContent.toLowerCase(), s: tr.className, i: text(tr.querySelector(".n")) || tr.closest("table").dataset.i,
    v: tr.dataset.v || "connect", l: text(tr.children[6]),
  }));
  const [q, ...picks] = ["q", "s", "i", "v", "l"].map(id);
  const hidden = new Set();
  const root = document.documentElement;

  // Filter, columns and theme stand in the address, so that a view can be shared.
  const save = () => {
    const state = new URLSearchParams();
    const set = (name, value) => value && state.set(name, value);
    for (const field of [q, ...picks]) set(field.id, field.value);
    set("h", [...hidden].join(""));
    set("t", root.dataset.t);
    history.replaceState(null, "", "#" + (String(state) && "?" + state));
  };
  const filter = () => {
    const wanted = q.value.toLowerCase().trim();
    const used = picks.filter((pick) => pick.value);
    let shown = 0;
    for (const row of rows) {
      const fits = (pick) => (pick.id === "s" ? pick.value.includes(row.s) : pick.value === row[pick.id]);
      row.tr.hidden = !(row.all.includes(wanted) && used.every(fits));
      shown += !row.tr.hidden;
    }
    if (wanted || used.length) for (const { tr } of rows) if (!tr.hidden) tr.closest("details")?.setAttribute("open", "");
    id("shown").textContent = shown + " of " + rows.length + " rows";
  };
  const columns = () => {
    document.body.className = [...hidden].map((n) => "h" + n).join(" ");
    for (const box of $("#columns input")) box.checked = !hidden.has(box.value);
  };
  const load = () => {
    if (location.hash && !location.hash.startsWith("#?")) return;
    const state = new URLSearchParams(location.hash.slice(2));
    for (const field of [q, ...picks]) {
      field.value = state.get(field.id) || "";
      if (field.selectedIndex < 0) field.value = "";
    }
    hidden.clear();
    for (const n of state.get("h") || "") hidden.add(n);
    if (state.get("t")) root.dataset.t = state.get("t");
    columns();
    filter();
  };
  for (const pick of picks.slice(1)) {
    for (const name of [...new Set(rows.map((row) => row[pick.id]))].sort()) pick.add(new Option(name, name));
    pick.parentElement.hidden = pick.length < 3;
  }
  for (const field of [q, ...picks]) field.addEventListener("input", () => { filter(); save(); });
  for (const [place, th] of $("thead th", $(".q")[0] || document.createElement("p")).entries()) {
    if (place < 2) continue;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: place + 1 });
    const label = document.createElement("label");
    label.append(box, " " + text(th));
    id("columns").append(label);
    box.addEventListener("change", () => { hidden[box.checked ? "delete" : "add"](box.value); columns(); save(); });
  }

  const click = (button, act) => button.addEventListener("click", act);
  const open = () => $("details").forEach((d) => (d.open = true));
  click(id("open"), open);
  addEventListener("beforeprint", open);
  click(id("theme"), () => {
    const dark = (root.dataset.t || (matchMedia("(prefers-color-scheme:dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.t = dark ? "light" : "dark";
    save();
  });

  // The rows that are shown, each once. A text that a spreadsheet would run begins with an apostrophe.
  const NAMES = ["Instance", "Service", "Status", "Quota", "Resource", "Usage", "Limit", "Used %", "Left", "Limit from", "Notes"];
  const cells = ({ tr, i, v, l }) => {
    const [status, quota, ...values] = tr.children;
    const figures = values.slice(0, 4).map((td) => text(td).replace(" %", ""));
    const notes = $("small:not(.n)", quota).map(text).join("; ");
    const all = [i, v, text(status).slice(2), text(quota.firstChild), text(quota.querySelector("i")), ...figures, l, notes];
    return all.map((cell) => (/^[=+\-@\t\r]/.test(cell) && isNaN(cell) ? "'" + cell : cell));
  };
  const table = () => [...new Map(rows.filter((row) => !row.tr.hidden).map(cells).map((row) => [row.slice(0, 5).join("\n"), row])).values()];
  const download = (name, type, content) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
  };
  const quoted = (row) => row.map((cell) => '"' + cell.replaceAll('"', '""') + '"').join(",") + "\r\n";
  click(id("csv"), () => download("quotas.csv", "text/csv", [NAMES, ...table()].map(quoted).join("")));
  const named = (row) => Object.fromEntries(row.map((cell, n) => [NAMES[n], cell]));
  click(id("json"), () => download("quotas.json", "application/json", JSON.stringify(table().map(named), null, 1)));

  const key = (tr, column) => {
    const shown = text(tr.children[column]);
    const number = parseFloat(shown.replace("about ", ""));
    return column > 1 && column < 6 ? (isNaN(number) ? -Infinity : number) : column ? shown : "cwuomn".indexOf(tr.className);
  };
  const button = (name) => Object.assign(document.createElement("button"), { type: "button", textContent: name });
  for (const th of $(".q thead th")) {
    const sorter = button(th.textContent);
    th.replaceChildren(sorter);
    click(sorter, () => {
      const down = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const body = th.closest("table").tBodies[0];
      $("th", th.parentElement).forEach((other) => other.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
      const keyed = [...body.rows].map((tr) => [key(tr, th.cellIndex), tr]);
      keyed.sort(([a], [b]) => down * (a < b ? -1 : a > b ? 1 : 0));
      body.append(...keyed.map(([, tr]) => tr));
    });
  }
  for (const pre of $("pre")) {
    const copy = button("Copy");
    copy.setAttribute("aria-label", "Copy: " + text(pre.previousElementSibling));
    click(copy, async () => {
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch {
        getSelection().selectAllChildren(pre);
        if (!document.execCommand("copy")) return;
      }
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
    pre.after(copy);
  }
  id("tools").hidden = false;
  load();
})();
