"""Make the pictures of this folder again: pages of real runs on the synthetic shop, as a browser shows them.

    python reports/gallery/make.py [--profile smoke]

Needs Chromium on the PATH. Each picture stays under 150 kB; runs are stored, so a second call takes a minute.
"""
import argparse
import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench.artifacts import home, write_bytes, write_text
from workbench.errors import UserError
from workbench.experiment import Bench, open_bench
from workbench.experiment.audit import run_audit as audits
from workbench.experiment.audit import sections
from workbench.experiment.browse.case_study import Cases
from workbench.report import audit_page, cell_outputs, latents_page
from workbench.report.page_template import page
from workbench.show.figures.cases import case_rings

HERE = Path(__file__).parent
LIMIT = 150_000  # bytes
SHOWN = {"case": (440, 1), "audit": (780, 1), "latents": (1150, 0.6)}  # height in pixels, scale
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync "
         "--hide-scrollbars --virtual-time-budget=12000").split()  # fmt: skip


def case_page(bench: Bench, out: Path) -> Path:
    """The first case whose answer lies two steps from the last item: notebook 05's figure on a page of its own."""
    cases = Cases(
        bench, [bench.fit("item_transitions"), bench.fit("graph_heuristic")], labels=sections.strata_of(bench)
    )
    row = next(int(row) for row in cases.of() if len(cases.way(int(row))) == 3)
    figure = case_rings(cases, row).update_layout(margin_t=105, height=410)
    drawn = cell_outputs.figure(json.loads(figure.to_json()))
    style = "<style>.modebar{display:none}</style>"  # buttons of a live figure, of no use in a picture
    write_text(out, page("A case", f'{style}<div style="padding:1rem">{drawn}</div>'))
    return out


def shot(html: Path, png: Path, height: int, scale: float = 1) -> None:
    """A picture of the top of a page, 1150 pixels wide. UserError without Chromium, or above 150 kB."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        raise UserError("no chromium on PATH; install it to make pictures")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / png.name
        command = [browser, *FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile",
                   f"--window-size=1150,{height}", f"--force-device-scale-factor={scale}",
                   f"--screenshot={made}", html.resolve().as_uri()]  # fmt: skip
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        if made.stat().st_size > LIMIT:
            raise UserError(f"{png}: {made.stat().st_size} bytes, more than {LIMIT}; lower its height")
        shutil.move(made, png)


def lab_shot(png: Path, home: Path) -> None:
    """The comparator of notebook 06 in a real JupyterLab with a dark page. AssertionError where it does not start."""
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    from live_lab import Lab

    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), home)
        try:
            lab.enter()
            lab.theme("Dark")
            lab.run_all("06_compare_systems")
            place = lab.browser.evaluate("""(async () => {
              const cell = panel.content.widgets.find((one) => one.model.sharedModel.source.includes("compare_runs"));
              await panel.content.scrollToCell(cell, "start");
              await new Promise((resolve) => setTimeout(resolve, 1500));  // until its output is drawn
              cell.node.scrollIntoView({ block: "start" });
              await new Promise((resolve) => setTimeout(resolve, 500));
              const { x, y, width } = cell.node.getBoundingClientRect();
              return { x, y, width, height: 800 };
            })()""")
            clip = place | {"scale": 0.8}
            made = base64.b64decode(lab.browser.call("Page.captureScreenshot", clip=clip)["data"])
        finally:
            lab.close()
    if len(made) > LIMIT:
        raise UserError(f"{png}: {len(made)} bytes, more than {LIMIT}; lower its height")
    write_bytes(png, made)


def main() -> None:
    """Make every picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", default="smoke")
    bench = open_bench("synthetic", profile=parser.parse_args().profile, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        pages = {"case": case_page(bench, Path(folder) / "case.html")}
        found = audits.audit(bench, audits.trained(bench, ["sasrec"]))
        pages["audit"] = audit_page(found, out=Path(folder) / "audit.html")
        pages["latents"] = latents_page(bench.fit("sasrec"), out=Path(folder) / "latents.html")
        for name, html in pages.items():
            shot(html, HERE / f"{name}.png", *SHOWN[name])
    lab_shot(HERE / "lab.png", home())


if __name__ == "__main__":
    main()
