//! Referrers: which are shown, and which are kept by nothing.

use super::content::{add_manifest, manifest, tag};
use super::fixture::{World, digest, id, write};
use crate::{Choice, MetadataStore, NewManifest, ReferrerRow};
use oci::Digest;

pub(super) async fn run(store: &MetadataStore) {
    referrers_are_shown_in_order_until_enough(store).await;
}

async fn referrers_are_shown_in_order_until_enough(store: &MetadataStore) {
    let world = World::create(store).await;
    let subject = digest(&id());
    let mut expected = Vec::new();
    for number in 0..4 {
        let new = NewManifest {
            subject: Some(subject.clone()),
            artifact_type: Some("application/vnd.example.signature".to_owned()),
            annotations: Some("{\"a\":\"b\"}".to_owned()),
            ..manifest(&format!("signature {number} {}", id()))
        };
        add_manifest(store, &world, &new).await;
        expected.push(new);
    }
    expected.sort_by(|a, b| a.digest.as_str().cmp(b.digest.as_str()));
    let digests: Vec<String> = expected
        .iter()
        .map(|new| new.digest.as_str().to_owned())
        .collect();
    let show = |after: &str, most: usize| {
        store
            .read_blocking(|reader| {
                let mut shown: Vec<ReferrerRow> = Vec::new();
                reader.visit_referrers(
                    &world.key,
                    &subject,
                    after,
                    |_, _| Choice::Take,
                    |row| {
                        shown.push(row);
                        shown.len() < most
                    },
                )?;
                Ok::<_, crate::Error>(shown)
            })
            .unwrap()
    };
    let all = show("", 100);
    let shown: Vec<_> = all.iter().map(|row| row.digest.clone()).collect();
    assert_eq!(shown, digests);
    assert_eq!(all[0].annotations.as_deref(), Some("{\"a\":\"b\"}"));
    assert_eq!(all[0].artifact_type, expected[0].artifact_type);
    assert_eq!(all[0].media_type, expected[0].media_type);
    assert_eq!(
        usize::try_from(all[0].size_bytes),
        Ok(expected[0].content.len())
    );
    assert_eq!(show(&digests[0], 2).len(), 2);
    assert_eq!(show(&digests[3], 2).len(), 0);

    only_what_nothing_keeps_is_loose(store, &world, &subject, &expected).await;
}

async fn only_what_nothing_keeps_is_loose(
    store: &MetadataStore,
    world: &World,
    subject: &Digest,
    expected: &[NewManifest],
) {
    let (to, tagged) = (world.clone(), expected[1].id.clone());
    write(store, move |tx| {
        tx.put_tag(&to.account.id, &to.repository, &tag("kept"), &tagged, 97)
    })
    .await;
    // The tagged one stays; of the others, one that an index names is not loose either.
    let find = |subject: &Digest| {
        store
            .read_blocking(|reader| reader.find_loose_referrer(&world.repository, subject))
            .unwrap()
    };
    let found = find(subject).expect("three are loose");
    assert_ne!(found, expected[1].digest);
    let to = world.clone();
    let loose = [0, 2, 3].map(|at| expected[at].digest.clone());
    let index = manifest(&id());
    let by_index = index.digest.clone();
    write(store, move |tx| {
        tx.create_manifest(&index, &to.account.id, &to.repository, 98)?;
        for child in &loose {
            tx.create_manifest_child(&index.id, &to.repository, child)?;
        }
        Ok(())
    })
    .await;
    assert_eq!(find(subject), None);
    let (to, about) = (world.repository.clone(), subject.clone());
    let taken = write(store, move |tx| {
        let none = tx.take_loose_referrer(&to, &about)?;
        assert_eq!(none, None, "an index names them");
        let removed = tx.remove_manifest(&to, &by_index)?;
        assert!(removed.is_some());
        tx.take_loose_referrer(&to, &about)
    });
    assert!(taken.await.is_some_and(|taken| taken != expected[1].digest));
}
