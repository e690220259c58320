//! Every kind of caller, and what each was given: in the account `own`, in the account `other`, or of the deployment.

use http::Method;
use model::{
    AccountId, Action, Actions, Coverage, NamespaceId, OperatorRole, RepositoryPattern, Right,
    Role, Scope,
};
use oci::ScopeActions;
use serde_json::{Value, json};

use super::{Caller, Kind, OWN};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};

const PASSWORD: &str = "Correct-horse-9-battery";

/// The actions of the role that `own` made for its account.
const CUSTOM: &[Action] = &[
    Action::RepositoryPull,
    Action::LabelCreate,
    Action::UserList,
    Action::RobotRead,
    Action::NetworkRuleRead,
    Action::TrustRuleCreate,
];
/// Those of the one that is given for repositories whose names are like a pattern.
const PATTERN: &[Action] = &[
    Action::RepositoryPull,
    Action::RepositoryRead,
    Action::ArtifactList,
    Action::ArtifactDelete,
];
/// Those of the robot account of `own`: on the account, and in all its namespaces.
pub(super) const ROBOT_ON_ACCOUNT: &[Action] =
    &[Action::QuotaList, Action::LabelCreate, Action::RobotRead];
const ROBOT_EVERYWHERE: &[Action] = &[
    Action::RepositoryPull,
    Action::RepositoryPush,
    Action::ArtifactRead,
    Action::LabelList,
];
/// Those of the robot account of the namespace `own`.
const ROBOT_IN_NAMESPACE: &[Action] = &[
    Action::RepositoryPull,
    Action::TagCreate,
    Action::ArtifactDelete,
    Action::LabelRead,
];

/// A registry with two accounts besides the deployment's own, and everybody who may ask it.
pub(in crate::security) struct World {
    pub(in crate::security) registry: TestRegistry,
    pub(in crate::security) callers: Vec<Caller>,
    /// The administrator of `own`.
    pub(in crate::security) ann: Client,
    counter: std::cell::Cell<u32>,
}

pub(super) fn on_account(role: Role) -> Right {
    Right::of_role(AccountId::new(OWN), role, &Scope::Account)
}

fn in_namespace(role: Role) -> Right {
    let scope = Scope::Namespace(NamespaceId::new(OWN));
    Right::of_role(AccountId::new(OWN), role, &scope)
}

fn right(account: &str, coverage: Coverage, actions: &[Action]) -> Right {
    Right {
        account: AccountId::new(account),
        coverage,
        actions: actions.iter().copied().collect::<Actions>(),
        role: None,
        request: None,
    }
}

fn names(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action.as_str()).collect()
}

impl Caller {
    pub(super) fn new(
        name: &'static str,
        client: Client,
        home: &'static str,
        rights: Vec<Right>,
    ) -> Self {
        Self {
            name,
            client,
            kind: Kind::Person,
            home,
            is_member: home == OWN,
            names: None,
            rights,
            made_for: None,
            operator: Vec::new(),
        }
    }

    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn made_for(self, actions: ScopeActions) -> Self {
        Self {
            made_for: Some(actions),
            ..self
        }
    }

    pub(super) fn operator(self, role: OperatorRole) -> Self {
        Self {
            operator: vec![role],
            ..self
        }
    }

    pub(super) fn naming(self, account: &'static str) -> Self {
        Self {
            names: Some(account),
            ..self
        }
    }
}

impl World {
    pub(in crate::security) async fn start() -> Self {
        let registry = TestRegistry::builder()
            .setting("LIMITS__UPLOADS_OPEN_PER_ACCOUNT", 100_000)
            .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
            .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
            .start()
            .await;
        let ann = registry.create_account(OWN, "ann");
        makes_namespaces_by_pushes(&registry, OWN);
        for namespace in [OWN, "spare"] {
            registry.admin(&["--account", OWN, "namespace", "create", namespace]);
        }
        registry.admin(&["--account", OWN, "namespace", "create", "open", "--public"]);
        ann.push_image("own/app", "v1").await;
        let mut world = Self {
            registry,
            callers: Vec::new(),
            ann,
            counter: std::cell::Cell::new(0),
        };
        world.make_people().await;
        world.make_machines().await;
        world.make_tokens();
        world.make_strangers().await;
        world.make_operators().await;
        world.make_wrong_logins().await;
        for name in ["first", "second"] {
            let body = json!({ "name": name, "scope": "p", "project_id": 1 });
            world.harbor_post("/labels", &body).await;
        }
        world
    }

    /// The path with numbers of things that were made for it: a request that is let through may take them away.
    pub(in crate::security) async fn fresh(&self, path: &str) -> String {
        let mut path = path.to_owned();
        if path.contains("{label}") {
            let name = self.next_name();
            let body = json!({ "name": name, "scope": "p", "project_id": 1 });
            let made = self.harbor_post("/labels", &body).await;
            path = path.replace("{label}", number_of(&made));
        }
        if path.contains("{robot}") {
            let body = robot("project", &self.next_name(), &[(OWN, ROBOT_IN_NAMESPACE)]);
            let made = self.harbor_post("/robots", &body).await;
            path = path.replace("{robot}", number_of(&made));
        }
        path
    }

    fn next_name(&self) -> String {
        self.counter.set(self.counter.get() + 1);
        format!("made-{}", self.counter.get())
    }

    /// A POST of `own`'s administrator to Harbor's face; returns where it was made.
    async fn harbor_post(&self, path: &str, body: &Value) -> String {
        self.harbor_made(path, body).await.location()
    }

    pub(super) async fn harbor_made(&self, path: &str, body: &Value) -> Answer {
        let call = self.ann.request(Method::POST, &format!("/api/v2.0{path}"));
        let call = call.content_type("application/json").body(body.to_string());
        call.await.assert_status(201)
    }

    /// A user of an account, made by its administrator.
    pub(super) async fn person(&self, by: &Client, account: &str, name: &str) -> Client {
        let body = json!({ "name": name, "password": PASSWORD });
        let made = by.v1_post(&format!("/accounts/{account}/members"), &body);
        made.await.assert_status(201);
        self.registry.as_user(name, PASSWORD)
    }

    pub(super) async fn grant(&self, body: &Value) {
        let made = self.ann.v1_post("/accounts/own/grants", body).await;
        made.assert_status(201);
    }

    /// Everyone in `own` with the roles that there are, by themselves and by a group.
    async fn make_people(&mut self) {
        let administrator = vec![on_account(Role::Administrator)];
        let ann = self.ann.clone();
        self.add(Caller::new(
            "administrator",
            ann.clone(),
            OWN,
            administrator,
        ));
        let member = self.person(&ann, OWN, "member").await;
        self.add(Caller::new("member", member, OWN, vec![]));
        for role in [
            Role::LimitedGuest,
            Role::Guest,
            Role::Developer,
            Role::Maintainer,
            Role::ProjectAdmin,
        ] {
            let client = self.person(&ann, OWN, role.as_str()).await;
            let body = json!({ "user": role.as_str(), "role": role.as_str(), "namespace": OWN });
            self.grant(&body).await;
            let rights = vec![in_namespace(role)];
            self.add(Caller::new(role.as_str(), client, OWN, rights));
        }
        for (name, role) in [
            ("reader", Role::Reader),
            ("writer", Role::Writer),
            ("manager", Role::Manager),
            ("project-admin-of-all", Role::ProjectAdmin),
        ] {
            let client = self.person(&ann, OWN, name).await;
            self.grant(&json!({ "user": name, "role": role.as_str() }))
                .await;
            self.add(Caller::new(name, client, OWN, vec![on_account(role)]));
        }
        for (name, actions, pattern) in [
            ("custom", CUSTOM, None),
            ("custom-on-pattern", PATTERN, Some("app*")),
        ] {
            let role = json!({ "name": name, "actions": names(actions) });
            let made = ann.v1_post("/accounts/own/roles", &role).await;
            made.assert_status(201);
            let client = self.person(&ann, OWN, name).await;
            let namespace = pattern.map(|_| OWN);
            let body =
                json!({ "user": name, "role": name, "namespace": namespace, "pattern": pattern });
            self.grant(&body).await;
            let coverage = pattern.map_or(Coverage::Everything, |pattern| {
                let pattern = RepositoryPattern::parse(pattern).expect("a pattern");
                Coverage::Repositories(NamespaceId::new(OWN), pattern)
            });
            let rights = vec![right(OWN, coverage, actions)];
            self.add(Caller::new(name, client, OWN, rights));
        }
        self.make_group().await;
    }

    async fn make_group(&mut self) {
        let ann = self.ann.clone();
        let client = self.person(&ann, OWN, "of-a-group").await;
        let group = json!({ "group_name": "builders", "group_type": 2 });
        self.harbor_post("/usergroups", &group).await;
        let arguments = ["group", "add-member", "builders", "of-a-group"];
        self.registry
            .admin(&[&["--account", OWN], &arguments[..]].concat());
        let body = json!({ "group": "builders", "role": "developer", "namespace": OWN });
        self.grant(&body).await;
        let rights = vec![in_namespace(Role::Developer)];
        self.add(Caller::new("of-a-group", client, OWN, rights));
    }

    async fn make_machines(&mut self) {
        let body = robot(
            "system",
            "wide",
            &[("/", ROBOT_ON_ACCOUNT), ("*", ROBOT_EVERYWHERE)],
        );
        let client = self.robot(&body).await;
        let rights = vec![
            right(OWN, Coverage::Account, ROBOT_ON_ACCOUNT),
            right(OWN, Coverage::Namespaces, ROBOT_EVERYWHERE),
        ];
        let wide = Caller::new("robot-of-account", client, OWN, rights);
        self.add(wide.of_kind(Kind::Machine));
        let body = robot("project", "narrow", &[(OWN, ROBOT_IN_NAMESPACE)]);
        let client = self.robot(&body).await;
        let place = Coverage::Namespace(NamespaceId::new(OWN));
        let rights = vec![right(OWN, place, ROBOT_IN_NAMESPACE)];
        let narrow = Caller::new("robot-of-namespace", client, OWN, rights);
        self.add(narrow.of_kind(Kind::Machine));
        // What workloads get for their issuer's token is such a one, too.
        let token = self.ann.with_token(&["repository:own/app:pull,push"]).await;
        let rights = vec![on_account(Role::Administrator)];
        let bearer = Caller::new("token-for-images", token, OWN, rights);
        self.add(bearer.of_kind(Kind::Bearer));
    }

    async fn robot(&self, body: &Value) -> Client {
        let made = self.harbor_made("/robots", body).await.json();
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        self.registry.as_user(&text("name"), &text("secret"))
    }

    /// A personal access token of a user of `own`.
    pub(super) fn access_token(&self, user: &str, name: &str, may: &str) -> Client {
        let arguments = ["token", "create", user, name, "--may", may];
        let made = self
            .registry
            .admin(&[&["--account", OWN], &arguments[..]].concat());
        self.registry
            .as_user(user, made["secret"].as_str().expect("a secret"))
    }

    fn make_tokens(&mut self) {
        for (name, may, actions) in [
            ("administrator-may-pull", "pull", ScopeActions::PULL),
            ("administrator-may-push", "push", ScopeActions::PUSH),
            ("administrator-may-delete", "delete", ScopeActions::DELETE),
        ] {
            let client = self.access_token("ann", name, may);
            let rights = vec![on_account(Role::Administrator)];
            self.add(Caller::new(name, client, OWN, rights).made_for(actions));
        }
        let client = self.access_token("maintainer", "narrow", "pull");
        let rights = vec![in_namespace(Role::Maintainer)];
        let narrow = Caller::new("maintainer-may-pull", client, OWN, rights);
        self.add(narrow.made_for(ScopeActions::PULL));
    }

    pub(super) fn in_own(&self, arguments: &[&str]) {
        self.registry
            .admin(&[&["--account", OWN], arguments].concat());
    }

    pub(super) fn add(&mut self, caller: Caller) {
        self.callers.push(caller);
    }
}

/// Lets pushes to an account make namespaces, by whoever may make some.
pub(super) fn makes_namespaces_by_pushes(registry: &TestRegistry, account: &str) {
    let changed = registry.sql(&format!(
        "UPDATE accounts SET creates_namespaces_on_push = 1 WHERE name = '{account}' RETURNING name"
    ));
    assert_eq!(changed.len(), 1);
}

/// The number at the end of a path.
fn number_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A robot account in Harbor's form, with actions in places.
pub(super) fn robot(level: &str, name: &str, may: &[(&str, &[Action])]) -> Value {
    let permission = |(place, actions): &(&str, &[Action])| {
        let kind = if *place == "/" { "system" } else { "project" };
        let pair = |action: &Action| {
            let resource = match action.resource() {
                "namespace" => "project",
                resource => resource,
            };
            json!({ "resource": resource, "action": action.verb() })
        };
        let access: Vec<Value> = actions.iter().map(pair).collect();
        json!({ "kind": kind, "namespace": place, "access": access })
    };
    let permissions: Vec<Value> = may.iter().map(permission).collect();
    json!({ "name": name, "level": level, "duration": -1, "permissions": permissions })
}
