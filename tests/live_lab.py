"""A JupyterLab server, started by `workbench lab` without the settings of this machine, and one page of it."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from chromium import Browser

ROOT = Path(__file__).parents[1]
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
SETTINGS = {
    "ServerApp": {"ip": "127.0.0.1", "port": 0, "open_browser": False},
    "LabApp": {"expose_app_in_browser": True, "news_url": None, "extension_manager": "readonly"},
}
PREFERENCES = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # or a dialog covers the page
    "notebook-extension/tracker": {"windowingMode": "defer"},  # figures out of view are drawn too, if later
}
ERRORS = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
IDLE = "panel.node.querySelector(`.jp-Notebook-ExecutionIndicator`)?.dataset.status === `idle`"


def connection(process: subprocess.Popen, runtime: Path, log: Path) -> tuple[str, str]:
    """(address, token) of a server once it answers: its runtime file is there before it listens."""
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        files = list(runtime.glob("jpserver-*.json"))
        if files and (text := files[0].read_text()):
            info = json.loads(text)
            with socket.socket() as probe:
                if probe.connect_ex((info["hostname"], info["port"])) == 0:
                    return info["url"], info["token"]
        time.sleep(0.1)


class Lab:
    """JupyterLab on a copy of the notebooks, and a browser that shows it."""

    def __init__(self, folder: Path, home: Path):
        self.root, own = folder / "notebooks", folder / "jupyter"
        ignored = shutil.ignore_patterns(".ipynb_checkpoints")
        shutil.copytree(ROOT / "notebooks", self.root, ignore=ignored)
        names = {f"JUPYTER_{name}": own / name.lower() for name in FOLDERS}
        names |= {f"JUPYTERLAB_{name}_DIR": own / name.lower() for name in ("SETTINGS", "WORKSPACES")}
        names |= {"IPYTHONDIR": own / "ipython", "WORKBENCH_HOME": home, "PYTHONPATH": ROOT}
        for path in names.values():
            path.mkdir(parents=True, exist_ok=True)
        (own / "config_dir" / "jupyter_server_config.json").write_text(json.dumps(SETTINGS))
        for name, values in PREFERENCES.items():
            settings = own / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            settings.parent.mkdir(parents=True)
            settings.write_text(json.dumps(values))
        environment = {name: value for name, value in os.environ.items() if name != "WORKBENCH_PROGRESS"}
        environment |= {name: str(path) for name, path in names.items()}
        self.log = (folder / "server.log").open("wb")
        command = [sys.executable, "-m", "workbench", "lab", "--folder", str(self.root)]
        self.browser, self.runtime = Browser("127.0.0.1"), own / "runtime_dir"
        self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=self.log, stderr=self.log)

    def enter(self) -> None:
        """Open the page of JupyterLab in a window of 1400 x 1200."""
        self.address, self.token = connection(self.process, self.runtime, Path(self.log.name))
        size = {"width": 1400, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
        self.browser.call("Emulation.setDeviceMetricsOverride", **size)
        for domain in ("DOM", "Accessibility"):
            self.browser.call(f"{domain}.enable")
        self.browser.visit(f"{self.address}lab?token={self.token}&reset", "window.jupyterapp?.shell")
        self.browser.wait("jupyterapp.commands.hasCommand('notebook:run-all-cells')")
        self.browser.evaluate("jupyterapp.restored.then(() => true)")

    def run_all(self, name: str, seconds: float = 300) -> float:
        """Open a notebook, run all its cells and wait until they have finished; returns the seconds."""
        self.browser.events.clear()
        started, path = time.monotonic(), json.dumps(f"{name}.ipynb")
        self.browser.evaluate(f"jupyterapp.commands.execute('docmanager:open', {{path: {path}}})"
                              ".then((opened) => { window.panel = opened; }); true")  # fmt: skip
        self.browser.wait("window.panel?.sessionContext?.session?.kernel && panel.sessionContext.isReady")
        self.browser.evaluate("window.ended = false; jupyterapp.commands.execute('notebook:run-all-cells')"
                              ".then(() => { ended = true; }); true")  # fmt: skip
        self.browser.wait(f"ended && {IDLE}", seconds)
        return time.monotonic() - started

    def cells(self) -> list[dict]:
        """The code cells of the open notebook, as JupyterLab would save them."""
        cells = self.browser.evaluate("panel.content.model.toJSON().cells")
        return [cell for cell in cells if cell["cell_type"] == "code"]

    def leave(self) -> None:
        """Close the open notebook and its kernel."""
        self.browser.evaluate("(async () => { if (!window.panel) return; await panel.sessionContext.shutdown(); "
                              "panel.context.model.dirty = false; panel.dispose(); panel = null; })()")  # fmt: skip

    def theme(self, name: str) -> None:
        """Make the page Light or Dark."""
        self.browser.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})")
        self.browser.wait(f"document.body.dataset.jpThemeName === 'JupyterLab {name}'")

    def errors(self) -> list[str]:
        """Console errors and exceptions of the page."""
        errors = []
        for event in self.browser.events:
            params = event.get("params", {})
            level = params.get("entry", {}).get("level") or params.get("type") or "error"
            if event["method"] in ERRORS and level == "error":
                errors.append(json.dumps(params)[:2000])
        return errors

    def external_requests(self) -> list[str]:
        """Every requested address that is not on this server."""
        sockets = [e["params"]["url"] for e in self.browser.events if e["method"] == "Network.webSocketCreated"]
        own = (self.address, self.address.replace("http", "ws", 1))
        return [url for url in self.browser.requests() + sockets if not url.startswith(own)]

    def close(self) -> None:
        """Close the browser, the kernels and the server."""
        self.browser.close()
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, "a signal to the command shuts the server down cleanly"
        self.log.close()
