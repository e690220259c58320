//! Who may do what is found out with one statement, and with none where everything is known already.
//!
//! Each row is the statements of a whole request right after a change of policy, after which nothing is remembered, and of
//! the same request once more. What such a request needs besides `authorize` is told by name.

use serde_json::json;

use super::statements;
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::{Call, Client};

/// Whose address the request came to.
const ADDRESS: u64 = 1;
/// The user, or the robot account.
const LOGIN: u64 = 1;
/// What `authorize` may ask.
const AUTHORIZE: u64 = 1;
/// The account's plan, its own limits, and what it has pulled this month.
const LIMITS: u64 = 3;
/// The manifest itself.
const ANSWER: u64 = 1;

const MANIFEST: &str = "/v2/library/app/manifests/v1";
const OPEN: &str = "/v2/open/app/manifests/v1";

struct World {
    registry: TestRegistry,
    member: Client,
    partner: Client,
    robot: Client,
}

async fn world() -> World {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let open = json!({ "project_name": "open", "metadata": { "public": "true" } });
    registry
        .api_post("/projects", &open)
        .await
        .assert_status(201);
    registry.push_image("open/app", "v1").await;
    let member = registry.create_member("library", "member", "developer");
    let partner = registry.create_user("partner");
    let grant =
        json!({ "user": "partner", "role": "guest", "namespace": "library", "pattern": "ap*" });
    registry
        .v1_post("/accounts/default/grants", &grant)
        .await
        .assert_status(201);
    let access = [json!({ "resource": "repository", "action": "pull" })];
    let permission = json!({ "kind": "project", "namespace": "library", "access": access });
    let body =
        json!({ "name": "ci", "level": "project", "duration": -1, "permissions": [permission] });
    let robot = registry
        .api_post("/robots", &body)
        .await
        .assert_status(201)
        .json();
    let text = |field: &str| robot[field].as_str().expect("text");
    let robot = registry.as_user(text("name"), text("secret"));
    World {
        registry,
        member,
        partner,
        robot,
    }
}

impl World {
    /// Changes policy, so that nothing that was remembered counts any more.
    async fn forget(&self) {
        let body = json!({ "metadata": { "public": "true" } });
        let changed = self.registry.api_put("/projects/open", &body).await;
        changed.assert_status(200);
    }

    /// Statements of a request of which nothing is remembered, and of the same once more.
    #[expect(clippy::async_yields_async, reason = "what is prepared does not count")]
    async fn cost(&self, call: impl Fn() -> Call) -> (u64, u64) {
        let send = async || {
            let answer = call().await;
            assert_eq!(answer.status(), 200, "{}", answer.text());
        };
        let anew = statements(&self.registry, async |_| {
            self.forget().await;
            send()
        });
        let anew = anew.await;
        let again = statements(&self.registry, async |_| {
            send().await;
            send()
        });
        (anew, again.await)
    }
}

#[tokio::test]
#[expect(clippy::async_yields_async, reason = "what is prepared does not count")]
async fn authorize_asks_once_and_tokens_ask_nothing() {
    let world = world().await;
    let anonymous = world.registry.anonymous();
    let alone = ADDRESS + AUTHORIZE + LIMITS + ANSWER;
    let public = world.cost(|| anonymous.head(OPEN)).await;
    assert_eq!(public, (alone, 0), "anonymous");
    let member = world.cost(|| world.member.head(MANIFEST)).await;
    assert_eq!(member, (alone + LOGIN, 0), "a member");
    let partner = world.cost(|| world.partner.head(MANIFEST)).await;
    assert_eq!(partner, (alone + LOGIN, 0), "by a pattern");
    let robot = world.cost(|| world.robot.head(MANIFEST)).await;
    assert_eq!(robot, (alone + LOGIN, 0), "a robot account");
    let scope = "/service/token?scope=repository:library/app:pull,push,delete";
    let token = world.cost(|| world.member.get(scope)).await;
    assert_eq!(
        token,
        (ADDRESS + LOGIN + AUTHORIZE, 0),
        "a token for all scopes"
    );

    let bearer = statements(&world.registry, async |_| {
        world.forget().await;
        let holder = world
            .member
            .with_token(&["repository:library/app:pull,push"])
            .await;
        async move { holder.head(MANIFEST).await.assert_status(200) }
    });
    assert_eq!(bearer.await, LIMITS + ANSWER, "a pull with a token");
}
