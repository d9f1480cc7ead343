"use strict";
// On paper nothing is folded: everything opens before printing and closes again after it.
(() => {
  addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach((fold) => {
    fold.open = fold.dataset.opened = true;
  }));
  addEventListener("afterprint", () => document.querySelectorAll("details[data-opened]").forEach((fold) => {
    fold.open = false;
    delete fold.dataset.opened;
  }));
})();
