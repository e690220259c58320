//! Repositories as people see them, and taking all of one away.

use super::artifacts::{is, page, push};
use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{
    Error, ListQuery, Listable, MetadataStore, NewManifest, NewUpload, Order, RepositoriesOf,
};
use model::RepositoryId;
use oci::{Algorithm, Digest, RepositoryName, UploadId};

pub(super) async fn run(store: &MetadataStore) {
    a_repository_is_told_with_what_is_in_it(store).await;
    repositories_are_listed_as_they_are_asked_for(store).await;
    a_repository_goes_with_all_that_is_in_it(store).await;
}

async fn a_repository_is_told_with_what_is_in_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let (_, hidden) = world.add_repository(store, "unlisted").await;
    let (child, index) = (manifest(&id()), manifest(&id()));
    let about = NewManifest {
        subject: Some(index.digest.clone()),
        ..manifest(&id())
    };
    push(store, &world, &[child.clone(), index.clone(), about]).await;
    let (repository, named) = (world.repository.clone(), child.digest.clone());
    write(store, move |tx| {
        tx.create_manifest_child(&index.id, &repository, &named)?;
        tx.put_repository_description(&repository, "first", 50)?;
        tx.put_repository_description(&repository, "about it", 60)
    })
    .await;
    let key = world.key.clone();
    let (found, none) = read(store, move |reader| {
        Ok((
            reader.find_repository_details(&key)?,
            reader.find_repository_details(&hidden)?,
        ))
    })
    .await;
    let found = found.unwrap();
    assert_eq!(none, None);
    assert_eq!(
        (found.id.clone(), found.namespace_id.clone()),
        (world.repository.clone(), world.namespace.clone())
    );
    assert_eq!(
        (found.name.as_str(), found.description.as_str()),
        (world.key.name.as_str(), "about it")
    );
    // Neither the child nor what is about the index stands in a list.
    assert_eq!(
        (found.artifacts, found.pulls, found.updated_at_ms),
        (1, 0, 60)
    );
    assert_eq!(found.last_pulled_at_ms, None);
}

async fn repositories_are_listed_as_they_are_asked_for(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, other_key) = world.add_repository(store, "other").await;
    world.add_repository(store, "unlisted").await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 7).await;
    push(store, &world, &[manifest(&id())]).await;
    write(store, move |tx| tx.list_repository(&other)).await;
    let names = async |is_one: bool, listable: u8, query: ListQuery| {
        let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
        let listed = read(store, move |reader| {
            let ids = std::slice::from_ref(&namespace);
            let of = match (is_one, listable) {
                (true, _) => RepositoriesOf::Namespace(&namespace),
                (_, 0) => RepositoriesOf::Account(Listable::All),
                (_, 1) => RepositoriesOf::Account(Listable::PublicAnd(ids)),
                (_, 2) => RepositoriesOf::Account(Listable::Only(ids)),
                _ => RepositoriesOf::Account(Listable::PublicAnd(&[])),
            };
            reader.list_repository_details(&account, of, &query)
        })
        .await;
        let names = listed.items.into_iter().map(|one| one.name);
        (names.collect::<Vec<_>>(), listed.total)
    };
    let both = vec![
        world.key.name.as_str().to_owned(),
        other_key.name.as_str().to_owned(),
    ];
    let one = (vec![both[0].clone()], 1);
    for (is_one, listable) in [(true, 0), (false, 0), (false, 1), (false, 2)] {
        assert_eq!(names(is_one, listable, page()).await, (both.clone(), 2));
    }
    assert_eq!(names(false, 3, page()).await, (Vec::new(), 0));
    assert_eq!(names(false, 0, is("blob_digest", blob.as_str())).await, one);
    assert_eq!(names(true, 0, is("name", &both[0])).await, one);
    assert_eq!(
        names(true, 0, is("blob_digest", digest("nowhere").as_str()))
            .await
            .1,
        0
    );
    let last = ListQuery {
        order: vec![Order {
            field: "name".to_owned(),
            is_descending: true,
        }],
        limit: 1,
        ..page()
    };
    assert_eq!(names(true, 0, last).await, (vec![both[1].clone()], 2));
}

/// A repository with a manifest, one in the trash that needs a blob, and an upload.
async fn filled(
    store: &MetadataStore,
    kept: &NewManifest,
    blob: &Digest,
    upload: &UploadId,
) -> World {
    let world = World::create(store).await;
    world.add_blob(store, blob, 5).await;
    let trashed = manifest(&id());
    push(store, &world, &[trashed.clone(), kept.clone()]).await;
    let (to, begun, needed) = (world.clone(), upload.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest_blob(&trashed.id, repository, "shared", &needed)?;
        let removed = tx.remove_manifest(repository, &trashed.digest)?.unwrap();
        let of = (repository, &trashed.digest);
        tx.create_old_trash(&id(), account, of, &removed, i64::MAX)?;
        let new = NewUpload {
            id: begun,
            account_id: account.clone(),
            repository_id: repository.clone(),
            caller: "somebody".to_owned(),
            algorithm: Algorithm::Sha256,
            expires_at_ms: i64::MAX,
        };
        tx.create_upload(&new, 1)
    })
    .await;
    world
}

async fn a_repository_goes_with_all_that_is_in_it(store: &MetadataStore) {
    let (blob, kept) = (digest(&id()), manifest(&id()));
    let upload = UploadId::parse(&id()).unwrap();
    let world = filled(store, &kept, &blob, &upload).await;
    let name = world.key.name.clone();
    let digests = {
        let repository = world.repository.clone();
        read(store, move |reader| {
            reader.list_manifest_digests(&repository, 10)
        })
        .await
    };
    assert_eq!(digests, std::slice::from_ref(&kept.digest));
    let full = {
        let (repository, name) = (world.repository.clone(), name.clone());
        store
            .write(move |tx| tx.delete_repository(&repository, &name))
            .await
    };
    assert!(matches!(full, Err(Error::ReferenceViolated)), "{full:?}");
    let (gone, name): (RepositoryId, RepositoryName) = (world.repository.clone(), name);
    let steps = write(store, move |tx| {
        assert!(tx.take_repository(&gone)?);
        tx.remove_manifest(&gone, &kept.digest)?;
        let mut steps = Vec::new();
        for _ in 0..3 {
            steps.push(tx.empty_repository(&gone, -70, -60, 10)?);
        }
        tx.delete_repository(&gone, &name)?;
        assert!(!tx.take_repository(&gone)?);
        Ok(steps)
    })
    .await;
    assert_eq!(steps, [1, 2, 0]);
    let location = upload.as_str().to_owned();
    let (found, due, is_condemned) = read(store, move |reader| {
        let condemned = reader.list_condemned_objects(-70, 10)?;
        Ok((
            (
                reader.find_repository(&world.key)?,
                reader.find_repository_time(&world.key)?,
            ),
            reader.list_due_blob_reviews(-60, 10)?,
            condemned.iter().any(|object| object.location == location),
        ))
    })
    .await;
    assert_eq!((found, is_condemned), ((None, None), true));
    assert_eq!(due.iter().filter(|look| look.digest == blob).count(), 1);
    // What comes after this case begins without them.
    write(store, move |tx| {
        tx.take_blob_review("shared", &blob, -60)?;
        tx.delete_condemned_object(upload.as_str())
    })
    .await;
}
