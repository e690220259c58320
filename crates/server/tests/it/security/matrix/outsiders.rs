//! Callers who have nothing to do with the account `own`, or nothing any more: other accounts' people, operators, wrong logins.

use model::{AccountId, ContentRequestId, OperatorRole, Right, Role, Scope};
use oci::ScopeActions;
use serde_json::json;

use super::callers::{ROBOT_ON_ACCOUNT, World, makes_namespaces_by_pushes, robot};
use super::{Caller, Kind, OWN};
use crate::account_api::AccountApi as _;
use crate::registry::client::{Client, Credentials};

impl World {
    /// The people of the account `other`, in their own place and where they have nothing to do.
    pub(super) async fn make_strangers(&mut self) {
        let fay = self.registry.create_account("other", "fay");
        makes_namespaces_by_pushes(&self.registry, "other");
        let flo = self.person(&fay, "other", "flo").await;
        let all = || {
            let account = AccountId::new("other");
            vec![Right::of_role(
                account,
                Role::Administrator,
                &Scope::Account,
            )]
        };
        let foreign = Caller::new("foreign-administrator", fay.clone(), "other", all());
        self.add(foreign);
        self.add(Caller::new("foreign-member", flo, "other", vec![]));
        let intruder = Caller::new("foreign-administrator-naming-own", fay, "other", all());
        self.add(intruder.naming(OWN));
        let nobody = self.registry.anonymous();
        self.add(Caller::new("anonymous", nobody, "default", vec![]).of_kind(Kind::Nobody));
    }

    pub(super) async fn make_operators(&mut self) {
        let administrator = self.registry.client(self.registry.credentials().clone());
        let of_default = || {
            let account = AccountId::new("default");
            vec![Right::of_role(
                account,
                Role::Administrator,
                &Scope::Account,
            )]
        };
        let first = Caller::new(
            "first-administrator",
            administrator,
            "default",
            of_default(),
        );
        self.add(first.operator(OperatorRole::Administrator));
        let narrow = self
            .registry
            .create_access_token("admin", "narrow", &["pull"]);
        let narrow = Caller::new("operator-may-pull", narrow, "default", of_default());
        let narrow = narrow.operator(OperatorRole::Administrator);
        self.add(narrow.made_for(ScopeActions::PULL));
        for (name, role) in [
            ("operator", OperatorRole::Administrator),
            ("operator-for-support", OperatorRole::Support),
            ("operator-for-billing", OperatorRole::Billing),
            ("operator-who-audits", OperatorRole::Auditor),
            ("operator-who-looks", OperatorRole::Support),
        ] {
            let client = self.registry.create_user(name);
            let role_name = role.as_str();
            self.registry
                .admin(&["operator", "add", name, "--role", role_name]);
            let mut caller = Caller::new(name, client, "default", vec![]).operator(role);
            if name == "operator-who-looks" {
                self.allow_to_look(&caller.client).await;
                let request = ContentRequestId::new("granted");
                let right = Right::of_request(AccountId::new(OWN), request, None);
                caller = Caller {
                    rights: vec![right],
                    ..caller
                }
                .naming(OWN);
            }
            self.add(caller);
        }
    }

    /// Lets an operator see what is in `own`.
    async fn allow_to_look(&self, operator: &Client) {
        let body = json!({ "account": OWN, "reason": "a pull fails", "hours": 2 });
        let made = operator.v1_post("/deployment/content-requests", &body);
        let made = made.await.assert_status(201).json();
        let id = made["id"].as_str().expect("an id");
        let path = format!("/accounts/own/content-requests/{id}/decision");
        let decided = self
            .ann
            .v1_put(&path, &json!({ "decision": "grant" }))
            .await;
        decided.assert_status(200);
    }

    /// What was a login once, and what never was.
    pub(super) async fn make_wrong_logins(&mut self) {
        let wrong = self.registry.as_user("ann", "Wrong-horse-8-battery");
        let ann = self.ann.clone();
        let disabled = self.person(&ann, OWN, "disabled").await;
        self.grant(&json!({ "user": "disabled", "role": "administrator" }))
            .await;
        self.in_own(&["user", "disable", "disabled"]);
        let revoked = self.access_token("ann", "lost", "pull");
        self.in_own(&["token", "revoke", "ann", "lost"]);
        let gone = robot("system", "gone", &[("/", ROBOT_ON_ACCOUNT)]);
        let made = self.harbor_made("/robots", &gone).await;
        let text = |field: &str| made.json()[field].as_str().expect("a text").to_owned();
        let robot = self.registry.as_user(&text("name"), &text("secret"));
        let path = made.location();
        ann.delete(&path).await.assert_status(200);
        let garbage = Credentials::Bearer("garbage".to_owned());
        for (name, client) in [
            ("wrong-password", wrong),
            (
                "unknown-user",
                self.registry
                    .as_user("nobody-of-that-name", "Wrong-horse-8"),
            ),
            ("disabled-administrator", disabled),
            ("revoked-token", revoked),
            ("deleted-robot", robot),
            ("garbage", self.registry.client(garbage)),
        ] {
            let caller = Caller::new(name, client, "default", vec![]);
            self.add(caller.of_kind(Kind::WrongLogin));
        }
    }
}
