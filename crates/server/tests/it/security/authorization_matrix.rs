//! Every endpoint × every kind of caller × with a password or a token × what is asked for.
//!
//! The callers are those of [`super::matrix`], and what is expected follows from what each was given; [`ASKS`] says how each
//! endpoint is called and answers when it is allowed. One registry answers all of it. A new [`Endpoint`] does not compile
//! here until [`number`] knows it, and fails the test until [`ASKS`] calls it.

use std::collections::BTreeSet;

use http::Method;
use model::Action;
use oci::Endpoint;

use super::matrix::{Caller, World};
use super::{NO_UPLOAD, NOWHERE, lone_manifest, seen};
use crate::registry::client::{Answer, Client, Credentials};
use crate::registry::content::{OCI_INDEX, sha256};
use crate::registry::{ADMIN, ADMIN_PASSWORD};

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

#[rustfmt::skip]
const ASKS: &[Ask] = &[
    ask("GET", "/v2/", Need::Login, 200, 200),
    ask("GET", "/v2/_catalog", Need::Catalog, 200, 200),
    ask("GET", "/v2/_catalog?n=1&last=a", Need::Catalog, 200, 200),
    ask("GET", "/v2/{repository}/blobs/{blob}", Need::Pull, 200, 404),
    ask("GET", "/v2/{repository}/manifests/{tag}", Need::Pull, 200, 404),
    ask("GET", "/v2/{repository}/manifests/{manifest}", Need::Pull, 200, 404),
    ask("GET", "/v2/{repository}/tags/list", Need::Pull, 200, 404),
    ask("GET", "/v2/{repository}/tags/list?n=1&last=a", Need::Pull, 200, 404),
    ask("GET", "/v2/{repository}/referrers/{manifest}", Need::Pull, 200, 200),
    ask("GET", "/v2/{repository}/referrers/{manifest}?artifactType=a/b", Need::Pull, 200, 200),
    ask("POST", "/v2/{repository}/blobs/uploads/", Need::Push, 202, 202),
    ask("POST", "/v2/{repository}/blobs/uploads/?digest-algorithm=sha512", Need::Push, 202, 202),
    ask("POST", "/v2/{repository}/blobs/uploads/?digest={body}", Need::Push, 201, 201),
    ask("POST", "/v2/{repository}/blobs/uploads/?mount={nothing}", Need::Push, 202, 202),
    ask("POST", "/v2/{repository}/blobs/uploads/?mount={nothing}&from=open/app0001", Need::Push, 202, 202),
    ask("GET", "/v2/{repository}/blobs/uploads/{upload}", Need::Push, 204, 204),
    ask("PATCH", "/v2/{repository}/blobs/uploads/{upload}", Need::Push, 202, 202),
    ask("PUT", "/v2/{repository}/blobs/uploads/{upload}?digest={body}", Need::Push, 201, 201),
    ask("DELETE", "/v2/{repository}/blobs/uploads/{upload}", Need::Push, 204, 204),
    ask("PUT", "/v2/{repository}/manifests/{tag}", Need::Push, 201, 201),
    ask("PUT", "/v2/{repository}/manifests/{body}", Need::Push, 201, 201),
    ask("PUT", "/v2/{repository}/manifests/{body}?tag=one&tag=two", Need::Push, 201, 201),
    ask("DELETE", "/v2/{repository}/manifests/{tag}", Need::Delete, 202, 404),
    ask("DELETE", "/v2/{repository}/manifests/{manifest}", Need::Delete, 202, 404),
    ask("DELETE", "/v2/{repository}/blobs/{blob}", Need::Delete, 202, 404),
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

impl Need {
    fn action(self) -> Option<Action> {
        match self {
            Need::Login => None,
            Need::Catalog => Some(Action::CatalogRead),
            Need::Pull => Some(Action::RepositoryPull),
            Need::Push => Some(Action::RepositoryPush),
            Need::Delete => Some(Action::ArtifactDelete),
        }
    }
}

/// With name and secret on every request: 404 hides, 403 is for those who may see, 401 for those who are not known.
fn by_password(caller: &Caller, need: Need, place: Place) -> u16 {
    let Some(action) = need.action() else {
        return if caller.is_known() { OK } else { 401 };
    };
    if caller.is_wrong_login() {
        return 401;
    }
    // What a personal access token is not made for is refused whatever it is about.
    if !caller.is_good_for(action) {
        return 403;
    }
    let is_allowed = match (need, place) {
        // It shows what its caller may see.
        (Need::Catalog, _) => caller.is_known(),
        (Need::Pull, Place::Public) => true,
        // Who may make the namespace may push to it; there is nothing yet to pull or delete.
        (_, Place::Nowhere) => need == Need::Push && caller.makes_namespaces(),
        _ => caller.may_in(place.at(), action),
    };
    if is_allowed {
        OK
    } else if !caller.is_known() {
        401
    } else if place == Place::Public || (place != Place::Nowhere && caller.sees(place.at())) {
        403
    } else {
        404
    }
}

/// With a token: what it was not given for is 401 and asks for a better one.
fn by_token(caller: &Caller, need: Need, place: Place) -> u16 {
    // Whoever may make a namespace by pushing may read what it pushed.
    let reads_its_own = need == Need::Pull
        && place == Place::Nowhere
        && caller.is_good_for(Action::RepositoryPull)
        && by_password(caller, Need::Push, place) == OK;
    match need {
        Need::Login => OK,
        _ if reads_its_own || by_password(caller, need, place) == OK => OK,
        _ => 401,
    }
}

/// Bearer tokens that are no good here, whoever shows them, and whether they are a login.
const BAD_TOKENS: &[(&str, bool)] = &[
    ("of another repository", true),
    ("garbage", false),
    ("expired", false),
    ("of another service", false),
    ("a password", false),
    ("an access token", false),
];

impl Place {
    /// Namespace and repository of those that are always asked about.
    fn at(self) -> (&'static str, &'static str) {
        match self {
            Place::Private => ("own", "app0001"),
            Place::Missing => ("own", "appaaaa"),
            Place::Public => ("open", "app0001"),
            Place::Nowhere => ("aaa", "app0001"),
        }
    }
}

/// The registry of the matrix, and what it takes to ask it.
struct Matrix {
    world: World,
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
        let world = World::start().await;
        for place in [Place::Private, Place::Public] {
            let (namespace, path) = place.at();
            let repository = format!("{namespace}/{path}");
            push_target(&world.ann, &repository, LASTING).await;
        }
        Self {
            world,
            counter: std::cell::Cell::new(0),
        }
    }

    fn count(&self) -> u32 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// What a question is about: fresh where it will be deleted or made, one of the lasting things elsewhere.
    async fn target(&self, ask: &Ask, place: Place, may: bool) -> Target {
        let number = self.count();
        let (namespace, path) = place.at();
        let repository = match place {
            Place::Private | Place::Public => format!("{namespace}/{path}"),
            Place::Missing => format!("{namespace}/app{}", letters(number, 4)),
            Place::Nowhere => format!("{}/{path}", letters(number, 3)),
        };
        let is_there = matches!(place, Place::Private | Place::Public);
        let seed = if ask.need == Need::Delete && may && is_there {
            let seed = format!("{number:06}");
            push_target(&self.world.ann, &repository, &seed).await;
            seed
        } else {
            LASTING.to_owned()
        };
        Target {
            place,
            repository,
            blob: sha256(blob_of(&seed)),
            manifest: sha256(lone_manifest(&seed).to_string()),
            tag: tag_of(&seed),
        }
    }

    /// Sends a question. `may` says whether it will be allowed, and so whether the upload it is about is the caller's.
    async fn send(&self, client: &Client, ask: &Ask, target: &Target, may: bool) -> Answer {
        let upload = if !ask.target.contains("{upload}") {
            NO_UPLOAD.to_owned()
        } else if may {
            upload_of(client, &target.repository).await
        } else if matches!(target.place, Place::Private | Place::Public) {
            upload_of(&self.world.ann, &target.repository).await
        } else {
            NO_UPLOAD.to_owned()
        };
        let body = if ask.target.contains("manifests") {
            lone_manifest("pushed").to_string()
        } else {
            format!("bytes {}", self.count())
        };
        let path = target
            .fill(ask.target)
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

    /// Asks everything as one caller; what is not as expected is put into `wrong`.
    async fn check(
        &self,
        name: &str,
        expected: impl Fn(Need, Place) -> u16,
        credentials: impl AsyncFn(&Ask, &Target) -> Client,
        wrong: &mut Vec<String>,
    ) {
        let is_wrong = expected(Need::Login, Place::Private) == 401 && name != "anonymous";
        for ask in ASKS {
            let mut hidden: Vec<(Place, String)> = Vec::new();
            for place in PLACES {
                let is_about_nothing = matches!(ask.need, Need::Login | Need::Catalog);
                if is_about_nothing && place != Place::Private {
                    continue;
                }
                let expected = expected(ask.need, place);
                let target = self.target(ask, place, expected == OK).await;
                let client = credentials(ask, &target).await;
                let answer = self.send(&client, ask, &target, expected == OK).await;
                // Whoever guesses at one name again and again is told to wait, sooner or later.
                if answer.status() == 429 && is_wrong {
                    continue;
                }
                let own = match place {
                    Place::Private | Place::Public => ask.found,
                    Place::Missing | Place::Nowhere => ask.missing,
                };
                let status = if expected == OK { own } else { expected };
                let what = format!("{name}: {} {} ({place:?})", ask.method, ask.target);
                if answer.status() != status {
                    wrong.push(format!(
                        "{what}: {} instead of {status}: {}",
                        answer.status(),
                        answer.text()
                    ));
                }
                wrong.extend(wrong_challenge(&answer).map(|why| format!("{what}: {why}")));
                if ask.method == "GET" && !is_wrong {
                    wrong.extend(
                        differs_from_head(&client, ask, &target, &answer)
                            .await
                            .map(|why| format!("{what}: {why}")),
                    );
                }
                let names: [&str; 4] = [
                    &target.repository,
                    &target.blob,
                    &target.manifest,
                    &target.tag,
                ];
                if expected == 401 || expected == 404 {
                    hidden.push((place, seen(&answer, &names)));
                }
            }
            let sees = [Need::Pull, Need::Push, Need::Delete]
                .iter()
                .any(|need| matches!(expected(*need, Place::Private), OK | 403));
            wrong.extend(tells_apart((name, sees), ask, &hidden));
        }
    }
}

/// The seed of what is never deleted.
const LASTING: &str = "000000";

fn blob_of(seed: &str) -> String {
    format!("blob {seed}")
}

fn tag_of(seed: &str) -> String {
    format!("tag{seed}")
}

async fn push_target(by: &Client, repository: &str, seed: &str) {
    by.push_manifest(repository, &tag_of(seed), &lone_manifest(seed))
        .await;
    by.push_blob(repository, blob_of(seed)).await;
}

impl Target {
    fn fill(&self, path: &str) -> String {
        path.replace("{repository}", &self.repository)
            .replace("{blob}", &self.blob)
            .replace("{manifest}", &self.manifest)
            .replace("{tag}", &self.tag)
    }
}

/// A word for each number.
fn letters(mut number: u32, length: usize) -> String {
    let mut letters = String::new();
    for _ in 0..length {
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
    let path = target.fill(ask.target);
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
fn tells_apart(
    (name, sees_private): (&str, bool),
    ask: &Ask,
    hidden: &[(Place, String)],
) -> Vec<String> {
    let comparable = |place: Place| match place {
        Place::Private | Place::Missing => !sees_private,
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
        "{name}: {} {}: what exists and what does not are told apart: {told:#?}",
        ask.method, ask.target
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
            .replace("{repository}", "own/app0001")
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

/// T9, T20, T31, T45: every caller with its name and secret.
#[tokio::test]
async fn callers_with_a_password_get_what_they_may() {
    let matrix = Matrix::start().await;
    let mut wrong = Vec::new();
    for caller in matrix.world.callers.iter().filter(|one| !one.is_bearer()) {
        let expected = |need, place| by_password(caller, need, place);
        let by_password = async |_: &Ask, _: &Target| caller.client.clone();
        matrix
            .check(caller.name, expected, by_password, &mut wrong)
            .await;
    }
    expect_none_wrong(&wrong);
}

/// T9, T14, T18, T20, T31: every caller with a token for all of the place.
#[tokio::test]
async fn callers_with_a_token_get_what_they_may() {
    let matrix = Matrix::start().await;
    let mut wrong = Vec::new();
    let callers = matrix.world.callers.iter();
    for caller in callers.filter(|one| !one.is_bearer() && !one.is_wrong_login()) {
        let expected = |need, place| by_token(caller, need, place);
        let with_token = async |ask: &Ask, target: &Target| {
            let scope = match ask.need {
                Need::Catalog => "registry:catalog:*".to_owned(),
                _ => format!("repository:{}:pull,push,delete", target.repository),
            };
            caller.client.with_token(&[&scope]).await
        };
        matrix
            .check(caller.name, expected, with_token, &mut wrong)
            .await;
    }
    expect_none_wrong(&wrong);
}

/// T16, T17, T18: a bearer token that is no good here gives nothing, not even what anyone may pull.
#[tokio::test]
async fn bad_tokens_get_nothing() {
    let matrix = Matrix::start().await;
    let registry = &matrix.world.registry;
    let forger = super::forgery::Forger::of(registry);
    let ann = &matrix.world.ann;
    let good = super::forgery::claims_of(&ann.with_token(&["repository:own/app0001:pull"]).await);
    let mut wrong = Vec::new();
    for (name, is_login) in BAD_TOKENS {
        let token = match *name {
            "of another repository" => {
                let other = ann.with_token(&["repository:own/app:pull,push,delete"]);
                super::forgery::bearer(&other.await)
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
        let expected = |need, _| match need {
            Need::Login if *is_login => OK,
            _ => 401,
        };
        matrix
            .check(name, expected, async |_, _| client.clone(), &mut wrong)
            .await;
    }
    expect_none_wrong(&wrong);
}

/// The token endpoint by every caller: whom it does not know it refuses, everyone else gets a token for what it may.
#[tokio::test]
async fn the_token_endpoint_knows_each_caller() {
    let matrix = Matrix::start().await;
    for caller in &matrix.world.callers {
        let answer = caller
            .client
            .get("/service/token?service=roadstead&scope=repository:own/app0001:pull")
            .await;
        // A token gets no other token.
        let is_refused = caller.is_wrong_login() || caller.is_bearer();
        if is_refused {
            let refused = answer.assert_error(401, "UNAUTHORIZED");
            refused.header("www-authenticate");
            continue;
        }
        let granted = answer.assert_status(200).json()["scope"].clone();
        let may_pull = by_password(caller, Need::Pull, Place::Private) == OK;
        let expected = if may_pull {
            "repository:own/app0001:pull"
        } else {
            ""
        };
        assert_eq!(granted, expected, "{}", caller.name);
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let registry = &matrix.world.registry;
        registry
            .request(method, "/service/token")
            .await
            .assert_error(405, "UNSUPPORTED");
    }
}

/// T72: probes answer everyone, whatever they show; metrics answer nobody here; what is no path is no path for all.
#[tokio::test]
async fn what_is_outside_the_protocol_is_the_same_for_everyone() {
    let matrix = Matrix::start().await;
    let registry = &matrix.world.registry;
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
        ("/", 303),
        ("/v1/", 404),
        ("/debug/pprof/", 404),
        ("/api/v2.0/nothing", 404),
        ("/v2/_catalog/", 404),
        ("/v2/own/app0001/nothing", 404),
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
