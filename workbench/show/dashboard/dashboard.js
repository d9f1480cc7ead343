"use strict";
(() => {
  const { titles, latents, steered, depth } = JSON.parse(document.getElementById("data").textContent);
  const by = (name) => document.getElementById(name);
  const links = [...document.querySelectorAll("#latents a")];
  const cards = [...document.querySelectorAll(".latent")];
  const number = (card) => card.id.slice("latent-".length);
  const listed = () => links.filter((link) => !link.parentElement.hidden);
  const here = () => links.find((link) => link.getAttribute("aria-current"));
  const share = (value) => `${(100 * value).toFixed(1)}%`;
  const element = (kind, text, name) => {
    const made = document.createElement(kind);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  // What the slider shows at one strength: where its line stands, what is recommended, and what left the list.
  const turn = (card) => {
    const told = latents[number(card)], at = Number(card.querySelector(".dial input").value);
    const zero = told.strengths.indexOf(0), strength = told.strengths[at], list = told.lists[at];
    for (const line of card.querySelectorAll(".now")) {
      line.setAttribute("transform", `translate(${(told.x[at] - told.x[zero]).toFixed(1)} 0)`);
    }
    const sign = strength > 0 ? "+" : "";
    const parts = [`${sign}${strength}`, `NDCG@10 ${told.ndcg[at].toFixed(4)} (${told.ndcg[zero].toFixed(4)} at 0)`];
    if (told.share[at] !== null) {
      const band = told.low[at] === null || strength === 0 ? "" : `, random latents ${share(told.low[at])} to ${share(told.high[at])}`;
      parts.splice(1, 0, `concept in the first 10: ${share(told.share[at])}${band}`);
    }
    card.querySelector("output").textContent = parts.join(" · ");
    const kept = new Set(list.map(([item]) => item));
    card.querySelector(".list tbody").replaceChildren(...list.map(([item, before, member], i) => {
      const row = document.createElement("tr"), now = i + 1, name = element("td", titles[item], member ? "member" : "");
      if (item === told.target) name.append(element("b", " ▶ held out", "target"));
      const entered = before === 0 || before > list.length;
      const from = before === 0 ? `below ${depth}` : before;
      const was = before === now ? "" : `${entered ? "▲ in, from" : before > now ? "▲ from" : "▼ from"} ${from}`;
      row.append(element("td", now, "n"), name, element("td", was, entered ? "in" : ""));
      return row;
    }));
    const gone = told.lists[zero].filter(([item]) => !kept.has(item)).map(([item]) => titles[item]);
    card.querySelector(".left").textContent = gone.length ? `Left the list: ${gone.join(" · ")}` : "";
  };

  const fill = (card) => {
    const told = latents[number(card)], dial = card.querySelector(".dial input");
    card.querySelector(".who").textContent =
      `One of the ${steered} users, drawn at random for this latent: ${told.user}. ● is of the concept. Read last:`;
    card.querySelector(".list").previousElementSibling.replaceChildren(
      ...told.read.map((item, i) => element("li", titles[item], i === told.read.length - 1 ? "last" : "")));
    dial.addEventListener("input", () => turn(card));
    turn(card);
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
  const walk = (by) => {
    const near = listed(), at = near.indexOf(here());
    go(near[at < 0 ? 0 : (at + by + near.length) % near.length]);
  };
  const draw = () => {
    const drawn = links.filter((link) => "drawn" in link.dataset && link !== here());
    by("filter").value = "";
    sift();
    go(drawn[Math.floor(Math.random() * drawn.length)]);
  };
  const sift = () => {
    const asked = by("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const link of links) {
      const words = `${link.children[0].textContent} ${link.children[1].textContent}`.toLowerCase();
      link.parentElement.hidden = !asked.every((word) => words.includes(word));
    }
    by("count").textContent = asked.length ? `${listed().length} of ${links.length} match` : "";
  };

  by("filter").addEventListener("input", sift);
  by("back").addEventListener("click", () => walk(-1));
  by("on").addEventListener("click", () => walk(1));
  by("random").addEventListener("click", draw);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = { ArrowLeft: () => walk(-1), ArrowRight: () => walk(1), r: draw, "/": () => by("filter").focus() }[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
  addEventListener("hashchange", () => show(location.hash.slice("#latent-".length), true));
  show(location.hash.slice("#latent-".length), Boolean(location.hash));
})();
