"""Promises of the page in a real browser: what a person can do on it, whatever happens to it meanwhile.

The browser is the distribution's Chromium, driven by Playwright; SQLAGENT_TEST_CHROMIUM names another one. With
SQLAGENT_TEST_SCREENSHOTS=docs the tests write the pictures that stand there.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the web extra is not installed")
pytest.importorskip("uvicorn", reason="the web extra is not installed")
pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright import sync_api as playwright
from web_site import Site, running

from sqlagent.ui import demo_database

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PER_DEPARTMENT = "How many employees does each department have?"

pytestmark = pytest.mark.timeout(240)


def chromium() -> str | None:
    """The browser to drive, if there is one."""
    named = os.environ.get("SQLAGENT_TEST_CHROMIUM")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


if chromium() is None:
    pytest.skip("no Chromium: install the distribution's package `chromium`", allow_module_level=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    demo_database.build(made / "company.db")
    hostile(made / "hostile.db")
    return made


def hostile(path: Path) -> None:
    """A database full of what careless pages take for markup, links, pictures and formulas."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            'CREATE TABLE evil ("<script>window.hacked=1</script>" TEXT, '
            '"</td><img src=x onerror=window.hacked=2>" TEXT, n INT)'
        )
        texts = (
            "<script>window.hacked=3</script>", "<img src=http://127.0.0.1:1/x.png onerror=window.hacked=4>",
            "[click](javascript:window.hacked=5)", "javascript:window.hacked=6", "![x](http://127.0.0.1:1/y.png)",
            "=HYPERLINK(\"http://127.0.0.1:1/\")", "</script><svg onload=window.hacked=7>", "{{7*7}}${7*7}",
            "\u202egnp.exe", "&lt;b&gt;", "<a href=http://127.0.0.1:1>x</a>", "x" * 5000,
        )  # fmt: skip
        rows = [(text, texts[-1 - i], i) for i, text in enumerate(texts)]
        connection.executemany("INSERT INTO evil VALUES (?, ?, ?)", rows)
        connection.execute('CREATE TABLE "<b>bold</b>" (a)')
    connection.close()


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    with running("company.db", "hostile.db", home=folder / "home", cwd=folder) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    made = new_page(browser, site.url)
    yield made
    made.context.close()
    assert made.troubles == []


def new_page(browser: Any, url: str, **settings: Any) -> Any:
    """A fresh page on the server; `troubles` are its script errors, broken policies and requests elsewhere."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 860}, reduced_motion="reduce", **settings
    )
    made = context.new_page()
    made.set_default_timeout(30_000)
    made.troubles, made.urls = [], []
    made.on("pageerror", lambda error: made.troubles.append(str(error)))
    made.on("console", lambda m: made.troubles.append(m.text) if "Content Security" in m.text else None)
    made.on("request", lambda request: made.urls.append(request.url))
    made.goto(url)
    made.wait_for_selector(".tables li")
    return made


def ask(page: Any, question: str) -> Any:
    """Ask, and the turn that it becomes."""
    before = page.locator("article.turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    return page.locator("article.turn").nth(before)


def answered(page: Any, question: str) -> Any:
    turn = ask(page, question)
    turn.locator(".statement").wait_for()
    return turn


def picture(page: Any, name: str) -> None:
    """Write a screenshot where they were asked for."""
    if target := os.environ.get("SQLAGENT_TEST_SCREENSHOTS"):
        page.evaluate("document.activeElement.blur()")
        Path(target).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(target) / f"{name}.png"))


def serious(page: Any) -> list[str]:
    """What axe-core finds serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    page.evaluate(script)  # the policy forbids a script element, not the debugger
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


# ---- asking ----


def test_a_question_gets_its_sentence_rows_statement_and_confidence(page: Any) -> None:
    turn = answered(page, PER_DEPARTMENT)
    assert turn.locator("tbody tr").count() == 6
    assert "Engineering" in turn.locator("tbody tr").first.inner_text()
    assert "for each" in turn.locator(".words").inner_text()
    assert (
        turn.locator(".sure").inner_text() == "Fairly sure"
    )  # a percentage only where it was fitted to the model
    assert turn.locator(".sql-keyword").first.inner_text() == "SELECT"
    assert page.locator("#live").inner_text().startswith("6 rows")
    picture(page, "web-answer")


def test_reading_and_writing_are_seen_as_they_happen(page: Any) -> None:
    turn = ask(page, "List the employees slowly")
    turn.get_by_text("Reading the schema").wait_for()
    assert "of 600 tokens" in turn.locator(".status").inner_text()
    assert turn.locator("progress").get_attribute("max") == "600"
    picture(page, "web-reading")
    turn.get_by_text("Writing the statement").wait_for()
    assert turn.locator(".draft").inner_text().startswith("SELECT"[:2])
    turn.locator("tbody tr").first.wait_for()


def test_stop_ends_an_answer_at_once_by_button_and_by_escape(page: Any) -> None:
    turn = ask(page, "List the employees forever")
    turn.get_by_text("Writing the statement").wait_for()
    began = time.monotonic()
    turn.get_by_role("button", name="Stop").click()
    turn.get_by_text("Stopped.").wait_for()
    assert time.monotonic() - began < 3
    turn = ask(page, "List the employees forever")
    turn.get_by_text("Writing the statement").wait_for()
    page.keyboard.press("Escape")
    turn.get_by_text("Stopped.").wait_for()
    assert answered(page, "How many employees are there?").locator("td").inner_text() == "42"


def test_a_follow_up_shows_what_it_goes_on_from(page: Any) -> None:
    answered(page, PER_DEPARTMENT)
    turn = answered(page, "And each department in London?")
    assert PER_DEPARTMENT in turn.locator(".follows").inner_text()
    page.get_by_role("button", name="New subject").click()
    page.locator(".turn.end").wait_for()
    turn = answered(page, "And each department in London?")
    assert turn.locator(".follows").is_hidden()


def test_a_statement_is_edited_and_run_in_the_same_sandbox(page: Any) -> None:
    turn = answered(page, PER_DEPARTMENT)
    turn.get_by_role("button", name="Edit").click()
    box = turn.locator(".editor textarea")
    box.fill("SELECT city, COUNT(*) AS n FROM departments GROUP BY city")
    box.press("Control+Enter")
    edited = page.locator("article.turn").nth(1)
    edited.locator("tbody tr").first.wait_for()
    assert edited.locator("th").first.inner_text().startswith("city")
    box.fill("DELETE FROM departments")
    turn.get_by_role("button", name="Run", exact=True).click()
    refused = page.locator("article.turn").nth(2)
    refused.locator(".trouble").wait_for()
    assert "SELECT" in refused.locator(".trouble").inner_text()


def test_rows_are_seen_while_others_are_still_being_found(page: Any) -> None:
    turn = ask(
        page,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 100000 = 0",
    )
    turn.locator(".preview td", has_text="100000").first.wait_for()
    assert "so far" in turn.locator(".preview").inner_text()
    assert turn.locator(".status").inner_text() == "Running the statement"
    turn.get_by_role("button", name="Stop").click()
    turn.get_by_text("Stopped.").wait_for()
    assert turn.locator(".preview").count() == 0


def test_typed_sql_runs_as_it_is_and_english_that_begins_alike_is_a_question(page: Any) -> None:
    turn = answered(page, "SELECT COUNT(*) AS n FROM employees WHERE salary > 0")
    assert turn.locator("td").inner_text() == "42"
    assert turn.locator("h2 .tag").inner_text() == "SQL" and turn.locator(".sure").count() == 0
    turn = answered(page, "Select the departments with each department")
    assert turn.locator("h2 .tag").count() == 0 and turn.locator(".sure").count() == 1
    turn = ask(page, "DELETE FROM employees")
    turn.locator(".answer > .trouble").wait_for()
    assert turn.locator("h2 .tag").inner_text() == "SQL"


def test_a_change_of_the_models_statement_shows_both_and_why(page: Any) -> None:
    turn = answered(page, "Which employees manage nobody?")
    change = turn.locator(".changes")
    change.locator("summary").click()
    before, after = change.locator("pre").all_inner_texts()
    assert "IS NOT NULL" not in before and "IS NOT NULL" in after
    assert turn.locator("tbody tr").count() == 25
    assert serious(page) == []
    picture(page, "web-changed")
    change.get_by_role("button", name="Run it as the model wrote it").click()
    playwright.expect(page.locator("article.turn").last.locator(".none")).to_have_text("No rows.")


def test_what_is_refused_says_what_to_press_and_no_flag_of_the_command_line(page: Any) -> None:
    turn = ask(page, "Show the recipes")
    turn.locator(".answer > .trouble").wait_for()
    said = turn.locator(".answer > .trouble").inner_text()
    assert "Answer anyway" in said and "--" not in said and "\\" not in said
    turn.get_by_role("button", name="Answer anyway").click()
    page.locator("article.turn").nth(1).locator(".statement").wait_for()


def test_a_page_can_have_more_questions_waiting_than_a_browser_has_connections(page: Any) -> None:
    slow = ask(page, "List the employees forever")
    slow.get_by_text("Writing the statement").wait_for()
    for number in range(11):
        ask(page, f"How many employees are there, {number}?").locator(".status").wait_for(timeout=5_000)
    page.get_by_text("Waiting behind 11 questions").wait_for()
    began = time.monotonic()
    slow.get_by_role("button", name="Stop").click()
    slow.get_by_text("Stopped.").wait_for()
    assert time.monotonic() - began < 3
    for number in range(1, 12):
        page.locator("article.turn").nth(number).locator("td", has_text="42").wait_for()


def test_another_reading_is_one_click_away(page: Any) -> None:
    turn = answered(page, "List the departments")
    turn.locator(".reading").click()
    other = page.locator("article.turn").nth(1)
    other.locator("tbody tr").first.wait_for()
    assert "budget" in other.locator("thead").inner_text()


def test_a_correction_goes_to_the_file_that_training_takes(page: Any, folder: Path) -> None:
    turn = answered(page, PER_DEPARTMENT)
    turn.get_by_role("button", name="Right").click()
    turn.get_by_text("Noted on this computer").wait_for()
    turn.get_by_role("button", name="Wrong").click()
    turn.locator(".editor textarea").fill("SELECT name FROM departments")
    turn.get_by_role("button", name="Send correction").click()
    turn.get_by_text("Correction kept").wait_for()
    lines = [json.loads(line) for line in (folder / "home" / "feedback.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in lines[-3:]] == ["up", "down", "down"]
    assert lines[-1]["corrected"] == "SELECT name FROM departments"


# ---- rows, charts, files ----


def test_rows_sort_filter_and_page(page: Any) -> None:
    turn = answered(page, "List the salaries of employees")
    first: Callable[[], str] = lambda: turn.locator("tbody tr").first.inner_text()  # noqa: E731
    assert turn.locator("tbody tr").count() == 25
    salary = turn.get_by_role("button", name="salary")
    salary.click()
    assert turn.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    lowest = first()
    salary.click()
    assert first() != lowest and turn.locator("th").nth(1).get_attribute("aria-sort") == "descending"
    turn.get_by_role("button", name="Next").click()
    assert "26–42 of 42" in turn.locator(".place").inner_text()
    assert turn.locator("tbody tr").count() == 17
    turn.locator("input[type=search]").fill("zzz")
    assert turn.locator("tbody tr").count() == 0
    turn.locator("input[type=search]").fill("")
    turn.locator(".table-tools select").select_option("100")
    assert turn.locator("tbody tr").count() == 42


def test_a_table_is_looked_at_and_read_as_records(page: Any) -> None:
    page.locator(".tables summary", has_text="employees").click()
    page.get_by_role("button", name="Show the rows of employees").click()
    turn = page.locator("article.turn").last
    turn.locator("tbody tr").first.wait_for()
    assert turn.locator("h2 code").inner_text() == "SELECT * FROM employees"
    turn.get_by_role("button", name="Records").click()
    first = turn.locator(".records li").first
    assert first.locator("dt").all_inner_texts()[:2] == ["id", "name"]
    assert first.locator("dd").count() == 7
    assert turn.locator(".records li").count() == 25
    assert serious(page) == []
    picture(page, "web-records")
    turn.get_by_role("button", name="Next").click()
    assert turn.locator(".records li").count() == 17
    turn.get_by_role("button", name="Table").click()
    assert turn.locator("tbody tr").count() == 17


def test_a_download_holds_all_rows_where_the_page_shows_the_first(page: Any) -> None:
    turn = answered(
        page, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) SELECT i FROM n"
    )
    said = turn.locator(".note").inner_text()
    assert said == "Only the first 1,000 rows came. Downloads hold all of it." and "--" not in said
    _, text = download(page, turn.get_by_role("button", name="CSV").click)
    assert text.decode().splitlines() == ["i", *map(str, range(1, 30001))]


def test_the_page_begins_at_its_top_with_questions_that_fit_the_database(page: Any) -> None:
    assert page.evaluate("[scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]
    page.locator("#database").select_option(label="hostile.db")
    page.get_by_text("Ask hostile.db a question.").wait_for()
    assert page.locator(".examples button").count() >= 1


def test_a_chart_suits_the_columns_and_is_changed_by_hand(page: Any) -> None:
    bars = answered(page, PER_DEPARTMENT)
    bars.get_by_role("button", name="Chart").click()
    assert bars.locator(".chart svg").get_attribute("aria-label").startswith("Bars: employees by name, 6")
    assert bars.locator(".chart rect.mark").count() == 6
    picture(page, "web-chart")
    lines = answered(page, "How many employees were hired each year?")
    lines.get_by_role("button", name="Chart").click()
    assert lines.locator(".chart svg").get_attribute("aria-label").startswith("Lines: hired by year")
    lines.get_by_label("Kind of chart").select_option("bars")
    assert lines.locator(".chart svg").get_attribute("aria-label").startswith("Bars")
    many = answered(page, "List the salaries of employees")
    many.get_by_role("button", name="Chart").click()
    many.get_by_label("Kind of chart").select_option("histogram")
    heights = many.locator(".chart rect.mark").evaluate_all(
        "all => all.map(r => r.textContent.match(/: (\\d+) row/)[1])"
    )
    assert sum(map(int, heights)) == 42


def download(page: Any, press: Callable[[], None]) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        press()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_rows_and_charts_are_downloaded_in_each_format(page: Any) -> None:
    turn = answered(page, PER_DEPARTMENT)
    found = dict(
        download(page, turn.get_by_role("button", name=name).click) for name in ("CSV", "JSON", "Markdown")
    )
    name = "how-many-employees-does-each-department-have"
    rows = list(csv.reader(io.StringIO(found[f"{name}.csv"].decode())))
    assert rows[:2] == [["name", "employees"], ["Engineering", "11"]] and len(rows) == 7
    assert json.loads(found[f"{name}.json"])[0] == {"name": "Engineering", "employees": 11}
    assert found[f"{name}.md"].decode().splitlines()[2].startswith("| Engineering")
    turn.get_by_role("button", name="Chart").click()
    _, svg = download(page, turn.get_by_role("button", name="SVG").click)
    assert svg.startswith(b"<svg") and b"Engineering" in svg and b"var(" not in svg
    _, png = download(page, turn.get_by_role("button", name="PNG").click)
    assert png.startswith(b"\x89PNG") and len(png) > 3000


def test_tables_and_keys_are_a_diagram(page: Any) -> None:
    page.get_by_role("button", name="Diagram").click()
    drawn = page.locator("#diagram-view svg")
    assert drawn.locator("text", has_text="employees").count() >= 1
    assert drawn.locator("g[stroke] path").count() == 5  # one a foreign key
    picture(page, "web-diagram")
    page.keyboard.press("Escape")
    page.locator(".tables summary", has_text="employees").click()
    assert "→ departments" in page.locator(".tables").inner_text()


# ---- databases ----


def test_a_file_is_dropped_asked_and_deleted(page: Any, tmp_path: Path) -> None:
    shop = tmp_path / "shop.db"
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE TABLE many_employees (name)")
    connection.close()
    # A real drop: the file travels in the event's DataTransfer.
    data = list(shop.read_bytes())
    page.evaluate(
        """data => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(data)], "shop.db"));
          for (const type of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        data,
    )
    page.get_by_text("Ask shop.db a question.").wait_for()
    assert page.locator("#database option:checked").inner_text() == "shop.db (dropped)"
    assert page.locator("#drop").is_hidden()
    page.get_by_role("button", name="Open…").click()
    page.get_by_role("button", name="Delete shop.db").click()
    page.get_by_text("No database is open").wait_for()


def test_a_csv_file_is_dropped_and_asked(page: Any, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("item,price\ntea,3.5\nrice,2\n")
    page.get_by_role("button", name="Open…").click()
    assert ".csv" in page.locator("#file").get_attribute("accept")
    page.set_input_files("#file", str(tmp_path / "prices.csv"))
    page.get_by_text("Ask prices.csv a question.").wait_for()
    assert answered(page, "SELECT SUM(price) AS total FROM prices").locator("td").inner_text() == "5.5"


def test_a_wrong_file_is_one_sentence_and_what_was_open_stays_open(page: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "letter.db"
    wrong.write_text("Dear Sir or Madam, this is no database")
    page.get_by_role("button", name="Open…").click()
    page.set_input_files("#file", str(wrong))
    said = page.locator("#open-trouble")
    said.wait_for()
    assert said.inner_text().startswith("letter.db is not a SQLite database, nor a CSV")
    page.get_by_label("Or type the path").fill(str(tmp_path / "nothing.db"))
    page.keyboard.press("Enter")
    playwright.expect(said).to_contain_text("nothing.db")
    page.keyboard.press("Escape")
    assert page.locator("#database option:checked").inner_text() == "company.db"
    assert page.locator(".tables li").count() > 4


def test_names_and_cells_never_become_markup(page: Any) -> None:
    page.locator("#database").select_option(label="hostile.db")
    page.locator(".tables summary", has_text="evil").click()
    page.get_by_role("button", name="Diagram").click()
    page.keyboard.press("Escape")
    turn = answered(page, "Show everything in evil")
    assert turn.locator("thead").inner_text().count("<script>") == 1
    assert turn.locator("tbody tr").count() == 12
    assert "<script>window.hacked=3</script>" in turn.locator("tbody").inner_text()
    assert "\\u202egnp.exe" in turn.locator("tbody").inner_text()
    assert page.locator("tbody a, tbody img, tbody script, tbody iframe, tbody svg").count() == 0
    turn.get_by_role("button", name="Chart").click()
    turn.locator(".chart svg").wait_for()
    ask(page, "<img src=x onerror=window.hacked=8> employees **bold** [x](javascript:window.hacked=9)")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert all(url.startswith(("http://127.0.0.1:", "blob:")) and ":1/" not in url for url in page.urls)


# ---- what happens to pages and servers ----


def test_a_reload_in_the_middle_of_an_answer_and_the_back_button_lose_nothing(page: Any) -> None:
    answered(page, PER_DEPARTMENT)
    ask(page, "List the employees slowly").get_by_text("Reading the schema").wait_for()
    page.reload()
    page.locator("article.turn").nth(1).locator("tbody tr").first.wait_for()
    assert page.locator("article.turn").count() == 2
    assert page.locator("article.turn").first.locator("tbody tr").count() == 6
    page.goto("about:blank")
    page.go_back()
    page.locator("article.turn").nth(1).locator("tbody tr").first.wait_for()
    assert page.locator("article.turn").first.locator("h2").inner_text() == PER_DEPARTMENT


def test_two_tabs_wait_in_one_queue_and_keep_to_themselves(page: Any, browser: Any, site: Site) -> None:
    other = new_page(browser, site.url)
    slow = ask(page, "List the employees forever")
    slow.get_by_text("Writing the statement").wait_for()
    waiting = ask(other, "How many employees are there?")
    waiting.get_by_text("Waiting behind 1 question").wait_for()
    slow.get_by_role("button", name="Stop").click()
    waiting.locator("td", has_text="42").wait_for()
    assert page.locator("article.turn").count() == other.locator("article.turn").count() == 1
    other.context.close()


def test_a_server_that_was_killed_and_started_again_is_found_again(browser: Any, folder: Path) -> None:
    with running("company.db", home=folder / "again", cwd=folder) as first:
        page = new_page(browser, first.url)
        answered(page, PER_DEPARTMENT)
        ask(page, "List the employees forever").get_by_text("Writing the statement").wait_for()
        first.stop(signal.SIGKILL)
        page.get_by_text("The server does not answer; trying again").wait_for()
    with running("company.db", home=folder / "again", cwd=folder, port=first.port):
        page.get_by_text("The server was started again before this was answered").wait_for()
        assert (
            page.locator("article.turn").first.locator("tbody tr").count() == 6
        )  # what was answered is still there
        turn = answered(page, "How many employees are there?")
        assert turn.locator("td").inner_text() == "42"
        page.context.close()


# ---- for everybody ----


def test_axe_finds_nothing_serious_light_dark_or_on_a_phone(browser: Any, site: Site) -> None:
    for scheme in ("light", "dark"):
        page = new_page(browser, site.url, color_scheme=scheme)
        assert serious(page) == []
        turn = answered(page, PER_DEPARTMENT)
        turn.get_by_role("button", name="Edit").click()
        assert serious(page) == []
        turn.get_by_role("button", name="Chart").click()
        turn.locator(".chart svg").wait_for()
        for summary in turn.locator("summary").all():
            summary.click()
        ask(page, "List the employees forever").get_by_text("Writing the statement").wait_for()
        assert serious(page) == []
        page.keyboard.press("Escape")
        page.locator("article.turn").last.get_by_text("Stopped.").wait_for()
        if scheme == "dark":
            turn.locator(".editor").get_by_role("button", name="Close").click()
            turn.scroll_into_view_if_needed()
            picture(page, "web-dark")
        page.get_by_role("button", name="Open…").click()
        assert serious(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Diagram").click()
        assert serious(page) == []
        page.context.close()


@pytest.mark.parametrize("width, height", [(360, 640), (640, 430)], ids=["phone", "1280 at 200 %"])
def test_nothing_is_cut_off_on_a_phone_or_at_200_percent(
    browser: Any, site: Site, width: int, height: int
) -> None:
    page = new_page(browser, site.url)
    page.set_viewport_size({"width": width, "height": height})
    turn = answered(page, PER_DEPARTMENT)
    turn.get_by_role("button", name="Chart").click()
    turn.locator(".chart svg").wait_for()
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
    for name in ("Chart", "CSV", "Edit", "Ask", "Tables"):
        box = page.get_by_role("button", name=name, exact=True).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, name
    page.get_by_role("button", name="Tables", exact=True).click()
    assert page.locator(".tables").is_visible()
    page.get_by_role("button", name="Tables", exact=True).click()
    assert serious(page) == []
    if width == 360:
        page.evaluate("scrollTo(0, 0)")
        picture(page, "web-phone")
    page.context.close()


def test_all_of_it_works_by_keyboard_alone(page: Any) -> None:
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type(PER_DEPARTMENT)
    page.keyboard.press("Enter")
    turn = page.locator("article.turn").last
    turn.locator(".statement").wait_for()

    def tab_to(text: str) -> None:
        for _ in range(60):
            page.keyboard.press("Shift+Tab")
            shown = page.evaluate(
                "document.activeElement.textContent + (document.activeElement.ariaLabel || '')"
            )
            if shown.startswith(text):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", "what has the focus is seen"
                return
        raise AssertionError(f"{text} cannot be reached")

    tab_to("Edit")
    tab_to("employees")  # the column's name: sorted by it
    page.keyboard.press("Enter")
    assert turn.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    tab_to("Chart")
    page.keyboard.press("Space")
    turn.locator(".chart svg").wait_for()
    page.keyboard.press("/")  # in a form? no: back to the question
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.press("ArrowUp")
    assert page.input_value("#question") == PER_DEPARTMENT


# ---- offline, and with a real model ----


def test_the_page_loads_nothing_from_elsewhere_and_the_server_calls_nobody(
    browser: Any, folder: Path, tmp_path: Path
) -> None:
    """Every address that the page loads is its own; in the server every socket but its own port's is denied."""
    script = tmp_path / "denied.py"
    script.write_text(
        "import socket, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "def deny(*a, **k):\n"
        "    print('DENIED', a, file=sys.stderr, flush=True); raise PermissionError('no network')\n"
        "for name in ('connect', 'connect_ex', 'sendto'): setattr(socket.socket, name, deny)\n"
        "for name in ('getaddrinfo', 'gethostbyname', 'getfqdn', 'create_connection'): setattr(socket, name, deny)\n"
        "from web_site import ByRote\nfrom sqlagent.ui.cli import main\nsys.exit(main(model=ByRote()))\n"
    )
    with running(
        "company.db", home=folder / "home", cwd=folder, command=[sys.executable, str(script)]
    ) as site:
        page = new_page(browser, site.url)
        turn = answered(page, PER_DEPARTMENT)
        turn.get_by_role("button", name="Chart").click()
        turn.locator(".chart svg").wait_for()
        page.get_by_role("button", name="Diagram").click()
        page.keyboard.press("Escape")
        fetched = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(page.urls) > 8 and len(fetched) > 8
        assert all(url.startswith((site.url, "blob:" + site.url)) for url in [*page.urls, *fetched])
        page.context.close()
        assert "DENIED" not in "".join(site.errors.queue)


def test_all_of_it_with_the_real_tiny_model(browser: Any, tmp_path: Path, tiny_path: Path) -> None:
    """Nothing is scripted here: the real program, model, sandbox and browser."""
    demo_database.build(tmp_path / "company.db")
    (tmp_path / "prices.csv").write_text("item,price\ntea,3.5\nrice,2\n")
    (tmp_path / "letter.db").write_text("Dear Sir or Madam")
    program = {"home": tmp_path / "home", "cwd": tmp_path, "command": [sys.executable, "-m", "sqlagent"]}
    argv = ("company.db", "-m", str(tiny_path), "--effort", "fast")
    question = "How many employees are there?"

    def whole(turn: Any) -> Any:
        turn.locator(".answer > *").first.wait_for(timeout=150_000)
        assert turn.locator(".sql-keyword").first.inner_text() == "SELECT", turn.inner_text()
        assert turn.locator("tbody tr, .none").count() >= 1, turn.inner_text()
        return turn

    with running(*argv, **program) as site:
        page = new_page(browser, site.url)
        turn = ask(page, question)
        turn.locator(".draft .sql-keyword").first.wait_for(timeout=150_000)  # it is seen being written
        whole(turn).get_by_role("button", name="Edit").click()
        box = turn.locator(".editor textarea")
        box.fill("SELECT name, budget FROM departments")
        box.press("Control+Enter")
        edited = page.locator("article.turn").nth(1)
        edited.get_by_role("button", name="Chart").click()
        assert edited.locator(".chart rect.mark").count() == 6
        _, text = download(page, edited.get_by_role("button", name="CSV").click)
        assert text.startswith(b"name,budget\n") and text.count(b"\n") == 7

        stopped = ask(page, "List the names and salaries of all employees in each department")
        stopped.get_by_role("button", name="Stop").click()
        stopped.get_by_text("Stopped.").wait_for(timeout=5_000)

        other = new_page(browser, site.url)  # two tabs at once, and a reload of one in the middle
        first = ask(page, question)
        ask(other, question).locator(".status").wait_for()
        other.reload()
        whole(first)
        whole(other.locator("article.turn").first)
        page.goto("about:blank")
        page.go_back()
        whole(page.locator("article.turn").first)

        page.get_by_role("button", name="Open…").click()
        page.set_input_files("#file", str(tmp_path / "letter.db"))
        playwright.expect(page.locator("#open-trouble")).to_contain_text("letter.db is not a SQLite database")
        page.set_input_files("#file", str(tmp_path / "prices.csv"))
        page.get_by_text("Ask prices.csv a question.").wait_for()
        whole(ask(page, "How many prices are there?"))

        site.stop(signal.SIGKILL)
        lost = ask(other, question)
        other.get_by_text("The server does not answer").first.wait_for()
        assert lost.count() == 0
    with running(*argv, port=site.port, **program):
        other.get_by_role("button", name="Ask", exact=True).click()
        whole(other.locator("article.turn").last)
        page.context.close()
        other.context.close()
