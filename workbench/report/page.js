"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const INK = {
    light: { text: "#22272e", muted: "#5b6570", grid: "#e3e6ea", soft: "#f5f6f8", page: "#ffffff" },
    dark: { text: "#dfe3e8", muted: "#98a2ad", grid: "#2d343c", soft: "#1d2228", page: "#14171b" },
  };
  const plots = [...document.querySelectorAll(".plot")];

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
    } catch (error) {
      div.textContent = `This figure could not be drawn: ${error.message}`;
      console.error(error);
    }
  };
  Promise.all(plots.map(draw)).then(() => { document.documentElement.dataset.drawn = plots.length; });
  let printing = false;  // paper stays light, whatever the screen turns to meanwhile
  dark.addEventListener("change", () => printing || repaint(now()));

  // On paper: light, and as wide as the sheet, whatever the window was; words small enough to fit a narrow figure.
  const SHEET = 650;
  const SMALL = { "font.size": 11, "title.font.size": 13, "title.subtitle.font.size": 11 };
  const get = (layout, path) => path.split(".").reduce((value, key) => value?.[key], layout) ?? null;
  const read = (layout) => Object.fromEntries(Object.keys(SMALL).map((path) => [path, get(layout, path)]));
  const folded = "details:not(.code, .log, .behind)";
  addEventListener("beforeprint", () => document.querySelectorAll(`${folded}:not([open])`).forEach((fold) => {
    fold.open = fold.dataset.opened = true;
  }));
  addEventListener("afterprint", () => document.querySelectorAll(`${folded}[data-opened]`).forEach((fold) => {
    fold.open = false;
    delete fold.dataset.opened;
  }));
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
