//! Two accounts on one deployment, over one database and one blob store. Whatever one of them asks about the other, it
//! gets what it would get if the other did not exist: the same outcome, error texts included.
//!
//! Nothing but these tests can make a second account yet; they make it in the database.

use crate::access::{Authenticated, CallerContext, Delete, Pull, Push, Refused, Rights};
use crate::testing::settings;
use crate::{
    AuthenticationFailed, Chunk, Credentials, Error, ManifestPush, Parts, ReferrersQuery,
    SecretString, Services,
};
use blobs::{BlobStore, FilesystemOptions};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use keys::throttle::ThrottleLimits;
use keys::{DeploymentKey, SystemRandom};
use metadata::{MetadataStore, NewUser, Options};
use model::caller::Origin;
use model::{
    Account, AccountId, AccountState, Address, Caller, CallerKind, Clock, CredentialKind, GrantId,
    IdSource, NamespaceId, Role, UserId,
};
use oci::{Algorithm, Digest, Reference, RepositoryName, Scope, ScopeActions, Tag, UploadId};
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

struct StandingClock;

impl Clock for StandingClock {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }
}

struct Counter(AtomicU64);

impl IdSource for Counter {
    fn next_id(&self) -> String {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        format!("01890a5d-ac96-774b-8000-{number:012x}")
    }
}

/// Alice administers `acme`, Bob `brew`; Carol is a developer in a namespace of each.
struct World {
    services: Services,
    ids: Arc<Counter>,
    acme: AccountId,
    brew: AccountId,
    alice: UserId,
    bob: UserId,
    carol: UserId,
    _directory: TempDir,
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn tag(text: &str) -> Reference {
    Reference::Tag(Tag::parse(text).unwrap())
}

/// An outcome as text, with what was asked for taken out: what the asker learns.
fn learnt(outcome: &impl Debug, asked: &[&str]) -> String {
    let text = format!("{outcome:?}");
    asked
        .iter()
        .fold(text, |text, word| text.replace(word, "<asked>"))
}

impl World {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ids = Arc::new(Counter(AtomicU64::new(1)));
        let services = Services::new(Parts {
            metadata: MetadataStore::open(&Options {
                path: directory.path().join("database"),
                cache_bytes: 1 << 20,
                transaction_time_limit: Duration::from_secs(30),
            })
            .unwrap(),
            blobs: BlobStore::open(FilesystemOptions {
                root: directory.path().join("blobs"),
                reserve_bytes: 0,
            })
            .unwrap(),
            key: DeploymentKey::from_bytes(&[7; 32]),
            clock: Arc::new(StandingClock),
            ids: ids.clone(),
            random: Arc::new(SystemRandom),
            settings: settings(),
            passwords_at_once: NonZeroUsize::MIN,
            throttle: ThrottleLimits::default(),
        })
        .await
        .unwrap();
        let new = || ids.next_id();
        let (acme, brew) = (AccountId::new(new()), AccountId::new(new()));
        let world = Self {
            alice: UserId::new(new()),
            bob: UserId::new(new()),
            carol: UserId::new(new()),
            ids: ids.clone(),
            services,
            acme,
            brew,
            _directory: directory,
        };
        world.fill().await;
        world
    }

    /// Accounts, people, namespaces, and a repository with an image in each account.
    async fn fill(&self) {
        let (ids, accounts) = (self.ids.clone(), [self.acme.clone(), self.brew.clone()]);
        let users = [
            ("alice", self.alice.clone()),
            ("bob", self.bob.clone()),
            ("carol", self.carol.clone()),
        ];
        let made = self.services.core.metadata.write(move |tx| {
            let source_id = ids.next_id();
            tx.create_password_source(&source_id)?;
            for (id, name) in accounts.iter().zip(["acme", "brew"]) {
                let account = Account {
                    id: id.clone(),
                    name: name.to_owned(),
                    state: AccountState::Active,
                    creates_namespaces_on_push: true,
                };
                tx.create_account(&account, 0)?;
            }
            for (number, (name, id)) in users.iter().enumerate() {
                let home = &accounts[number % 2];
                let user = NewUser {
                    id: id.clone(),
                    source_id: source_id.clone(),
                    name: (*name).to_owned(),
                    home_account_id: home.clone(),
                    password_hash: None,
                };
                tx.create_user(&user, 0)?;
                tx.put_membership(home, id, 0)?;
            }
            for (account, (_, user)) in accounts.iter().zip(&users) {
                let grant = GrantId::new(ids.next_id());
                tx.grant_account_role(&grant, account, user, Role::Administrator, 0)?;
            }
            let carol = &users[2].1;
            for (account, namespaces) in accounts
                .iter()
                .zip([["acme-team", "acme-open"], ["brew-team", "brew-open"]])
            {
                for name in namespaces {
                    let id = NamespaceId::new(ids.next_id());
                    tx.create_namespace(&id, account, name, name.ends_with("open"), 0)?;
                    let grant = GrantId::new(ids.next_id());
                    tx.put_member(&grant, (account, &id), carol, Role::Developer, 0)?;
                }
            }
            Ok::<_, Error>(())
        });
        made.await.unwrap();
        self.push_image(&self.shared(&self.alice), "acme-team/app")
            .await;
        self.push_image(&self.shared(&self.bob), "brew-team/app")
            .await;
    }

    fn context(&self, user: &UserId, address: Address) -> CallerContext {
        let home = if *user == self.bob {
            &self.brew
        } else {
            &self.acme
        };
        let caller = Caller {
            kind: CallerKind::User {
                id: user.clone(),
                name: user.to_string(),
            },
            credential: CredentialKind::Password,
            home_account: Some(home.clone()),
        };
        CallerContext {
            authenticated: Arc::new(Authenticated::new(caller, Rights::Granted)),
            origin: Origin::default(),
            address,
        }
    }

    /// A caller at the address that all accounts share.
    fn shared(&self, user: &UserId) -> CallerContext {
        self.context(user, Address::Shared)
    }

    /// A caller at an account's own address.
    fn at(&self, user: &UserId, account: &AccountId) -> CallerContext {
        self.context(user, Address::Account(account.clone()))
    }

    /// The same caller with a bearer token for some repositories.
    async fn with_token(&self, context: &CallerContext, names: &[&str]) -> CallerContext {
        let scopes: Vec<Scope> = names
            .iter()
            .map(|text| Scope::repository(name(text), ScopeActions::ALL))
            .collect();
        let tokens = &self.services.tokens;
        let issued = tokens
            .issue(&self.services.authorizer, context, &scopes)
            .await
            .unwrap();
        let shown = Credentials::Bearer(&issued.token);
        let authenticated = self
            .services
            .authenticator
            .authenticate(shown, None, &model::Address::Shared)
            .await;
        CallerContext {
            authenticated: authenticated.unwrap(),
            ..context.clone()
        }
    }

    async fn push_blob(&self, context: &CallerContext, repository: &str, bytes: &str) -> Digest {
        let digest = Digest::sha256_of(bytes.as_bytes());
        self.upload(context, repository, bytes, &digest)
            .await
            .unwrap();
        digest
    }

    async fn upload(
        &self,
        context: &CallerContext,
        repository: &str,
        bytes: &str,
        digest: &Digest,
    ) -> Result<(), Error> {
        let (uploads, authorizer) = (&self.services.uploads, &self.services.authorizer);
        let access = authorizer
            .authorize::<Push>(context, &name(repository))
            .await
            .unwrap();
        let id = uploads.start(&access, Algorithm::Sha256).await?;
        uploads
            .complete(&access, &id, Some(body(bytes)), digest)
            .await
    }

    async fn put(
        &self,
        context: &CallerContext,
        repository: &str,
        manifest: &str,
    ) -> Result<Digest, Error> {
        let authorizer = &self.services.authorizer;
        let access = authorizer
            .authorize::<Push>(context, &name(repository))
            .await
            .unwrap();
        let push = ManifestPush {
            reference: tag("v1"),
            tags: Vec::new(),
            content_type: String::new(),
            content: Bytes::copy_from_slice(manifest.as_bytes()),
        };
        let pushed = self.services.manifests.put(&access, push).await?;
        Ok(pushed.digest)
    }

    async fn push_image(&self, context: &CallerContext, repository: &str) -> Digest {
        let layer = format!("layer of {repository}");
        self.push_blob(context, repository, "{}").await;
        self.push_blob(context, repository, &layer).await;
        self.put(context, repository, &image(&[&layer]))
            .await
            .unwrap()
    }

    async fn pull(&self, context: &CallerContext, repository: &str) -> Result<(), Refused> {
        let authorizer = &self.services.authorizer;
        authorizer
            .authorize::<Pull>(context, &name(repository))
            .await
            .map(drop)
    }
}

fn body(
    bytes: &str,
) -> Chunk<impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + use<>> {
    Chunk {
        range: None,
        body: stream::iter([Ok(Bytes::copy_from_slice(bytes.as_bytes()))]),
    }
}

/// A manifest of these layers, by their bytes.
fn image(layers: &[&str]) -> String {
    let of = |media_type: &str, bytes: &str| {
        let digest = Digest::sha256_of(bytes.as_bytes());
        format!(
            r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#,
            bytes.len()
        )
    };
    let layers: Vec<String> = layers
        .iter()
        .map(|bytes| of("application/vnd.oci.image.layer.v1.tar", bytes))
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        of("application/vnd.oci.image.config.v1+json", "{}"),
        layers.join(",")
    )
}

const SECRET: &str = "bytes that only brew has";
const NOBODYS: &str = "bytes that nobody has...";

/// T1: a blob of another account is as unknown as one of nobody, and pushing it oneself changes nothing for the other.
#[tokio::test]
async fn t01_the_others_blob_is_unknown() {
    let world = World::start().await;
    let secret = world
        .push_blob(&world.shared(&world.bob), "brew-team/app", SECRET)
        .await;
    let nobodys = Digest::sha256_of(NOBODYS.as_bytes());
    for context in [
        world.shared(&world.alice),
        world.at(&world.alice, &world.acme),
    ] {
        let with_token = world.with_token(&context, &["acme-team/app"]).await;
        for context in [context, with_token] {
            let authorizer = &world.services.authorizer;
            let access = authorizer
                .authorize::<Pull>(&context, &name("acme-team/app"))
                .await
                .unwrap();
            let delete = authorizer
                .authorize::<Delete>(&context, &name("acme-team/app"))
                .await
                .unwrap();
            let blobs = &world.services.blobs;
            let mut outcomes = Vec::new();
            for digest in [&secret, &nobodys] {
                outcomes.push((
                    learnt(&blobs.stat(&access, digest).await, &[]),
                    learnt(
                        &blobs.open(&access, digest).await.map(|file| file.len()),
                        &[],
                    ),
                    learnt(&blobs.delete(&delete, digest).await, &[]),
                ));
            }
            assert_eq!(outcomes[0], outcomes[1]);
            assert!(matches!(
                blobs.stat(&access, &secret).await,
                Err(Error::BlobUnknown)
            ));
        }
    }
    // Both have it; one deletes its own; the other keeps it.
    world
        .push_blob(&world.shared(&world.alice), "acme-team/app", SECRET)
        .await;
    let authorizer = &world.services.authorizer;
    let alice = world.shared(&world.alice);
    let delete = authorizer
        .authorize::<Delete>(&alice, &name("acme-team/app"))
        .await
        .unwrap();
    world.services.blobs.delete(&delete, &secret).await.unwrap();
    let bob = world.shared(&world.bob);
    let access = authorizer
        .authorize::<Pull>(&bob, &name("brew-team/app"))
        .await
        .unwrap();
    let file = world.services.blobs.open(&access, &secret).await.unwrap();
    assert_eq!(file.len(), SECRET.len() as u64);
}

/// T2, T3: nothing is mounted across accounts, not even by who may read both; and nothing tells why.
#[tokio::test]
async fn t02_t03_nothing_is_mounted_across_accounts() {
    let world = World::start().await;
    let secret = world
        .push_blob(&world.shared(&world.bob), "brew-team/app", SECRET)
        .await;
    let nobodys = Digest::sha256_of(NOBODYS.as_bytes());
    let (authorizer, uploads) = (&world.services.authorizer, &world.services.uploads);
    for user in [&world.alice, &world.carol] {
        let context = world.shared(user);
        let to = authorizer
            .authorize::<Push>(&context, &name("acme-team/app"))
            .await
            .unwrap();
        for digest in [&secret, &nobodys] {
            let source = uploads
                .find_mount_source(authorizer, &context, &to, digest)
                .await
                .unwrap();
            assert!(source.is_none());
            let theirs = name("brew-team/app");
            if let Ok(from) = authorizer.authorize::<Pull>(&context, &theirs).await {
                assert_eq!(*user, world.carol);
                assert!(!uploads.mount(&to, &from, digest).await.unwrap());
            }
        }
    }
    // Within an account it works: the control.
    let bob = world.shared(&world.bob);
    let to = authorizer
        .authorize::<Push>(&bob, &name("brew-open/app"))
        .await
        .unwrap();
    let from = uploads
        .find_mount_source(authorizer, &bob, &to, &secret)
        .await
        .unwrap()
        .unwrap();
    assert!(uploads.mount(&to, &from, &secret).await.unwrap());
}

/// T4: a manifest that names the other's content is refused as one that names nobody's.
#[tokio::test]
async fn t04_a_manifest_cannot_name_the_others_content() {
    let world = World::start().await;
    world
        .push_blob(&world.shared(&world.bob), "brew-team/app", SECRET)
        .await;
    let mut outcomes = Vec::new();
    for bytes in [SECRET, NOBODYS] {
        let digest = Digest::sha256_of(bytes.as_bytes());
        let context = world.shared(&world.alice);
        let outcome = world.put(&context, "acme-team/app", &image(&[bytes])).await;
        assert!(matches!(&outcome, Err(Error::ManifestBlobUnknown(unknown)) if *unknown == digest));
        outcomes.push(learnt(&outcome, &[digest.as_str()]));
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

/// T5, T55: bytes are asked for in full and hashed, whoever else has them; and what an account uses is what it would use
/// alone.
#[tokio::test]
async fn t05_known_content_is_taken_as_unknown_content_is() {
    let world = World::start().await;
    let secret = world
        .push_blob(&world.shared(&world.bob), "brew-team/app", SECRET)
        .await;
    let nobodys = Digest::sha256_of(NOBODYS.as_bytes());
    let alice = world.shared(&world.alice);
    for wrong in ["", "x", &SECRET[1..], "another text of that len"] {
        let mut outcomes = Vec::new();
        for digest in [&secret, &nobodys] {
            let outcome = world.upload(&alice, "acme-team/app", wrong, digest).await;
            assert!(
                matches!(outcome, Err(Error::DigestMismatch { .. })),
                "{outcome:?}"
            );
            outcomes.push(learnt(&outcome, &[]));
        }
        assert_eq!(outcomes[0], outcomes[1]);
    }
    let used = async || {
        let usage = world
            .services
            .maintenance
            .compare_usage(&world.acme)
            .await
            .unwrap();
        assert_eq!(usage.0, usage.1);
        usage.0
    };
    let before = used().await;
    let of_brew = world
        .services
        .maintenance
        .compare_usage(&world.brew)
        .await
        .unwrap();
    world.push_blob(&alice, "acme-team/app", SECRET).await;
    world.push_blob(&alice, "acme-team/app", NOBODYS).await;
    world
        .put(&alice, "acme-team/app", &image(&[SECRET]))
        .await
        .unwrap();
    let after_the_others = used().await;
    world
        .put(&alice, "acme-team/app", &image(&[SECRET, NOBODYS]))
        .await
        .unwrap();
    assert_eq!(after_the_others - before, SECRET.len() as u64);
    assert_eq!(used().await - after_the_others, NOBODYS.len() as u64);
    let after = world
        .services
        .maintenance
        .compare_usage(&world.brew)
        .await
        .unwrap();
    assert_eq!(after, of_brew);
}

/// T6: an upload of one account is unknown in the other, also to its own beginner there.
#[tokio::test]
async fn t06_an_upload_belongs_to_its_account() {
    let world = World::start().await;
    let (authorizer, uploads) = (&world.services.authorizer, &world.services.uploads);
    let carol = world.shared(&world.carol);
    let own = authorizer
        .authorize::<Push>(&carol, &name("brew-team/app"))
        .await
        .unwrap();
    let id = uploads.start(&own, Algorithm::Sha256).await.unwrap();
    let never = UploadId::parse("01890a5d-ac96-774b-8000-ffffffffffff").unwrap();
    let digest = Digest::sha256_of(b"x");
    let accesses = [
        (&carol, "acme-team/app"),
        (&world.shared(&world.alice), "acme-team/app"),
        (&world.shared(&world.bob), "brew-team/app"),
        (&carol, "brew-open/app"),
    ];
    for (context, repository) in accesses {
        let repository = name(repository);
        let access = authorizer.authorize::<Push>(context, &repository).await;
        let access = access.unwrap();
        let mut outcomes = Vec::new();
        for id in [&id, &never] {
            outcomes.push([
                learnt(&uploads.status(&access, id).await, &[]),
                learnt(&uploads.append(&access, id, body("x")).await, &[]),
                learnt(
                    &uploads
                        .complete(&access, id, Some(body("x")), &digest)
                        .await,
                    &[],
                ),
                learnt(&uploads.cancel(&access, id).await, &[]),
            ]);
        }
        assert_eq!(outcomes[0], outcomes[1]);
        assert!(
            outcomes[0]
                .iter()
                .all(|outcome| outcome == "Err(UploadUnknown)"),
            "{outcomes:?}"
        );
    }
    uploads
        .complete(&own, &id, Some(body("x")), &digest)
        .await
        .unwrap();
}

/// T7: what the other account says about a digest is not among one's own referrers.
#[tokio::test]
async fn t07_referrers_stay_in_their_account() {
    let world = World::start().await;
    let (alice, bob) = (world.shared(&world.alice), world.shared(&world.bob));
    let subject = world.push_image(&alice, "acme-team/signed").await;
    let about = format!(
        r#"{{"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{subject}","size":1}},{}"#,
        &image(&[])[1..]
    );
    world.put(&bob, "brew-team/app", &about).await.unwrap();
    for (context, repository, count) in [
        (&alice, "acme-team/signed", 0),
        (&alice, "acme-team/app", 0),
        (&bob, "brew-team/app", 1),
    ] {
        let authorizer = &world.services.authorizer;
        let access = authorizer
            .authorize::<Pull>(context, &name(repository))
            .await
            .unwrap();
        let query = ReferrersQuery {
            subject: subject.clone(),
            artifact_types: Vec::new(),
            limit: 100,
            after: String::new(),
        };
        let page = world
            .services
            .listings
            .referrers(&access, query)
            .await
            .unwrap();
        assert_eq!(page.items.len(), count, "{repository}");
    }
}

/// T8: the catalogue of a caller holds what is its account's and what it may see there, at every address.
#[tokio::test]
async fn t08_the_catalogue_is_of_one_account() {
    let world = World::start().await;
    world
        .push_image(&world.shared(&world.alice), "acme-open/app")
        .await;
    world
        .push_image(&world.shared(&world.bob), "brew-open/app")
        .await;
    let list = async |context: &CallerContext| {
        let (listings, authorizer) = (&world.services.listings, &world.services.authorizer);
        let page = listings
            .catalog(authorizer, context, String::new(), 1)
            .await
            .unwrap();
        let mut names = page.items.clone();
        let mut next = page.next;
        while let Some(after) = next {
            let page = listings
                .catalog(authorizer, context, after, 1)
                .await
                .unwrap();
            names.extend(page.items);
            next = page.next;
        }
        names
    };
    let all_of_acme = ["acme-open/app", "acme-team/app"];
    assert_eq!(list(&world.shared(&world.alice)).await, all_of_acme);
    assert_eq!(
        list(&world.at(&world.alice, &world.acme)).await,
        all_of_acme
    );
    assert_eq!(
        list(&world.at(&world.alice, &world.brew)).await,
        ["brew-open/app"]
    );
    assert_eq!(
        list(&world.shared(&world.bob)).await,
        ["brew-open/app", "brew-team/app"]
    );
    assert_eq!(
        list(&world.at(&world.carol, &world.brew)).await,
        ["brew-open/app", "brew-team/app"]
    );
}

/// T9: what the other account keeps private looks as if it were not there: at the shared address, at one's own and at
/// the other's, by password and by token.
#[tokio::test]
async fn t09_the_others_private_namespace_looks_like_none() {
    let world = World::start().await;
    // Bob has no right in `acme`, and may make no namespace there.
    let contexts = [
        world.at(&world.bob, &world.acme),
        world
            .with_token(&world.shared(&world.bob), &["acme-team/app"])
            .await,
        world
            .with_token(&world.at(&world.bob, &world.acme), &["acme-team/app"])
            .await,
    ];
    for context in contexts {
        let authorizer = &world.services.authorizer;
        let mut outcomes = Vec::new();
        for repository in ["acme-team/app", "acme-team/new", "none-team/app"] {
            let repository = name(repository);
            let asked = [repository.as_str(), repository.namespace()];
            outcomes.push([
                learnt(
                    &authorizer.authorize::<Pull>(&context, &repository).await,
                    &asked,
                ),
                learnt(
                    &authorizer.authorize::<Push>(&context, &repository).await,
                    &asked,
                ),
                learnt(
                    &authorizer.authorize::<Delete>(&context, &repository).await,
                    &asked,
                ),
            ]);
        }
        assert_eq!(outcomes[0], outcomes[1]);
        assert_eq!(outcomes[0], outcomes[2]);
        let refused = |text: &String| text == "Err(Hidden)" || text == "Err(InsufficientScope)";
        assert!(outcomes[0].iter().all(refused), "{outcomes:?}");
    }
    // At the shared address Bob may make namespaces of his own, so one whose name is taken differs for pushing; for
    // reading and deleting nothing differs.
    let bob = world.shared(&world.bob);
    for repository in ["acme-team/app", "none-team/app"] {
        let pulled = world.pull(&bob, repository).await;
        assert!(matches!(pulled, Err(Refused::Hidden)));
    }
    // An account's own address has no others' namespaces, public or not, not even for who may see them elsewhere.
    for repository in ["acme-open/app", "acme-team/app"] {
        for user in [&world.alice, &world.carol, &world.bob] {
            let there = world.at(user, &world.brew);
            assert!(matches!(
                world.pull(&there, repository).await,
                Err(Refused::Hidden)
            ));
        }
    }
    // A token holds in its account: at the other's address it is for nothing.
    let token = world
        .with_token(&world.shared(&world.alice), &["acme-team/app"])
        .await;
    world.pull(&token, "acme-team/app").await.unwrap();
    let elsewhere = CallerContext {
        address: Address::Account(world.brew.clone()),
        ..token
    };
    assert!(matches!(
        world.pull(&elsewhere, "acme-team/app").await,
        Err(Refused::InsufficientScope)
    ));
}

/// T9: one token is of one account, whatever it was asked for.
#[tokio::test]
async fn t09_a_token_is_of_one_account() {
    let world = World::start().await;
    let both = ["acme-team/app", "brew-team/app"];
    let token = world.with_token(&world.shared(&world.carol), &both).await;
    world.pull(&token, "acme-team/app").await.unwrap();
    assert!(matches!(
        world.pull(&token, "brew-team/app").await,
        Err(Refused::InsufficientScope)
    ));
}

/// T10: a name that another account took over gives nothing to those who had it, with what they remember and what they
/// hold: tokens, grants, cached answers.
#[tokio::test]
async fn t10_a_name_that_changed_hands_owes_nothing() {
    let world = World::start().await;
    let metadata = &world.services.core.metadata;
    let (first, second) = (
        NamespaceId::new(world.ids.next_id()),
        NamespaceId::new(world.ids.next_id()),
    );
    let (account, id) = (world.acme.clone(), first.clone());
    let grant = GrantId::new(world.ids.next_id());
    let carol = world.carol.clone();
    let made = metadata.write(move |tx| {
        tx.create_namespace(&id, &account, "traded", false, 0)?;
        tx.put_member(&grant, (&account, &id), &carol, Role::Maintainer, 0)?;
        Ok::<_, Error>(())
    });
    made.await.unwrap();
    let carol = world.shared(&world.carol);
    // Remembered, and in a token.
    world.pull(&carol, "traded/app").await.unwrap();
    let token = world.with_token(&carol, &["traded/app"]).await;
    let never = world.with_token(&carol, &["acme-team/never"]).await;

    let account = world.brew.clone();
    let moved = metadata.write(move |tx| {
        tx.delete_namespace(&first)?;
        let claimed = tx.create_namespace(&second, &account, "traded", false, 0)?;
        Ok::<_, Error>(claimed)
    });
    assert!(moved.await.unwrap());
    let secret = world
        .push_image(&world.shared(&world.bob), "traded/app")
        .await;

    assert!(matches!(
        world.pull(&carol, "traded/app").await,
        Err(Refused::Hidden)
    ));
    let (authorizer, manifests) = (&world.services.authorizer, &world.services.manifests);
    let mut outcomes = Vec::new();
    for (context, repository) in [(&token, "traded/app"), (&never, "acme-team/never")] {
        let access = authorizer
            .authorize::<Pull>(context, &name(repository))
            .await
            .unwrap();
        let by_tag = manifests.get(&access, &tag("v1")).await;
        let by_digest = manifests
            .get(&access, &Reference::Digest(secret.clone()))
            .await;
        outcomes.push(learnt(&(by_tag, by_digest), &[]));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].contains("NameUnknown"), "{outcomes:?}");
    let access = authorizer
        .authorize::<Push>(&token, &name("traded/app"))
        .await
        .unwrap();
    let uploads = &world.services.uploads;
    let started = uploads.start(&access, Algorithm::Sha256).await;
    assert!(
        matches!(started, Err(Error::NamespaceUnknown(_))),
        "{started:?}"
    );
    let delete = authorizer
        .authorize::<Delete>(&token, &name("traded/app"))
        .await
        .unwrap();
    let deleted = manifests.delete(&delete, &tag("v1")).await;
    assert!(matches!(deleted, Err(Error::NameUnknown)), "{deleted:?}");
}

/// T17: a token for a hundred repositories, which anyone can get where anything is public, is checked each time it is
/// shown; only small ones are remembered.
#[tokio::test]
async fn t17_large_tokens_are_not_hoarded() {
    let world = World::start().await;
    let anonymous = CallerContext {
        authenticated: Arc::new(Authenticated::anonymous()),
        ..world.shared(&world.alice)
    };
    let names: Vec<String> = (0..100)
        .map(|number| format!("acme-open/{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tokens = &world.services.tokens;
    let large = world.with_token(&anonymous, &names).await;
    world.pull(&large, names[99]).await.unwrap();
    assert_eq!(tokens.remembered(), 0);
    world.with_token(&anonymous, &names[..2]).await;
    assert_eq!(tokens.remembered(), 1);
}

/// T24: a user that does not exist, is disabled or has no password is refused only after the same work as a wrong
/// password: all of them are still waiting for the hasher when it is taken by others.
#[tokio::test]
async fn t24_every_refusal_costs_a_hash() {
    let world = World::start().await;
    let services = &world.services;
    let hash = services
        .passwords
        .hash(SecretString::new("Password-1"))
        .await
        .unwrap();
    let (alice, bob) = (world.alice.clone(), world.bob.clone());
    let set = services.core.metadata.write(move |tx| {
        tx.set_password(&alice, &hash)?;
        tx.set_password(&bob, &hash)?;
        tx.set_user_disabled(&bob, true)?;
        Ok::<_, Error>(())
    });
    set.await.unwrap();
    // The only place goes to this one, and is given back to nobody before it is asked for its result.
    let busy = || services.passwords.verify_dummy(SecretString::new("x"), &());
    let mut others: Vec<_> = (0..3).map(|_| Box::pin(busy())).collect();
    for other in &mut others {
        assert!(other.as_mut().now_or_never().is_none());
    }
    let attempt = |name: &str, secret: &str| {
        let shown = Credentials::Basic {
            name: name.to_owned(),
            secret: SecretString::new(secret),
        };
        Box::pin(
            services
                .authenticator
                .authenticate(shown, None, &model::Address::Shared),
        )
    };
    let mut attempts = [
        attempt("alice", "Wrong-password-1"),
        attempt("nobody", "Wrong-password-1"),
        // Disabled.
        attempt("bob", "Password-1"),
        // Without a password.
        attempt("carol", "Wrong-password-1"),
    ];
    for attempt in &mut attempts {
        assert!(
            attempt.as_mut().now_or_never().is_none(),
            "it is answered without work"
        );
    }
    drop(others);
    for attempt in attempts {
        let refused = attempt.await;
        assert!(
            matches!(refused, Err(AuthenticationFailed::Wrong)),
            "{refused:?}"
        );
    }
}
