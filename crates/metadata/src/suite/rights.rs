//! Roles of an account's own, grants of every kind, parts of namespaces.

use super::fixture::{World, id, write};
use crate::{
    ArtifactFilter, ArtifactsOf, Error, GrantSubject, Grantee, GrantsOf, ListQuery, Listable,
    MetadataStore, NamespacePart, NewGrant, RepositoriesOf,
};
use model::{
    Action, CustomRole, GrantId, GrantedRole, RepositoryPattern, Right, Role, RoleId, Scope,
};

pub(super) async fn run(store: &MetadataStore) {
    a_role_is_made_changed_and_kept_while_somebody_has_it(store).await;
    everything_granted_is_found_with_one_question(store).await;
    a_part_of_a_namespace_is_exactly_what_is_like_its_pattern(store).await;
    super::operators::run(store).await;
}

fn all() -> ListQuery {
    ListQuery {
        limit: 100,
        ..ListQuery::default()
    }
}

fn role(world: &World, name: &str, actions: &[Action]) -> CustomRole {
    CustomRole {
        id: RoleId::new(id()),
        account_id: world.account.id.clone(),
        name: name.to_owned(),
        description: "for a test".to_owned(),
        actions: actions.iter().copied().collect(),
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

fn grant(world: &World, role: GrantedRole, scope: Scope) -> NewGrant {
    NewGrant {
        id: GrantId::new(id()),
        account_id: world.account.id.clone(),
        subject: GrantSubject::Person(Grantee::User(world.user.clone())),
        role,
        scope,
    }
}

/// An account whose user is a member of it.
async fn world(store: &MetadataStore) -> World {
    let world = World::create(store).await;
    let (account, user) = (world.account.id.clone(), world.user.clone());
    write(store, move |tx| tx.put_membership(&account, &user, 3)).await;
    world
}

async fn give(store: &MetadataStore, new: &NewGrant) {
    let new = new.clone();
    write(store, move |tx| tx.create_grant(&new, 6)).await;
}

fn rights(store: &MetadataStore, world: &World) -> Vec<Right> {
    let found = store.read_blocking(|reader| reader.find_rights(&world.user, 0));
    found.unwrap().unwrap().rights
}

async fn a_role_is_made_changed_and_kept_while_somebody_has_it(store: &MetadataStore) {
    let world = world(store).await;
    let account = world.account.id.clone();
    let puller = role(&world, "puller", &[Action::RepositoryPull]);
    let new = puller.clone();
    write(store, move |tx| tx.create_role(&new)).await;
    let again = role(&world, "puller", &[Action::TagList]);
    let twice = store.write(move |tx| tx.create_role(&again)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");

    let member = grant(
        &world,
        GrantedRole::Custom(puller.id.clone()),
        Scope::Account,
    );
    give(store, &member).await;
    let changed = CustomRole {
        name: "taggers".to_owned(),
        actions: [Action::TagList, Action::TagCreate].into_iter().collect(),
        updated_at_ms: 7,
        ..puller.clone()
    };
    let before = store.epochs().policy();
    let update = changed.clone();
    assert!(write(store, move |tx| tx.update_role(&update)).await);
    assert_ne!(store.epochs().policy(), before, "it takes effect at once");
    assert!(rights(store, &world)[0].actions.contains(Action::TagCreate));

    store
        .read_blocking(|reader| {
            assert_eq!(reader.find_role(&account, "puller")?, None);
            assert_eq!(
                reader.find_role(&account, "taggers")?,
                Some(changed.clone())
            );
            let listed = reader.list_roles(&account, &all())?;
            assert_eq!((listed.items, listed.total), (vec![changed.clone()], 1));
            assert_eq!(reader.count_roles(&account)?, 1);
            let holders = reader.list_role_holders(&puller.id, 5)?;
            assert_eq!(holders, [world.user_name.as_str()]);
            Ok::<_, Error>(())
        })
        .unwrap();
    let gone = puller.id.clone();
    let refused = store.write(move |tx| tx.delete_role(&gone)).await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let (gone, of) = (puller.id.clone(), account.clone());
    let (taken, again, deleted) = write(store, move |tx| {
        Ok((
            tx.delete_grant(&of, &member.id)?,
            tx.delete_grant(&of, &member.id)?,
            tx.delete_role(&gone)?,
        ))
    })
    .await;
    assert_eq!((taken, again, deleted), (true, false, true));
    assert_eq!(rights(store, &world), []);
}

async fn everything_granted_is_found_with_one_question(store: &MetadataStore) {
    let world = world(store).await;
    let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
    let pattern = RepositoryPattern::parse("web/*").unwrap();
    let part = Scope::Repositories(namespace.clone(), pattern.clone());
    let whole = Scope::Namespace(namespace.clone());
    let maker = role(&world, "maker", &[Action::RepositoryPush]);
    let new = maker.clone();
    write(store, move |tx| tx.create_role(&new)).await;
    let built_in = GrantedRole::BuiltIn;
    let given = [
        grant(&world, built_in(Role::Guest), Scope::Account),
        grant(&world, built_in(Role::Developer), whole.clone()),
        grant(&world, built_in(Role::Maintainer), part.clone()),
        grant(&world, GrantedRole::Custom(maker.id.clone()), part.clone()),
    ];
    for new in &given {
        give(store, new).await;
        let again = NewGrant {
            id: GrantId::new(id()),
            ..new.clone()
        };
        let twice = store.write(move |tx| tx.create_grant(&again, 7)).await;
        assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    }
    let mut found = rights(store, &world);
    let mut expected = vec![
        Right::of_role(account.clone(), Role::Guest, &Scope::Account),
        Right::of_role(account.clone(), Role::Developer, &whole),
        Right::of_role(account.clone(), Role::Maintainer, &part),
        Right::of_custom_role(account.clone(), maker.actions, &part),
    ];
    let key = |right: &Right| format!("{right:?}");
    found.sort_by_key(key);
    expected.sort_by_key(key);
    assert_eq!(found, expected);

    let subject = GrantSubject::Person(Grantee::User(world.user.clone()));
    store
        .read_blocking(|reader| {
            let listed = reader.list_grants(&account, GrantsOf::All, &all())?;
            assert_eq!(listed.total, 4);
            let of = GrantsOf::EveryNamespace;
            assert_eq!(reader.list_grants(&account, of, &all())?.total, 3);
            let ids = [namespace.clone()];
            let of = GrantsOf::Namespaces(&ids);
            assert_eq!(reader.list_grants(&account, of, &all())?.total, 3);
            let none = GrantsOf::Namespaces(&[]);
            assert_eq!(reader.list_grants(&account, none, &all())?.total, 0);
            assert_eq!(reader.count_role_grants(&account, &subject)?, 2);
            let row = reader.find_grant(&account, &given[3].id)?.unwrap();
            assert_eq!((row.role_name.as_str(), row.scope), ("maker", part.clone()));
            assert_eq!(row.namespace_name.as_ref(), Some(&world.namespace_name));
            let elsewhere = model::AccountId::new("elsewhere");
            assert_eq!(reader.find_grant(&elsewhere, &given[3].id)?, None);
            Ok::<_, Error>(())
        })
        .unwrap();
    let (of, user) = (account.clone(), world.user.clone());
    write(store, move |tx| tx.delete_membership(&of, &user)).await;
    assert_eq!(
        rights(store, &world),
        [],
        "who leaves an account keeps nothing"
    );
}

async fn a_part_of_a_namespace_is_exactly_what_is_like_its_pattern(store: &MetadataStore) {
    let world = World::create(store).await;
    let namespace = world.namespace.clone();
    for name in ["web/app", "web/api", "web/deep/app", "web", "a.b", "axb"] {
        let (repository, _) = world.add_repository(store, name).await;
        write(store, move |tx| tx.list_repository(&repository).map(drop)).await;
    }
    let (account, whole) = (world.account.id.clone(), &world.namespace_name);
    let names = |patterns: &[&str]| -> Vec<String> {
        let parts: Vec<_> = patterns
            .iter()
            .map(|pattern| NamespacePart {
                namespace: namespace.clone(),
                pattern: RepositoryPattern::parse(pattern).unwrap(),
            })
            .collect();
        let listed = store.read_blocking(|reader| {
            let of = RepositoriesOf::Parts(Listable::Only(&[]), &parts);
            let listed = reader.list_repository_details(&account, of, &all())?;
            let counted = reader.count_parts(&parts)?.get(&namespace).copied();
            assert_eq!(counted.unwrap_or(0), listed.total, "{patterns:?}");
            let artifacts = ArtifactsOf::Parts(&parts);
            let filter = ArtifactFilter::default();
            assert_eq!(reader.list_artifacts(artifacts, &filter, &all())?.total, 0);
            Ok::<_, Error>(listed.items)
        });
        let listed = listed.unwrap();
        listed
            .iter()
            .map(|one| {
                one.name
                    .strip_prefix(&format!("{whole}/"))
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(names(&[]), Vec::<String>::new());
    assert_eq!(names(&["web/*"]), ["web/api", "web/app"]);
    assert_eq!(names(&["web/**"]), ["web/api", "web/app", "web/deep/app"]);
    assert_eq!(names(&["a.b"]), ["a.b"]);
    assert_eq!(
        names(&["*", "**/app"]),
        ["a.b", "axb", "web", "web/app", "web/deep/app"]
    );
    // A public namespace is everyone's to count.
    let (id, parts) = (
        namespace.clone(),
        NamespacePart {
            namespace: namespace.clone(),
            pattern: RepositoryPattern::parse("**").unwrap(),
        },
    );
    write(store, move |tx| tx.set_namespace_public(&id, true)).await;
    let counted = store.read_blocking(|reader| reader.count_parts(std::slice::from_ref(&parts)));
    assert!(counted.unwrap().is_empty());
}
