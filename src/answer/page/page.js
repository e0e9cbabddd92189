"use strict";
(() => {
  const $ = (query, of = document) => [...of.querySelectorAll(query)];
  const [q, s] = [document.getElementById("q"), document.getElementById("s")];
  const rows = $("tbody tr").map((tr) => ({ tr, text: tr.textContent.toLowerCase() }));
  const word = { critical: "c", warning: "w", unknown: "u", ok: "o" };
  const fits = (tr) => !s.value || (s.value === "attention" ? /^[cwu]$/.test(tr.className) : tr.className === word[s.value]);
  const save = () => {
    const state = new URLSearchParams();
    if (q.value) state.set("q", q.value);
    if (s.value) state.set("s", s.value);
    history.replaceState(null, "", "#" + (state.size ? "?" + state : ""));
  };
  const filter = () => {
    const wanted = q.value.toLowerCase().trim();
    let shown = 0;
    for (const { tr, text } of rows) {
      tr.hidden = !(fits(tr) && text.includes(wanted));
      shown += !tr.hidden;
    }
    if (q.value || s.value) $("details:has(tbody tr:not([hidden]))").forEach((d) => d.querySelector(":scope>.scroll") && (d.open = true));
    document.getElementById("shown").textContent = shown + " of " + rows.length + " rows";
  };
  const load = () => {
    if (location.hash && !location.hash.startsWith("#?")) return;
    const state = new URLSearchParams(location.hash.slice(2));
    q.value = state.get("q") || "";
    s.value = state.get("s") || "";
    if (s.selectedIndex < 0) s.value = "";
    filter();
  };
  for (const field of [q, s]) field.addEventListener("input", () => { filter(); save(); });
  addEventListener("hashchange", load);
  document.getElementById("open").addEventListener("click", () => $("details").forEach((d) => (d.open = true)));
  addEventListener("beforeprint", () => $("details").forEach((d) => (d.open = true)));

  const key = (tr, column) => {
    const text = tr.children[column].textContent.trim();
    const number = parseFloat(text.replace("about ", ""));
    return column > 1 && column < 6 ? (Number.isNaN(number) ? -Infinity : number) : column ? text : "cwuomn".indexOf(tr.className);
  };
  for (const th of $("thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const body = th.closest("table").tBodies[0];
      const column = th.cellIndex;
      $("th", th.parentElement).forEach((other) => other.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
      const keyed = [...body.rows].map((tr) => [key(tr, column), tr]);
      keyed.sort(([a], [b]) => down * (a < b ? -1 : a > b ? 1 : 0));
      body.append(...keyed.map(([, tr]) => tr));
    });
  }

  const copy = async (pre, button) => {
    const text = pre.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(pre);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  for (const pre of $("pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(pre, button));
    pre.after(button);
  }
  document.getElementById("tools").hidden = false;
  load();
  if (!rows.length || location.hash) filter();
})();
