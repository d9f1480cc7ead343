"use strict";
(() => {
  const { titles, latents, csv, steered, depth } = JSON.parse(document.getElementById("data").textContent);
  const by = (name) => document.getElementById(name);
  const links = [...document.querySelectorAll("#latents a")];
  const cards = [...document.querySelectorAll(".latent")];
  const number = (card) => card.id.slice("latent-".length);
  const listed = () => links.filter((link) => !link.parentElement.hidden);
  const current = () => links.find((link) => link.getAttribute("aria-current"));
  const share = (value) => `${(100 * value).toFixed(1)}%`;
  const element = (kind, text, name) => {
    const node = document.createElement(kind);
    node.textContent = text;
    if (name) node.className = name;
    return node;
  };

  // Update a card to the strength of its slider: marker lines, summary, recommended list, dropped items.
  const update = (card) => {
    const latent = latents[number(card)], at = Number(card.querySelector(".dial input").value);
    const zero = latent.strengths.indexOf(0), strength = latent.strengths[at], list = latent.lists[at];
    for (const line of card.querySelectorAll(".now")) {
      line.setAttribute("transform", `translate(${(latent.x[at] - latent.x[zero]).toFixed(1)} 0)`);
    }
    const sign = strength > 0 ? "+" : "";
    const parts = [`${sign}${strength}`, `NDCG@10 ${latent.ndcg[at].toFixed(4)} (${latent.ndcg[zero].toFixed(4)} at 0)`];
    if (latent.share[at] !== null) {
      const band = latent.low[at] === null || strength === 0 ? "" : `, random latents ${share(latent.low[at])} to ${share(latent.high[at])}`;
      parts.splice(1, 0, `concept in the top 10: ${share(latent.share[at])}${band}`);
    }
    card.querySelector("output").textContent = parts.join(" · ");
    const items = new Set(list.map(([item]) => item));
    card.querySelector(".list tbody").replaceChildren(...list.map(([item, before, member], i) => {
      const row = document.createElement("tr"), rank = i + 1, name = element("td", titles[item], member ? "member" : "");
      if (item === latent.target) name.append(element("b", " ▶ held out", "target"));
      const entered = before === 0 || before > list.length;
      const from = before === 0 ? `below ${depth}` : before;
      const change = before === rank ? "" : `${entered ? "▲ in, from" : before > rank ? "▲ from" : "▼ from"} ${from}`;
      row.append(element("td", rank, "n"), name, element("td", change, entered ? "in" : ""));
      return row;
    }));
    const dropped = latent.lists[zero].filter(([item]) => !items.has(item)).map(([item]) => titles[item]);
    card.querySelector(".left").textContent = dropped.length ? `Dropped: ${dropped.join(" · ")}` : "";
  };

  const fill = (card) => {
    const latent = latents[number(card)], slider = card.querySelector(".dial input");
    card.querySelector(".who").textContent =
      `One of the ${steered} users, chosen at random: ${latent.user}. ● has the concept. Last events:`;
    card.querySelector(".list").previousElementSibling.replaceChildren(
      ...latent.history.map((item, i) => element("li", titles[item], i === latent.history.length - 1 ? "last" : "")));
    slider.addEventListener("input", () => update(card));
    update(card);
    card.dataset.filled = "yes";
  };

  const show = (name, jump) => {
    const card = by(`latent-${name}`) || cards[0];
    if (!card) return;
    for (const other of cards) other.hidden = other !== card;
    for (const link of links) {
      if (link.hash === `#${card.id}`) {
        link.setAttribute("aria-current", "true");
        link.scrollIntoView({ block: "nearest" });
      } else link.removeAttribute("aria-current");
    }
    if (!card.dataset.filled) fill(card);
    if (jump) card.scrollIntoView({ block: "start" });
    document.documentElement.dataset.shown = number(card);
  };
  const go = (link) => { if (link) location.hash = link.hash; };
  const move = (by) => {
    const shown = listed(), at = shown.indexOf(current());
    go(shown[at < 0 ? 0 : (at + by + shown.length) % shown.length]);
  };
  const random = () => {
    const sample = links.filter((link) => "drawn" in link.dataset && link !== current());
    by("filter").value = "";
    filter();
    go(sample[Math.floor(Math.random() * sample.length)]);
  };
  const filter = () => {
    const query = by("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const link of links) {
      const words = `${link.children[0].textContent} ${link.children[1].textContent}`.toLowerCase();
      link.parentElement.hidden = !query.every((word) => words.includes(word));
    }
    by("count").textContent = query.length ? `${listed().length} of ${links.length} match` : "";
  };

  const save = () => {
    const link = document.createElement("a");
    const lines = [csv.head, ...listed().map((each) => csv[each.hash.slice("#latent-".length)])];
    link.href = URL.createObjectURL(new Blob(lines, { type: "text/csv;charset=utf-8" }));
    link.download = "latents.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  by("filter").addEventListener("input", filter);
  by("save").addEventListener("click", save);
  by("back").addEventListener("click", () => move(-1));
  by("on").addEventListener("click", () => move(1));
  by("random").addEventListener("click", random);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), r: random, "/": () => by("filter").focus() }[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
  addEventListener("hashchange", () => show(location.hash.slice("#latent-".length), true));
  show(location.hash.slice("#latent-".length), Boolean(location.hash));
})();
