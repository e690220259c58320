//! Lists of an account's images, and of what is in a namespace.

use super::artifacts::push;
use super::content::manifest;
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{ImageFilter, ImageRow, Listable, MetadataStore, NamespacePart, NewManifest, Tagged};
use model::{NamespaceId, RepositoryPattern};
use oci::Tag;

pub(super) async fn run(store: &MetadataStore) {
    images_are_listed_with_their_tags(store).await;
    images_are_those_that_are_asked_for(store).await;
    a_namespace_lists_all_its_repositories(store).await;
}

async fn listed(
    store: &MetadataStore,
    world: &World,
    namespaces: Option<Vec<NamespaceId>>,
    filter: ImageFilter,
    limit: i64,
) -> Vec<ImageRow> {
    let account = world.account.id.clone();
    read(store, move |reader| {
        let listable = namespaces.as_deref().map_or(Listable::All, Listable::Only);
        reader.list_images(&account, (listable, &[]), &filter, limit)
    })
    .await
}

/// A manifest with two tags, an index with a tag and a child, and one with nothing.
struct Stock {
    world: World,
    tagged: NewManifest,
    index: NewManifest,
    child: NewManifest,
    loose: NewManifest,
}

async fn stock(store: &MetadataStore) -> Stock {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 70).await;
    let (tagged, index, child, loose) = (
        manifest(&id()),
        manifest(&id()),
        manifest(&id()),
        manifest(&id()),
    );
    let about = NewManifest {
        subject: Some(tagged.digest.clone()),
        ..manifest(&id())
    };
    let all = [&tagged, &index, &child, &loose, &about].map(Clone::clone);
    push(store, &world, &all).await;
    let (to, parts) = (
        world.clone(),
        [tagged.clone(), index.clone(), child.clone()],
    );
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        let [tagged, index, child] = &parts;
        tx.create_manifest_blob(&child.id, repository, "shared", &blob)?;
        tx.create_manifest_child(&index.id, repository, &child.digest)?;
        for (tag, manifest) in [("v1", tagged), ("v2", tagged), ("all", index)] {
            let tag = Tag::parse(tag).unwrap();
            tx.put_tag(account, repository, &tag, &manifest.id, 200)?;
        }
        Ok(())
    })
    .await;
    Stock {
        world,
        tagged,
        index,
        child,
        loose,
    }
}

fn of(tagged: Tagged) -> ImageFilter {
    ImageFilter {
        tagged,
        ..ImageFilter::default()
    }
}

async fn images_are_listed_with_their_tags(store: &MetadataStore) {
    let Stock {
        world,
        tagged,
        index,
        child,
        loose,
    } = stock(store).await;
    let name = world.key.name.as_str();
    let size = |manifest: &NewManifest| i64::try_from(manifest.content.len()).unwrap();
    let row = |manifest: &NewManifest, size_bytes, pushed_at_ms, tag: Option<&str>| ImageRow {
        repository: name.to_owned(),
        digest: manifest.digest.as_str().to_owned(),
        media_type: manifest.media_type.clone(),
        size_bytes,
        pushed_at_ms,
        tag: tag.map(str::to_owned),
    };
    let mut expected = vec![
        row(&tagged, size(&tagged), 100, Some("v1")),
        row(&tagged, size(&tagged), 100, Some("v2")),
        row(&index, size(&index) + size(&child) + 70, 101, Some("all")),
        row(&loose, size(&loose), 103, None),
    ];
    expected.sort_by(|one, other| (&one.digest, &one.tag).cmp(&(&other.digest, &other.tag)));
    let found = listed(store, &world, None, of(Tagged::Any), 10).await;
    assert_eq!(found, expected);
    let found = listed(store, &world, None, of(Tagged::Any), 2).await;
    assert_eq!(found, expected[..2]);
    let found = listed(store, &world, None, of(Tagged::None), 10).await;
    assert_eq!(found, [row(&loose, size(&loose), 103, None)]);
    expected.retain(|row| row.tag.is_some());
    let found = listed(store, &world, None, of(Tagged::Some), 10).await;
    assert_eq!(found, expected);
}

async fn images_are_those_that_are_asked_for(store: &MetadataStore) {
    let world = stock(store).await.world;
    let name = world.key.name.as_str();
    let own = world.namespace.clone();
    let namespaces = |names: &[&str]| ImageFilter {
        namespaces: names.iter().map(|name| (*name).to_owned()).collect(),
        ..of(Tagged::Some)
    };
    let repositories = |names: &[&str]| ImageFilter {
        repositories: names.iter().map(|name| (*name).to_owned()).collect(),
        ..of(Tagged::Some)
    };
    for (visible, filter, is_found) in [
        (Some(vec![own.clone()]), of(Tagged::Some), true),
        (Some(Vec::new()), of(Tagged::Some), false),
        (None, namespaces(&["other", &world.namespace_name]), true),
        (None, namespaces(&["other"]), false),
        (None, repositories(&[name, "other/app"]), true),
        (None, repositories(&["other/app"]), false),
        (
            Some(vec![NamespaceId::new(id())]),
            repositories(&[name]),
            false,
        ),
    ] {
        let found = listed(store, &world, visible.clone(), filter.clone(), 10).await;
        assert_eq!(!found.is_empty(), is_found, "{visible:?} {filter:?}");
    }
    for (pattern, is_found) in [("a*", true), ("b*", false)] {
        let part = NamespacePart {
            namespace: world.namespace.clone(),
            pattern: RepositoryPattern::parse(pattern).unwrap(),
        };
        let (account, parts) = (world.account.id.clone(), [part]);
        let filter = of(Tagged::Some);
        let found = read(store, move |reader| {
            reader.list_images(&account, (Listable::Only(&[]), &parts), &filter, 10)
        })
        .await;
        assert_eq!(!found.is_empty(), is_found, "{pattern}");
    }
    // Another account's are not among them.
    let stranger = World::create(store).await;
    let found = listed(store, &stranger, None, repositories(&[name]), 10).await;
    assert_eq!(found, []);
}

async fn a_namespace_lists_all_its_repositories(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, key) = world.add_repository(store, "other").await;
    World::create(store).await;
    let namespace = world.namespace.clone();
    let (mut all, one) = read(store, move |reader| {
        Ok((
            reader.list_repositories_of(&namespace, 10)?,
            reader.list_repositories_of(&namespace, 1)?,
        ))
    })
    .await;
    let mut expected = vec![
        (world.repository.clone(), world.key.name.clone()),
        (other, key.name),
    ];
    expected.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    all.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    assert_eq!(all, expected);
    assert!(one.len() == 1 && all.contains(&one[0]), "{one:?}");
}
