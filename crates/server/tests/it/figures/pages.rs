//! What a page of the console asks of the database: who comes (the session with its user, and the account), what the page is
//! about, and one question for each list on it.

use super::statements;
use crate::console::Browser;
use crate::registry::TestRegistry;

/// A page, the statements that it may need beside three, and its lists, each of which may need one.
const PAGES: &[(&str, u64, &[&str])] = &[
    // How much there is, beside how the account stands.
    (
        "",
        1,
        &["days", "robot accounts", "jobs", "sinks", "repositories"],
    ),
    (
        "/namespaces",
        0,
        &["namespaces", "their retention", "their exceptions"],
    ),
    ("/namespaces/library", 0, &["repositories"]),
    // One more each: the list of artifacts looks for its repository by itself; a protection is the namespace's.
    (
        "/repositories/library%2Fapp",
        2,
        &["artifacts", "tags", "labels"],
    ),
    // Its repository, its namespace's protection, its lock, and where its configuration lies.
    (
        "/repositories/library%2Fapp/v1",
        4,
        &["tags", "labels", "referrers", "own labels", "shared labels"],
    ),
    ("/robots", 0, &["robot accounts"]),
    ("/members", 0, &["members", "roles"]),
    ("/trash", 0, &["items", "limits", "sizes"]),
];

#[tokio::test]
async fn a_page_asks_three_questions_and_one_for_each_list() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let browser = &Browser::administrator(&registry).await;
    let mut beyond = Vec::new();
    for (page, more, lists) in PAGES {
        let path = &format!("/console/accounts/default{page}");
        let asked = statements(&registry, async |_| async move {
            browser.page(path).await;
        });
        let asked = asked.await;
        let limit = 3 + more + u64::try_from(lists.len()).expect("few");
        eprintln!("{page}: {asked} of {limit}");
        if asked > limit {
            beyond.push(format!("{page}: {asked} of {limit}"));
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
