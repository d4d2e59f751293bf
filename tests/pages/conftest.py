"""What the tests of pages share: a browser.

They are skipped, with a warning, where no Chromium is found; NAIGN_BROWSER=required makes that a failure, and
NAIGN_BROWSER=PATH names one.
"""

import os
import shutil
import warnings

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium():
    wanted = os.environ.get("NAIGN_BROWSER", "")
    found = next((p for p in map(shutil.which, [wanted, *NAMES] if wanted else NAMES) if p), None)
    if not found:
        message = "no Chromium was found: the pages were NOT tested in a browser (apt-get install chromium)"
        if wanted == "required":
            pytest.fail(message)
        warnings.warn(message, stacklevel=1)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
