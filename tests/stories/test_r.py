"""R beside Python: chosen where the room is opened, in JupyterLab's own language or not."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import Visitor
from tests.conftest import Stack

CELL = "library(survival); cat('hazard ratio', round(exp(coef(coxph(Surv(time, status) ~ sex, data = lung))), 2))"


def test_somebody_chooses_r_and_computes_in_it(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    person = stack.person("ada")
    stack.project(person)
    ada = visitor("en-GB")
    ada.log_in(stack, person.name, person.password)
    page = ada.page
    page.get_by_label("Programs in the room").select_option(label="Statistics in R")
    ada.photograph("programs")
    page.get_by_role("button", name="Open room").click()
    ada.arrives(stack.settings.portal_origin)
    page.locator(".datasluse-start").get_by_role("button", name="More…").click()
    page.locator(".jp-LauncherCard[data-category=Notebook]", has_text=re.compile(r"^\s*R\s*$")).click()
    expect(page.get_by_role("button", name="R | Idle")).to_be_visible(timeout=60_000)
    page.locator(".jp-Cell .cm-content").first.click()
    page.keyboard.insert_text(CELL)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("hazard ratio 0.59", timeout=60_000)
    ada.photograph("r")
