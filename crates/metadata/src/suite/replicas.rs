//! Replicas are there for as long as they look in.

use super::fixture::{id, write};
use super::garbage::read;
use crate::{MetadataStore, ReplicaRow};

pub(super) async fn run(store: &MetadataStore) {
    let replica = |started_at_ms, seen_at_ms| ReplicaRow {
        id: id(),
        host: "machine".to_owned(),
        addresses: "127.0.0.1:5000 127.0.0.1:5001".to_owned(),
        version: "1.2.3".to_owned(),
        started_at_ms,
        seen_at_ms,
        schema_version: Some(MetadataStore::newest_schema()),
    };
    let (first, second) = (replica(10, 10), replica(20, 20));
    let put = async |replica: &ReplicaRow, lost_ms| {
        let replica = replica.clone();
        write(store, move |tx| tx.put_replica(&replica, lost_ms)).await;
    };
    put(&second, 0).await;
    put(&first, 0).await;
    let listed = async |since_ms| read(store, move |reader| reader.list_replicas(since_ms)).await;
    assert_eq!(listed(0).await, [first.clone(), second.clone()]);
    assert_eq!(listed(11).await, std::slice::from_ref(&second));
    let is_older_there =
        async |since_ms| read(store, move |reader| reader.is_older_replica_there(since_ms)).await;
    assert!(!is_older_there(0).await, "both are of this release");
    let mut older = replica(5, 5);
    older.schema_version = None;
    put(&older, 0).await;
    assert!(is_older_there(5).await && !is_older_there(6).await);
    write(store, move |tx| tx.delete_replica(&older.id)).await;
    let again = ReplicaRow {
        seen_at_ms: 30,
        ..first.clone()
    };
    put(&again, 21).await;
    assert_eq!(listed(0).await, [again]);
    write(store, move |tx| tx.delete_replica(&first.id)).await;
    assert_eq!(listed(0).await, []);
}
