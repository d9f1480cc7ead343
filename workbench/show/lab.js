// Scripts for a page of JupyterLab; runs once a page. inks: INKS of theme.py.
(inks) => {
  if (window.workbenchLab) return;

  // Figures follow a dark theme: text and background are matched by their colours, so that those of data stay.
  const rgb = (hex) => `rgb(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(", ")})`;
  const rule = (part, name, change) =>
    `body[data-jp-theme-light="false"] .js-plotly-plot ${part}[style*="${rgb(inks.light[name])}"] { ${change} !important }`;
  const words = ["text", "muted"].flatMap((name) => ["text", "tspan"].map((part) => rule(part, name, `fill: ${inks.dark[name]}`)));
  const style = document.createElement("style");
  style.textContent = [
    ...words, rule("path", "grid", `stroke: ${inks.dark.grid}`), rule(".main-svg", "page", "background: transparent"),
    // A static output is hidden while the controls that it stands for are live.
    ".jp-OutputArea:has(.workbench-live) > .jp-OutputArea-child:has(.workbench-twin) { display: none }",
    // A table among widgets is styled as in an output.
    ".jupyter-widgets.widget-html > .widget-html-content { line-height: var(--jp-content-line-height) }",
    ".widget-html-content .dataframe { border-collapse: collapse }",
    ".widget-html-content .dataframe thead { border-bottom: 1px solid var(--jp-border-color1) }",
    ".widget-html-content .dataframe tbody tr:nth-child(odd) { background: var(--jp-rendermime-table-row-background) }",
  ].join("\n");
  document.head.append(style);

  // JupyterLab shortcuts are suppressed in a widget: else an arrow leaves a menu for the next cell, and D D deletes this
  // one. So they are for Enter and space on the heading of a table, which sort it.
  addEventListener("keydown", (event) => {
    const control = event.target.closest?.(".jupyter-widgets"), heading = event.target.closest?.("table.dataframe th");
    if (!control && !heading) return;
    const modified = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    const own = control ? event.key !== "Escape" : event.key === "Enter" || event.key === " ";
    event.target.toggleAttribute("data-lm-suppress-shortcuts", own && !modified);
  }, true);

  // ipywidgets gives the handle of a slider no accessible name: it gets the label before it, in the slider or beside it.
  // Sliders are added later than this, and again when a cell is rendered again.
  const label = () => {
    for (const handle of document.querySelectorAll(".widget-slider [role=slider]:not([aria-label])")) {
      const slider = handle.closest(".widget-slider"), names = slider.parentElement?.querySelectorAll(".widget-label") ?? [];
      const name = [slider.querySelector(".widget-label"), ...names].map((each) => each?.textContent).find(Boolean);
      if (name) handle.setAttribute("aria-label", name);
    }
  };
  const markTwins = () => {
    for (const plot of document.querySelectorAll(".js-plotly-plot:not(.workbench-twin)"))
      if (plot.layout?.meta === "workbench-twin") plot.classList.add("workbench-twin");
  };
  window.workbenchLab = new MutationObserver(() => { label(); markTwins(); });
  window.workbenchLab.observe(document.body, { childList: true, subtree: true });
  label();
}
