"""Rules of retention: what they would do is seen while they are typed, and nothing goes before they are run."""

from console import Person, given, violations


def stays_and_goes(page):
    return page.locator("#preview [role=status]").inner_text()


def main():
    said = given()
    person = Person(said)
    with person.at() as page:
        person.sign_in()
        person.open("/console/accounts/default/namespaces/library")
        page.get_by_role("link", name="Retention").click()
        # A new rule keeps the ten that were pushed last: that is all.
        page.get_by_text("12 stay, 0 go").or_(page.get_by_text("10 stay, 2 go")).wait_for()
        count = page.get_by_label("How many")
        count.fill("3")
        page.get_by_text("3 stay, 9 go").wait_for()
        page.get_by_label("Tags (* stands for anything; empty for all)").fill("v*")
        page.get_by_role("button", name="Add a rule").click()
        page.get_by_label("What becomes of them").nth(1).select_option("keep")
        page.get_by_label("Which artifacts").nth(1).select_option("always")
        page.get_by_label("Tags (* stands for anything; empty for all)").nth(1).fill("v1")
        page.get_by_text("4 stay, 8 go").wait_for()
        # What is wrong is said in the same place, and does not stay.
        count.first.fill("many")
        page.get_by_role("alert").filter(has_text="many is no number").wait_for()
        count.first.fill("3")
        page.get_by_text("4 stay, 8 go").wait_for()
        person.picture("retention-preview")
        assert not violations(page), violations(page)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("status").filter(has_text="Saved.").wait_for()
        page.get_by_role("button", name="Dry run").click()
        count.first.fill("7")
        page.get_by_text("done (Dry run)").wait_for()
        assert count.first.input_value() == "7", "what is typed beside a run stays"
        person.open("/console/accounts/default/repositories/library%2Fapp")
        assert page.locator("tbody tr").count() == 12
    # Without scripts a button does the same.
    with person.at(scripts=False) as page:
        person.sign_in()
        person.open("/console/accounts/default/namespaces/library/retention")
        page.get_by_label("How many").first.fill("5")
        page.get_by_role("button", name="Preview").last.click()
        assert stays_and_goes(page) == "6 stay, 6 go", stays_and_goes(page)
    print("tried")


main()
