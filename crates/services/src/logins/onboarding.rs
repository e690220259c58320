//! Who somebody is here whom an issuer or a directory knows: a user by source and subject, never by an address for mail or a
//! name, which others may get one day.

use super::LoginRefused;
use crate::audit::Initiator;
use crate::authentication::caller;
use crate::core::Core;
use crate::directories::Person;
use crate::{Error, Result};
use keys::IdentityClaims;
use metadata::{
    GroupKind, GroupRow, LdapSourceRow, NewUser, Numbered, OidcSourceRow, Tx, UserProfile, UserRow,
};
use model::caller::Origin;
use model::robot::is_robot_name;
use model::{AccountId, CredentialKind, Event, GrantId, GroupId, IdentitySourceId, UserId};
use outbound::directory::comparable_name;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Groups of one person that are looked at.
const MAX_GROUPS: usize = 200;
const MAX_GROUP_BYTES: usize = 255;
/// The longest name of a group's entry in a directory.
const MAX_ENTRY_BYTES: usize = 1024;
/// The longest name that is taken from a source; a number may follow it.
const MAX_NAME_BYTES: usize = 200;
/// Numbers that are tried after a name that somebody else has.
const MAX_NUMBER: u32 = 1000;

/// Who vouches for somebody, as far as that matters here.
#[derive(Clone)]
pub(crate) struct Voucher {
    pub(crate) id: IdentitySourceId,
    pub(crate) name: String,
    pub(crate) home_account_id: AccountId,
    pub(crate) onboards: bool,
    /// What it calls the group whose people administer the home account; empty for none.
    pub(crate) admin_group: String,
    pub(crate) group_kind: GroupKind,
}

/// A group as a source names it.
#[derive(Clone)]
pub(crate) struct NamedGroup {
    /// What people call it.
    pub(crate) name: String,
    /// What its source calls it, as it is shown.
    pub(crate) shown: String,
}

/// Somebody who has proven at a source who it is.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) voucher: Voucher,
    /// What the source calls it, for ever.
    pub(crate) subject: String,
    /// The name that it should have here.
    pub(crate) wanted_name: String,
    pub(crate) profile: UserProfile,
    /// The groups that it is in, by what tells them apart at the source; `None` when the source does not say.
    pub(crate) groups: Option<BTreeMap<String, NamedGroup>>,
}

impl Voucher {
    pub(crate) fn directory(source: LdapSourceRow) -> Self {
        Self {
            id: source.id,
            name: source.name,
            home_account_id: source.home_account_id,
            onboards: source.onboards,
            admin_group: comparable_name(&source.settings.admin_group_dn),
            group_kind: GroupKind::Ldap,
        }
    }
}

impl Arrival {
    /// Somebody with an issuer's word.
    pub(crate) fn of_claims(source: OidcSourceRow, claims: &IdentityClaims) -> Self {
        let wanted = claims.text(&source.name_claim).unwrap_or(&claims.subject);
        let groups = (!source.groups_claim.is_empty()).then(|| {
            let named = groups(claims.all.get(&source.groups_claim));
            let group = |name: String| {
                let shown = name.clone();
                (name.clone(), NamedGroup { name, shown })
            };
            named.into_iter().map(group).collect()
        });
        Self {
            subject: claims.subject.clone(),
            wanted_name: plain_name(wanted),
            profile: profile(claims),
            groups,
            voucher: Voucher {
                id: source.id,
                name: source.name,
                home_account_id: source.home_account_id,
                onboards: source.onboards,
                admin_group: source.admin_group,
                group_kind: GroupKind::Oidc,
            },
        }
    }

    /// Somebody whose password a directory has taken, or whom it knows.
    pub(crate) fn of_person(source: LdapSourceRow, person: Person) -> Self {
        let groups = person.groups.map(|groups| {
            let is_fine = |name: &str, most: usize| {
                (1..=most).contains(&name.len()) && !name.chars().any(char::is_control)
            };
            let groups = groups.into_iter().filter(|group| {
                is_fine(&group.entry, MAX_ENTRY_BYTES)
                    && is_fine(group.name.trim(), MAX_GROUP_BYTES)
            });
            let groups = groups.take(MAX_GROUPS).map(|group| {
                let named = NamedGroup {
                    name: group.name.trim().to_owned(),
                    shown: group.entry,
                };
                (comparable_name(&named.shown), named)
            });
            groups.collect()
        });
        Self {
            subject: person.subject,
            wanted_name: plain_name(&person.name),
            profile: UserProfile {
                email: person.email,
                real_name: person.real_name,
                ..UserProfile::default()
            },
            groups,
            voucher: Voucher::directory(source),
        }
    }
}

/// The user, made if newcomers are wanted, in the groups that its source names and in no others of it.
pub(crate) async fn arrive(
    core: &Arc<Core>,
    arrival: Arrival,
    origin: &Origin,
) -> Result<UserRow, LoginRefused> {
    let (own, origin) = (core.clone(), origin.clone());
    let arrived = core.metadata.write(move |tx| {
        let source = &arrival.voucher;
        let user = match tx.find_external_user(&source.id, &arrival.subject)? {
            Some(user) => user,
            None if source.onboards => {
                let user = onboard(&own, tx, &arrival)?;
                let by = Initiator::of(&caller(&user, CredentialKind::IdentitySource), &origin);
                let event = Event::UserCreated {
                    user: user.name.clone(),
                };
                own.write_event(tx, &event, Some(&source.home_account_id), &by)?;
                user
            }
            None => return Ok(Err(LoginRefused::Unknown)),
        };
        if user.is_disabled {
            return Ok(Err(LoginRefused::Disabled));
        }
        tx.put_external_user(&user.id, (&source.id, &arrival.subject), own.now_ms())?;
        if let Some(named) = &arrival.groups {
            join(&own, tx, source, &user.id, named)?;
        }
        Ok::<_, Error>(Ok(user))
    });
    arrived.await?
}

/// Makes the user. That it was made is still to be recorded, and who it is at its source.
pub(crate) fn onboard(core: &Core, tx: &mut Tx<'_>, arrival: &Arrival) -> Result<UserRow> {
    let name = free_name(tx, &arrival.wanted_name)?;
    let (id, now_ms) = (UserId::new(core.ids.next_id()), core.now_ms());
    let home = &arrival.voucher.home_account_id;
    let new = NewUser {
        id: id.clone(),
        source_id: arrival.voucher.id.as_str().to_owned(),
        name,
        home_account_id: home.clone(),
        password_hash: None,
    };
    tx.create_user(&new, now_ms)?;
    tx.put_membership(home, &id, now_ms)?;
    tx.give_number(home, Numbered::User, id.as_str())?;
    if arrival.profile != UserProfile::default() {
        let profile = UserProfile {
            updated_at_ms: now_ms,
            ..arrival.profile.clone()
        };
        tx.put_user_profile(&id, &profile)?;
    }
    tx.find_user(&id)?.ok_or(Error::Internal)
}

/// A name as users have them, made of what a claim says.
fn plain_name(wanted: &str) -> String {
    let mut name = String::new();
    for letter in wanted.chars() {
        let is_plain = letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '+');
        let letter = if is_plain { letter } else { '_' };
        if name.len() + letter.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        name.push(letter);
    }
    if name.is_empty() || is_robot_name(&name) {
        "user".to_owned()
    } else {
        name
    }
}

/// The name, or the first with a number after it that nobody has.
fn free_name(tx: &Tx<'_>, wanted: &str) -> Result<String> {
    if tx.find_user_named(wanted)?.is_none() {
        return Ok(wanted.to_owned());
    }
    for number in 2..=MAX_NUMBER {
        let name = format!("{wanted}-{number}");
        if tx.find_user_named(&name)?.is_none() {
            return Ok(name);
        }
    }
    let message =
        format!("{MAX_NUMBER} users are named like {wanted}; rename some of them at their issuer");
    Err(Error::NotNow(message))
}

/// What an issuer says of a person that may be shown: nothing here decides anything.
fn profile(claims: &IdentityClaims) -> UserProfile {
    let short = |name| {
        let text = claims.text(name).unwrap_or_default();
        let is_fine = text.len() <= 255 && !text.chars().any(char::is_control);
        if is_fine { text } else { "" }
    };
    let is_verified = claims.all.get("email_verified") == Some(&Value::Bool(true));
    let email = if is_verified { short("email") } else { "" };
    UserProfile {
        email: email.to_owned(),
        real_name: short("name").to_owned(),
        ..UserProfile::default()
    }
}

/// The groups that a claim names: a list of texts, or one text, which is one group whatever is in it. Else none.
fn groups(claim: Option<&Value>) -> BTreeSet<String> {
    let is_fine = |name: &&str| {
        !name.is_empty()
            && name.len() <= MAX_GROUP_BYTES
            && name.trim() == *name
            && !name.chars().any(char::is_control)
    };
    let names: Vec<&str> = match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let named = names.into_iter().filter(is_fine).take(MAX_GROUPS);
    named.map(str::to_owned).collect()
}

/// Puts a user into these groups of its source, which are made where they are not there, and out of its others. Nothing is
/// written when it is in them: else every login would make every replica forget what it knows of rights.
fn join(
    core: &Core,
    tx: &mut Tx<'_>,
    source: &Voucher,
    user: &UserId,
    named: &BTreeMap<String, NamedGroup>,
) -> Result<()> {
    let now_ms = core.now_ms();
    let before = tx.list_source_memberships(user, &source.id)?;
    let before: BTreeSet<&str> = before.iter().map(String::as_str).collect();
    if before.iter().any(|group| !named.contains_key(*group)) {
        tx.delete_source_memberships(user, &source.id)?;
    } else if named.keys().all(|group| before.contains(group.as_str()))
        && !before.contains(source.admin_group.as_str())
    {
        return Ok(());
    }
    for (external_name, named) in named {
        let Some(group) = source_group(core, tx, source, (external_name, named))? else {
            continue;
        };
        tx.put_group_member(&group, user, now_ms)?;
        if *external_name == source.admin_group {
            let id = GrantId::new(core.ids.next_id());
            tx.grant_administration(&id, &source.home_account_id, &group, now_ms)?;
        }
    }
    Ok(())
}

/// The group that a source calls so; made with this name if it is not there, or with the source's beside it when the account
/// has another of that name: who is in that one is not the source's to say.
pub(crate) fn source_group(
    core: &Core,
    tx: &mut Tx<'_>,
    source: &Voucher,
    (external_name, named): (&str, &NamedGroup),
) -> Result<Option<GroupId>> {
    if let Some(group) = tx.find_source_group(&source.id, external_name)? {
        return Ok(Some(group));
    }
    let home = &source.home_account_id;
    let beside = format!("{} ({})", named.name, source.name);
    for name in [named.name.as_str(), beside.as_str()] {
        if name.len() > MAX_GROUP_BYTES || tx.find_group_by_name(home, name)?.is_some() {
            continue;
        }
        let group = GroupRow {
            id: GroupId::new(core.ids.next_id()),
            account_id: home.clone(),
            kind: source.group_kind,
            name: name.to_owned(),
            external_name: Some(named.shown.clone()),
            created_at_ms: core.now_ms(),
        };
        tx.create_source_group(&group, &source.id, external_name)?;
        tx.give_number(home, Numbered::Group, group.id.as_str())?;
        let event = Event::GroupCreated { group: group.name };
        core.record_by_itself(tx, &event, home)?;
        return Ok(Some(group.id));
    }
    tracing::warn!(
        group = named.name,
        source = source.name,
        "a group of an identity source finds no name here"
    );
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_of_groups_is_a_list_or_one_text() {
        let of = |claim: Value| -> Vec<String> { groups(Some(&claim)).into_iter().collect() };
        assert_eq!(of(json!(["dev", "ops"])), ["dev", "ops"]);
        assert_eq!(of(json!("dev")), ["dev"]);
        // A comma is a letter of a name like others.
        assert_eq!(of(json!("dev,admins")), ["dev,admins"]);
        assert_eq!(
            of(json!(["dev", 7, null, ["ops"], "", " a ", "b\n", "dev"])),
            ["dev"]
        );
        for nothing in [json!(null), json!(7), json!({ "dev": true }), json!([])] {
            assert!(of(nothing).is_empty());
        }
        assert!(groups(None).is_empty());
        let many: Vec<String> = (0..1000).map(|number| format!("group-{number}")).collect();
        assert_eq!(of(json!(many)).len(), MAX_GROUPS);
    }

    #[test]
    fn a_name_is_made_of_what_names_may_hold() {
        assert_eq!(plain_name("zoë@example.com"), "zoë@example.com");
        assert_eq!(plain_name("a b:c/d$e"), "a_b_c_d_e");
        assert_eq!(plain_name(""), "user");
        assert_eq!(plain_name(&"ä".repeat(300)).len(), 200);
        // What is left of a robot account's name is none.
        assert_eq!(plain_name("robot$ci"), "robot_ci");
    }
}
