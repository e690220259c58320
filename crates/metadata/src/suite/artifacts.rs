//! Manifests and tags as people see them.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{
    ArtifactFilter, ArtifactsOf, Comparison, Condition, ListQuery, MetadataStore, NewManifest,
    TagFilter, Value,
};
use oci::{Digest, Reference, Tag};

pub(super) async fn run(store: &MetadataStore) {
    a_manifest_is_as_large_as_what_it_needs(store).await;
    what_belongs_to_a_manifest_is_listed(store).await;
    a_list_of_manifests_is_narrowed(store).await;
    a_page_of_manifests_goes_on_after_one(store).await;
    tags_are_made_once(store).await;
    what_an_index_kept_is_loose_without_it(store).await;
}

pub(super) fn page() -> ListQuery {
    ListQuery {
        limit: 10,
        ..ListQuery::default()
    }
}

pub(super) fn value(text: &str) -> Value {
    Value {
        text: text.to_owned(),
        time_ms: None,
    }
}

pub(super) fn is(field: &str, text: &str) -> ListQuery {
    ListQuery {
        conditions: vec![Condition {
            field: field.to_owned(),
            comparison: Comparison::AnyOf(vec![value(text)]),
        }],
        ..page()
    }
}

/// Stores manifests of a repository in order, one millisecond after the other.
pub(super) async fn push(store: &MetadataStore, world: &World, manifests: &[NewManifest]) {
    let (world, manifests) = (world.clone(), manifests.to_vec());
    write(store, move |tx| {
        for (at_ms, new) in (100..).zip(&manifests) {
            tx.create_manifest(new, &world.account.id, &world.repository, at_ms)?;
        }
        tx.list_repository(&world.repository)
    })
    .await;
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

async fn a_page_of_manifests_goes_on_after_one(store: &MetadataStore) {
    let world = World::create(store).await;
    let all = [manifest(&id()), manifest(&id()), manifest(&id())];
    push(store, &world, &all).await;
    let listed = async |after: Option<(i64, &NewManifest)>| {
        let filter = ArtifactFilter {
            after: after.map(|(at_ms, new)| (at_ms, new.id.clone())),
            ..ArtifactFilter::default()
        };
        let query = ListQuery {
            limit: 2,
            is_uncounted: true,
            ..page()
        };
        found(store, &world, filter, query, false).await
    };
    let ids = |of: &[&NewManifest]| of.iter().map(|new| new.id.clone()).collect::<Vec<_>>();
    assert_eq!(listed(None).await, ids(&[&all[2], &all[1]]));
    assert_eq!(listed(Some((101, &all[1]))).await, ids(&[&all[0]]));
    assert!(listed(Some((100, &all[0]))).await.is_empty());
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
