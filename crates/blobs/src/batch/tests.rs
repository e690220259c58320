//! How batches use memory.

use futures_util::FutureExt;

use super::*;

fn piece(len: usize) -> Bytes {
    Bytes::from(vec![7; len])
}

fn full_budget() -> (Budget, OwnedSemaphorePermit) {
    let budget = Budget::new();
    let all = budget.try_take(BUDGET_BYTES).unwrap();
    (budget, all)
}

#[test]
fn a_batch_grows_to_its_limit_and_pays_for_it() {
    let budget = Budget::new();
    let mut batch = Batch::default();
    batch.take_from(&mut piece(SMALL_BATCH), &budget);
    assert!(batch.permit.is_none() && batch.is_worth_writing() && batch.has_room());
    let mut large = piece(FULL_BATCH);
    batch.take_from(&mut large, &budget);
    assert_eq!((batch.len, large.len()), (FULL_BATCH, SMALL_BATCH));
    assert!(!batch.has_room());
    assert_eq!(budget.0.available_permits(), BUDGET_BYTES - FULL_BATCH);
    drop(batch);
    assert_eq!(budget.0.available_permits(), BUDGET_BYTES);
}

#[test]
fn without_budget_batches_stay_small() {
    let (budget, _all) = full_budget();
    let mut batch = Batch::default();
    let mut large = piece(FULL_BATCH);
    batch.take_from(&mut large, &budget);
    assert_eq!(batch.len, SMALL_BATCH);
    assert!(batch.is_worth_writing() && !batch.has_room());
    let mut batch = Batch::default();
    for _ in 0..100 {
        batch.take_from(&mut piece(1000), &budget);
    }
    assert!(batch.len <= SMALL_BATCH && batch.is_worth_writing());
}

#[test]
fn tiny_pieces_are_copied_together_in_order() {
    let budget = Budget::new();
    let mut batch = Batch::default();
    for byte in 0..200_u8 {
        batch.take_from(&mut Bytes::from(vec![byte]), &budget);
    }
    batch.take_from(&mut piece(TINY_PIECE), &budget);
    batch.take_from(&mut piece(1), &budget);
    batch.seal_tail();
    let lens: Vec<_> = batch.parts.iter().map(Bytes::len).collect();
    assert_eq!(lens, [200, TINY_PIECE, 1]);
    assert!(batch.parts[0].iter().copied().eq(0..200));
}

#[tokio::test]
async fn handing_over_waits_for_the_budget_only_without_a_permit() {
    let budget = Budget::new();
    let mut paid = Batch::default();
    paid.take_from(&mut piece(FULL_BATCH), &budget);
    let rest = budget.try_take(BUDGET_BYTES - FULL_BATCH).unwrap();
    let mut unpaid = Batch::default();
    unpaid.take_from(&mut piece(10), &budget);
    let mut waiting = Box::pin(unpaid.admitted(&budget));
    assert!((&mut waiting).now_or_never().is_none());
    drop(paid.admitted(&budget).await);
    assert_eq!(waiting.await.permit.unwrap().num_permits(), 10);
    drop(rest);
}
