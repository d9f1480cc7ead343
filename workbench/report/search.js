"use strict";
// The search box of the reference: names and first sentences are filtered as one types; "/" moves to the box.
(() => {
  const box = document.getElementById("search"), count = document.getElementById("matches");
  const entries = [...document.querySelectorAll(".entry")].map((element) => (
    { element, name: element.dataset.name, text: `${element.dataset.name} ${element.dataset.sentence}`.toLowerCase() }
  ));
  const sections = [...document.querySelectorAll("section.module")], contents = document.querySelector("main > nav");

  const distance = (a, b) => {  // Levenshtein
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= b.length; j += 1) {
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return row[b.length];
  };
  const last = (name) => name.split(".").pop().toLowerCase();
  const nearest = (query) => entries.reduce((best, entry) => {
    const far = Math.min(distance(query, last(entry.name)), distance(query, entry.name.toLowerCase()));
    return far < best.far ? { far, entry } : best;
  }, { far: Infinity });

  const search = () => {
    const query = box.value.trim().toLowerCase(), words = query.split(/\s+/).filter(Boolean);
    let matches = 0;
    for (const { element, text } of entries) {
      element.hidden = !words.every((word) => text.includes(word));
      matches += !element.hidden;
    }
    for (const section of sections) section.hidden = words.length > 0 && !section.querySelector(".entry:not([hidden])");
    contents.hidden = words.length > 0;
    document.body.classList.toggle("searching", words.length > 0);
    count.textContent = words.length ? `${matches} of ${entries.length} match` : `${entries.length} names`;
    if (!words.length || matches) return;
    const { name } = nearest(query).entry, button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => { box.value = name; box.focus(); search(); });
    count.textContent = `Nothing matches “${box.value.trim()}”; the nearest name is `;
    count.append(button);
  };
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.value = "";
    search();
  });
  addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(document.activeElement?.tagName ?? "");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
  addEventListener("hashchange", () => {  // a link into the page shows its target
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("[hidden]")) return;
    box.value = "";
    search();
    target.scrollIntoView();
  });
  search();
})();
