//! Repositories, manifests, tags and labels as people see them, and taking all of a repository away.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{
    ArtifactFilter, ArtifactsOf, Comparison, Condition, Error, LabelRow, ListQuery, Listable,
    MetadataStore, NewManifest, NewTrash, NewUpload, Order, RepositoriesOf, TagFilter, Value,
};
use model::{NamespaceId, RepositoryId};
use oci::{Algorithm, Digest, Reference, RepositoryName, Tag, UploadId};

pub(super) async fn run(store: &MetadataStore) {
    a_repository_is_told_with_what_is_in_it(store).await;
    repositories_are_listed_as_they_are_asked_for(store).await;
    a_manifest_is_as_large_as_what_it_needs(store).await;
    what_belongs_to_a_manifest_is_listed(store).await;
    a_list_of_manifests_is_narrowed(store).await;
    tags_are_made_once(store).await;
    what_an_index_kept_is_loose_without_it(store).await;
    labels_are_of_an_account_or_a_namespace(store).await;
    manifests_carry_labels(store).await;
    a_repository_goes_with_all_that_is_in_it(store).await;
}

fn page() -> ListQuery {
    ListQuery {
        limit: 10,
        ..ListQuery::default()
    }
}

fn value(text: &str) -> Value {
    Value {
        text: text.to_owned(),
        time_ms: None,
    }
}

fn is(field: &str, text: &str) -> ListQuery {
    ListQuery {
        conditions: vec![Condition {
            field: field.to_owned(),
            comparison: Comparison::AnyOf(vec![value(text)]),
        }],
        ..page()
    }
}

/// Stores manifests of a repository in order, one millisecond after the other.
async fn push(store: &MetadataStore, world: &World, manifests: &[NewManifest]) {
    let (world, manifests) = (world.clone(), manifests.to_vec());
    write(store, move |tx| {
        for (at_ms, new) in (100..).zip(&manifests) {
            tx.create_manifest(new, &world.account.id, &world.repository, at_ms)?;
        }
        tx.list_repository(&world.repository)
    })
    .await;
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

/// An index with a tag and a child, and what is about it.
struct Family {
    world: World,
    child: NewManifest,
    index: NewManifest,
    signature: NewManifest,
}

async fn family(store: &MetadataStore) -> Family {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 70).await;
    let (child, index) = (manifest(&id()), manifest(&id()));
    let signature = NewManifest {
        subject: Some(index.digest.clone()),
        artifact_type: Some("signature".to_owned()),
        ..manifest(&id())
    };
    push(
        store,
        &world,
        &[child.clone(), index.clone(), signature.clone()],
    )
    .await;
    let (to, parent, needed, tag) = (
        world.clone(),
        index.clone(),
        blob.clone(),
        Tag::parse("v1").unwrap(),
    );
    let named = child.clone();
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest_blob(&named.id, repository, "shared", &needed)?;
        tx.create_manifest_child(&parent.id, repository, &named.digest)?;
        tx.put_tag(account, repository, &tag, &parent.id, 200)
    })
    .await;
    Family {
        world,
        child,
        index,
        signature,
    }
}

async fn a_manifest_is_as_large_as_what_it_needs(store: &MetadataStore) {
    let Family {
        world,
        child,
        index,
        ..
    } = family(store).await;
    let (repository, digests) = (
        world.repository.clone(),
        [index.digest.clone(), child.digest.clone()],
    );
    let (by_digest, by_tag, none, ids) = read(store, move |reader| {
        let tag = |name| Reference::Tag(Tag::parse(name).unwrap());
        let wanted: Vec<&str> = digests
            .iter()
            .map(Digest::as_str)
            .chain(["sha256:none"])
            .collect();
        Ok((
            reader.find_artifact(&repository, &Reference::Digest(digests[1].clone()))?,
            reader.find_artifact(&repository, &tag("v1"))?,
            reader.find_artifact(&repository, &tag("v2"))?,
            reader.find_manifest_ids(&repository, &wanted)?,
        ))
    })
    .await;
    let (by_digest, by_tag) = (by_digest.unwrap(), by_tag.unwrap());
    let own = i64::try_from(child.content.len()).unwrap();
    let parents = i64::try_from(index.content.len()).unwrap();
    assert_eq!(
        (by_digest.id.as_str(), by_digest.size_bytes),
        (child.id.as_str(), own + 70)
    );
    // An index is as large as what it names.
    assert_eq!(
        (by_tag.id.as_str(), by_tag.size_bytes),
        (index.id.as_str(), parents + own + 70)
    );
    assert_eq!(
        (by_tag.content.as_deref(), by_tag.pushed_at_ms),
        (Some(index.content.as_str()), 101)
    );
    assert_eq!(
        (by_tag.repository.as_str(), none),
        (world.key.name.as_str(), None)
    );
    assert_eq!(
        (ids.len(), ids[index.digest.as_str()].as_str()),
        (2, index.id.as_str())
    );
}

async fn what_belongs_to_a_manifest_is_listed(store: &MetadataStore) {
    let Family {
        world,
        index,
        signature,
        ..
    } = family(store).await;
    let (repository, subject, manifest) = (
        world.repository.clone(),
        index.digest.clone(),
        index.id.clone(),
    );
    let (tags, own_tags, accessories, own_accessories) = read(store, move |reader| {
        Ok((
            reader.list_tags_of(&[&manifest, "none"], 10)?,
            reader.list_artifact_tags(&manifest, &is("name", "v1"))?,
            reader.list_accessories_of(&[repository.as_str()], &[subject.as_str()], 10)?,
            reader.list_accessories(&repository, &subject, &page())?,
        ))
    })
    .await;
    assert_eq!(
        (tags.len(), tags[0].name.as_str(), tags[0].updated_at_ms),
        (1, "v1", 200)
    );
    assert_eq!((own_tags.items, own_tags.total), (tags, 1));
    assert_eq!(
        (accessories.len(), accessories[0].id.as_str()),
        (1, signature.id.as_str())
    );
    assert_eq!(accessories[0].subject, index.digest.as_str());
    assert_eq!(
        (own_accessories.items, own_accessories.total),
        (accessories, 1)
    );
}

/// Ids of the manifests of a repository, or of its namespace.
async fn found(
    store: &MetadataStore,
    world: &World,
    filter: ArtifactFilter,
    query: ListQuery,
    whole: bool,
) -> Vec<String> {
    let (repository, namespace) = (world.repository.clone(), world.namespace.clone());
    let listed = read(store, move |reader| {
        let of = if whole {
            ArtifactsOf::Namespace(&namespace)
        } else {
            ArtifactsOf::Repository(&repository)
        };
        reader.list_artifacts(of, &filter, &query)
    })
    .await;
    listed.items.into_iter().map(|row| row.id).collect()
}

async fn a_list_of_manifests_is_narrowed(store: &MetadataStore) {
    let world = World::create(store).await;
    let of_type = |kind: &str| NewManifest {
        artifact_type: Some(kind.to_owned()),
        ..manifest(&id())
    };
    let all = [of_type("a"), of_type("a"), of_type("b")];
    let about = NewManifest {
        subject: Some(all[0].digest.clone()),
        ..of_type("a")
    };
    push(store, &world, &all).await;
    let to = world.clone();
    let (tagged, referrer) = (all[0].id.clone(), about.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&referrer, account, repository, 90)?;
        for tag in ["v1", "V2"] {
            tx.put_tag(account, repository, &Tag::parse(tag).unwrap(), &tagged, 200)?;
        }
        Ok(())
    })
    .await;
    let listed = async |filter: ArtifactFilter, query: ListQuery, whole: bool| {
        let found = found(store, &world, filter, query, whole).await;
        let place = |id: &String| all.iter().position(|one| one.id == *id).unwrap_or(9);
        found.iter().map(place).collect::<Vec<_>>()
    };
    let with = |tags: TagFilter| ArtifactFilter {
        tags: Some(tags),
        ..ArtifactFilter::default()
    };
    let none = ArtifactFilter::default();
    assert_eq!(listed(none.clone(), page(), false).await, [2, 1, 0]);
    assert_eq!(listed(none.clone(), page(), true).await, [2, 1, 0]);
    assert_eq!(
        listed(none.clone(), is("artifact_type", "a"), true).await,
        [1, 0]
    );
    assert_eq!(
        listed(none.clone(), is("content", "x"), false).await,
        [2, 1, 0]
    );
    let everything = ArtifactFilter {
        shows_all: true,
        ..none.clone()
    };
    assert_eq!(listed(everything, page(), false).await, [2, 1, 0, 9]);
    let newest = ArtifactFilter {
        newest_of_type: Some("a".to_owned()),
        ..none
    };
    assert_eq!(listed(newest, page(), true).await, [1]);
    assert_eq!(listed(with(TagFilter::Some), page(), false).await, [0]);
    assert_eq!(listed(with(TagFilter::None), page(), false).await, [2, 1]);
    let named = |names: &[&str]| {
        with(TagFilter::Named(
            names.iter().map(|name| (*name).to_owned()).collect(),
        ))
    };
    assert_eq!(listed(named(&["v1", "v9"]), page(), false).await, [0]);
    assert!(listed(named(&[]), page(), false).await.is_empty());
    let containing = |part: &str| with(TagFilter::Containing(part.to_owned()));
    assert_eq!(listed(containing("v2"), page(), false).await, [0]);
    assert!(listed(containing("%"), page(), false).await.is_empty());
}

async fn tags_are_made_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let (one, other) = (manifest(&id()), manifest(&id()));
    push(store, &world, &[one.clone(), other.clone()]).await;
    let made = write(store, move |tx| {
        let (account, repository) = (&world.account.id, &world.repository);
        let tag = Tag::parse("v1").unwrap();
        Ok((
            tx.create_tag(account, repository, &tag, &one.id, 5)?,
            tx.create_tag(account, repository, &tag, &other.id, 6)?,
            tx.delete_tag(repository, &tag)? == Some(one.digest),
        ))
    })
    .await;
    assert_eq!(made, (true, false, true));
}

async fn what_an_index_kept_is_loose_without_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let (child, index) = (manifest(&id()), manifest(&id()));
    push(store, &world, &[child.clone(), index.clone()]).await;
    let loose = write(store, move |tx| {
        let (account, repository) = (&world.account.id, &world.repository);
        tx.create_manifest_child(&index.id, repository, &child.digest)?;
        let kept = tx.take_if_loose(repository, &child.digest)?;
        tx.remove_manifest(repository, &index.digest)?;
        let loose = tx.take_if_loose(repository, &child.digest)?;
        tx.put_tag(
            account,
            repository,
            &Tag::parse("v1").unwrap(),
            &child.id,
            5,
        )?;
        let tagged = tx.take_if_loose(repository, &child.digest)?;
        Ok((
            kept,
            loose,
            tagged,
            tx.take_if_loose(repository, &index.digest)?,
        ))
    })
    .await;
    assert_eq!(loose, (false, true, false, false));
}

fn label(world: &World, namespace: Option<&NamespaceId>, name: &str) -> LabelRow {
    LabelRow {
        id: id(),
        account_id: world.account.id.clone(),
        namespace_id: namespace.cloned(),
        name: name.to_owned(),
        description: String::new(),
        color: "#000000".to_owned(),
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

async fn labels_are_of_an_account_or_a_namespace(store: &MetadataStore) {
    let world = World::create(store).await;
    let accounts = label(&world, None, "bug");
    let namespaces = label(&world, Some(&world.namespace), "bug");
    let second = label(&world, None, "art");
    let new = [accounts.clone(), namespaces.clone(), second.clone()];
    write(store, move |tx| {
        new.iter().try_for_each(|label| tx.create_label(label))
    })
    .await;
    for twice in [
        label(&world, None, "bug"),
        label(&world, Some(&world.namespace), "bug"),
    ] {
        let refused = store.write(move |tx| tx.create_label(&twice)).await;
        assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    }
    let renamed = LabelRow {
        name: "bug".to_owned(),
        ..second.clone()
    };
    let refused = store.write(move |tx| tx.update_label(&renamed, 9)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let changed = LabelRow {
        description: "what it is for".to_owned(),
        color: "#ffffff".to_owned(),
        updated_at_ms: 9,
        ..second.clone()
    };
    let (change, gone) = (changed.clone(), namespaces.id.clone());
    let done = write(store, move |tx| {
        Ok((
            tx.update_label(&change, 9)?,
            tx.delete_label(&gone)?,
            tx.delete_label(&gone)?,
        ))
    })
    .await;
    assert_eq!(done, (true, true, false));
    let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
    let (found, listed, none) = read(store, move |reader| {
        Ok((
            reader.find_label(&second.id)?,
            reader.list_labels(&account, None, &page())?,
            reader.list_labels(&account, Some(&namespace), &page())?,
        ))
    })
    .await;
    assert_eq!(found, Some(changed.clone()));
    assert_eq!(
        (listed.items, listed.total, none.total),
        (vec![changed, accounts], 2, 0)
    );
}

async fn manifests_carry_labels(store: &MetadataStore) {
    let world = World::create(store).await;
    let (one, other) = (manifest(&id()), manifest(&id()));
    push(store, &world, &[one.clone(), other.clone()]).await;
    let labels = [label(&world, None, "b"), label(&world, None, "a")];
    let (new, ids) = (labels.clone(), [one.id.clone(), other.id.clone()]);
    let done = write(store, move |tx| {
        new.iter().try_for_each(|label| tx.create_label(label))?;
        tx.add_manifest_label(&ids[0], &new[1].id, 6)?;
        tx.add_manifest_label(&ids[1], &new[0].id, 6)?;
        Ok((
            tx.add_manifest_label(&ids[0], &new[0].id, 6)?,
            tx.add_manifest_label(&ids[0], &new[0].id, 7)?,
            tx.remove_manifest_label(&ids[1], &new[0].id)?,
            tx.remove_manifest_label(&ids[1], &new[0].id)?,
        ))
    })
    .await;
    assert_eq!(done, (true, false, true, false));
    let (missing, carried) = (other.id.clone(), labels[0].id.clone());
    let refused = store
        .write(move |tx| tx.add_manifest_label(&missing, "none", 6).map(|_| carried))
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let (ids, repository) = ([one.id.clone(), other.id], world.repository.clone());
    let wanted = labels.iter().map(|label| label.id.clone()).collect();
    let (carried, with_both) = read(store, move |reader| {
        let filter = ArtifactFilter {
            labels: Vec::clone(&wanted),
            ..ArtifactFilter::default()
        };
        let of = ArtifactsOf::Repository(&repository);
        Ok((
            reader.list_labels_of(&[&ids[0], &ids[1]], 10)?,
            reader.list_artifacts(of, &filter, &page())?,
        ))
    })
    .await;
    let [first, second] = labels;
    assert_eq!(carried, [(one.id.clone(), second), (one.id.clone(), first)]);
    assert_eq!(
        (with_both.total, with_both.items[0].id.as_str()),
        (1, one.id.as_str())
    );
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
        let trash = NewTrash {
            id: &id(),
            account_id: account,
            repository_id: repository,
            digest: &trashed.digest,
            deleted_by: "somebody",
            deleted_at_ms: 1,
            purge_at_ms: i64::MAX,
        };
        tx.create_trash(&trash, &removed)?;
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
            reader.find_repository(&world.key)?,
            reader.list_due_blob_reviews(-60, 10)?,
            condemned.iter().any(|object| object.location == location),
        ))
    })
    .await;
    assert_eq!((found, is_condemned), (None, true));
    assert_eq!(due.iter().filter(|look| look.digest == blob).count(), 1);
    // What comes after this case begins without them.
    write(store, move |tx| {
        tx.take_blob_review("shared", &blob, -60)?;
        tx.delete_condemned_object(upload.as_str())
    })
    .await;
}
