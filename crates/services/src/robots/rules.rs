//! What a robot account can be: its name, its end, its place.

use crate::{Error, Result};
use metadata::RobotRow;
use model::{Permission, PermissionScope};

pub(super) const DAY_MS: i64 = 24 * 3600 * 1000;
/// Days that fit into what clients read them into.
const MAX_DAYS: i64 = 1 << 31;
const MAX_NAME_BYTES: usize = 255;
const MAX_DESCRIPTION_CHARS: usize = 1024;

/// When a robot account ends that is made for so many days.
pub(super) fn end_of(created_at_ms: i64, duration_days: i64) -> Result<Option<i64>> {
    match duration_days {
        -1 => Ok(None),
        1..MAX_DAYS => Ok(Some(created_at_ms + duration_days * DAY_MS)),
        _ => Err(Error::Invalid(
            "the duration of a robot account is a number of days, or -1 for ever".to_owned(),
        )),
    }
}

/// A robot account of a namespace has nothing elsewhere.
pub(super) fn require_home(row: &RobotRow, permissions: &[Permission]) -> Result<()> {
    let Some(home) = &row.namespace_id else {
        return Ok(());
    };
    let is_home = |permission: &Permission| matches!(&permission.scope, PermissionScope::Namespace(id) if id == home.as_str());
    if permissions.iter().all(is_home) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the robot account {} is of one project and cannot be given anything in another",
        row.name
    )))
}

/// Harbor's rule: groups of small letters and digits, with one of `.`, `_` and `-` between them.
pub(super) fn require_short_name(name: &str) -> Result<()> {
    let is_group = |group: &str| {
        !group.is_empty()
            && group
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if name.len() <= MAX_NAME_BYTES && name.split(['.', '_', '-']).all(is_group) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the name of a robot account has 1 to {MAX_NAME_BYTES} small letters and digits, with single '.', '_' or '-' \
         between them, and nothing before it: the prefix comes by itself"
    )))
}

pub(super) fn require_description(description: &str) -> Result<()> {
    if description.chars().count() <= MAX_DESCRIPTION_CHARS {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "a description has {MAX_DESCRIPTION_CHARS} characters at most"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_groups_of_small_letters_and_digits() {
        for name in ["a", "ci", "a.b_c-d", "0", &"a".repeat(255)] {
            assert!(require_short_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "A",
            "a..b",
            "-a",
            "a-",
            "a b",
            "robot$a",
            "a+b",
            "ä",
            &"a".repeat(256),
        ] {
            assert!(require_short_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_robot_account_lives_for_days_or_for_ever() {
        assert!(matches!(end_of(5, -1), Ok(None)));
        assert!(matches!(end_of(5, 1), Ok(Some(at)) if at == 5 + DAY_MS));
        for days in [0, -2, i64::MIN, MAX_DAYS, i64::MAX] {
            assert!(end_of(5, days).is_err(), "{days}");
        }
    }
}
