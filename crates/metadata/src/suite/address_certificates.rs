//! Names that accounts claim, and the certificates of those that are theirs.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{AddressCertificateRow, AddressClaimRow, Error, MetadataStore};
use model::AccountId;

pub(super) async fn run(store: &MetadataStore) {
    claims(store).await;
    certificates(store).await;
}

fn claim(account: &AccountId, host: &str, expires_at_ms: i64) -> AddressClaimRow {
    AddressClaimRow {
        account_id: account.clone(),
        host: host.to_owned(),
        token: id(),
        created_at_ms: 1,
        expires_at_ms,
    }
}

async fn claims(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let (own, foreign) = (world.account.id, other.account.id);
    let hosts = ["b", "a"].map(|name| format!("{name}.{}.example", id()));
    // Everybody may claim what nobody has proved.
    let made = [
        claim(&own, &hosts[0], 10),
        claim(&own, &hosts[1], 20),
        claim(&foreign, &hosts[0], 10),
    ];
    let again = AddressClaimRow {
        expires_at_ms: 15,
        ..made[0].clone()
    };
    let (all, renewed) = (made.clone(), again.clone());
    write(store, move |tx| {
        all.iter()
            .try_for_each(|claim| tx.put_address_claim(claim))?;
        tx.put_address_claim(&renewed)
    })
    .await;
    let (account, host) = (own.clone(), hosts[0].clone());
    let (listed, later, found, over) = read(store, move |reader| {
        Ok((
            reader.list_address_claims(&account, 14)?,
            reader.list_address_claims(&account, 15)?,
            reader.find_address_claim(&account, &host, 14)?,
            reader.find_address_claim(&account, &host, 15)?,
        ))
    })
    .await;
    assert_eq!(listed, [made[1].clone(), again.clone()]);
    assert_eq!(later, [made[1].clone()]);
    assert_eq!((found, over), (Some(again), None));
    let (account, host) = (own.clone(), hosts[1].clone());
    let gone = write(store, move |tx| {
        Ok([
            tx.delete_address_claim(&account, &host)?,
            tx.delete_address_claim(&account, &host)?,
        ])
    });
    assert_eq!(gone.await, [true, false]);
    let expired = write(store, |tx| {
        Ok([
            tx.delete_expired_address_claims(15, 1)?,
            tx.delete_expired_address_claims(15, 10)?,
            tx.delete_expired_address_claims(15, 10)?,
        ])
    });
    assert_eq!(expired.await, [1, 1, 0]);
    let left = read(store, move |reader| reader.list_address_claims(&foreign, 0));
    assert_eq!(left.await, []);
}

fn certificate(account: &AccountId, host: &str, ends_at_ms: i64) -> AddressCertificateRow {
    AddressCertificateRow {
        host: host.to_owned(),
        account_id: account.clone(),
        chain: "chain".to_owned(),
        sealed_key: "sealed".to_owned(),
        subject: "CN=subject".to_owned(),
        issuer: "CN=issuer".to_owned(),
        names: vec![host.to_owned(), "*.example".to_owned()],
        fingerprint: id(),
        begins_at_ms: 1,
        ends_at_ms,
        updated_at_ms: 2,
        told_days: None,
    }
}

async fn certificates(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let (own, foreign) = (world.account.id, other.account.id);
    let hosts = ["a", "b"].map(|name| format!("{name}.{}.example", id()));
    let made = [
        certificate(&own, &hosts[0], 30),
        certificate(&own, &hosts[1], 30),
    ];
    let stolen = certificate(&foreign, &hosts[0], 40);
    let (account, all) = (own.clone(), made.clone());
    let policy = store.epochs().policy();
    write(store, move |tx| {
        for certificate in &all {
            tx.add_account_address(&account, &certificate.host)?;
            tx.put_address_certificate(certificate)?;
        }
        Ok(())
    })
    .await;
    assert_ne!(store.epochs().policy(), policy);
    // The database itself knows whose a name is.
    let refused = store.write(move |tx| tx.put_address_certificate(&stolen));
    let refused = refused.await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let (account, host) = (own.clone(), hosts[0].clone());
    let (found, listed, first) = read(store, move |reader| {
        Ok((
            reader.find_address_certificate(&host)?,
            reader.list_address_certificates(&account)?,
            reader.find_first_certificate_end()?,
        ))
    })
    .await;
    assert_eq!(found.as_ref(), Some(&made[0]));
    assert_eq!((listed.len(), first), (2, Some(30)), "{listed:?}");
    let after = hosts[0].clone();
    let ending = read(store, move |reader| {
        Ok([
            reader.list_ending_certificates(30, (0, ""), 10)?,
            reader.list_ending_certificates(31, (0, ""), 1)?,
            reader.list_ending_certificates(31, (30, &after), 10)?,
        ])
    });
    assert_eq!(
        ending.await,
        [vec![], vec![made[0].clone()], vec![made[1].clone()]]
    );
    let (host, fingerprint) = (hosts[0].clone(), made[0].fingerprint.clone());
    let told = write(store, move |tx| {
        Ok([
            tx.set_certificate_told(&host, &fingerprint, 14)?,
            tx.set_certificate_told(&host, "another", 7)?,
        ])
    });
    assert_eq!(told.await, [true, false]);
    leaving(store, (own, foreign), hosts).await;
}

/// What is taken away is the account's own, and a name takes its certificate along.
async fn leaving(
    store: &MetadataStore,
    (own, foreign): (AccountId, AccountId),
    hosts: [String; 2],
) {
    let (account, gone) = (own, hosts.clone());
    let gone = write(store, move |tx| {
        Ok([
            tx.delete_address_certificate(&foreign, &gone[1])?,
            tx.delete_address_certificate(&account, &gone[1])?,
            tx.delete_address_certificate(&account, &gone[1])?,
            tx.remove_account_address(&account, &gone[0])?,
        ])
    });
    assert_eq!(gone.await, [false, true, false, true]);
    let left = read(store, move |reader| {
        let [one, other] = &hosts;
        Ok([
            reader.find_address_certificate(one)?,
            reader.find_address_certificate(other)?,
        ])
    });
    assert_eq!(left.await, [None, None]);
}
