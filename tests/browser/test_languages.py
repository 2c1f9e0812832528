"""A reader changes the language in the middle of a reading, and goes on where they were."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.clinician import Clinician
from tests.browser.conftest import people, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def second_reader_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("languages") / "server.log"
    with serving(log, {"CONSILIUM_READING": "second-reader", "CONSILIUM_KEEP_DAYS": "0"}) as url:
        yield url


@pytest.fixture
def reader(browser: Browser, second_reader_server: str) -> Iterator[Clinician]:
    made = people(browser, second_reader_server)
    yield next(made)().open()
    next(made, None)


def choose(reader: Clinician, language: str) -> None:
    reader.page.get_by_role("combobox", name="Language / 语言").click()
    reader.page.get_by_role("option", name=language).click()


def test_a_change_of_language_keeps_what_was_entered_and_a_reload_keeps_the_language(
    reader: Clinician,
) -> None:
    page = reader.page
    reader.open_demo()
    page.get_by_role("button", name="Review this case").click()
    progress = reader.see("reading-progress")
    expect(progress).to_have_text("0 of 6 findings read.")
    effusion = page.locator(".st-key-co-read-effusion")
    effusion.get_by_text("Present", exact=True).click()
    effusion.get_by_text("4", exact=True).click()
    expect(progress).to_have_text("1 of 6 findings read.")

    choose(reader, "简体中文")
    expect(progress).to_have_text("已阅 1/6 项征象。")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_test_id("stSkipToContent")).to_have_text("跳到页面内容")
    pneumothorax = page.locator(".st-key-co-read-pneumothorax")
    pneumothorax.get_by_text("不存在", exact=True).click()
    pneumothorax.get_by_text("5", exact=True).click()
    expect(progress).to_have_text("已阅 2/6 项征象。")

    choose(reader, "English")
    expect(progress).to_have_text("2 of 6 findings read.")
    choose(reader, "简体中文")
    expect(progress).to_have_text("已阅 2/6 项征象。")
    header = page.locator(".st-key-co-header")
    assert header.evaluate("e => e.scrollWidth <= e.clientWidth"), "the header fits in Chinese too"

    page.reload()
    expect(reader.see("research-banner")).to_contain_text("仅供研究使用")
