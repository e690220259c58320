//! Memory is bounded, and nobody waits for ever.

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use oci::{Algorithm, Digest};
use tokio::sync::oneshot;

use super::{MIB, NO_LIMIT, assert_holds, body, bucket, key, long, open, put};
use crate::S3Options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_uploads_share_room_for_one_part() {
    let store = open(&S3Options {
        parts_in_flight: 1,
        ..bucket::options()
    });
    let contents: Vec<_> = (0..6).map(|number| long((10 + number) * MIB)).collect();
    let puts = contents
        .iter()
        .zip(0..)
        .map(|(whole, number)| put(&store, number, whole));
    join_all(puts).await;
    for (whole, number) in contents.iter().zip(0..) {
        assert_holds(&store, number, whole).await;
    }
}

/// What a stalled client sent goes to the store, and comes back when the client does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_client_makes_room_for_the_others() {
    let store = open(&S3Options {
        parts_in_flight: 1,
        ..bucket::options()
    });
    let whole = long(12 * MIB);
    let (wake, woken) = oneshot::channel::<()>();
    let rest = body(&whole.slice(7 * MIB..), 100_000);
    let stalled = body(&whole.slice(..7 * MIB), 100_000)
        .chain(stream::once(woken).filter_map(|_| std::future::ready(None)))
        .chain(rest);
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let uploading = tokio::spawn({
        let store = store.clone();
        async move {
            let put = store.append_and_complete(begun, Box::pin(stalled), NO_LIMIT, &digest);
            put.await.map_err(|error| error.to_string())
        }
    });
    // Needs all the memory there is.
    put(&store, 2, &long(9 * MIB)).await;
    wake.send(()).unwrap();
    uploading.await.unwrap().unwrap();
    assert_holds(&store, 1, &whole).await;
    assert_eq!(store.list_uploads().await.unwrap(), []);
}
