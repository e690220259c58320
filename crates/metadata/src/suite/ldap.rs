//! Directories that vouch for people.

use super::fixture::{World, id, write};
use crate::{
    Error, GroupKind, GroupRow, LdapScope, LdapSettings, LdapSourceRow, MetadataStore, NewUser,
};
use model::{AccountId, GroupId, IdentitySourceId, UserId};

pub(super) async fn run(store: &MetadataStore) {
    a_directory_is_kept_changed_and_goes_when_nobody_needs_it(store).await;
    whom_a_directory_vouches_for_is_found_by_name(store).await;
}

fn settings() -> LdapSettings {
    LdapSettings {
        url: "ldap://directory.example.com".to_owned(),
        starts_tls: true,
        verifies_certificate: true,
        ca_certificates: String::new(),
        bind_dn: "cn=registry,dc=example,dc=com".to_owned(),
        base_dn: "ou=people,dc=example,dc=com".to_owned(),
        scope: LdapScope::Sub,
        user_filter: "(objectClass=person)".to_owned(),
        name_attribute: "uid".to_owned(),
        mail_attribute: "mail".to_owned(),
        membership_attribute: String::new(),
        group_base_dn: "ou=groups,dc=example,dc=com".to_owned(),
        group_filter: "(objectClass=groupOfNames)".to_owned(),
        group_name_attribute: "cn".to_owned(),
        admin_group_dn: String::new(),
    }
}

fn source(home: &AccountId, owner: Option<&AccountId>, name: &str) -> LdapSourceRow {
    LdapSourceRow {
        id: IdentitySourceId::new(id()),
        account_id: owner.cloned(),
        home_account_id: home.clone(),
        name: name.to_owned(),
        settings: settings(),
        sealed_bind_password: None,
        onboards: true,
        is_disabled: false,
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

async fn a_directory_is_kept_changed_and_goes_when_nobody_needs_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let home = world.account.id.clone();
    let (own, all) = (source(&home, Some(&home), "b"), source(&home, None, "a"));
    let both = (own.clone(), all.clone());
    write(store, move |tx| {
        tx.create_ldap_source(&both.0)?;
        tx.create_ldap_source(&both.1)
    })
    .await;
    let again = source(&home, Some(&home), "a");
    let twice = store.write(move |tx| tx.create_ldap_source(&again)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let changed = LdapSourceRow {
        settings: LdapSettings {
            url: "ldaps://directory.example.com:1636".to_owned(),
            scope: LdapScope::One,
            ca_certificates: "-----BEGIN CERTIFICATE-----".to_owned(),
            ..settings()
        },
        sealed_bind_password: Some("sealed".to_owned()),
        onboards: false,
        is_disabled: true,
        updated_at_ms: 9,
        ..own.clone()
    };
    let change = changed.clone();
    assert!(write(store, move |tx| tx.update_ldap_source(&change, 9)).await);
    let (found, of_account, of_deployment) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_ldap_source(&own.id)?,
                reader.list_ldap_sources(Some(&home))?,
                reader.list_ldap_sources(None)?,
            ))
        })
        .unwrap();
    assert_eq!((found, of_account), (Some(changed.clone()), vec![changed]));
    assert!(of_deployment.contains(&all));
    let (gone, other) = (own.clone(), all.id);
    let (there, again, other, updated) = write(store, move |tx| {
        Ok((
            tx.delete_identity_source(&gone.id)?,
            tx.delete_identity_source(&gone.id)?,
            tx.delete_identity_source(&other)?,
            tx.update_ldap_source(&gone, 10)?,
        ))
    })
    .await;
    assert!(there && !again && other && !updated);
    let found = store
        .read_blocking(|reader| reader.find_ldap_source(&own.id))
        .unwrap();
    assert_eq!(found, None);
}

async fn whom_a_directory_vouches_for_is_found_by_name(store: &MetadataStore) {
    let world = World::create(store).await;
    let home = world.account.id.clone();
    let directory = source(&home, Some(&home), "main");
    let (user, name) = (UserId::new(id()), format!("user-{}", id()));
    let new = NewUser {
        id: user.clone(),
        source_id: directory.id.as_str().to_owned(),
        name: name.clone(),
        home_account_id: home.clone(),
        password_hash: None,
    };
    let group = GroupRow {
        id: GroupId::new(id()),
        account_id: home.clone(),
        kind: GroupKind::Ldap,
        name: "dev".to_owned(),
        external_name: Some("cn=Dev,dc=example,dc=com".to_owned()),
        created_at_ms: 5,
    };
    let made = (directory.clone(), new, group.clone());
    write(store, move |tx| {
        let (directory, new, group) = &made;
        tx.create_ldap_source(directory)?;
        tx.create_user(new, 5)?;
        tx.put_external_user(&new.id, (&directory.id, "uuid:1"), 6)?;
        tx.create_source_group(group, &directory.id, "cn=dev,dc=example,dc=com")?;
        tx.put_group_member(&group.id, &new.id, 6)
    })
    .await;
    let (found, local, none, memberships, others) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_external_user_named(&name)?,
                reader.find_external_user_named(&world.user_name)?,
                reader.find_external_user_named("nobody")?,
                reader.list_source_memberships(&user, &directory.id)?,
                reader.list_source_memberships(&world.user, &directory.id)?,
            ))
        })
        .unwrap();
    let found = found.unwrap();
    assert_eq!((found.user.id, found.user.name), (user, name));
    assert_eq!(
        (found.source_id, found.subject.as_str()),
        (directory.id.clone(), "uuid:1")
    );
    assert!(local.is_none() && none.is_none());
    assert_eq!(memberships, ["cn=dev,dc=example,dc=com"]);
    assert!(others.is_empty());
    let needed = directory.id;
    let refused = store
        .write(move |tx| tx.delete_identity_source(&needed))
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
}
