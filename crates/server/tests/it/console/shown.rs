//! What pages show of what is there, whoever wrote it.

use super::{BOTH, Browser, OVERVIEW};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, sha256};
use serde_json::json;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
const APP: &str = "/console/accounts/default/repositories/library%2Fapp";

async fn an_image(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let browser = Browser::administrator(&registry).await;
    let layer = vec![7; 3 << 10];
    let config = json!({
        "architecture": "arm64", "os": "linux", "author": HOSTILE,
        "config": { "Env": [HOSTILE], "Cmd": ["/app"], "Labels": { HOSTILE: HOSTILE } },
        "history": [
            { "created_by": "ENV A=b", "empty_layer": true },
            { "created_by": format!("RUN {HOSTILE}") },
        ],
        "rootfs": { "type": "layers", "diff_ids": [] },
    })
    .to_string();
    registry.push_blob("library/app", config.clone()).await;
    registry.push_blob("library/app", layer.clone()).await;
    let mut manifest = image_manifest(
        &descriptor(OCI_CONFIG, &config),
        &[descriptor(OCI_LAYER, &layer)],
    );
    manifest["annotations"] = json!({ HOSTILE: HOSTILE });
    let digest = registry.push_manifest("library/app", "v1", &manifest).await;
    registry
        .push_manifest("library/app", "latest", &manifest)
        .await;
    let subject = registry.describe("library/app", &digest).await;
    registry
        .push_referrer(
            "library/app",
            &digest,
            "application/spdx+json",
            &json!(null),
        )
        .await;
    let described =
        json!({ "repository": "library/app", "description": format!("# App\n{HOSTILE}") });
    registry
        .v1_put("/accounts/default/repository", &described)
        .await
        .assert_no_content();
    let overview = browser.page(OVERVIEW).await;
    assert!(overview.contains("library/app</a>"), "{overview}");
    assert!(!overview.contains("docker login"), "something is there");
    let list = browser.page(APP).await;
    let page = browser.page(&format!("{APP}/{digest}")).await;
    let by_tag = browser.page(&format!("{APP}/v1")).await;
    assert!(by_tag.contains(&digest), "{by_tag}");
    for page in [&overview, &list, &page] {
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(!page.contains("<img src=x"), "{page}");
    }
    for shown in [
        digest.as_str(),
        "linux",
        "arm64",
        "RUN &#60;script&#62;alert(1)",
        "3.0 KiB",
        "application/spdx+json",
        ">latest</a>",
        &format!("docker pull {}/library/app:", registry.host()),
        &format!("podman pull {}/library/app@{digest}", registry.host()),
        &sha256(&layer),
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(!page.contains("ENV A=b"), "it made no layer");
    assert_eq!(subject["digest"], digest);
}

#[tokio::test]
async fn an_image_is_shown_as_it_is() {
    for backends in BOTH {
        an_image(backends).await;
    }
}

#[tokio::test]
async fn an_index_leads_to_its_images_and_a_chart_to_helm() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let image = registry.push_image("library/app", "amd64").await;
    registry.push_index("library/app", "all", &[&image]).await;
    let page = browser.page(&format!("{APP}/all")).await;
    assert!(page.contains(&format!("href=\"{APP}/{image}\"")), "{page}");
}

#[tokio::test]
async fn pages_speak_the_language_of_their_reader() {
    let registry = TestRegistry::start().await;
    let browser = Browser::new(&registry);
    let in_french = browser
        .client
        .get("/console/sign-in")
        .header("accept-language", "fr-CH, en;q=0.5");
    let in_french = in_french.await.assert_status(200).text();
    assert!(in_french.contains("<html lang=\"fr\">"), "{in_french}");
    assert!(in_french.contains("Se connecter"), "{in_french}");
    // Whoever chooses has what it chose, whatever the browser says.
    let chosen = browser
        .get("/console/language?to=en&next=/console/sign-in")
        .await;
    let cookie = chosen.assert_status(303).header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("language=en; Path=/console; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let in_english = browser
        .client
        .get("/console/sign-in")
        .header("accept-language", "fr")
        .header("cookie", "language=en");
    assert!(in_english.await.text().contains("<html lang=\"en\">"));
}
