//! Members of namespaces, and groups.

use super::fixture::{World, id, write};
use crate::{
    Comparison, Condition, Error, Grantee, GroupKind, GroupRow, ListQuery, Listed, MemberRow,
    MetadataStore, NewMember, NewUser,
};
use model::{AccountId, GrantId, GroupId, NamespaceId, Role, UserId};

pub(super) async fn run(store: &MetadataStore) {
    users_and_groups_are_members_of_namespaces(store).await;
    a_member_has_one_role_until_it_has_another_or_none(store).await;
    a_group_gives_its_users_what_was_granted_to_it(store).await;
    groups_have_names_of_their_own_in_an_account(store).await;
}

pub(super) fn page() -> ListQuery {
    ListQuery {
        limit: 10,
        ..ListQuery::default()
    }
}

pub(super) fn holds(field: &str, text: &str) -> ListQuery {
    ListQuery {
        conditions: vec![Condition {
            field: field.to_owned(),
            comparison: Comparison::Contains(text.to_owned()),
        }],
        ..page()
    }
}

/// A user of an account beside its first one.
pub(super) async fn add_user(store: &MetadataStore, home: &AccountId, name: &str) -> UserId {
    let user = UserId::new(id());
    let source_id = store
        .read_blocking(|reader| reader.find_password_source())
        .unwrap()
        .unwrap();
    let new = NewUser {
        id: user.clone(),
        source_id,
        name: name.to_owned(),
        home_account_id: home.clone(),
        password_hash: Some("a hash that no list shows".to_owned()),
    };
    let home = home.clone();
    write(store, move |tx| {
        tx.create_user(&new, 10)?;
        tx.put_membership(&home, &new.id, 10)
    })
    .await;
    user
}

pub(super) async fn add_group(store: &MetadataStore, account: &AccountId, name: &str) -> GroupRow {
    let group = GroupRow {
        id: GroupId::new(id()),
        account_id: account.clone(),
        kind: GroupKind::Local,
        name: name.to_owned(),
        external_name: None,
        created_at_ms: 11,
    };
    let new = group.clone();
    write(store, move |tx| tx.create_group(&new)).await;
    group
}

pub(super) async fn add_member(
    store: &MetadataStore,
    world: &World,
    grantee: Grantee,
    role: Role,
) -> GrantId {
    let new = NewMember {
        id: GrantId::new(id()),
        account_id: world.account.id.clone(),
        namespace_id: world.namespace.clone(),
        grantee,
        role,
    };
    let grant = new.id.clone();
    write(store, move |tx| tx.create_member(&new, 12)).await;
    grant
}

pub(super) fn members(
    store: &MetadataStore,
    namespace: &NamespaceId,
    query: &ListQuery,
) -> Listed<MemberRow> {
    store
        .read_blocking(|reader| reader.list_members(namespace, query))
        .unwrap()
}

async fn users_and_groups_are_members_of_namespaces(store: &MetadataStore) {
    let world = World::create(store).await;
    let group = add_group(store, &world.account.id, "Zoologists").await;
    let of_user = Grantee::User(world.user.clone());
    let of_group = Grantee::Group(group.id.clone());
    let first = add_member(store, &world, of_user.clone(), Role::Guest).await;
    let second = add_member(store, &world, of_group.clone(), Role::Developer).await;
    let row = |id: &GrantId, grantee: &Grantee, name: &str, role| MemberRow {
        id: id.clone(),
        account_id: world.account.id.clone(),
        namespace_id: world.namespace.clone(),
        grantee: grantee.clone(),
        name: name.to_owned(),
        role,
    };
    let group_row = row(&second, &of_group, "Zoologists", Role::Developer);
    let user_row = row(&first, &of_user, &world.user_name, Role::Guest);
    let all = members(store, &world.namespace, &page());
    assert_eq!(all.items, [group_row.clone(), user_row.clone()]);
    assert_eq!(all.total, 2);
    let some = members(store, &world.namespace, &holds("entityname", "OOLOG"));
    assert_eq!((some.items, some.total), (vec![group_row], 1));
    let find = |id: &GrantId| {
        store
            .read_blocking(|reader| reader.find_member(id))
            .unwrap()
    };
    assert_eq!(find(&first).as_ref(), Some(&user_row));
    assert_eq!(find(&GrantId::new(id())), None);
    let find_of = |grantee: &Grantee| {
        store
            .read_blocking(|reader| reader.find_member_of(&world.namespace, grantee))
            .unwrap()
    };
    assert_eq!(find_of(&of_user), Some(user_row));
    // A group's id is none of a user's.
    assert_eq!(
        find_of(&Grantee::Group(GroupId::new(world.user.as_str()))),
        None
    );
}

async fn a_member_has_one_role_until_it_has_another_or_none(store: &MetadataStore) {
    let world = World::create(store).await;
    let user = Grantee::User(world.user.clone());
    let first = add_member(store, &world, user.clone(), Role::Guest).await;
    let again = NewMember {
        id: GrantId::new(id()),
        account_id: world.account.id.clone(),
        namespace_id: world.namespace.clone(),
        grantee: user.clone(),
        role: Role::ProjectAdmin,
    };
    let twice = store.write(move |tx| tx.create_member(&again, 13)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let role = || {
        let found = store.read_blocking(|reader| reader.find_member(&first));
        found.unwrap().map(|member| member.role)
    };
    assert_eq!(role(), Some(Role::Guest));
    let (changed, unknown) = (first.clone(), GrantId::new(id()));
    let (known, other) = write(store, move |tx| {
        Ok((
            tx.set_member_role(&changed, Role::Maintainer)?,
            tx.set_member_role(&unknown, Role::Maintainer)?,
        ))
    })
    .await;
    assert!(known && !other);
    assert_eq!(role(), Some(Role::Maintainer));
    let namespace = world.namespace.clone();
    let (left, again) = write(store, move |tx| {
        Ok((
            tx.delete_member(&namespace, &user)?,
            tx.delete_member(&namespace, &user)?,
        ))
    })
    .await;
    assert!(left && !again);
    assert_eq!(role(), None);
    assert_eq!(members(store, &world.namespace, &page()).total, 0);
}

async fn a_group_gives_its_users_what_was_granted_to_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let group = add_group(store, &world.account.id, "builders").await;
    add_member(
        store,
        &world,
        Grantee::Group(group.id.clone()),
        Role::Developer,
    )
    .await;
    let roles = || -> Vec<Option<Role>> {
        let rights = store
            .read_blocking(|reader| reader.find_rights(&world.user, 0))
            .unwrap()
            .unwrap();
        rights.rights.iter().map(|right| right.role).collect()
    };
    assert_eq!(roles(), []);
    let (into, user) = (group.id.clone(), world.user.clone());
    write(store, move |tx| {
        tx.put_group_member(&into, &user, 14)?;
        tx.put_group_member(&into, &user, 15)
    })
    .await;
    assert_eq!(roles(), [Some(Role::Developer)]);
    let names = |after: &str| {
        store
            .read_blocking(|reader| reader.list_group_members(&group.id, after, 10))
            .unwrap()
    };
    assert_eq!(names(""), [world.user_name.as_str()]);
    assert_eq!(names(&world.user_name), Vec::<String>::new());
    let (out_of, user) = (group.id.clone(), world.user.clone());
    let (was_in, again) = write(store, move |tx| {
        let was_in = tx.delete_group_member(&out_of, &user)?;
        let again = tx.delete_group_member(&out_of, &user)?;
        tx.put_group_member(&out_of, &user, 16)?;
        Ok((was_in, again))
    })
    .await;
    assert!(was_in && !again);
    let gone = group.id.clone();
    let (deleted, again) = write(store, move |tx| {
        Ok((tx.delete_group(&gone)?, tx.delete_group(&gone)?))
    })
    .await;
    assert!(deleted && !again);
    assert_eq!(roles(), []);
    assert_eq!(members(store, &world.namespace, &page()).total, 0);
}

async fn groups_have_names_of_their_own_in_an_account(store: &MetadataStore) {
    let (one, other) = (World::create(store).await, World::create(store).await);
    let first = add_group(store, &one.account.id, "Builders").await;
    let second = add_group(store, &one.account.id, "testers").await;
    add_group(store, &other.account.id, "testers").await;
    let taken = GroupRow {
        id: GroupId::new(id()),
        ..second.clone()
    };
    let twice = store.write(move |tx| tx.create_group(&taken)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let renamed = second.id.clone();
    let twice = store
        .write(move |tx| tx.rename_group(&renamed, "Builders"))
        .await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let (renamed, unknown) = (second.id.clone(), GroupId::new(id()));
    let (known, nobody) = write(store, move |tx| {
        Ok((
            tx.rename_group(&renamed, "checkers")?,
            tx.rename_group(&unknown, "nobody")?,
        ))
    })
    .await;
    assert!(known && !nobody);
    let second = GroupRow {
        name: "checkers".to_owned(),
        ..second
    };
    let account = &one.account.id;
    let (by_id, by_name, old_name, all, some) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_group(&second.id)?,
                reader.find_group_by_name(account, "checkers")?,
                reader.find_group_by_name(account, "testers")?,
                reader.list_groups(account, &page())?,
                reader.list_groups(account, &holds("group_name", "BUILD"))?,
            ))
        })
        .unwrap();
    assert_eq!(
        (by_id.as_ref(), by_name.as_ref()),
        (Some(&second), Some(&second))
    );
    assert_eq!(old_name, None);
    assert_eq!((all.items, all.total), (vec![first.clone(), second], 2));
    assert_eq!((some.items, some.total), (vec![first], 1));
}
