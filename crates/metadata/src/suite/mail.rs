//! Who is told by mail.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{Error, FollowerKind, FollowerRow, MailAddressRow, MailAddressState, MailPolicyRow};
use crate::{MetadataStore, Turn};

const DAY: i64 = 86_400_000;

fn address(world: &World, address: &str) -> MailAddressRow {
    MailAddressRow {
        id: id(),
        account_id: world.account.id.clone(),
        address: address.to_owned(),
        state: MailAddressState::Unconfirmed,
        code_until_ms: None,
        error: None,
        told_number: 0,
        creator: "ann".to_owned(),
        created_at_ms: 5,
        confirmed_at_ms: None,
        retry_at_ms: None,
    }
}

pub(super) async fn run(store: &MetadataStore) {
    let world = World::create(store).await;
    what_is_told_is_decided(store, &world).await;
    an_address_is_confirmed_once_told_and_refused(store, &world).await;
    an_address_that_takes_nothing_waits(store, &world).await;
    codes_are_counted(store, &world).await;
    its_follower_is_no_sink(store, &world).await;
}

async fn what_is_told_is_decided(store: &MetadataStore, world: &World) {
    let account = world.account.id.clone();
    let of = account.clone();
    let none = read(store, move |reader| reader.find_mail_policy(&of)).await;
    assert_eq!(none, None);
    let of = account.clone();
    let policies = write(store, move |tx| {
        let first = tx.take_mail_policy(&of, 3)?;
        tx.put_mail_policy(&of, &["job.failed", "sink.paused"], 4)?;
        tx.take_mail_room(&of, 70)?;
        Ok((first, tx.take_mail_policy(&of, 5)?))
    });
    let empty = MailPolicyRow {
        account_id: account,
        event_types: Vec::new(),
        busy_until_ms: 0,
        sent_mails: 0,
        sent_at_ms: None,
    };
    let decided = MailPolicyRow {
        event_types: vec!["job.failed".to_owned(), "sink.paused".to_owned()],
        busy_until_ms: 70,
        ..empty.clone()
    };
    assert_eq!(policies.await, (empty, decided));
}

async fn an_address_is_confirmed_once_told_and_refused(store: &MetadataStore, world: &World) {
    let account = world.account.id.clone();
    let (one, other) = (
        address(world, "B@example.com"),
        address(world, "a@example.com"),
    );
    let (new, of, hash) = ([one.clone(), other.clone()], account.clone(), id());
    let done = write(store, move |tx| {
        tx.create_mail_address(&new[0], "b@example.com")?;
        tx.create_mail_address(&new[1], "a@example.com")?;
        let twice = MailAddressRow {
            id: id(),
            ..new[0].clone()
        };
        let twice = tx.create_mail_address(&twice, "b@example.com");
        assert!(matches!(twice, Err(Error::AlreadyExists)));
        let known = tx.list_mail_addresses(&of)?;
        tx.put_mail_code(&new[0].id, &hash, 90)?;
        tx.put_mail_error(&new[0].id, Some("away"))?;
        let found = tx.find_mail_address_by_code(&hash)?;
        let refused = tx.refuse_mail_address(&new[0].id, "gone")?;
        let confirmed = [
            tx.confirm_mail_address((&new[1].id, &hash), 7, 8)?,
            tx.confirm_mail_address((&new[0].id, &hash), 7, 8)?,
            tx.confirm_mail_address((&new[0].id, &hash), 9, 9)?,
        ];
        tx.note_mail_sent((&new[0].id, &of), 12, 20)?;
        tx.note_mail_sent((&new[0].id, &of), 11, 21)?;
        let told = tx.find_mail_address(&new[0].id)?;
        let refused = [refused, tx.refuse_mail_address(&new[0].id, "gone")?];
        let policy = tx.find_mail_policy(&of)?;
        Ok((known, found, refused, (confirmed, told, policy)))
    });
    let (known, found, refused, (confirmed, told, policy)) = done.await;
    assert_eq!(known, [other.clone(), one.clone()]);
    let asked = MailAddressRow {
        code_until_ms: Some(90),
        error: Some("away".to_owned()),
        ..one.clone()
    };
    assert_eq!(found, Some(asked));
    assert_eq!((refused, confirmed), ([false, true], [false, true, false]));
    let expected = MailAddressRow {
        state: MailAddressState::Confirmed,
        told_number: 12,
        confirmed_at_ms: Some(8),
        ..one.clone()
    };
    assert_eq!(told, Some(expected.clone()));
    let policy = policy.expect("it is there");
    assert_eq!((policy.sent_mails, policy.sent_at_ms), (2, Some(21)));
    let (gone, wanted) = (other.id, one.id.clone());
    let deleted = write(store, move |tx| {
        Ok([
            tx.delete_mail_address(&gone)?,
            tx.delete_mail_address(&gone)?,
        ])
    });
    assert_eq!(deleted.await, [true, false]);
    let left = read(store, move |reader| reader.find_mail_address(&wanted)).await;
    let expected = MailAddressRow {
        state: MailAddressState::Refused,
        error: Some("gone".to_owned()),
        ..expected
    };
    assert_eq!(left, Some(expected));
}

async fn an_address_that_takes_nothing_waits(store: &MetadataStore, world: &World) {
    let (one, other) = (
        address(world, "c@example.com"),
        address(world, "d@example.com"),
    );
    let (of, hash) = (world.account.id.clone(), id());
    let seen = write(store, move |tx| {
        for (row, folded) in [(&one, "c@example.com"), (&other, "d@example.com")] {
            tx.create_mail_address(row, folded)?;
        }
        tx.put_mail_code(&one.id, &hash, 90)?;
        assert!(tx.confirm_mail_address((&one.id, &hash), 7, 8)?);
        let since = [
            tx.note_mail_failing(&one.id, "full", (10, 15))?,
            tx.note_mail_failing(&one.id, "full", (12, 17))?,
            tx.note_mail_failing(&other.id, "full", (13, 18))?,
        ];
        let waits = tx.find_mail_address(&one.id)?.unwrap();
        tx.note_mail_sent((&one.id, &of), 12, 20)?;
        let told = tx.find_mail_address(&one.id)?.unwrap();
        assert_eq!(tx.note_mail_failing(&one.id, "full", (30, 35))?, 30);
        Ok((since, [waits, told]))
    });
    let (since, rows) = seen.await;
    assert_eq!(since, [10, 10, 13], "only one that is told fails");
    let shown = rows.map(|row| (row.retry_at_ms, row.error));
    assert_eq!(shown, [(Some(17), Some("full".to_owned())), (None, None)]);
}

async fn codes_are_counted(store: &MetadataStore, world: &World) {
    // Long before whatever others asked for.
    const AT: i64 = -1_000 * DAY;
    let (account, hash) = (world.account.id.clone(), id());
    let other = World::create(store).await.account.id;
    let counted = write(store, move |tx| {
        tx.note_mail_confirmation((&id(), &account), &hash, AT)?;
        tx.note_mail_confirmation((&id(), &account), &hash, AT + 5)?;
        tx.note_mail_confirmation((&id(), &account), "another", AT + 6)?;
        tx.note_mail_confirmation((&id(), &other), &hash, AT + 6)?;
        let counted = [
            tx.count_mail_confirmations(&account, &hash, AT - 1)?,
            tx.count_mail_confirmations(&account, &hash, AT)?,
        ];
        let forgotten = [
            tx.forget_mail_confirmations(AT + 6, 1)?,
            tx.forget_mail_confirmations(AT + 6, 9)?,
            tx.forget_mail_confirmations(AT + 6, 9)?,
        ];
        Ok((counted, forgotten))
    });
    assert_eq!(counted.await, ([(3, 2, 3), (2, 1, 2)], [1, 1, 0]));
}

/// Programs that know nothing of mail find a sink that is gone.
async fn its_follower_is_no_sink(store: &MetadataStore, world: &World) {
    let account = world.account.id.clone();
    let follower = FollowerRow {
        id: FollowerKind::mail_id(&account),
        account_id: account.clone(),
        kind: FollowerKind::Mail,
        read_number: 0,
        is_paused: false,
        failures: 0,
        failing_since_ms: None,
        retry_at_ms: None,
        missed: 0,
        last_error: None,
        created_at_ms: 5,
    };
    let new = follower.clone();
    let found = write(store, move |tx| {
        tx.take_turn(Turn::Sealing)?;
        tx.create_follower(&new)?;
        let found = (tx.find_follower(&new.id)?, tx.find_sink(&new.id)?);
        let taken = tx.take_followers(&new.account_id)?;
        tx.delete_follower(&new.id)?;
        Ok((found, taken))
    });
    let ((found, sink), taken) = found.await;
    assert_eq!((found, sink), (Some(follower.clone()), None));
    assert_eq!(taken, [follower]);
}
