"""Make the pictures of this folder: screenshots of pages made from real runs on the synthetic dataset.

    python reports/gallery/make.py [--profile smoke]

Needs Chromium on the PATH. Each picture is smaller than 150 kB; runs are stored, so a second call takes a minute.
"""
import argparse
import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench.artifacts import write_bytes, write_text
from workbench.errors import UserError
from workbench.experiment import Bench, open_bench
from workbench.experiment.audit.run_audit import audit, fit_or_load
from workbench.experiment.browse.case_study import inspect_cases
from workbench.places import home
from workbench.report import audit_page, cell_outputs, probe_page
from workbench.report.page_template import html_document
from workbench.show.figures.cases import plot_case

HERE = Path(__file__).parent
LIMIT = 150_000  # bytes
SHOWN = {"case": (440, 1), "audit": (780, 1), "latents": (1150, 0.6)}  # height in pixels, scale
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync "
         "--hide-scrollbars --virtual-time-budget=12000").split()  # fmt: skip


def case_page(bench: Bench, out: Path) -> Path:
    """The first test case whose target is two hops from the last item: the figure of notebook 05 on its own page."""
    cases = inspect_cases(bench)
    row = next(int(row) for row in cases.rows_of_stratum() if len(cases.shortest_path(int(row))) == 3)
    figure = plot_case(cases, row).update_layout(margin_t=105, height=410)
    figure_html = cell_outputs.figure_html(json.loads(figure.to_json()))
    style = "<style>.modebar{display:none}</style>"  # hides the buttons of an interactive figure
    write_text(out, html_document("A case", f'{style}<div style="padding:1rem">{figure_html}</div>'))
    return out


def screenshot(html: Path, png: Path, height: int, scale: float = 1) -> None:
    """Write a picture of the top of a page, 1150 pixels wide. UserError without Chromium, or if it exceeds 150 kB."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        raise UserError("no chromium on PATH; install it to make pictures")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / png.name
        command = [browser, *FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile",
                   f"--window-size=1150,{height}", f"--force-device-scale-factor={scale}",
                   f"--screenshot={picture}", html.resolve().as_uri()]  # fmt: skip
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        if picture.stat().st_size > LIMIT:
            raise UserError(f"{png}: {picture.stat().st_size} bytes, more than {LIMIT}; lower its height")
        shutil.move(picture, png)


def lab_screenshot(png: Path, home: Path) -> None:
    """Write a picture of the comparison of two systems in notebook 06, in JupyterLab with a dark theme.

    AssertionError if JupyterLab does not start.
    """
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    from live_lab import Lab

    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), home)
        try:
            lab.enter()
            lab.theme("Dark")
            lab.run_all("06_compare_systems")
            box = lab.browser.evaluate("""(async () => {
              const cell = panel.content.widgets.find(
                (one) => one.model.sharedModel.source.includes("explore_two_systems"));
              await panel.content.scrollToCell(cell, "start");
              await new Promise((resolve) => setTimeout(resolve, 1500));  // until its output is drawn
              cell.node.scrollIntoView({ block: "start" });
              await new Promise((resolve) => setTimeout(resolve, 500));
              const { x, y, width } = cell.node.getBoundingClientRect();
              return { x, y, width, height: 800 };
            })()""")
            clip = box | {"scale": 0.8}
            picture = base64.b64decode(lab.browser.call("Page.captureScreenshot", clip=clip)["data"])
        finally:
            lab.close()
    if len(picture) > LIMIT:
        raise UserError(f"{png}: {len(picture)} bytes, more than {LIMIT}; lower its height")
    write_bytes(png, picture)


def main() -> None:
    """Make every picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", default="smoke")
    bench = open_bench("synthetic", profile=parser.parse_args().profile, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        pages = {"case": case_page(bench, Path(folder) / "case.html")}
        pages["audit"] = audit_page(audit(bench, fit_or_load(bench, ["sasrec"])), out=Path(folder) / "audit.html")
        pages["latents"] = probe_page(bench.fit("sasrec"), out=Path(folder) / "latents.html")
        for name, html in pages.items():
            screenshot(html, HERE / f"{name}.png", *SHOWN[name])
    lab_screenshot(HERE / "lab.png", home())


if __name__ == "__main__":
    main()
