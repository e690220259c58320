//! Images, tagged and deleted.

use serde_json::{Value, json};

use super::images::encoded;
use super::{Ibm, administrator};
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_tag_is_made_moved_and_deleted() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    registry.admin(&["namespace", "create", "team"]);
    let first = registry.push_image("library/app", "v1").await;
    let second = registry.push_image("library/app", "v2").await;
    let digest = async |image: &str| {
        let (name, tag) = image.split_once(':').expect("a tag");
        let head = registry.head(&format!("/v2/{name}/manifests/{tag}")).await;
        (head.status() == 200).then(|| head.header("docker-content-digest").to_owned())
    };
    let tag = |from: &str, to: &str| {
        let path = format!(
            "/images/tags?fromimage={}&toimage={}",
            encoded(from),
            encoded(to)
        );
        admin.ibm_post(&path, &Value::Null)
    };
    for (from, to, expected) in [
        ("library/app:v1", "library/app:stable", &first),
        ("library/app:v2", "library/app:stable", &second),
        (
            &format!("library/app@{first}"),
            "team/nested/app:v1",
            &first,
        ),
        ("library/app:v2", "team/nested/app:v1", &second),
        ("team/nested/app:v1", "team/nested/app:latest", &second),
    ] {
        let answer = tag(from, to).await.assert_status(201);
        assert_eq!(answer.text(), "");
        assert_eq!(digest(to).await.as_ref(), Some(expected), "{from} {to}");
    }
    // It is there whole.
    let copy = registry
        .get("/v2/team/nested/app/manifests/latest")
        .await
        .json();
    let blob = copy["layers"][0]["digest"].as_str().expect("a digest");
    let blob = registry
        .get(&format!("/v2/team/nested/app/blobs/{blob}"))
        .await;
    blob.assert_status(200);
    for (from, to, status) in [
        ("library/app:none", "library/app:x", 404),
        ("library/app:v1", "nothing/app:x", 404),
        ("library/app:v1", "library/app@sha256:1", 400),
        ("library/app:v1", "", 400),
        ("", "library/app:x", 400),
    ] {
        tag(from, to).await.assert_status(status);
    }
    let by_digest = tag("library/app:v1", &format!("library/app@{first}")).await;
    by_digest.assert_ibm_error(400, "BAD_REQUEST");

    let untag = |image: &str| admin.ibm_delete(&format!("/tags/{}", encoded(image)));
    let untagged = untag("library/app:stable").await.assert_status(200).json();
    let name = format!("{}/library/app:stable", registry.host());
    assert_eq!(untagged, json!({ "Untagged": name }));
    assert_eq!(digest("library/app:stable").await, None);
    assert_eq!(digest("library/app:v2").await.as_ref(), Some(&second));
    untag("library/app:stable")
        .await
        .assert_ibm_error(404, "NOT_FOUND");
    untag(&format!("library/app@{first}"))
        .await
        .assert_ibm_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn images_are_deleted_with_their_tags() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let host = registry.host().to_owned();
    let app = registry.push_image("library/app", "v1").await;
    let keep = registry.push_image("library/app", "keep").await;
    let tag = "/images/tags?fromimage=library/app:v1&toimage=library/app:latest";
    admin.ibm_post(tag, &Value::Null).await.assert_status(201);
    let path = |image: &str| format!("/images/{}", encoded(image));
    let deleted = admin
        .ibm_delete(&path("library/app"))
        .await
        .assert_status(200);
    assert_eq!(
        deleted.json(),
        json!({ "Untagged": format!("{host}/library/app:latest") })
    );
    for reference in ["v1", "latest", &app] {
        let path = format!("/v2/library/app/manifests/{reference}");
        registry.get(&path).await.assert_status(404);
    }
    admin
        .ibm_delete(&path("library/app:v1"))
        .await
        .assert_ibm_error(404, "NOT_FOUND");

    let other = registry.push_image("library/other", "v1").await;
    let wanted = [
        format!("{host}/library/other@{other}"),
        format!("library/app@{keep}"),
        format!("{host}/library/none:1"),
        format!("library/app@{app}"),
        "no name".to_owned(),
    ];
    let answer = admin.ibm_post("/images/bulkdelete", &json!(wanted)).await;
    let result = answer.assert_status(200).json();
    assert_eq!(result["success"], json!(wanted[..2]));
    let errors = result["error"].as_object().expect("an object");
    assert_eq!(errors.len(), 3, "{result}");
    for (at, code) in [(2, "NOT_FOUND"), (3, "NOT_FOUND"), (4, "BAD_REQUEST")] {
        let error = &errors[&wanted[at]];
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].is_string());
    }
    assert_eq!(admin.ibm_get("/images").await.json(), json!([]));
    let many = vec!["library/app:v1"; 1001];
    let answer = admin.ibm_post("/images/bulkdelete", &json!(many)).await;
    answer.assert_ibm_error(400, "BAD_REQUEST");
    let odd = admin
        .ibm_post("/images/bulkdelete", &json!({ "images": [] }))
        .await;
    odd.assert_ibm_error(400, "BAD_REQUEST");
}
