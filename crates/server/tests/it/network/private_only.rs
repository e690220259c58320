//! Accounts that are reached through private listeners only.

use http::Method;
use serde_json::json;

use super::{Acme, PRIVATE, PUBLIC, error, send};
use crate::registry::TestRegistry;

const NETWORK: &str = "/api/v1/accounts/acme/network";
const MESSAGE: &str = "this account is reached over the private network only, and this request came over the public one; use \
     the registry's private address";

#[tokio::test]
async fn a_private_account_is_served_on_private_listeners_alone() {
    let acme = Acme::start_on(TestRegistry::builder().listening_too("EXPOSURE", "private")).await;
    let (admin, registry) = (&acme.admin, &acme.registry);
    let inside = admin.asking(&registry.second_origin());
    let only = json!({ "private_only": true });
    // Whoever stands outside would be left there.
    let refused = send(admin, Method::PATCH, NETWORK, &only).await;
    refused.assert_error(412, "NOT_NOW");
    let token = admin.with_token(&["repository:acme/app:pull"]).await;
    let shown = inside.get(NETWORK).await.assert_status(200).json();
    assert_eq!(shown["your_listener"], "private");
    send(&inside, Method::PATCH, NETWORK, &only)
        .await
        .assert_status(204);

    for (path, code) in [
        (PRIVATE, "DENIED"),
        (PUBLIC, "DENIED"),
        ("/v2/", "DENIED"),
        ("/service/token?service=roadstead", "DENIED"),
        ("/api/v2.0/projects", "FORBIDDEN"),
        ("/api/v2.0/users/current", "FORBIDDEN"),
        (NETWORK, "FORBIDDEN"),
    ] {
        let answer = admin.get(path).await;
        assert_eq!(
            error(&answer),
            (403, code.to_owned(), MESSAGE.to_owned()),
            "{path}"
        );
        inside.get(path).await.assert_status(200);
    }
    token.get(PRIVATE).await.assert_error(403, "DENIED");
    token
        .asking(&registry.second_origin())
        .get(PRIVATE)
        .await
        .assert_status(200);

    // Nobody else notices: neither a stranger on the public side, nor other accounts.
    let stranger = registry.create_account("globex", "globex-admin");
    let hidden = stranger.get(PUBLIC).await;
    let nothing = stranger.get("/v2/nothing/app/manifests/v1").await;
    assert_eq!(error(&hidden), error(&nothing));
    let anonymous = registry.anonymous();
    let hidden = anonymous.get(PUBLIC).await;
    assert_eq!(hidden.status(), 401);
    stranger.get("/api/v2.0/projects").await.assert_status(200);
    registry.push_image("library/app", "v1").await;
    anonymous
        .asking(&registry.second_origin())
        .with_token(&["repository:open/app:pull"])
        .await
        .get(PUBLIC)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_robot_account_is_kept_out_like_its_people() {
    let acme = Acme::start_on(TestRegistry::builder().listening_too("EXPOSURE", "private")).await;
    let registry = &acme.registry;
    let made = registry.admin(&[
        "--account",
        "acme",
        "robot",
        "create",
        "ci",
        "--may",
        "pull",
    ]);
    let text = |field: &str| made[field].as_str().expect("a text");
    let robot = registry.as_user(text("name"), text("secret"));
    robot.get(PRIVATE).await.assert_status(200);
    let inside = acme.admin.asking(&registry.second_origin());
    send(
        &inside,
        Method::PATCH,
        NETWORK,
        &json!({ "private_only": true }),
    )
    .await
    .assert_status(204);
    for path in [PRIVATE, "/service/token?scope=repository:acme/app:pull"] {
        let answer = robot.get(path).await;
        assert_eq!(
            error(&answer),
            (403, "DENIED".to_owned(), MESSAGE.to_owned())
        );
    }
    let inside = robot.asking(&registry.second_origin());
    inside.get(PRIVATE).await.assert_status(200);
}
