"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const INK = {
    light: { text: "#22272e", muted: "#5b6570", grid: "#e3e6ea", soft: "#f5f6f8", page: "#ffffff" },
    dark: { text: "#dfe3e8", muted: "#98a2ad", grid: "#2d343c", soft: "#1d2228", page: "#14171b" },
  };
  const plots = [...document.querySelectorAll(".plot")];
  let printing = false;  // paper stays light and as it is, whatever the screen turns to meanwhile

  // What changes with the page's colours; everything else stays as the figure's author left it.
  const tint = (layout, ink) => {
    const patch = {
      paper_bgcolor: ink.page, plot_bgcolor: "rgba(0,0,0,0)", "font.color": ink.text,
      "title.font.color": ink.text, "title.subtitle.font.color": ink.muted, "modebar.bgcolor": "rgba(0,0,0,0)", "modebar.color": ink.muted, "modebar.activecolor": ink.text,
    };
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      for (const part of ["gridcolor", "zerolinecolor", "linecolor", "tickcolor"]) patch[`${axis}.${part}`] = ink.grid;
    }
    for (const menu of ["updatemenus", "sliders"]) {
      (layout[menu] || []).forEach((_, i) => {
        patch[`${menu}[${i}].bgcolor`] = ink.soft;
        patch[`${menu}[${i}].bordercolor`] = ink.grid;
        patch[`${menu}[${i}].font.color`] = ink.text;
      });
    }
    if (/unified/.test(layout.hovermode)) {
      patch["hoverlabel.bgcolor"] = ink.page;
      patch["hoverlabel.font.color"] = ink.text;
    }
    return patch;
  };
  const drawn = () => plots.filter((div) => div._fullLayout);
  const repaint = (ink) => drawn().forEach((div) => Plotly.relayout(div, tint(div._fullLayout, ink)));
  const now = () => (dark.matches ? INK.dark : INK.light);

  // A figure leaves the page under its own title: crisp for slides, or as lines for paper.
  const picture = (div, format) => {
    const name = div.ariaLabel.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "figure";
    const { width, height } = div._fullLayout;
    return Plotly.downloadImage(div, { format, filename: name, width, height, scale: format === "png" ? 3 : 1 });
  };
  const save = (format) => ({
    name: format, title: `Save as ${format.toUpperCase()}`, click: (div) => picture(div, format),
    icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk,
  });

  // Titles are wrapped to the width of the figure and stay clear of the toolbar: beside it, in a narrow figure below it.
  // Figures whose titles are placed by their author otherwise are left alone.
  const NARROW = 560, BAR = 26, LINE = { title: 21, subtitle: 17 }, TOP = 14;
  const pen = document.createElement("canvas").getContext("2d");
  const measure = (text, font) => {
    pen.font = `${font.size}px ${font.family}`;
    return pen.measureText(text.replace(/<[^>]*>/g, "").replace(/&(#\d+|\w+);/g, "x")).width;
  };
  const lines = (text) => text.split(/<br\s*\/?>/);
  const wrapped = (text, font, first, rest) => {
    const result = [];
    for (const word of lines(text).join(" ").split(" ")) {
      const longer = result.length ? `${result.at(-1)} ${word}` : word;
      if (result.length && measure(longer, font) > (result.length > 1 ? rest : first)) result.push(word);
      else result.splice(-1, 1, longer);
    }
    return result;
  };
  const original = (div) => {
    const { title, height, margin } = div.layout, full = div._fullLayout;
    return { title: title.text, subtitle: title.subtitle?.text ?? "", height, top: margin.t, bottom: full.margin.b, right: full.margin.r };
  };
  // In a narrow figure long labels of rows are cut (the hover text has them in full) and axis titles are wrapped.
  const cut = (label, font, width, tail) => {
    if (measure(label, font) <= width) return label;
    const last = tail ? label.slice(-tail).replace(/^[^&;]*;/, "") : "";
    let end = label.length - tail;
    while (end > 4 && measure(`${label.slice(0, end)}…${last}`, font) > width) end -= 1;
    return `${label.slice(0, end).replace(/&[^;]*$/, "").trimEnd()}…${last}`;
  };
  const cutAll = (labels, font, width) => {  // in the middle where two would read the same
    const [plain, middle] = [0, 6].map((tail) => labels.map((label) => cut(String(label), font, width, tail)));
    return new Set(plain).size < new Set(labels).size ? middle : plain;
  };
  const axes = (div, width, high, narrow) => {
    const patch = {}, own = (div.axesAsMade ??= {});
    for (const name of Object.keys(div._fullLayout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      const { tickfont, title, tickvals, range } = div._fullLayout[name], vertical = name[0] === "y";
      const { ticktext, tickangle, title: made } = div.layout[name] ?? {};
      own[name] ??= { labels: ticktext, angle: tickangle ?? "auto", title: made?.text };
      const { labels, angle, title: words } = own[name];
      if (labels && vertical) {
        patch[`${name}.ticktext`] = narrow ? cutAll([...labels], tickfont, 0.4 * width) : labels;
      } else if (labels) {
        const gap = labels.length > 1 ? Math.abs((tickvals[1] - tickvals[0]) / (range[1] - range[0])) : 1;
        const slot = 0.82 * width * gap, small = { ...tickfont, size: 11 };
        const broken = [...labels].map((label) => wrapped(String(label), small, slot, slot).join("<br>"));
        const upright = broken.every((label) => lines(label).every((line) => measure(line, small) <= slot));
        patch[`${name}.ticktext`] = narrow && upright ? broken : labels;
        patch[`${name}.tickangle`] = !narrow ? angle : upright ? 0 : 90;
        patch[`${name}.tickfont.size`] = narrow ? small.size : null;
      }
      const long = vertical ? high : width / 2;
      if (words) patch[`${name}.title.text`] = narrow ? wrapped(words, title.font, long, long).join("<br>") : words;
    }
    return patch;
  };
  // In a narrow figure the label of a mark is cut where the next mark, or the edge, begins; hover texts have it in full.
  const cutText = (div, narrow) => {
    const marks = div._fullData.flatMap(({ x, y, xaxis, yaxis }) => (x?.length ? [...x].map((at, i) => [xaxis, at, yaxis, y[i]]) : []));
    const places = marks.map(([xaxis, x, yaxis, y]) => {
      const [across, down] = [xaxis, yaxis].map((id) => div._fullLayout[id?.replace(/^([xy])/, "$1axis")]);
      return across && down ? [across._offset + across.d2p(x), down._offset + down.d2p(y)] : [NaN, NaN];
    });
    let start = 0;
    for (const [n, trace] of div._fullData.entries()) {
      const own = places.slice(start, start += trace.x?.length ?? 0);
      if (!/text/.test(trace.mode ?? "") || !Array.isArray(trace.text)) continue;
      const made = ((div.textsAsMade ??= {})[n] ??= [...trace.text]);
      const texts = made.map((text, i) => {
        const [x, y] = own[i];
        const next = Math.min(div._fullLayout.width, ...places.filter(([a, b]) => a > x + 8 && Math.abs(b - y) < 8).map(([a]) => a));
        return cut(String(text), trace.textfont, next - x - (/middle/.test(trace.textposition) ? 22 : 6), 0);
      });
      Plotly.restyle(div, { text: [narrow ? texts : made] }, [n]);
    }
  };
  // Labels of marks that still reach beyond the right edge get a wider margin.
  const showText = (div, own, narrow) => {
    if (narrow || div.textsAsMade) cutText(div, narrow);
    const edge = div.querySelector(".main-svg").getBoundingClientRect().right;
    const ends = [...div.querySelectorAll(".textpoint text, .bartext")].map((text) => text.getBoundingClientRect().right);
    const beyond = Math.ceil(1.15 * (Math.max(edge, ...ends) - edge));
    return beyond < 2 ? undefined : Plotly.relayout(div, { "margin.r": own.right + beyond + 4 });
  };
  const fit = async (div) => {
    const { title, height, margin } = div.layout, placed = title?.text && title.y !== undefined && height && margin?.t;
    if (!div.asMade && !placed) return;
    const own = (div.asMade ??= original(div)), full = div._fullLayout, room = div.clientWidth || full.width;
    const width = room - 12, narrow = room < NARROW, shift = narrow ? BAR : 0;
    const beside = narrow ? width : width - (div.querySelector(".modebar")?.offsetWidth ?? 0) - 8;
    const ticks = narrow || div.axesAsMade ? axes(div, width, own.height - own.top - own.bottom, narrow) : {};
    const onTop = Object.keys(full).filter((key) => full[key]?.side === "top").map((key) => ticks[`${key}.ticktext`] ?? []);
    const deep = narrow ? Math.max(1, ...onTop.flat().map((label) => lines(String(label)).length)) - 1 : 0;
    const text = wrapped(own.title, full.title.font, beside, width);
    const below = own.subtitle ? wrapped(own.subtitle, full.title.subtitle.font, width, width) : [];
    const more = shift + 14 * deep + LINE.title * (text.length - lines(own.title).length)
      + (own.subtitle ? LINE.subtitle * (below.length - lines(own.subtitle).length) : 0);
    const total = own.height + more;
    const patch = {
      "title.text": text.join("<br>"), "title.subtitle.text": below.join("<br>"), "title.y": 1 - (TOP + shift) / total,
      height: total, "margin.t": own.top + more, "margin.r": own.right,
    };
    Object.assign(patch, ticks);
    if (JSON.stringify(patch) === div.fitted) return;
    div.fitted = JSON.stringify(patch);
    await Plotly.relayout(div, patch);
    await showText(div, own, narrow);
  };
  const refit = async (div) => {  // a figure whose height was set keeps its width until it is told otherwise
    if (!div.asMade) return;
    await Plotly.relayout(div, { width: null, autosize: true });
    div.fitted = "";
    await fit(div);
  };
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => printing || drawn().forEach(refit), 150);
  });

  const draw = async (div) => {
    try {
      const spec = JSON.parse(div.querySelector("script").textContent);
      const config = {
        responsive: true, displaylogo: false, displayModeBar: "hover", showSendToCloud: false, plotlyServerURL: "",
        modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"],
        modeBarButtonsToAdd: [save("png"), save("svg")],
      };
      await Plotly.newPlot(div, spec.data || [], spec.layout || {}, config);
      if (spec.frames) await Plotly.addFrames(div, spec.frames);
      await Plotly.relayout(div, tint(div._fullLayout, now()));
      await fit(div);
    } catch (error) {
      div.textContent = `This figure could not be drawn: ${error.message}`;
      console.error(error);
    }
  };
  Promise.all(plots.map(draw)).then(() => { document.documentElement.dataset.drawn = plots.length; });
  dark.addEventListener("change", () => printing || repaint(now()));

  // On paper: light, and as wide as the sheet, whatever the window was; words small enough to fit a narrow figure.
  const SHEET = 650;
  const SMALL = { "font.size": 11, "title.font.size": 13, "title.subtitle.font.size": 11 };
  const get = (layout, path) => path.split(".").reduce((value, key) => value?.[key], layout) ?? null;
  const read = (layout) => Object.fromEntries(Object.keys(SMALL).map((path) => [path, get(layout, path)]));
  addEventListener("beforeprint", () => { printing = true; });
  addEventListener("afterprint", () => { printing = false; });
  addEventListener("beforeprint", () => drawn().forEach((div) => {
    div.onScreen = { width: div.layout.width ?? null, words: read(div.layout) };
    const width = Math.min(SHEET, div._fullLayout.width);
    Plotly.relayout(div, { ...tint(div._fullLayout, INK.light), ...SMALL, width });
  }));
  addEventListener("afterprint", () => drawn().forEach((div) => {
    const size = div.onScreen?.width ? { width: div.onScreen.width } : { width: null, autosize: true };
    Plotly.relayout(div, { ...tint(div._fullLayout, now()), ...div.onScreen?.words, ...size });
  }));
})();
