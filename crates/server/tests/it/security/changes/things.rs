//! Two accounts with one of everything in the first, and what both have in the database.

mod lifecycle;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

const PASSWORD: &str = "Correct-horse-9-battery";

/// What says who may do what, and what belongs to whom.
const POWER: &[&str] = &[
    "access_tokens",
    "account_addresses",
    "account_limits",
    "account_terms",
    "address_certificates",
    "address_claims",
    "accounts",
    "content_requests",
    "cve_allowlists",
    "grants",
    "identity_sources",
    "invitations",
    "ldap_sources",
    "memberships",
    "namespace_network_rules",
    "namespaces",
    "network_rules",
    "oidc_sources",
    "operator_roles",
    "plans",
    "robots",
    "role_grants",
    "roles",
    "trust_rules",
    "users",
];

/// The names that [`Things`] fills in for things of the account `own`.
const NAMES: &[&str] = &[
    "account_label",
    "account_robot",
    "certificate_chain",
    "claim",
    "host",
    "private_key",
    "spare_group",
    "spare_group_name",
    "account_robot_name",
    "collection",
    "failed_job",
    "digest",
    "grant",
    "group",
    "invitation",
    "job",
    "label",
    "leaver",
    "leaver_name",
    "member",
    "namespace",
    "project",
    "purge",
    "request",
    "robot",
    "robot_name",
    "role",
    "rule",
    "source",
    "immutability",
    "immutable",
    "locked",
    "mail_address",
    "retention",
    "retention_run",
    "retention_task",
    "sink",
    "spare",
    "spare_project",
    "spare_role",
    "spare_trashed",
    "token",
    "trashed",
    "trashed_digest",
    "trashed_tag",
    "user",
    "user_name",
    "webhook",
];

/// A registry with the accounts `own`, of ann, and `other`, of fay, and the names of what is in the first.
pub(in crate::security) struct Things {
    pub(in crate::security) registry: TestRegistry,
    pub(in crate::security) ann: Client,
    pub(in crate::security) fay: Client,
    names: BTreeMap<&'static str, String>,
    /// The account that paths name, and a namespace of the caller's own.
    account: Cell<&'static str>,
    place: Cell<&'static str>,
    counter: Cell<u32>,
    /// Whether names are filled in that look like those of the first account, and that nothing has.
    has_nothing: Cell<bool>,
}

/// All rows of some tables, by table.
pub(in crate::security) type Contents = BTreeMap<String, BTreeSet<Vec<String>>>;

impl Things {
    pub(in crate::security) async fn start() -> Self {
        // Nobody is there who would take mail.
        let registry = TestRegistry::builder()
            .setting("REGISTRY__EXTERNAL_URL", "https://registry.example.com")
            .setting("MAIL__HOST", "127.0.0.1")
            .setting("MAIL__PORT", 1)
            .setting("MAIL__SECURITY", "none")
            .setting("MAIL__FROM", "registry@example.com")
            .start()
            .await;
        let ann = registry.create_account("own", "ann");
        // What the other account has by number, this one does not.
        for kind in [
            "namespace",
            "user",
            "group",
            "grant",
            "robot",
            "label",
            "webhook",
            "immutability_rule",
            "retention_policy",
            "retention_run",
            "retention_task",
            "job",
        ] {
            let counted = registry.sql(&format!(
                "INSERT INTO number_counters (account_id, kind, highest) SELECT id, '{kind}', 7000 FROM accounts \
                 WHERE name = 'own' ON CONFLICT (account_id, kind) DO UPDATE SET highest = 7000 RETURNING kind"
            ));
            assert_eq!(counted.len(), 1);
        }
        // A push may make a namespace.
        let set =
            "UPDATE accounts SET creates_namespaces_on_push = 1 WHERE name = 'own' RETURNING name";
        assert_eq!(registry.sql(set).len(), 1);
        let fay = registry.create_account("other", "fay");
        let mut things = Self {
            registry,
            ann,
            fay,
            names: BTreeMap::new(),
            account: Cell::new("own"),
            place: Cell::new("own"),
            counter: Cell::new(0),
            has_nothing: Cell::new(false),
        };
        things.make_content().await;
        things.make_people().await;
        things.make_trash().await;
        things.make_rest().await;
        things.make_webhook().await;
        things.make_sink().await;
        things.make_mail().await;
        things.make_job();
        things.make_retention().await;
        things.make_immutability().await;
        let missing: Vec<_> = NAMES
            .iter()
            .filter(|name| !things.names.contains_key(*name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        things
    }

    pub(super) fn has(name: &str) -> bool {
        NAMES.contains(&name)
    }

    /// From here on paths name this account, and places are this namespace.
    pub(in crate::security) fn stand_in(&self, account: &'static str, place: &'static str) {
        self.account.set(account);
        self.place.set(place);
    }

    /// A text with the names in it.
    pub(in crate::security) fn filled(&self, text: &str) -> String {
        self.counter.set(self.counter.get() + 1);
        let fresh = format!("fresh-{}", self.counter.get());
        let mut text = text
            .replace("{account}", self.account.get())
            .replace("{place}", self.place.get())
            .replace("{fresh}", &fresh);
        for (name, value) in &self.names {
            let name = format!("{{{name}}}");
            text = if self.has_nothing.get() {
                text.replace(&name, &like(value))
            } else {
                text.replace(&name, value)
            };
        }
        text
    }

    /// Fills the same text in once more, with names that nothing has.
    pub(in crate::security) fn stand_in_for_nothing(&self, has_nothing: bool) {
        if has_nothing {
            self.counter.set(self.counter.get() - 1);
        }
        self.has_nothing.set(has_nothing);
    }

    /// A text without the names that were filled in, and those like them.
    pub(in crate::security) fn unnamed(&self, text: &str) -> String {
        let values = self.names.values();
        let mut values: Vec<(String, &String)> = values.map(|value| (like(value), value)).collect();
        // A name may be part of another.
        values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        values.iter().fold(text.to_owned(), |text, (like, value)| {
            text.replace(like, "…").replace(value.as_str(), "…")
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is put in is often made there"
    )]
    fn put(&mut self, name: &'static str, value: impl ToString) {
        self.names.insert(name, value.to_string());
    }

    fn admin_of(&self, account: &str, arguments: &[&str]) -> Value {
        self.registry
            .admin(&[&["--account", account], arguments].concat())
    }

    /// Makes something in `own` by Harbor's face; returns its number.
    async fn made(&self, path: &str, body: &Value) -> String {
        let made = self.ann.api_post(path, body).await.assert_status(201);
        last(&made.location())
    }

    async fn make_content(&mut self) {
        for namespace in ["own", "spare"] {
            self.admin_of("own", &["namespace", "create", namespace]);
        }
        self.admin_of("other", &["namespace", "create", "theirs"]);
        let digest = self.ann.push_image("own/app", "v1").await;
        self.ann.push_image("own/app", "v2").await;
        self.ann.push_image("own/other", "v1").await;
        self.fay.push_image("theirs/app", "v1").await;
        let project = self.ann.api_get("/projects/own").await.json()["project_id"].clone();
        for (name, value) in [("namespace", "own"), ("spare", "spare")] {
            self.put(name, value);
        }
        self.put("digest", digest);
        self.put("project", &project);
        let of_namespace = json!({ "name": "good", "scope": "p", "project_id": project });
        let label = self.made("/labels", &of_namespace).await;
        self.put("label", label);
        let of_account = json!({ "name": "good", "scope": "g" });
        let label = self.made("/labels", &of_account).await;
        self.put("account_label", label);
    }

    async fn make_people(&mut self) {
        for (name, number, text) in [
            ("mia", "user", "user_name"),
            ("leo", "leaver", "leaver_name"),
        ] {
            let body = json!({ "name": name, "password": PASSWORD });
            let made = self.ann.v1_post("/accounts/own/members", &body).await;
            let made = made.assert_status(201).location();
            self.put(number, last(&made));
            self.put(text, name);
        }
        let group = json!({ "group_name": "builders", "group_type": 2 });
        let group = self.made("/usergroups", &group).await;
        self.put("group", group);
        let spare = json!({ "group_name": "painters", "group_type": 2 });
        let spare = self.made("/usergroups", &spare).await;
        self.put("spare_group", spare);
        self.put("spare_group_name", "painters");
        let member = json!({ "role_id": 3, "member_group": { "group_name": "builders" } });
        let member = self.made("/projects/own/members", &member).await;
        self.put("member", member);
        let grant = json!({ "user": "mia", "role": "reader" });
        let made = self.ann.v1_post("/accounts/own/grants", &grant).await;
        self.put("grant", last(&made.assert_status(201).location()));
        for (place, level, number, name) in [
            ("own", "project", "robot", "robot_name"),
            ("*", "system", "account_robot", "account_robot_name"),
        ] {
            let access = json!([{ "resource": "repository", "action": "pull" }]);
            let permissions = json!([{ "kind": "project", "namespace": place, "access": access }]);
            let body = json!({ "name": level, "level": level, "duration": -1, "permissions": permissions });
            let made = self.ann.api_post("/robots", &body).await.assert_status(201);
            let made = made.json();
            self.put(number, &made["id"]);
            self.put(name, made["name"].as_str().expect("a name"));
        }
        for (name, place) in [("keeper", "role"), ("unused", "spare_role")] {
            let role = json!({ "name": name, "actions": ["repository:pull"] });
            let made = self.ann.v1_post("/accounts/own/roles", &role).await;
            made.assert_status(201);
            self.put(place, name);
        }
    }

    async fn make_rest(&mut self) {
        let permission = json!({ "place": "every_namespace", "actions": ["repository:pull"] });
        let rule = json!({
            "name": "ci", "issuer": "https://issuer.example.com", "audience": "a", "claims": { "sub": ["x"] },
            "permissions": [permission],
        });
        let made = self.ann.v1_post("/accounts/own/trust-rules", &rule).await;
        made.assert_status(201);
        self.put("rule", "ci");
        let source =
            json!({ "name": "corp", "issuer": "https://corp.example.com", "client_id": "a" });
        let path = "/accounts/own/identity-sources";
        self.ann.v1_post(path, &source).await.assert_status(201);
        self.put("source", "corp");
        let invitation = json!({ "user": "somebody", "role": "reader" });
        let path = "/accounts/own/invitations";
        let made = self.ann.v1_post(path, &invitation).await;
        self.put("invitation", last(&made.assert_status(201).location()));
        let token = json!({ "name": "mine", "actions": ["pull"] });
        let made = self.ann.v1_post("/user/access-tokens", &token).await;
        self.put("token", last(&made.assert_status(201).location()));
        let request = json!({ "account": "own", "reason": "a pull fails", "hours": 2 });
        let asked = self
            .registry
            .v1_post("/deployment/content-requests", &request);
        self.put("request", last(&asked.await.assert_status(201).location()));
        for plan in ["offered", "unused"] {
            let plan = json!({ "name": plan, "is_offered": true });
            let made = self.registry.v1_post("/deployment/plans", &plan).await;
            made.assert_status(201);
        }
        self.registry.admin(&["account", "create", "third"]);
        self.make_addresses().await;
        self.registry.create_user("olga");
    }

    /// A host name of the account's own, one that it claims, and a certificate for the first.
    async fn make_addresses(&mut self) {
        const HOST: &str = "own.example.test";
        let host = json!({ "host": HOST });
        let path = "/deployment/accounts/own/addresses";
        let made = self.registry.v1_post(path, &host).await;
        made.assert_status(201);
        let claim = json!({ "host": "claimed.example.test" });
        let made = self.ann.v1_post("/accounts/own/addresses", &claim).await;
        made.assert_status(201);
        self.put("host", HOST);
        self.put("claim", "claimed.example.test");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new([HOST.to_owned()])
            .and_then(|wanted| wanted.self_signed(&key));
        let one_line = |text: String| text.replace('\r', "").replace('\n', "\\n");
        self.put(
            "certificate_chain",
            one_line(certificate.expect("a certificate").pem()),
        );
        self.put("private_key", one_line(key.serialize_pem()));
    }

    /// Everything that an account has in the database: its rows, and those about them.
    pub(in crate::security) fn contents_of(&self, account: &str) -> Contents {
        let by_itself = [
            "jobs",
            "job_lanes",
            "job_logs",
            "numbers",
            "number_counters",
            "schedules",
        ];
        let mut rows = self.registry.rows();
        rows.retain(|row| !by_itself.contains(&row[0].as_str()));
        let is_it = |row: &&Vec<String>| row[0] == "accounts" && row[2] == account;
        let id = rows.iter().find(is_it).expect("it is there")[1].clone();
        let mut ids = BTreeSet::from([id]);
        loop {
            let of_account = rows
                .iter()
                .filter(|row| row.iter().any(|one| ids.contains(one)));
            let found = of_account.map(|row| row[1].clone());
            // A short word is no id that would be nowhere else.
            let found: BTreeSet<String> = found.filter(|id| id.len() >= 32).collect();
            if found.is_subset(&ids) {
                break;
            }
            ids.extend(found);
        }
        rows.retain(|row| row.iter().any(|one| ids.contains(one)));
        by_table(rows)
    }
}

/// What says who may do what, in all accounts.
pub(in crate::security) fn power(registry: &TestRegistry) -> Contents {
    let mut rows = registry.rows();
    rows.retain(|row| POWER.contains(&row[0].as_str()));
    let mut contents = by_table(rows);
    for table in POWER {
        contents.entry((*table).to_owned()).or_default();
    }
    contents
}

fn by_table(rows: Vec<Vec<String>>) -> Contents {
    let mut contents = Contents::new();
    for row in rows {
        contents.entry(row[0].clone()).or_default().insert(row);
    }
    contents
}

/// What has the form of a name, number, id or digest, and is none.
fn like(value: &str) -> String {
    if value.len() > 100 || value.starts_with('{') {
        return value.to_owned();
    }
    if value.starts_with("sha256:") {
        return super::super::NOWHERE.to_owned();
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return "999983".to_owned();
    }
    if value.len() == 36 && value.split('-').count() == 5 {
        return super::super::NO_UPLOAD.to_owned();
    }
    if value.rsplit_once('.').is_some_and(|(_, end)| end == "test") {
        return "nothing.example.test".to_owned();
    }
    "nothing-like-it".to_owned()
}

/// What stands at the end of a path.
fn last(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.replace("%2D", "-")
}
