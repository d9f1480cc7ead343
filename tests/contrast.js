// Every text in the outputs of the open notebook whose contrast to what lies behind it is below 4.5 (WCAG 2, 1.4.3).
(() => {
  const numbers = (color) => (color.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => { const [low, high] = [light(a), light(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05); };
  // A figure lies in layers over its paper.
  const behind = (element) => {
    let at = element.closest(".svg-container")?.querySelector(".main-svg") || element;
    for (; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  let texts = 0, dark = true;
  for (const element of panel.node.querySelectorAll(".jp-OutputArea-output *:not(style, script, title)")) {
    if (element.closest(".jp-RenderedMarkdown pre")) continue;  // JupyterLab's own colours of code
    if (element.closest(".slice")) continue;  // its text is black or white, as plotly.js judges the slice
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const drawn = element instanceof SVGElement, style = getComputedStyle(element);
    const ink = numbers(drawn ? style.fill : style.color), ground = behind(element);
    texts += 1;
    if (drawn && light(ground) > 0.2) dark = false;
    if (ratio(ink, ground) < 4.5) faint.push(`${element.textContent.slice(0, 40)}: ${ink} on ${ground}`);
  }
  return { faint, texts, dark };
})();
