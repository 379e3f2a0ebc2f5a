# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""A real browser (headless Chromium) that loads a page at several widths and tells what it finds."""

import json
import re
import shutil
import subprocess

import pytest

#: the page is loaded into a frame of the wanted width, and looked at from outside
_HARNESS = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="found"></pre><script>
const widths = WIDTHS, found = [];
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.src = "PAGE";
  document.body.append(frame);
  await new Promise(done => frame.onload = done);
  const page = frame.contentDocument, root = page.documentElement;
  const pictures = [...page.images];
  await new Promise(done => setTimeout(done, 300));
  const painted = canvas => {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) colors.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return colors.size;
  };
  const small = [...page.querySelectorAll("p, td, li, figcaption")].filter(e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize) < 12);
  const wide = [...page.querySelectorAll("body *")].filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > root.clientWidth + 1);
  const outside = [...page.querySelectorAll("[src], link[href], a[href]")].map(e => e.getAttribute("src") || e.getAttribute("href"))
    .filter(address => !/^(data:|#)/.test(address));
  found.push({
    width, scroll: root.scrollWidth, client: root.clientWidth, height: root.scrollHeight,
    pictures: pictures.length, missing: pictures.filter(p => !p.complete || p.naturalWidth < 50).map(p => p.alt),
    colors: [...page.querySelectorAll("canvas")].map(painted), small: small.length, wide: wide.map(e => e.outerHTML.slice(0, 120)),
    outside, controls: page.querySelectorAll(".controls input").length, tables: page.querySelectorAll("table").length,
  });
}
(async () => {
  try { for (const width of widths) await look(width); } catch (error) { found.push({ error: String(error) }); }
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


def browser():
    """Path of Chromium; skips the test where there is none (devtools/setup.sh --tests installs it on Debian)."""
    found = next(
        (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None
    )
    if found is None:
        pytest.skip("no Chromium here; install the package chromium")
    return found


def look(page, widths, folder):
    """Load an HTML file at several widths.

    :param page: Path of the file
    :param widths: px
    :param folder: for the harness and the profile
    :return: (one dict for each width, list of console messages)
    """
    harness = folder / "harness.html"
    harness.write_text(_HARNESS.replace("WIDTHS", json.dumps(list(widths))).replace("PAGE", page.resolve().as_uri()))
    command = [browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [
        "--enable-logging=stderr",
        "--v=0",
        f"--user-data-dir={folder / 'profile'}",
        "--window-size=1400,1000",
        "--hide-scrollbars",
    ]
    command += ["--virtual-time-budget=20000", "--dump-dom", harness.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r'<pre id="found">(.*?)</pre>', result.stdout, re.DOTALL)
    assert match and match.group(1), f"Chromium said nothing: {result.stderr[-2000:]}"
    import html

    messages = re.findall(r'CONSOLE[^\]]*\] "(.*?)", source', result.stderr)
    return json.loads(html.unescape(match.group(1))), messages
