//! People as directories know them.

use super::{DirectoryGroup, Whom};
use metadata::LdapSettings;
use outbound::directory::{DirectoryEntry, Filter, comparable_name};
use std::fmt::Write as _;

/// Attributes that never change and are nobody else's: of OpenLDAP and its like (RFC 4530), Active Directory, 389 Directory
/// Server, FreeIPA and eDirectory.
const IDENTITIES: &[&str] = &[
    "entryUUID",
    "objectGUID",
    "nsUniqueId",
    "ipaUniqueID",
    "GUID",
];
/// The longest text about a person that is kept.
const MAX_BYTES: usize = 255;

/// A person as a directory knows it.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// What the directory calls it, for ever.
    pub(crate) subject: String,
    /// The name with which it logs in.
    pub(crate) name: String,
    /// An address for mail; may be empty.
    pub(crate) email: String,
    /// What people call it; may be empty.
    pub(crate) real_name: String,
    /// The groups that it is in; `None` when nobody asked.
    pub(crate) groups: Option<Vec<DirectoryGroup>>,
}

/// What is asked about a person.
pub(super) fn attributes(settings: &LdapSettings) -> Vec<&str> {
    let mut all = vec![settings.name_attribute.as_str(), "displayName", "cn"];
    let named = [&settings.mail_attribute, &settings.membership_attribute];
    all.extend(
        named
            .map(String::as_str)
            .into_iter()
            .filter(|name| !name.is_empty()),
    );
    all.extend(IDENTITIES);
    all
}

impl Person {
    pub(super) fn of(entry: &DirectoryEntry, settings: &LdapSettings, whom: Whom<'_>) -> Self {
        let names = entry.texts(&settings.name_attribute);
        let typed = match whom {
            Whom::Name(name) => name,
            Whom::Subject(_) => "",
        };
        // Somebody may have several names; the one that was typed counts, as the directory writes it.
        let same = names
            .iter()
            .find(|name| name.to_lowercase() == typed.to_lowercase());
        let name = same.or(names.first()).copied().unwrap_or(typed);
        let short = |attribute: &str| {
            let text = entry.text(attribute).unwrap_or_default();
            let is_fine = text.len() <= MAX_BYTES && !text.chars().any(char::is_control);
            if is_fine { text } else { "" }
        };
        let real_name = match short("displayName") {
            "" => short("cn"),
            name => name,
        };
        Self {
            subject: subject(entry),
            name: name.to_owned(),
            email: short(&settings.mail_attribute).to_owned(),
            real_name: real_name.to_owned(),
            groups: None,
        }
    }
}

/// What stands for an entry, for ever where the directory has such a thing: `entryuuid=…`, bytes as `#` and hexadecimal digits;
/// else its name, `dn=…`.
fn subject(entry: &DirectoryEntry) -> String {
    for attribute in IDENTITIES {
        let Some(value) = entry
            .values(attribute)
            .first()
            .filter(|value| value.len() <= 64)
        else {
            continue;
        };
        let mut subject = format!("{}=", attribute.to_lowercase());
        match std::str::from_utf8(value) {
            Ok(text)
                if text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
            {
                subject.push_str(text);
            }
            _ => {
                subject.push('#');
                for byte in value {
                    _ = write!(subject, "{byte:02x}");
                }
            }
        }
        return subject;
    }
    format!("dn={}", comparable_name(&entry.name))
}

/// The entry's name, of a subject that is one.
pub(super) fn entry_of(subject: &str) -> Option<&str> {
    subject.strip_prefix("dn=")
}

/// How a directory finds a subject.
pub(super) fn filter_of(subject: &str) -> Option<Filter> {
    let (attribute, value) = subject.split_once('=')?;
    let Some(digits) = value.strip_prefix('#') else {
        return Some(Filter::equals(attribute, value.as_bytes()));
    };
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for at in (0..digits.len()).step_by(2) {
        bytes.push(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?);
    }
    Some(Filter::equals(attribute, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_again() {
        let uuid = filter_of("entryuuid=5f2c0d1e-0000-1000-8000-000000000001");
        let uuid = uuid.map(|filter| filter.to_string());
        assert_eq!(
            uuid.as_deref(),
            Some("(entryuuid=5f2c0d1e-0000-1000-8000-000000000001)")
        );
        let bytes = filter_of("objectguid=#002aff").map(|filter| filter.to_string());
        assert_eq!(bytes.as_deref(), Some("(objectguid=\\00\\2a\\ff)"));
        assert_eq!(entry_of("dn=cn=a,dc=b"), Some("cn=a,dc=b"));
        assert_eq!(entry_of("entryuuid=1"), None);
        for damaged in ["", "x", "objectguid=#0", "objectguid=#zz", "objectguid=#ä"] {
            assert_eq!(filter_of(damaged), None, "{damaged}");
        }
    }
}
