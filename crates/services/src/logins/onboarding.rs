//! Who somebody is here whom an issuer knows: a user by issuer and subject, never by an address for mail or a name, which
//! others may get one day.

use super::LoginRefused;
use crate::audit::Initiator;
use crate::authentication::caller;
use crate::core::Core;
use crate::{Error, Result};
use keys::IdentityClaims;
use metadata::{GroupKind, GroupRow, NewUser, Numbered, OidcSourceRow, Tx, UserProfile, UserRow};
use model::caller::Origin;
use model::robot::is_robot_name;
use model::{CredentialKind, Event, GrantId, GroupId, UserId};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Groups of one person that are looked at.
const MAX_GROUPS: usize = 200;
const MAX_GROUP_BYTES: usize = 255;
/// The longest name that is taken from a claim; a number may follow it.
const MAX_NAME_BYTES: usize = 200;
/// Numbers that are tried after a name that somebody else has.
const MAX_NUMBER: u32 = 1000;

/// The user, made if newcomers are wanted, in the groups that its issuer names and in no others of it.
pub(super) async fn arrive(
    core: &Arc<Core>,
    source: OidcSourceRow,
    claims: IdentityClaims,
    origin: &Origin,
) -> Result<UserRow, LoginRefused> {
    let (own, origin) = (core.clone(), origin.clone());
    let arrived = core.metadata.write(move |tx| {
        let now_ms = own.now_ms();
        let user = match tx.find_external_user(&source.id, &claims.subject)? {
            Some(user) => user,
            None if source.onboards => onboard(&own, tx, &source, &claims, &origin)?,
            None => return Ok(Err(LoginRefused::Unknown)),
        };
        if user.is_disabled {
            return Ok(Err(LoginRefused::Disabled));
        }
        tx.put_external_user(&user.id, (&source.id, &claims.subject), now_ms)?;
        if !source.groups_claim.is_empty() {
            let named = groups(claims.all.get(&source.groups_claim));
            join(&own, tx, &source, &user.id, &named)?;
        }
        Ok::<_, Error>(Ok(user))
    });
    arrived.await?
}

fn onboard(
    core: &Core,
    tx: &mut Tx<'_>,
    source: &OidcSourceRow,
    claims: &IdentityClaims,
    origin: &Origin,
) -> Result<UserRow> {
    let wanted = claims.text(&source.name_claim);
    let wanted = plain_name(wanted.unwrap_or(&claims.subject));
    let name = free_name(tx, &wanted)?;
    let (id, now_ms) = (UserId::new(core.ids.next_id()), core.now_ms());
    let home = &source.home_account_id;
    let new = NewUser {
        id: id.clone(),
        source_id: source.id.as_str().to_owned(),
        name: name.clone(),
        home_account_id: home.clone(),
        password_hash: None,
    };
    tx.create_user(&new, now_ms)?;
    tx.put_membership(home, &id, now_ms)?;
    tx.give_number(home, Numbered::User, id.as_str())?;
    let profile = profile(claims, now_ms);
    if profile != UserProfile::default() {
        tx.put_user_profile(&id, &profile)?;
    }
    let user = tx.find_user(&id)?.ok_or(Error::Internal)?;
    let by = Initiator::of(&caller(&user, CredentialKind::IdentitySource), origin);
    core.write_event(tx, &Event::UserCreated { user: name }, Some(home), &by)?;
    Ok(user)
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
fn profile(claims: &IdentityClaims, now_ms: i64) -> UserProfile {
    let short = |name| {
        let text = claims.text(name).unwrap_or_default();
        let is_fine = text.len() <= 255 && !text.chars().any(char::is_control);
        if is_fine { text } else { "" }
    };
    let is_verified = claims.all.get("email_verified") == Some(&Value::Bool(true));
    let email = if is_verified { short("email") } else { "" };
    let real_name = short("name");
    if email.is_empty() && real_name.is_empty() {
        return UserProfile::default();
    }
    UserProfile {
        email: email.to_owned(),
        real_name: real_name.to_owned(),
        comment: String::new(),
        updated_at_ms: now_ms,
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

/// Puts a user into these groups of its source, which are made where they are not there, and out of its others.
fn join(
    core: &Core,
    tx: &mut Tx<'_>,
    source: &OidcSourceRow,
    user: &UserId,
    named: &BTreeSet<String>,
) -> Result<()> {
    let now_ms = core.now_ms();
    tx.delete_source_memberships(user, &source.id)?;
    for external_name in named {
        let found = tx.find_source_group(&source.id, external_name)?;
        let group = match found {
            Some(group) => group,
            None => match make_group(core, tx, source, external_name)? {
                Some(group) => group,
                None => continue,
            },
        };
        tx.put_group_member(&group, user, now_ms)?;
        if *external_name == source.admin_group {
            let id = GrantId::new(core.ids.next_id());
            tx.grant_administration(&id, &source.home_account_id, &group, now_ms)?;
        }
    }
    Ok(())
}

/// A group of the account with this name, or with the source's beside it when the account has another of that name: who is
/// in that one is not the issuer's to say.
fn make_group(
    core: &Core,
    tx: &mut Tx<'_>,
    source: &OidcSourceRow,
    external_name: &str,
) -> Result<Option<GroupId>> {
    let home = &source.home_account_id;
    let beside = format!("{external_name} ({})", source.name);
    for name in [external_name, beside.as_str()] {
        if name.len() > MAX_GROUP_BYTES || tx.find_group_by_name(home, name)?.is_some() {
            continue;
        }
        let group = GroupRow {
            id: GroupId::new(core.ids.next_id()),
            account_id: home.clone(),
            kind: GroupKind::Oidc,
            name: name.to_owned(),
            external_name: Some(external_name.to_owned()),
            created_at_ms: core.now_ms(),
        };
        tx.create_source_group(&group, &source.id, external_name)?;
        tx.give_number(home, Numbered::Group, group.id.as_str())?;
        let event = Event::GroupCreated { group: group.name };
        core.record_by_itself(tx, &event, home)?;
        return Ok(Some(group.id));
    }
    tracing::warn!(
        group = external_name,
        source = source.name,
        "a group of an issuer finds no name here"
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
