"use strict";
// Every table can be saved as CSV: in the order shown, with full values where the page knows them (data-value).
(() => {
  const text = (cell) => {
    if (cell.dataset.value !== undefined) return cell.dataset.value;
    const copy = cell.cloneNode(true);
    copy.querySelectorAll(".sorted").forEach((mark) => mark.remove());
    copy.querySelectorAll("br").forEach((line) => line.replaceWith(" "));
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const line = (row) => [...row.cells].flatMap((cell) => [text(cell), ...Array(cell.colSpan - 1).fill("")]);
  const csv = (table) => [...table.rows].map((row) => line(row).map(quoted).join(",") + "\r\n").join("");

  const slug = (words) => words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 50);
  const heading = (table) => {
    const before = (each) => each.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING;
    return [...document.querySelectorAll("h1, h2, h3")].filter(before).pop()?.textContent ?? document.title;
  };
  const names = new Map();
  const name = (table) => {
    const base = slug(heading(table)) || "table", number = (names.get(base) ?? 0) + 1;
    names.set(base, number);
    return `${base}${number > 1 ? `-${number}` : ""}.csv`;
  };
  const save = (table, file) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv;charset=utf-8" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  for (const table of document.querySelectorAll("table:not(.latent table)")) {  // of a card: pictures of its numbers
    const button = document.createElement("button"), file = name(table);
    button.type = "button";
    button.className = "save";
    button.textContent = "CSV";
    button.title = `Save this table as ${file}`;
    button.ariaLabel = button.title;
    button.addEventListener("click", () => save(table, file));
    (table.closest(".wide") ?? table).after(button);
  }
})();
