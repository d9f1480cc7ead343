"""A headless Chromium, controlled over its debugging pipe, so that no driver is needed."""
import json
import os
import shutil
import subprocess
import tempfile
import time

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needed = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; install it to see pages in a browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-pipe"
).split()


class Browser:
    """One page of a headless Chromium: call methods of the DevTools protocol and collect events.

    host: the only host that can be reached over the network; "" for none.
    """

    def __init__(self, host: str = ""):
        (child_read, self.write), (self.read, child_write) = os.pipe(), os.pipe()
        self.profile = tempfile.mkdtemp(prefix="workbench-chromium-")
        rules = "MAP * ~NOTFOUND" + (f", EXCLUDE {host}" if host else "")
        command = [CHROMIUM, *FLAGS, f"--host-resolver-rules={rules}", f"--user-data-dir={self.profile}"]
        shell = f'exec 3<&{child_read} 4>&{child_write} && exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], pass_fds=(child_read, child_write), stderr=subprocess.DEVNULL
        )
        os.close(child_read)
        os.close(child_write)
        self.stream, self.number, self.session, self.events = os.fdopen(self.read, "rb"), 0, None, []
        self.buffer = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params):
        """The result of one method; events received in the meantime are stored, dialogs are dismissed."""
        number = self.send(method, **params)
        while True:
            while b"\0" not in self.buffer:
                chunk = self.stream.read1(1 << 16)
                assert chunk, "the browser closed"
                self.buffer += chunk
            line, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == number:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    return {"result": {}}  # the page was being left: no result, try again
                assert "error" not in answer, answer
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)
            if answer.get("method") == "Page.javascriptDialogOpening":  # the page waits for an answer
                self.send("Page.handleJavaScriptDialog", accept=False)

    def send(self, method: str, **params) -> int:
        """Send one message without waiting for its answer; returns its number."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        return self.number

    def evaluate(self, expression: str):
        """The value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, path, until: str) -> None:
        """Load a file and wait until a JavaScript expression is true."""
        address = path.resolve().as_uri()
        self.visit(address, f"location.href === '{address}' && {until}")

    def visit(self, address: str, until: str) -> None:
        """Load an address and wait until a JavaScript expression is true."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState === 'complete' && {until}")

    def wait(self, until: str, seconds: float = 120) -> None:
        """Return when a JavaScript expression is true; fail after some seconds."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"!!(document.documentElement && {until})"):
            assert time.monotonic() < deadline, f"never true: {until}; {self.console_messages()}"
            time.sleep(0.1)

    def console_messages(self) -> list[str]:
        """Console messages and exceptions of the page."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Every requested address except data and blob URLs."""
        sent = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]

    def close(self) -> None:
        """Close the browser and delete its profile."""
        self.call("Browser.close") if self.process.poll() is None else None
        self.process.wait(timeout=10)
        self.stream.close()
        os.close(self.write)
        shutil.rmtree(self.profile, ignore_errors=True)


def press(browser: Browser, key: str) -> None:
    """Press a key on the focused element: a letter, Tab, Escape or an arrow key."""
    code = {"Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}.get(key, 0)
    text = {"text": key} if len(key) == 1 else {}
    kind = "keyDown" if text else "rawKeyDown"
    browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)
