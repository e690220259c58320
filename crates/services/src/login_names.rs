//! Names with which people log in: `ann`, or `ann@acme` for whoever is in several accounts and says which one is meant.
//!
//! A name may hold an `@` of its own, as addresses for mail do. Whoever is called so exactly is meant; else what stands after
//! the last `@` is an account, if there is one of that name; else nobody has the name, and that is all that is told.

use crate::authentication::{AuthenticationFailed, Authenticator, Checked};
use crate::{Error, Result};
use metadata::Reader;
use model::AccountId;
use model::robot::is_robot_name;

/// Whom a login names.
pub(crate) struct Meant {
    /// The user or robot account; `None` when the secret alone says who.
    pub(crate) name: Option<String>,
    /// The account that was named with it.
    pub(crate) account: Option<AccountId>,
}

/// The name under which attempts are counted: all that begin alike up to an `@` together, so that no account's name and no
/// second `@` makes a new name of an old one, whoever exists.
pub(crate) fn counted_name(name: &str) -> &str {
    let mut letters = name.char_indices().skip(1);
    match letters.find(|(_, letter)| *letter == '@') {
        Some((at, _)) if !is_robot_name(name) => &name[..at],
        _ => name,
    }
}

/// A user's name and an account's, if it may be those.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (user, account) = name.rsplit_once('@')?;
    let is_plain = !user.is_empty() && !account.is_empty() && !is_robot_name(name);
    is_plain.then_some((user, account))
}

/// The user and the account that a login names, when nobody is called so exactly and there is such an account.
pub(crate) fn in_account<'n>(
    reader: &Reader<'_>,
    name: &'n str,
) -> Result<Option<(&'n str, AccountId)>> {
    let Some((user, account)) = parts(name) else {
        return Ok(None);
    };
    if reader.find_user_named(name)?.is_some() {
        return Ok(None);
    }
    let account = reader.find_account_by_name(account)?;
    Ok(account.map(|account| (user, account.id)))
}

impl Authenticator {
    /// Whom a login names.
    pub(crate) async fn meant(&self, name: Option<&str>) -> Result<Meant> {
        let found = match name {
            Some(name) if name.contains('@') => {
                self.core
                    .metadata
                    .read(|reader| in_account(reader, name))
                    .await?
            }
            _ => None,
        };
        Ok(match found {
            Some((user, account)) => Meant {
                name: Some(user.to_owned()),
                account: Some(account),
            },
            None => Meant {
                name: name.map(str::to_owned),
                account: None,
            },
        })
    }

    /// Whose name and secret were right, come for the account that was named. Who is no member of it has logged in wrongly, as
    /// far as it is told.
    pub(crate) async fn member_of(
        &self,
        account: Option<AccountId>,
        checked: Result<Checked, AuthenticationFailed>,
    ) -> Result<Checked, AuthenticationFailed> {
        let mut checked = checked?;
        if let Some(account) = &account {
            let user = checked.caller.user_id();
            let user = user.ok_or(AuthenticationFailed::Wrong)?;
            let is_member = self
                .core
                .metadata
                .read(|reader| Ok::<_, Error>(reader.is_member(account, user)?));
            if !is_member.await? {
                return Err(AuthenticationFailed::Wrong);
            }
        }
        checked.caller = checked.caller.come_for(account);
        Ok(checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_for_what_stands_before_the_first_at_sign() {
        for (name, counted) in [
            ("ann", "ann"),
            ("ann@acme", "ann"),
            ("ann@example.com", "ann"),
            ("ann@example.com@acme", "ann"),
            ("@ann", "@ann"),
            ("@ann@acme", "@ann"),
            ("@", "@"),
            ("", ""),
            ("é@x", "é"),
            ("robot$ci@x", "robot$ci@x"),
        ] {
            assert_eq!(counted_name(name), counted, "{name}");
        }
    }

    #[test]
    fn an_account_stands_after_the_last_at_sign() {
        assert_eq!(parts("ann@acme"), Some(("ann", "acme")));
        assert_eq!(parts("ann@mail.com@acme"), Some(("ann@mail.com", "acme")));
        for whole in ["ann", "ann@", "@acme", "@", "robot$ci@acme", ""] {
            assert_eq!(parts(whole), None, "{whole}");
        }
    }
}
