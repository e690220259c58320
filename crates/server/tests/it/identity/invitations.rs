//! Invitations: a user of one account becomes a member of another, when both want it, and stays its own account's user.

use http::Method;
use serde_json::{Value, json};

use super::Api;
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client, Credentials};

const INVITATIONS: &str = "/accounts/acme/invitations";

/// The accounts acme, of ann, with the namespace `team`, and brew, of bob.
pub(super) struct Two {
    pub(super) registry: TestRegistry,
    pub(super) ann: Client,
    pub(super) bob: Client,
}

impl Two {
    pub(super) async fn start() -> Self {
        let registry = TestRegistry::start().await;
        let ann = registry.create_account("acme", "ann");
        let bob = registry.create_account("brew", "bob");
        registry.admin(&["--account", "acme", "namespace", "create", "team"]);
        Self { registry, ann, bob }
    }

    pub(super) async fn invite(&self, user: &str, more: Value) -> Answer {
        let mut body = json!({ "user": user, "role": "developer", "namespace": "team" });
        for (field, value) in more.as_object().expect("an object") {
            body[field] = value.clone();
        }
        self.ann.v1_post(INVITATIONS, &body).await
    }

    /// Invites bob; returns the invitation's id.
    async fn invite_bob(&self) -> String {
        let made = self.invite("bob", json!({})).await.assert_status(201);
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Bob's number in acme.
    pub(super) async fn guest(&self) -> Value {
        let listed = self.ann.v1_get("/accounts/acme/members?q=bob").await;
        listed.assert_status(200).items("number")[0].clone()
    }

    pub(super) async fn join(&self) {
        let id = self.invite_bob().await;
        decide(&self.bob, &id, "accept").await.assert_no_content();
    }
}

pub(super) async fn decide(caller: &Client, id: &str, decision: &str) -> Answer {
    let body = json!({ "decision": decision });
    let path = format!("/invitations/{id}/decision");
    caller.v1_put(&path, &body).await
}

/// The invitation without its id and times.
fn plain(invitation: &Value) -> Value {
    let mut plain = invitation.clone();
    for field in ["id", "created_at", "expires_at"] {
        assert!(plain[field].take().is_string(), "{field} of {invitation}");
    }
    plain
}

#[tokio::test]
async fn whoever_accepts_is_a_member_until_it_is_taken_out() {
    let two = Two::start().await;
    let (ann, bob) = (&two.ann, &two.bob);
    let made = two.invite("bob", json!({ "expires_in_days": 2 })).await;
    let made = made.assert_status(201);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let location = format!("/api/v1{INVITATIONS}/{}", id.replace('-', "%2D"));
    assert_eq!(made.location(), location);
    let shown = json!({
        "id": null,
        "account": "acme",
        "user": "bob",
        "role": "developer",
        "namespace": "team",
        "invited_by": "ann",
        "created_at": null,
        "expires_at": null,
    });
    assert_eq!(plain(&made.json()), shown);
    for (caller, path) in [(ann, INVITATIONS), (bob, "/invitations")] {
        let listed = caller.v1_get(path).await.assert_status(200).json();
        assert_eq!(listed["items"], json!([made.json()]));
        assert_eq!(listed["total"], 1);
    }
    // To be asked is not to be in.
    bob.v1_get("/accounts/acme").await.assert_status(404);

    decide(bob, &id, "accept").await.assert_no_content();
    for (caller, path) in [(ann, INVITATIONS), (bob, "/invitations")] {
        assert_eq!(caller.v1_get(path).await.json()["total"], 0);
    }
    let accounts = bob.v1_get("/accounts").await.items("name");
    assert_eq!(accounts, ["acme", "brew"]);
    bob.push_image("team/app", "v1").await;
    ann.v1_get("/accounts/brew").await.assert_status(404);
    assert_eq!(
        two.registry.sql(
            "SELECT e.kind, e.caller, a.name FROM events e JOIN accounts a ON a.id = e.account_id \
             WHERE e.kind LIKE 'invitation.%' OR e.kind LIKE 'grant.%' ORDER BY e.kind"
        ),
        [
            ["grant.created", "bob", "acme"],
            ["invitation.accepted", "bob", "acme"],
            ["invitation.created", "ann", "acme"],
        ]
    );

    let token = bob.with_token(&["repository:team/app:pull"]).await;
    let guest = two.guest().await;
    let path = format!("/accounts/acme/members/{guest}");
    ann.v1_delete(&path).await.assert_no_content();
    bob.v1_get("/accounts/acme").await.assert_status(404);
    // A token that it has is good for some minutes; it gets no other.
    let pull = "/v2/team/app/manifests/v1";
    token.get(pull).await.assert_status(200);
    let token = bob.with_token(&["repository:team/app:pull"]).await;
    token.get(pull).await.assert_status(401);
    bob.v1_get("/accounts/brew/members")
        .await
        .assert_status(200);
    // It may come again.
    two.join().await;
    bob.v1_get("/accounts/acme").await.assert_status(200);
}

#[tokio::test]
async fn t09_to_invite_somebody_is_like_to_invite_nobody() {
    let two = Two::start().await;
    let names = ["bob", "eve"];
    let mut answers = Vec::new();
    for name in names {
        let made = two.invite(name, json!({})).await.assert_status(201);
        let again = two.invite(name, json!({})).await;
        let again = again.assert_error(409, "CONFLICT").error_message();
        let mut shown = plain(&made.json());
        assert_eq!(shown["user"].take(), name);
        answers.push((
            shown,
            again.replace(name, "NAME"),
            made.headers()
                .keys()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        ));
        let listed = two.ann.v1_get(&format!("{INVITATIONS}?q={name}")).await;
        assert_eq!(listed.items("user"), [name]);
    }
    assert_eq!(answers[0], answers[1]);

    // Who gets the name later was not meant.
    let body = json!({ "name": "eve", "password": "Correct-horse-7" });
    let made = two.bob.v1_post("/accounts/brew/members", &body).await;
    made.assert_status(201);
    let eve = two.registry.as_user("eve", "Correct-horse-7");
    assert_eq!(eve.v1_get("/invitations").await.json()["total"], 0);
    // Nor is it told when somebody is gone.
    let gone = json!({ "name": "kim", "password": "Correct-horse-7" });
    let made = two.bob.v1_post("/accounts/brew/members", &gone).await;
    let kim = made.assert_status(201).location();
    two.invite("kim", json!({})).await.assert_status(201);
    two.bob.delete(&kim).await.assert_no_content();
    let listed = two.ann.v1_get(&format!("{INVITATIONS}?q=kim")).await;
    assert_eq!(listed.items("user"), ["kim"]);
    // Who is a member is known in any case.
    let known = two.invite("ann", json!({})).await;
    known.assert_error(409, "CONFLICT");
}

#[tokio::test]
async fn t12_an_invitation_is_for_whom_it_was_made() {
    let two = Two::start().await;
    let fay = two.registry.create_account("other", "fay");
    let id = two.invite_bob().await;
    let narrow = json!({ "name": "narrow", "actions": ["pull"] });
    let made = two.bob.v1_post("/user/access-tokens", &narrow).await.json();
    let secret = made["secret"].as_str().expect("a secret");
    let narrow = two.registry.as_user("bob", secret);
    let robot = ["robot", "create", "ci", "--may", "pull"];
    let robot = two
        .registry
        .admin(&[&["--account", "brew"], &robot[..]].concat());
    let of = |field: &str| robot[field].as_str().expect("a text").to_owned();
    let robot = two.registry.as_user(&of("name"), &of("secret"));
    for (caller, status) in [
        (&two.registry.anonymous(), 401),
        (&fay, 404),
        (&two.ann, 404),
        (&narrow, 403),
        (&robot, 403),
    ] {
        for decision in ["accept", "decline"] {
            let answer = decide(caller, &id, decision).await;
            assert_eq!(answer.status(), status, "{}", answer.text());
        }
    }
    let theirs = format!("/accounts/other/invitations/{id}");
    fay.v1_delete(&theirs).await.assert_error(404, "NOT_FOUND");
    let unknown = decide(&two.bob, "none", "accept").await;
    unknown.assert_error(404, "NOT_FOUND");
    decide(&two.bob, &id, "perhaps").await.assert_status(422);

    decide(&two.bob, &id, "decline").await.assert_no_content();
    decide(&two.bob, &id, "accept").await.assert_status(404);
    let id = two.invite_bob().await;
    let path = format!("{INVITATIONS}/{id}");
    two.ann.v1_delete(&path).await.assert_no_content();
    two.ann.v1_delete(&path).await.assert_status(404);
    decide(&two.bob, &id, "accept").await.assert_status(404);
    let id = two.invite_bob().await;
    let ended = format!("UPDATE invitations SET expires_at_ms = 1 WHERE id = '{id}' RETURNING id");
    assert_eq!(two.registry.sql(&ended).len(), 1);
    decide(&two.bob, &id, "accept").await.assert_status(404);
    two.ann.v1_delete(&path).await.assert_status(404);
    assert_eq!(two.ann.v1_get(INVITATIONS).await.json()["total"], 0);
    two.bob.v1_get("/accounts/acme").await.assert_status(404);
    // One that has ended is in nobody's way.
    two.join().await;
    let told = two
        .registry
        .sql("SELECT kind FROM events WHERE kind LIKE 'invitation.%' ORDER BY kind");
    let told: Vec<&str> = told.iter().map(|row| &row[0][11..]).collect();
    assert_eq!(
        told,
        [
            "accepted", "created", "created", "created", "created", "declined", "revoked"
        ]
    );
}

#[tokio::test]
async fn nobody_gives_by_an_invitation_what_it_does_not_hold_then() {
    let two = Two::start().await;
    let acme = |arguments: &[&str]| {
        two.registry
            .admin(&[&["--account", "acme"], arguments].concat())
    };
    let made = acme(&["user", "create", "bea", "--administrator"]);
    let bea = two
        .registry
        .as_user("bea", made["password"].as_str().expect("a password"));
    let body = json!({ "user": "bob", "role": "administrator" });
    let made = bea.v1_post(INVITATIONS, &body).await.assert_status(201);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let listed = two.ann.v1_get("/accounts/acme/members?q=bea").await;
    let path = format!("/accounts/acme/members/{}", listed.items("number")[0]);
    let no_more = json!({ "is_administrator": false });
    two.ann.v1_patch(&path, &no_more).await.assert_no_content();
    let refused = decide(&two.bob, &id, "accept").await;
    refused.assert_error(412, "NOT_NOW");
    two.bob.v1_get("/accounts/acme").await.assert_status(404);
    let invite = bea.v1_post(INVITATIONS, &body).await;
    invite.assert_error(403, "FORBIDDEN");

    for (more, status) in [
        (json!({ "role": "administrator" }), 422),
        (json!({ "role": "nothing" }), 404),
        (json!({ "namespace": "nowhere" }), 404),
        (json!({ "expires_in_days": 0 }), 422),
        (json!({ "expires_in_days": 31 }), 422),
        (json!({ "expires_in_days": i64::MAX }), 422),
        (json!({ "user": "" }), 422),
        (json!({ "user": "a b" }), 422),
        (json!({ "user": "robot$team+ci" }), 422),
        (json!({ "user": "a".repeat(256) }), 422),
        (json!({ "user_id": "x" }), 422),
        (json!({ "account": "brew" }), 422),
    ] {
        let answer = two.invite("carl", more.clone()).await;
        assert_eq!(answer.status(), status, "{more}: {}", answer.text());
    }
    let suspended = ["account", "suspend", "acme"];
    let id = {
        let path = format!("{INVITATIONS}/{id}");
        two.ann.v1_delete(&path).await.assert_no_content();
        two.invite_bob().await
    };
    two.registry.admin(&suspended);
    decide(&two.bob, &id, "accept").await.assert_status(403);
    two.registry.admin(&["account", "resume", "acme"]);
    decide(&two.bob, &id, "accept").await.assert_no_content();
}

#[tokio::test]
async fn an_account_has_a_hundred_open_invitations_at_most() {
    let two = Two::start().await;
    for number in 0..100 {
        let made = two.invite(&format!("somebody-{number}"), json!({})).await;
        made.assert_status(201);
    }
    let refused = two.invite("one-more", json!({})).await;
    let said = refused.assert_error(412, "NOT_NOW").error_message();
    assert!(said.contains("revoke some first"), "{said}");
    let ended =
        "UPDATE invitations SET expires_at_ms = 1 WHERE user_name = 'somebody-7' RETURNING id";
    two.registry.sql(ended);
    two.invite("one-more", json!({})).await.assert_status(201);
}

/// A role of the account's own may be promised, too, and goes with the role.
#[tokio::test]
async fn an_invitation_may_bring_a_role_of_the_accounts_own() {
    let two = Two::start().await;
    let role = json!({ "name": "reviewer", "actions": ["repository:pull", "label:list"] });
    let roles = "/accounts/acme/roles";
    two.ann.v1_post(roles, &role).await.assert_status(201);
    let made = two.invite("bob", json!({ "role": "reviewer" })).await;
    let id = made.assert_status(201).json()["id"].clone();
    let id = id.as_str().expect("an id");
    two.ann.push_image("team/app", "v1").await;
    decide(&two.bob, id, "accept").await.assert_no_content();
    let pull = two.bob.get("/v2/team/app/manifests/v1").await;
    pull.assert_status(200);
    two.ann
        .api(
            Method::POST,
            roles,
            &json!({ "name": "short", "actions": ["repository:pull"] }),
        )
        .await
        .assert_status(201);
    two.invite("eve", json!({ "role": "short" }))
        .await
        .assert_status(201);
    two.ann
        .v1_delete(&format!("{roles}/short"))
        .await
        .assert_no_content();
    assert_eq!(two.ann.v1_get(INVITATIONS).await.json()["total"], 0);
}

/// Of two that accept at once, one does.
#[tokio::test]
async fn an_invitation_is_accepted_once() {
    let two = Two::start().await;
    let id = two.invite_bob().await;
    let all = (0..8).map(|_| decide(&two.bob, &id, "accept"));
    let mut statuses: Vec<u16> = futures_util::future::join_all(all)
        .await
        .iter()
        .map(Answer::status)
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404]);
    let who = Credentials::basic("bob", "Wrong-horse-8");
    let nobody = two.registry.client(who);
    nobody.v1_get("/invitations").await.assert_status(401);
}
