//! Limits that accounts set for themselves, what they have uploaded and not used, and what they accept.

use super::fixture::{World, digest, id, write};
use crate::{AccountLimits, CveAllowlist, Error, MetadataStore, NewManifest};
use model::{NamespaceId, Plan, PlanId, PlanLimits};

pub(super) async fn run(store: &MetadataStore) {
    the_smaller_of_two_limits_holds(store).await;
    what_is_uploaded_and_not_used_is_counted(store).await;
    a_list_of_accepted_vulnerabilities_is_an_accounts_or_a_namespaces(store).await;
}

async fn the_smaller_of_two_limits_holds(store: &MetadataStore) {
    let world = World::create(store).await;
    let limit = || {
        let used = store.read_blocking(|reader| reader.get_usage(&world.account.id));
        used.unwrap().1
    };
    let own = |storage_bytes, pull_bytes_per_month| AccountLimits {
        storage_bytes,
        pull_bytes_per_month,
    };
    let set = async |limits: AccountLimits| {
        let account = world.account.id.clone();
        write(store, move |tx| {
            tx.take_account(&account)?;
            tx.set_account_limits(&account, &limits, 5)
        })
        .await;
        let found = store.read_blocking(|reader| reader.find_account_limits(&world.account.id));
        assert_eq!(found.unwrap(), limits);
    };
    let give = async |storage_bytes: Option<u64>| {
        let plan = Plan {
            id: PlanId::new(id()),
            name: format!("plan-{}", id()),
            description: String::new(),
            limits: PlanLimits {
                storage_bytes,
                ..PlanLimits::default()
            },
            is_offered: false,
        };
        let account = world.account.id.clone();
        write(store, move |tx| {
            tx.create_plan(&plan, 1)?;
            tx.set_plan_of_account(&account, &plan, 1)
        })
        .await;
    };
    assert_eq!(limit(), None);
    set(own(Some(70), Some(9))).await;
    assert_eq!(limit(), Some(70), "without a plan, the account's own");
    give(Some(50)).await;
    assert_eq!(limit(), Some(50));
    give(Some(100)).await;
    assert_eq!(limit(), Some(70));
    set(own(None, Some(8))).await;
    assert_eq!(limit(), Some(100));
    give(None).await;
    assert_eq!(limit(), None);
}

async fn what_is_uploaded_and_not_used_is_counted(store: &MetadataStore) {
    let world = World::create(store).await;
    let waiting = || {
        let room = store.read_blocking(|reader| reader.find_upload_room(&world.account.id, 10));
        room.unwrap().unreferenced_bytes
    };
    let upload = async |name: &str, size_bytes: u64| {
        let blob = digest(name);
        world.add_blob(store, &blob, size_bytes).await;
        let account = world.account.id.clone();
        write(store, move |tx| {
            tx.note_unreferenced_blob(&account, &blob, size_bytes)?;
            tx.note_unreferenced_blob(&account, &blob, size_bytes)
        })
        .await;
    };
    for (name, size) in [("used", 40), ("left", 20), ("ended", 3)] {
        upload(name, size).await;
    }
    assert_eq!(waiting(), 63, "each digest once");
    reference(store, &world, "used", 40).await;
    assert_eq!(waiting(), 23);
    upload("used", 40).await;
    assert_eq!(waiting(), 23, "what a manifest references is used");
    // One that came in between is found by the next look.
    let (account, repository) = (world.account.id.clone(), world.repository.clone());
    let (ended, corrected) = write(store, move |tx| {
        assert!(!tx.end_lease(&repository, &digest("used"), 1000)?);
        tx.review_unreferenced_blob(&repository, &digest("left"))?;
        let ended = tx.end_lease(&repository, &digest("ended"), 1000)?;
        Ok((ended, tx.review_unreferenced_blobs(&account)?))
    })
    .await;
    assert_eq!((ended, corrected), (true, 0));
    assert_eq!(waiting(), 20);
    let (account, repository) = (world.account.id.clone(), world.repository.clone());
    let corrected = write(store, move |tx| {
        tx.note_unreferenced_blob(&account, &digest("of nobody"), 5)?;
        tx.delete_repository_blob(&repository, &digest("left"))?;
        tx.review_unreferenced_blobs(&account)
    })
    .await;
    assert_eq!(corrected, 1);
    assert_eq!(waiting(), 0);
}

/// A manifest of the world's repository that needs one blob.
async fn reference(store: &MetadataStore, world: &World, blob: &str, size_bytes: u64) {
    let (world, blob) = (world.clone(), digest(blob));
    write(store, move |tx| {
        let manifest = NewManifest {
            id: id(),
            digest: digest(&id()),
            media_type: "application/json".to_owned(),
            artifact_type: None,
            subject: None,
            annotations: None,
            content: "{}".to_owned(),
        };
        let account = &world.account.id;
        assert!(tx.create_manifest(&manifest, account, &world.repository, 5)?);
        tx.create_manifest_blob(&manifest.id, &world.repository, "shared", &blob)?;
        tx.add_reference(account, &blob, size_bytes)?;
        tx.forget_unreferenced_blobs_of(account, &manifest.id)
    })
    .await;
}

async fn a_list_of_accepted_vulnerabilities_is_an_accounts_or_a_namespaces(store: &MetadataStore) {
    let world = World::create(store).await;
    let find = || {
        store
            .read_blocking(|reader| {
                assert!(reader.find_cve_allowlists(&[])?.is_empty());
                let ids = [world.namespace.clone(), NamespaceId::new("none")];
                let mut of_namespaces = reader.find_cve_allowlists(&ids)?;
                assert!(of_namespaces.len() < 2);
                let of_account = reader.find_cve_allowlist(&world.account.id)?;
                Ok::<_, Error>((of_account, of_namespaces.remove(world.namespace.as_str())))
            })
            .unwrap()
    };
    let put = async |of_namespace: bool, items: &[&str], expires_at_ms, now_ms| {
        let world = world.clone();
        let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
        write(store, move |tx| {
            let namespace = of_namespace.then_some(&world.namespace);
            let of = (&world.account.id, namespace);
            tx.put_cve_allowlist(&id(), of, &items, expires_at_ms, now_ms)
        })
        .await;
    };
    assert_eq!(find(), (None, None));
    put(false, &["CVE-2026-1", "CVE-2026-2"], Some(90), 5).await;
    put(true, &["GHSA-xxxx"], None, 6).await;
    put(true, &[], Some(7), 8).await;
    let list = |items: &[&str], expires_at_ms, created_at_ms, updated_at_ms| {
        Some(CveAllowlist {
            items: items.iter().map(|item| (*item).to_owned()).collect(),
            expires_at_ms,
            created_at_ms,
            updated_at_ms,
        })
    };
    let of_account = list(&["CVE-2026-1", "CVE-2026-2"], Some(90), 5, 5);
    assert_eq!(find(), (of_account, list(&[], Some(7), 6, 8)));
}
