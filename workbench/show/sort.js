"use strict";
// Tables sort by the heading that is clicked, or chosen with Enter: descending, ascending, original order.
// One listener on the document serves every table, also those added later.
(() => {
  if (window.workbenchSorts) return;
  window.workbenchSorts = true;
  const NEXT = { none: "descending", descending: "ascending", ascending: "none" };
  const SIGN = { none: "", descending: " ▾", ascending: " ▴" };
  const NUMBER = /^[^\d\w.−-]*([-−]?[\d,]*\.?\d+(?:e[-+]?\d+)?)(?![\w-])/i;
  const NOTHING = /^([—–-]*|nan|nat|none|<na>)$/i;  // missing values of our tables or of pandas

  const heading = (event) => {
    const cell = event.target.closest?.("table.dataframe > thead > tr > th");
    const table = cell?.closest("table");
    if (!table || table.tHead.rows.length !== 1 || table.tBodies[0]?.rows.length < 3) return null;
    return table.querySelector("[colspan], [rowspan]") ? null : cell;
  };
  const value = (row, at) => {
    const text = (row.cells[at]?.textContent ?? "").trim();
    const match = NUMBER.exec(text);
    return { text, number: match ? Number(match[1].replaceAll(",", "").replace("−", "-")) : NaN };
  };
  const sort = (cell) => {
    const table = cell.closest("table"), body = table.tBodies[0], at = cell.cellIndex, rows = [...body.rows];
    rows.forEach((row, place) => { row.dataset.place ??= place; });
    const order = NEXT[cell.getAttribute("aria-sort") ?? "none"], sign = order === "ascending" ? 1 : -1;
    const keys = new Map(rows.map((row) => [row, value(row, at)]));
    const present = [...keys.values()].filter((key) => !NOTHING.test(key.text));
    const numeric = present.length > 0 && present.every((key) => !Number.isNaN(key.number));
    const compare = (a, b) => {
      const place = a.dataset.place - b.dataset.place;
      if (order === "none") return place;
      const [one, two] = [keys.get(a), keys.get(b)];
      const missing = (key) => (numeric ? Number.isNaN(key.number) : NOTHING.test(key.text));
      if (missing(one) || missing(two)) return missing(one) - missing(two) || place;
      const difference = numeric ? one.number - two.number : one.text.localeCompare(two.text, undefined, { numeric: true });
      return sign * difference || place;
    };
    body.append(...rows.sort(compare));
    for (const other of cell.parentElement.cells) {
      other.querySelector(":scope > .sorted")?.remove();
      other.setAttribute("aria-sort", other === cell ? order : "none");
    }
    if (order === "none") return;
    const mark = document.createElement("span");
    mark.className = "sorted";
    mark.ariaHidden = "true";
    mark.textContent = SIGN[order];
    cell.append(mark);
  };
  document.addEventListener("click", (event) => { const cell = heading(event); if (cell) sort(cell); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    const cell = heading(event);
    if (!cell || event.target !== cell) return;
    event.preventDefault();
    event.stopPropagation();  // Enter also means "edit this cell" to a notebook
    sort(cell);
  }, true);
  // Sortable headings are focusable and labelled.
  const markSortable = () => document.querySelectorAll("table.dataframe > thead th:not([aria-sort])").forEach((cell) => {
    if (!heading({ target: cell })) return;
    cell.tabIndex = 0;
    cell.title ||= "sort by this column";
    cell.style.cursor = "pointer";
    cell.setAttribute("aria-sort", "none");
  });
  document.addEventListener("pointerover", markSortable, { passive: true });
  document.addEventListener("focusin", markSortable);
  markSortable();
})();
