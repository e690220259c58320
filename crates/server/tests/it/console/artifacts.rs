//! Changing repositories, artifacts and tags in the console.

use serde_json::{Value, json};

use super::{BOTH, Browser};
use crate::harbor::Harbor as _;
use crate::harbor::additions::{CHART, CHART_LAYER, archive, push};
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

const APP: &str = "/console/accounts/default/repositories/library%2Fapp";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

async fn tags(registry: &TestRegistry) -> Vec<String> {
    let listed = registry.get("/v2/library/app/tags/list").await;
    let tags = listed.assert_status(200).json()["tags"].clone();
    serde_json::from_value(tags).unwrap_or_default()
}

async fn an_artifact_is_changed(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let browser = Browser::administrator(&registry).await;
    let image = registry.push_image("library/app", "v1").await;
    let here = format!("{APP}/{image}");
    let page = browser.page(&format!("{APP}/v1")).await;
    assert!(
        page.contains("Add a tag") && !page.contains("Give a label"),
        "{page}"
    );

    // A tag; one that there is, is refused beside its field, with what was typed.
    let done = browser
        .submit(&here, &[("do", "tag"), ("tag", "stable")])
        .await;
    assert!(
        browser
            .page(done.assert_status(303).header("location"))
            .await
            .contains("Saved.")
    );
    assert_eq!(tags(&registry).await, ["stable", "v1"]);
    for wrong in ["stable", HOSTILE] {
        let refused = browser
            .submit(&here, &[("do", "tag"), ("tag", wrong)])
            .await;
        let page = refused.assert_status(422).text();
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
        assert!(!page.contains("<script>alert"), "{page}");
    }

    // A label, given and taken.
    let label = json!({ "name": HOSTILE, "scope": "g" });
    registry
        .api_post("/labels", &label)
        .await
        .assert_status(201);
    let page = browser.page(&here).await;
    assert!(
        page.contains("Give a label") && !page.contains("<script>alert"),
        "{page}"
    );
    let given = [("do", "label"), ("label", "1")];
    browser.submit(&here, &given).await.assert_status(303);
    assert!(browser.page(&here).await.contains("Take away the label"));
    browser.submit(&here, &given).await.assert_status(422);
    let taken = [("do", "unlabel"), ("label", "1")];
    browser.submit(&here, &taken).await.assert_status(303);
    assert!(!browser.page(&here).await.contains("Take away the label"));
    let none = [("do", "label"), ("label", "77")];
    browser.submit(&here, &none).await.assert_status(422);

    what_is_locked_stays_and_what_is_copied_is_there(&registry, &browser, &image).await;
}

async fn what_is_locked_stays_and_what_is_copied_is_there(
    registry: &TestRegistry,
    browser: &Browser,
    image: &str,
) {
    let here = format!("{APP}/{image}");
    browser
        .submit(&here, &[("do", "lock")])
        .await
        .assert_status(303);
    let refused = browser.submit(&here, &[("do", "delete")]).await;
    assert!(refused.assert_status(422).text().contains("role=\"alert\""));
    browser
        .submit(&here, &[("do", "unlock")])
        .await
        .assert_status(303);

    // A copy.
    for wrong in ["none/app", "X", ""] {
        let copy = [("do", "copy"), ("to", wrong)];
        browser.submit(&here, &copy).await.assert_status(422);
    }
    let copy = [("do", "copy"), ("to", "library/copy")];
    let done = browser.submit(&here, &copy).await.assert_status(303);
    let page = browser.page(done.header("location")).await;
    assert!(
        page.contains("The copy is here.") && page.contains(image),
        "{page}"
    );

    // It goes, and nothing of it is left here.
    let done = browser
        .submit(&here, &[("do", "delete")])
        .await
        .assert_status(303);
    assert!(
        browser
            .page(done.header("location"))
            .await
            .contains("the trash")
    );
    browser.get(&here).await.assert_status(404);
    registry
        .get("/v2/library/copy/manifests/v1")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn artifacts_are_changed() {
    for backends in BOTH {
        an_artifact_is_changed(backends).await;
    }
}

async fn a_tag_returns(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let browser = Browser::administrator(&registry).await;
    let first = registry.push_image("library/app", "v1").await;
    let other = registry.push_image("library/app", "other").await;
    let manifest = registry
        .get(&format!("/v2/library/app/manifests/{other}"))
        .await
        .json();
    registry.push_manifest("library/app", "v1", &manifest).await;
    let path = format!("{APP}/v1/history");
    // Moves are noted when their events are sealed.
    let page = crate::plans::until("the moves are noted", || async {
        let page = browser.page(&path).await;
        page.contains("Point here again").then_some(page)
    })
    .await;
    assert_eq!(page.matches("Point here again").count(), 1, "{page}");
    assert!(page.contains(&format!("value=\"{first}\"")), "{page}");
    let revert = [("do", "revert"), ("digest", first.as_str())];
    browser.submit(&path, &revert).await.assert_status(303);
    let now = registry.describe("library/app", "v1").await["digest"].clone();
    assert_eq!(now, json!(first));

    // Locked, it neither returns nor goes.
    browser
        .submit(&path, &[("do", "lock")])
        .await
        .assert_status(303);
    let back = [("do", "revert"), ("digest", other.as_str())];
    for refused in [
        &back[..],
        &[("do", "delete")],
        &[("do", "end"), ("days", "3")],
    ] {
        let page = browser
            .submit(&path, refused)
            .await
            .assert_status(422)
            .text();
        assert!(page.contains("role=\"alert\""), "{page}");
    }
    browser
        .submit(&path, &[("do", "unlock")])
        .await
        .assert_status(303);

    it_ends_by_itself_and_goes(&registry, &browser).await;
}

async fn it_ends_by_itself_and_goes(registry: &TestRegistry, browser: &Browser) {
    let path = format!("{APP}/v1/history");
    for wrong in ["0", "-1", "x", "99999999"] {
        let end = [("do", "end"), ("days", wrong)];
        let page = browser.submit(&path, &end).await.assert_status(422).text();
        assert!(
            page.contains(&format!("value=\"{wrong}\"")),
            "what was typed stays: {page}"
        );
    }
    browser
        .submit(&path, &[("do", "end"), ("days", "3")])
        .await
        .assert_status(303);
    assert!(browser.page(&path).await.contains("<dt>Ends</dt>"));
    browser
        .submit(&path, &[("do", "end"), ("days", "")])
        .await
        .assert_status(303);
    assert!(!browser.page(&path).await.contains("<dt>Ends</dt>"));

    browser
        .submit(&path, &[("do", "delete")])
        .await
        .assert_status(303);
    assert_eq!(tags(registry).await, ["other"]);
    assert!(
        browser
            .page(&path)
            .await
            .contains("There is no such tag now.")
    );
    browser
        .get(&format!("{APP}/never/history"))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn tags_return_to_where_they_pointed() {
    for backends in BOTH {
        a_tag_returns(backends).await;
    }
}

#[tokio::test]
async fn a_repository_is_changed() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let mut images = Vec::new();
    for tag in ["v1", "v2", "v3"] {
        images.push(registry.push_image("library/app", tag).await);
    }
    let text = format!("# App\r\n{HOSTILE}");
    let described = [("do", "describe"), ("description", text.as_str())];
    browser.submit(APP, &described).await.assert_status(303);
    let page = browser.page(APP).await;
    assert!(
        page.contains("<h1>App</h1>") || page.contains("App</h"),
        "{page}"
    );
    assert!(
        !page.contains("<script>alert") && !page.contains("<img src=x"),
        "{page}"
    );
    let long = "x".repeat(65 << 10);
    let long = [("do", "describe"), ("description", long.as_str())];
    browser.submit(APP, &long).await.assert_status(413);

    // Several at once; one that is locked stops it, and is named.
    let lock = format!("{APP}/{}", images[1]);
    browser
        .submit(&lock, &[("do", "lock")])
        .await
        .assert_status(303);
    let chosen = [
        ("do", "delete-chosen"),
        ("digest", images[0].as_str()),
        ("digest", images[1].as_str()),
    ];
    let page = browser.submit(APP, &chosen).await.assert_status(422).text();
    assert!(page.contains("role=\"alert\""), "{page}");
    assert_eq!(tags(&registry).await, ["v2", "v3"]);
    browser
        .submit(&lock, &[("do", "unlock")])
        .await
        .assert_status(303);
    // One that is gone already is no reason to stop.
    browser.submit(APP, &chosen).await.assert_status(303);
    assert_eq!(tags(&registry).await, ["v3"]);
    browser
        .submit(APP, &[("do", "delete-chosen")])
        .await
        .assert_status(422);

    whoever_may_only_look_changes_nothing(&registry, &images[2]).await;

    // The whole of it, by its name.
    let wrong = [("do", "delete"), ("name", "library/ap")];
    let page = browser.submit(APP, &wrong).await.assert_status(422).text();
    assert!(page.contains("not the repository’s whole name"), "{page}");
    let right = [("do", "delete"), ("name", "library/app")];
    browser.submit(APP, &right).await.assert_status(303);
    browser.get(APP).await.assert_status(404);
}

/// Is shown nothing to change, either.
async fn whoever_may_only_look_changes_nothing(registry: &TestRegistry, image: &str) {
    let emil = registry.create_member("library", "emil", "guest");
    let emil = Browser::of(registry, &emil).await;
    let here = format!("{APP}/{image}");
    for page in [emil.page(APP).await, emil.page(&here).await] {
        assert!(!page.contains("name=\"do\" value=\"delete\""), "{page}");
    }
    for (path, what) in [
        (APP.to_owned(), "describe"),
        (APP.to_owned(), "delete"),
        (APP.to_owned(), "delete-chosen"),
        (here.clone(), "tag"),
        (here.clone(), "label"),
        (here.clone(), "lock"),
        (here.clone(), "copy"),
        (here.clone(), "delete"),
        (format!("{APP}/v3/history"), "lock"),
        (format!("{APP}/v3/history"), "revert"),
        (format!("{APP}/v3/history"), "end"),
        (format!("{APP}/v3/history"), "delete"),
    ] {
        let fields = [
            ("do", what),
            ("name", "library/app"),
            ("digest", image),
            ("label", "1"),
            ("tag", "mine"),
            ("to", "library/mine"),
            ("days", "1"),
        ];
        emil.submit(&path, &fields).await.assert_status(403);
    }
    assert_eq!(tags(registry).await, ["v3"]);
}

#[tokio::test]
async fn what_is_about_an_artifact_is_a_tree() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let image = registry.push_image("library/app", "v1").await;
    let kinds = ["application/spdx+json", "application/vnd.example.signature"];
    let mut subject = image.clone();
    for kind in kinds {
        subject = registry
            .push_referrer("library/app", &subject, kind, &Value::Null)
            .await;
    }
    let page = browser.page(&format!("{APP}/{image}")).await;
    let (_, tree) = page.split_once("id=\"referrers\"").expect("a tree");
    let (above, below) = tree
        .split_once("<ul class=\"tree\">")
        .expect("a level below");
    assert!(
        above.contains(kinds[0]) && !above.contains(kinds[1]),
        "{tree}"
    );
    assert!(below.contains(kinds[1]), "{tree}");
}

#[tokio::test]
async fn a_chart_shows_its_documents() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let readme = format!("# A chart\n{HOSTILE}");
    let values = format!("replicas: 3 # {HOSTILE}\n{}", "x: y\n".repeat(10_000));
    let files = [
        ("app/Chart.yaml", "name: app"),
        ("app/values.yaml", values.as_str()),
        ("app/README.md", readme.as_str()),
    ];
    let layer = (CHART_LAYER, archive(&files, "-z"), Value::Null);
    let config = json!({ "name": "app", "version": "1.0.0" });
    push(&registry, "1.0.0", (CHART, &config), &[layer]).await;
    let show = async |name: &str| {
        let page = browser.page(&format!("{APP}/1.0.0?show={name}")).await;
        assert!(
            !page.contains("<script>alert") && !page.contains("<img src=x"),
            "{page}"
        );
        assert!(page.len() < 60_000, "{name}: {} bytes", page.len());
        page
    };
    assert!(show("readme.md").await.contains("A chart</h"));
    let page = show("values.yaml").await;
    assert!(
        page.contains("replicas: 3") && page.contains("Only the beginning is shown."),
        "{page}"
    );
    assert!(!show("license").await.contains("id=\"document\""));
}
