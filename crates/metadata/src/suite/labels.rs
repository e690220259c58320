//! Labels, and the manifests that carry them.

use super::artifacts::{page, push};
use super::content::manifest;
use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{ArtifactFilter, ArtifactsOf, Error, LabelRow, MetadataStore};
use model::NamespaceId;

pub(super) async fn run(store: &MetadataStore) {
    labels_are_of_an_account_or_a_namespace(store).await;
    manifests_carry_labels(store).await;
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
