//! Every endpoint × every kind of caller × with a password or a token × what is asked for.
//!
//! [`CALLERS`] says who may do what, as a table to be read; [`ASKS`] says how each endpoint is called and answers when
//! it is allowed. One registry answers all of it. A new [`Endpoint`] does not compile here until [`number`] knows it,
//! and fails the test until [`ASKS`] calls it.

use std::collections::BTreeSet;

use http::Method;
use oci::Endpoint;

use super::{NO_UPLOAD, NOWHERE, lone_manifest, seen};
use crate::registry::client::{Answer, Client, Credentials};
use crate::registry::content::{OCI_INDEX, sha256};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// Allowed: the endpoint's own answer. Every other number is the status of a refusal.
const OK: u16 = 0;

/// What is asked about. The names are of one length, so that answers can be compared byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    /// A repository in a namespace where the callers with roles have theirs.
    Private,
    /// A repository that does not exist in the same namespace.
    Missing,
    /// A repository in a public namespace where nobody has a role.
    Public,
    /// A namespace that does not exist.
    Nowhere,
}

const PLACES: [Place; 4] = [
    Place::Private,
    Place::Missing,
    Place::Public,
    Place::Nowhere,
];

/// What an endpoint needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Login,
    Catalog,
    Pull,
    Push,
    Delete,
}

/// One way to call an endpoint. `{blob}`, `{manifest}`, `{tag}` and `{upload}` stand for what exists where anything
/// does, `{repository}` for the place.
struct Ask {
    method: &'static str,
    target: &'static str,
    need: Need,
    /// The answer to those who may, where there is something.
    found: u16,
    /// The answer to those who may, in a repository that does not exist.
    missing: u16,
}

const fn ask(
    method: &'static str,
    target: &'static str,
    need: Need,
    found: u16,
    missing: u16,
) -> Ask {
    Ask {
        method,
        target,
        need,
        found,
        missing,
    }
}

const ASKS: &[Ask] = &[
    ask("GET", "/v2/", Need::Login, 200, 200),
    ask("GET", "/v2/_catalog", Need::Catalog, 200, 200),
    ask("GET", "/v2/_catalog?n=1&last=a", Need::Catalog, 200, 200),
    ask("GET", "/v2/{repository}/blobs/{blob}", Need::Pull, 200, 404),
    ask(
        "GET",
        "/v2/{repository}/manifests/{tag}",
        Need::Pull,
        200,
        404,
    ),
    ask(
        "GET",
        "/v2/{repository}/manifests/{manifest}",
        Need::Pull,
        200,
        404,
    ),
    ask("GET", "/v2/{repository}/tags/list", Need::Pull, 200, 404),
    ask(
        "GET",
        "/v2/{repository}/tags/list?n=1&last=a",
        Need::Pull,
        200,
        404,
    ),
    ask(
        "GET",
        "/v2/{repository}/referrers/{manifest}",
        Need::Pull,
        200,
        200,
    ),
    ask(
        "GET",
        "/v2/{repository}/referrers/{manifest}?artifactType=a/b",
        Need::Pull,
        200,
        200,
    ),
    ask(
        "POST",
        "/v2/{repository}/blobs/uploads/",
        Need::Push,
        202,
        202,
    ),
    ask(
        "POST",
        "/v2/{repository}/blobs/uploads/?digest-algorithm=sha512",
        Need::Push,
        202,
        202,
    ),
    ask(
        "POST",
        "/v2/{repository}/blobs/uploads/?digest={body}",
        Need::Push,
        201,
        201,
    ),
    ask(
        "POST",
        "/v2/{repository}/blobs/uploads/?mount={nothing}",
        Need::Push,
        202,
        202,
    ),
    ask(
        "POST",
        "/v2/{repository}/blobs/uploads/?mount={nothing}&from=open/app0001",
        Need::Push,
        202,
        202,
    ),
    ask(
        "GET",
        "/v2/{repository}/blobs/uploads/{upload}",
        Need::Push,
        204,
        204,
    ),
    ask(
        "PATCH",
        "/v2/{repository}/blobs/uploads/{upload}",
        Need::Push,
        202,
        202,
    ),
    ask(
        "PUT",
        "/v2/{repository}/blobs/uploads/{upload}?digest={body}",
        Need::Push,
        201,
        201,
    ),
    ask(
        "DELETE",
        "/v2/{repository}/blobs/uploads/{upload}",
        Need::Push,
        204,
        204,
    ),
    ask(
        "PUT",
        "/v2/{repository}/manifests/{tag}",
        Need::Push,
        201,
        201,
    ),
    ask(
        "PUT",
        "/v2/{repository}/manifests/{body}",
        Need::Push,
        201,
        201,
    ),
    ask(
        "PUT",
        "/v2/{repository}/manifests/{body}?tag=one&tag=two",
        Need::Push,
        201,
        201,
    ),
    ask(
        "DELETE",
        "/v2/{repository}/manifests/{tag}",
        Need::Delete,
        202,
        404,
    ),
    ask(
        "DELETE",
        "/v2/{repository}/manifests/{manifest}",
        Need::Delete,
        202,
        404,
    ),
    ask(
        "DELETE",
        "/v2/{repository}/blobs/{blob}",
        Need::Delete,
        202,
        404,
    ),
];

/// Numbers every endpoint, told apart where they are authorized or answered apart.
fn number(endpoint: &Endpoint) -> usize {
    match endpoint {
        Endpoint::Ping => 0,
        Endpoint::GetBlob { head: false, .. } => 1,
        Endpoint::GetBlob { head: true, .. } => 2,
        Endpoint::GetManifest { head: false, .. } => 3,
        Endpoint::GetManifest { head: true, .. } => 4,
        Endpoint::StartUpload {
            mount: None,
            digest: None,
            algorithm: None,
            ..
        } => 5,
        Endpoint::StartUpload {
            mount: None,
            digest: None,
            algorithm: Some(_),
            ..
        } => 6,
        Endpoint::StartUpload {
            mount: None,
            digest: Some(_),
            ..
        } => 7,
        Endpoint::StartUpload {
            mount: Some(_),
            from: None,
            ..
        } => 8,
        Endpoint::StartUpload {
            mount: Some(_),
            from: Some(_),
            ..
        } => 9,
        Endpoint::PatchUpload { .. } => 10,
        Endpoint::PutUpload { .. } => 11,
        Endpoint::PutManifest { tags, .. } if tags.is_empty() => 12,
        Endpoint::PutManifest { .. } => 13,
        Endpoint::ListTags { .. } => 14,
        Endpoint::DeleteManifest { .. } => 15,
        Endpoint::DeleteBlob { .. } => 16,
        Endpoint::Referrers { artifact_types, .. } if artifact_types.is_empty() => 17,
        Endpoint::Referrers { .. } => 18,
        Endpoint::UploadStatus { .. } => 19,
        Endpoint::CancelUpload { .. } => 20,
        Endpoint::Catalog { .. } => 21,
    }
}

const NUMBERS: usize = 22;

/// Pull, push, delete.
type Rights = [u16; 3];

/// What one kind of caller gets.
struct Row {
    caller: &'static str,
    login: u16,
    catalog: u16,
    private: Rights,
    missing: Rights,
    public: Rights,
    nowhere: Rights,
}

const fn row(
    caller: &'static str,
    (login, catalog): (u16, u16),
    private: Rights,
    missing: Rights,
    public: Rights,
    nowhere: Rights,
) -> Row {
    Row {
        caller,
        login,
        catalog,
        private,
        missing,
        public,
        nowhere,
    }
}

const NOBODY: Rights = [401, 401, 401];
const HIDDEN: Rights = [404, 404, 404];

/// With name and secret on every request. 404 hides, 403 is for those who may see, 401 for those who are not known.
#[rustfmt::skip]
const BY_PASSWORD: &[Row] = &[
    //  caller             login, catalog  private           missing           public            no such namespace
    row("anonymous",        (401, 401), NOBODY,           NOBODY,           [OK, 401, 401],   NOBODY),
    row("wrong password",   (401, 401), NOBODY,           NOBODY,           NOBODY,           NOBODY),
    row("unknown user",     (401, 401), NOBODY,           NOBODY,           NOBODY,           NOBODY),
    row("disabled user",    (401, 401), NOBODY,           NOBODY,           NOBODY,           NOBODY),
    row("revoked token",    (401, 401), NOBODY,           NOBODY,           NOBODY,           NOBODY),
    row("no role",          (OK, OK),   HIDDEN,           HIDDEN,           [OK, 403, 403],   HIDDEN),
    row("limited-guest",    (OK, OK),   [OK, 403, 403],   [OK, 403, 403],   [OK, 403, 403],   HIDDEN),
    row("guest",            (OK, OK),   [OK, 403, 403],   [OK, 403, 403],   [OK, 403, 403],   HIDDEN),
    row("developer",        (OK, OK),   [OK, OK, 403],    [OK, OK, 403],    [OK, 403, 403],   HIDDEN),
    row("maintainer",       (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, 403, 403],   HIDDEN),
    row("project-admin",    (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, 403, 403],   HIDDEN),
    // Who may make the namespace may push to it; there is nothing yet to pull or delete.
    row("administrator",    (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, OK, OK],     [404, OK, 404]),
    // A personal access token says itself what it is for; what it is not for is refused whatever it is about.
    row("may pull",         (OK, OK),   [OK, 403, 403],   [OK, 403, 403],   [OK, 403, 403],   [404, 403, 403]),
    row("may push",         (OK, 403),  [403, OK, 403],   [403, OK, 403],   [403, 403, 403],  [403, 404, 403]),
    row("may delete",       (OK, 403),  [403, 403, OK],   [403, 403, OK],   [403, 403, 403],  [403, 403, 404]),
];

/// With a bearer token got for `pull,push,delete` of the place: what it was not given for is 401 and asks for a better one.
#[rustfmt::skip]
const BY_TOKEN: &[Row] = &[
    row("anonymous",        (OK, 401),  NOBODY,           NOBODY,           [OK, 401, 401],   NOBODY),
    row("no role",          (OK, OK),   NOBODY,           NOBODY,           [OK, 401, 401],   NOBODY),
    row("limited-guest",    (OK, OK),   [OK, 401, 401],   [OK, 401, 401],   [OK, 401, 401],   NOBODY),
    row("guest",            (OK, OK),   [OK, 401, 401],   [OK, 401, 401],   [OK, 401, 401],   NOBODY),
    row("developer",        (OK, OK),   [OK, OK, 401],    [OK, OK, 401],    [OK, 401, 401],   NOBODY),
    row("maintainer",       (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, 401, 401],   NOBODY),
    row("project-admin",    (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, 401, 401],   NOBODY),
    row("administrator",    (OK, OK),   [OK, OK, OK],     [OK, OK, OK],     [OK, OK, OK],     [OK, OK, 401]),
    row("may pull",         (OK, OK),   [OK, 401, 401],   [OK, 401, 401],   [OK, 401, 401],   NOBODY),
    row("may push",         (OK, 401),  [401, OK, 401],   [401, OK, 401],   NOBODY,           NOBODY),
    row("may delete",       (OK, 401),  [401, 401, OK],   [401, 401, OK],   NOBODY,           NOBODY),
];

/// Bearer tokens that are no good here, whoever shows them.
#[rustfmt::skip]
const BAD_TOKENS: &[Row] = &[
    row("of another repository", (OK, 401),  NOBODY, NOBODY, NOBODY, NOBODY),
    row("garbage",               (401, 401), NOBODY, NOBODY, NOBODY, NOBODY),
    row("expired",               (401, 401), NOBODY, NOBODY, NOBODY, NOBODY),
    row("of another service",    (401, 401), NOBODY, NOBODY, NOBODY, NOBODY),
    row("a password",            (401, 401), NOBODY, NOBODY, NOBODY, NOBODY),
    row("an access token",       (401, 401), NOBODY, NOBODY, NOBODY, NOBODY),
];

impl Row {
    fn expected(&self, ask: &Ask, place: Place) -> u16 {
        let rights = match place {
            Place::Private => self.private,
            Place::Missing => self.missing,
            Place::Public => self.public,
            Place::Nowhere => self.nowhere,
        };
        match ask.need {
            Need::Login => self.login,
            Need::Catalog => self.catalog,
            Need::Pull => rights[0],
            Need::Push => rights[1],
            Need::Delete => rights[2],
        }
    }
}

/// The registry of the matrix, and what it takes to ask it.
struct Matrix {
    registry: TestRegistry,
    counter: std::cell::Cell<u32>,
}

/// What exists in a repository for one question.
struct Target {
    place: Place,
    repository: String,
    blob: String,
    manifest: String,
    tag: String,
}

impl Matrix {
    async fn start() -> Self {
        let registry = TestRegistry::builder()
            .setting("LIMITS__UPLOADS_OPEN_PER_ACCOUNT", 100_000)
            .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
            .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
            .start()
            .await;
        registry.admin(&["namespace", "create", "team"]);
        registry.admin(&["namespace", "create", "open", "--public"]);
        Self {
            registry,
            counter: std::cell::Cell::new(0),
        }
    }

    fn count(&self) -> u32 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// Callers by the names of the tables.
    async fn caller(&self, name: &str) -> Client {
        let registry = &self.registry;
        let user = name.replace(' ', "-");
        match name {
            "anonymous" => registry.anonymous(),
            "wrong password" => registry.as_user(ADMIN, "Wrong-horse-8-battery"),
            "unknown user" => registry.as_user("nobody-of-that-name", ADMIN_PASSWORD),
            "disabled user" => {
                let client = registry.create_member("team", &user, "maintainer");
                client.get("/v2/").await.assert_status(200);
                registry.admin(&["user", "disable", &user]);
                client
            }
            "revoked token" => {
                registry.create_member("team", &user, "maintainer");
                let client = registry.create_access_token(&user, "lost", &[]);
                client.get("/v2/").await.assert_status(200);
                registry.admin(&["token", "revoke", &user, "lost"]);
                client
            }
            "no role" => registry.create_user(&user),
            "administrator" => registry.as_user(ADMIN, ADMIN_PASSWORD),
            "may pull" | "may push" | "may delete" => {
                registry.create_member("team", &user, "project-admin");
                registry.create_access_token(&user, "narrow", &[&name[4..]])
            }
            role => registry.create_member("team", &format!("a-{role}"), role),
        }
    }

    /// What a question is about: fresh where it will be deleted or made, one of the lasting things elsewhere.
    async fn target(&self, ask: &Ask, place: Place) -> Target {
        let number = self.count();
        let repository = match place {
            Place::Private => "team/app0001".to_owned(),
            Place::Public => "open/app0001".to_owned(),
            Place::Missing => format!("team/m{number:06}"),
            Place::Nowhere => format!("{}/app0001", four_letters(number)),
        };
        let seed = if ask.need == Need::Delete {
            format!("{number:06}")
        } else {
            "000000".to_owned()
        };
        let manifest = lone_manifest(&seed);
        let (tag, blob) = (format!("tag{seed}"), format!("blob {seed}"));
        if matches!(place, Place::Private | Place::Public) {
            self.registry
                .push_manifest(&repository, &tag, &manifest)
                .await;
            self.registry.push_blob(&repository, blob.clone()).await;
        }
        Target {
            place,
            repository,
            blob: sha256(blob),
            manifest: sha256(manifest.to_string()),
            tag,
        }
    }

    /// Sends a question. `may` says whether it will be allowed, and so whether the upload it is about is the caller's.
    async fn send(&self, client: &Client, ask: &Ask, target: &Target, may: bool) -> Answer {
        let upload = if !ask.target.contains("{upload}") {
            NO_UPLOAD.to_owned()
        } else if may {
            upload_of(client, &target.repository).await
        } else if matches!(target.place, Place::Private | Place::Public) {
            upload_of(&self.registry, &target.repository).await
        } else {
            NO_UPLOAD.to_owned()
        };
        let body = if ask.target.contains("manifests") {
            lone_manifest("pushed").to_string()
        } else {
            format!("bytes {}", self.count())
        };
        let path = ask
            .target
            .replace("{repository}", &target.repository)
            .replace("{blob}", &target.blob)
            .replace("{manifest}", &target.manifest)
            .replace("{tag}", &target.tag)
            .replace("{upload}", &upload)
            .replace("{nothing}", NOWHERE)
            .replace("{body}", &sha256(&body));
        let method: Method = ask.method.parse().expect("a method");
        let call = client.request(method, &path);
        let takes_body = match ask.method {
            "PUT" | "PATCH" => true,
            "POST" => ask.target.contains("?digest="),
            _ => false,
        };
        match (takes_body, ask.target.contains("manifests")) {
            (true, true) => call.content_type(OCI_INDEX).body(body).await,
            (true, false) => call.body(body).await,
            (false, _) if ask.method == "POST" => call.header("content-length", "0").await,
            (false, _) => call.await,
        }
    }

    /// Asks everything as one caller; what does not fit the table is put into `wrong`.
    async fn check(
        &self,
        row: &Row,
        credentials: impl AsyncFn(&Ask, &Target) -> Client,
        wrong: &mut Vec<String>,
    ) {
        for ask in ASKS {
            let mut hidden: Vec<(Place, String)> = Vec::new();
            for place in PLACES {
                let is_about_nothing = matches!(ask.need, Need::Login | Need::Catalog);
                if is_about_nothing && place != Place::Private {
                    continue;
                }
                let expected = row.expected(ask, place);
                let target = self.target(ask, place).await;
                let client = credentials(ask, &target).await;
                let answer = self.send(&client, ask, &target, expected == OK).await;
                let own = match place {
                    Place::Private | Place::Public => ask.found,
                    Place::Missing | Place::Nowhere => ask.missing,
                };
                let status = if expected == OK { own } else { expected };
                let what = format!("{}: {} {} ({place:?})", row.caller, ask.method, ask.target);
                if answer.status() != status {
                    wrong.push(format!(
                        "{what}: {} instead of {status}: {}",
                        answer.status(),
                        answer.text()
                    ));
                }
                wrong.extend(wrong_challenge(&answer).map(|why| format!("{what}: {why}")));
                let names: [&str; 4] = [
                    &target.repository,
                    &target.blob,
                    &target.manifest,
                    &target.tag,
                ];
                if ask.method == "GET" {
                    wrong.extend(
                        differs_from_head(&client, ask, &target, &answer)
                            .await
                            .map(|why| format!("{what}: {why}")),
                    );
                }
                if expected == 401 || expected == 404 {
                    hidden.push((place, seen(&answer, &names)));
                }
            }
            wrong.extend(tells_apart(row, ask, &hidden));
        }
    }
}

/// A word for each number.
fn four_letters(mut number: u32) -> String {
    let mut letters = String::new();
    for _ in 0..4 {
        letters.push(char::from(b'a' + u8::try_from(number % 26).unwrap_or(0)));
        number /= 26;
    }
    letters
}

async fn upload_of(client: &Client, repository: &str) -> String {
    let location = client.start_upload(repository).await;
    let (_, id) = location.rsplit_once('/').expect("a path");
    id.to_owned()
}

/// 401 always says how to log in, and nothing else does.
fn wrong_challenge(answer: &Answer) -> Option<String> {
    let has_one = answer.headers().contains_key("www-authenticate");
    let wants_one = answer.status() == 401;
    (has_one != wants_one).then(|| format!("challenge: {has_one}, wanted: {wants_one}"))
}

/// T45: a HEAD tells what its GET tells, without the body.
async fn differs_from_head(
    client: &Client,
    ask: &Ask,
    target: &Target,
    get: &Answer,
) -> Option<String> {
    if ask.target.contains("{upload}") {
        return None;
    }
    let path = ask
        .target
        .replace("{repository}", &target.repository)
        .replace("{blob}", &target.blob)
        .replace("{manifest}", &target.manifest)
        .replace("{tag}", &target.tag);
    let head = client.head(&path).await;
    let of_get = seen(get, &[]);
    let of_get = of_get.split_once("\n\n").map_or("", |(head, _)| head);
    // Its challenge may ask for more: clients look for a blob before they push it, and some keep that token.
    let of_head = seen(&head, &[]).replace(":pull,push\"", ":pull\"");
    let of_head = of_head.split_once("\n\n").map_or("", |(head, _)| head);
    (of_get != of_head || !head.bytes().is_empty())
        .then(|| format!("HEAD answers\n{of_head}\nand GET\n{of_get}"))
}

/// T9: whoever may not see a place gets the same bytes whether it exists or not.
fn tells_apart(row: &Row, ask: &Ask, hidden: &[(Place, String)]) -> Vec<String> {
    let may_see_private = row.private.contains(&OK) || row.private.contains(&403);
    let comparable = |place: Place| match place {
        Place::Private | Place::Missing => !may_see_private,
        // What is public is no secret.
        Place::Public => false,
        Place::Nowhere => true,
    };
    let told: BTreeSet<&String> = hidden
        .iter()
        .filter(|(place, _)| comparable(*place))
        .map(|(_, seen)| seen)
        .collect();
    if told.len() <= 1 {
        return Vec::new();
    }
    vec![format!(
        "{}: {} {}: what exists and what does not are told apart: {told:#?}",
        row.caller, ask.method, ask.target
    )]
}

#[track_caller]
fn expect_none_wrong(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_endpoint_has_a_row() {
    let mut called = [false; NUMBERS];
    for ask in ASKS {
        let target = ask
            .target
            .replace("{repository}", "team/app0001")
            .replace("{tag}", "tag")
            .replace("{upload}", NO_UPLOAD);
        let target = ["{blob}", "{manifest}", "{nothing}", "{body}"]
            .iter()
            .fold(target, |target, hole| target.replace(hole, NOWHERE));
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        // Every GET is asked as HEAD too.
        let methods: &[&str] = if ask.method == "GET" {
            &["GET", "HEAD"]
        } else {
            &[ask.method]
        };
        for method in methods {
            let endpoint = Endpoint::parse(method, path, Some(query)).expect("an endpoint");
            called[number(&endpoint)] = true;
        }
    }
    let missing: Vec<usize> = (0..NUMBERS).filter(|at| !called[*at]).collect();
    assert!(missing.is_empty(), "no row calls endpoint {missing:?}");
}

/// T9, T20, T31, T45: see the tables above.
#[tokio::test]
async fn callers_with_a_password_get_what_the_table_says() {
    let matrix = Matrix::start().await;
    let mut wrong = Vec::new();
    for row in BY_PASSWORD {
        let caller = matrix.caller(row.caller).await;
        let by_password = async |_: &Ask, target: &Target| match row.caller {
            // Another one each time: whoever guesses at one name again and again is told to wait.
            "unknown user" => {
                let name = target.repository.replace('/', ".");
                let name = format!("{name}.{}", matrix.count());
                matrix.registry.as_user(&name, ADMIN_PASSWORD)
            }
            _ => caller.clone(),
        };
        matrix.check(row, by_password, &mut wrong).await;
    }
    expect_none_wrong(&wrong);
}

/// T9, T18, T20, T31: see the tables above.
#[tokio::test]
async fn callers_with_a_token_get_what_the_table_says() {
    let matrix = Matrix::start().await;
    let mut wrong = Vec::new();
    for row in BY_TOKEN {
        let caller = matrix.caller(row.caller).await;
        let with_token = async |ask: &Ask, target: &Target| {
            let scope = match ask.need {
                Need::Catalog => "registry:catalog:*".to_owned(),
                _ => format!("repository:{}:pull,push,delete", target.repository),
            };
            caller.with_token(&[&scope]).await
        };
        matrix.check(row, with_token, &mut wrong).await;
    }
    expect_none_wrong(&wrong);
}

/// T16, T17, T18: a bearer token that is no good here gives nothing, not even what anyone may pull.
#[tokio::test]
async fn bad_tokens_get_what_the_table_says() {
    let matrix = Matrix::start().await;
    let registry = &matrix.registry;
    let forger = super::forgery::Forger::of(registry);
    let good =
        super::forgery::claims_of(&registry.with_token(&["repository:team/app0001:pull"]).await);
    let mut wrong = Vec::new();
    for row in BAD_TOKENS {
        let token = match row.caller {
            "of another repository" => {
                let other = registry
                    .with_token(&["repository:team/other:pull,push,delete"])
                    .await;
                super::forgery::bearer(&other)
            }
            "garbage" => "eyJhbGciOiJFZERTQSJ9.e30.AAAA".to_owned(),
            "expired" => forger.sign(&{
                let mut claims = good.clone();
                (claims.iat, claims.nbf, claims.exp) =
                    (claims.iat - 1000, claims.nbf - 1000, claims.iat - 700);
                claims
            }),
            "of another service" => forger.sign(&{
                let mut claims = good.clone();
                claims.aud = "another registry".to_owned();
                claims
            }),
            "a password" => ADMIN_PASSWORD.to_owned(),
            _ => super::secret_of(&registry.create_access_token(ADMIN, "shown", &[])),
        };
        let client = registry.client(Credentials::Bearer(token));
        matrix
            .check(row, async |_, _| client.clone(), &mut wrong)
            .await;
    }
    expect_none_wrong(&wrong);
}

/// The token endpoint by every caller: whom it does not know it refuses, everyone else gets a token for what it may.
#[tokio::test]
async fn the_token_endpoint_knows_each_caller() {
    let matrix = Matrix::start().await;
    for row in BY_PASSWORD {
        let caller = matrix.caller(row.caller).await;
        let answer = caller
            .get("/service/token?service=roadstead&scope=repository:team/app0001:pull")
            .await;
        let is_known = row.login == OK || row.caller == "anonymous";
        assert_eq!(
            answer.status(),
            if is_known { 200 } else { 401 },
            "{}",
            row.caller
        );
        if is_known {
            let granted = answer.json()["scope"].as_str().map(str::to_owned);
            let may_pull = row.private[0] == OK;
            let expected = if may_pull {
                "repository:team/app0001:pull"
            } else {
                ""
            };
            assert_eq!(granted.as_deref(), Some(expected), "{}", row.caller);
        } else {
            answer
                .assert_error(401, "UNAUTHORIZED")
                .header("www-authenticate");
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        matrix
            .registry
            .request(method, "/service/token")
            .await
            .assert_error(405, "UNSUPPORTED");
    }
}

/// T72: probes answer everyone, whatever they show; metrics answer nobody here; what is no path is no path for all.
#[tokio::test]
async fn what_is_outside_the_protocol_is_the_same_for_everyone() {
    let matrix = Matrix::start().await;
    let registry = &matrix.registry;
    let callers = [
        registry.anonymous(),
        registry.as_user(ADMIN, ADMIN_PASSWORD),
        registry.as_user(ADMIN, "Wrong-horse-8-battery"),
        registry.client(Credentials::Bearer("garbage".to_owned())),
    ];
    for (path, status) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 404),
        ("/", 404),
        ("/v1/", 404),
        ("/debug/pprof/", 404),
        ("/api/v2.0/nothing", 404),
        ("/v2/_catalog/", 404),
        ("/v2/team/app0001/nothing", 404),
    ] {
        let first = callers[0].get(path).await.assert_status(status);
        for caller in &callers[1..] {
            super::assert_same(&first, &caller.get(path).await, &[]);
        }
        if status == 404 {
            assert!(!first.text().contains("roadstead_"), "{path}");
        }
    }
}
