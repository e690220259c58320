//! What a directory can be.

use super::LdapSourceSpec;
use super::rules::require_name;
use crate::directories::place;
use crate::{Error, Result};
use metadata::{LdapSettings, LdapSourceRow};
use outbound::DirectoryFailed;
use outbound::directory::{DirectoryClient, Filter, is_attribute};

/// The longest name of an entry, and the longest filter.
const MAX_TEXT_BYTES: usize = 1024;
/// The longest list of authorities.
const MAX_AUTHORITIES_BYTES: usize = 64 * 1024;
const MAX_SECRET_BYTES: usize = 1024;

pub(super) fn require_spec(
    client: &DirectoryClient,
    name: &str,
    spec: &LdapSourceSpec,
    has_password: bool,
) -> Result<()> {
    require_name(name)?;
    require_settings(client, &spec.settings)?;
    let is_long = |secret: &keys::SecretString| secret.len() > MAX_SECRET_BYTES;
    if spec.bind_password.as_ref().is_some_and(is_long) {
        return Err(Error::Invalid(format!(
            "bind_password has {MAX_SECRET_BYTES} bytes at most"
        )));
    }
    match (spec.settings.bind_dn.is_empty(), has_password) {
        (true, true) => Err(Error::Invalid(
            "bind_password needs bind_dn: whose password it is".to_owned(),
        )),
        (false, false) => Err(Error::Invalid(
            "bind_dn needs bind_password: without one, a directory takes anybody for nobody"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

pub(super) fn require_settings(client: &DirectoryClient, settings: &LdapSettings) -> Result<()> {
    if settings.ca_certificates.len() > MAX_AUTHORITIES_BYTES {
        return Err(Error::Invalid(format!(
            "ca_certificates has {MAX_AUTHORITIES_BYTES} bytes at most"
        )));
    }
    client.check(&place(settings)).map_err(|error| {
        Error::Invalid(format!(
            "the directory cannot be used: {}",
            match error {
                DirectoryFailed::Place(why) => why,
                _ => "the deployment does not allow connections to go there",
            }
        ))
    })?;
    let entries = [
        ("bind_dn", &settings.bind_dn, 0),
        ("base_dn", &settings.base_dn, 1),
        ("group_base_dn", &settings.group_base_dn, 0),
        ("admin_group_dn", &settings.admin_group_dn, 0),
    ];
    for (what, entry, least) in entries {
        let is_fine = (least..=MAX_TEXT_BYTES).contains(&entry.len())
            && !entry.chars().any(char::is_control)
            && (entry.is_empty() || entry.contains('='));
        if !is_fine {
            return Err(Error::Invalid(format!(
                "{what} is the name of an entry, such as ou=people,dc=example,dc=com, of {MAX_TEXT_BYTES} bytes at most"
            )));
        }
    }
    let filters = [
        ("user_filter", &settings.user_filter),
        ("group_filter", &settings.group_filter),
    ];
    for (what, filter) in filters {
        if !filter.is_empty() {
            let parsed = filter.parse::<Filter>();
            parsed.map_err(|error| Error::Invalid(format!("{what}: {error}")))?;
        }
    }
    let attributes = [
        ("name_attribute", &settings.name_attribute, true),
        ("mail_attribute", &settings.mail_attribute, false),
        (
            "membership_attribute",
            &settings.membership_attribute,
            false,
        ),
        ("group_name_attribute", &settings.group_name_attribute, true),
    ];
    for (what, attribute, is_needed) in attributes {
        if !is_attribute(attribute) && (is_needed || !attribute.is_empty()) {
            return Err(Error::Invalid(format!(
                "{what} is the name of an attribute, such as uid"
            )));
        }
    }
    if !settings.admin_group_dn.is_empty() && settings.group_base_dn.is_empty() {
        return Err(Error::Invalid(
            "admin_group_dn needs group_base_dn: the entry below which groups are".to_owned(),
        ));
    }
    Ok(())
}

/// Whether what is sent to a directory would go to another server, or could be read by one.
pub(super) fn goes_elsewhere(old: &LdapSettings, new: &LdapSettings) -> bool {
    old.url != new.url
        || old.starts_tls != new.starts_tls
        || old.verifies_certificate != new.verifies_certificate
        || old.ca_certificates != new.ca_certificates
}

/// Which settings are others now; never what they are.
pub(super) fn changed_settings(old: &LdapSourceRow, new: &LdapSourceRow) -> Vec<String> {
    let (was, is) = (&old.settings, &new.settings);
    let pairs = [
        ("url", was.url != is.url),
        ("starts_tls", was.starts_tls != is.starts_tls),
        (
            "verifies_certificate",
            was.verifies_certificate != is.verifies_certificate,
        ),
        ("ca_certificates", was.ca_certificates != is.ca_certificates),
        ("bind_dn", was.bind_dn != is.bind_dn),
        (
            "bind_password",
            old.sealed_bind_password != new.sealed_bind_password,
        ),
        ("base_dn", was.base_dn != is.base_dn),
        ("scope", was.scope != is.scope),
        ("user_filter", was.user_filter != is.user_filter),
        ("name_attribute", was.name_attribute != is.name_attribute),
        ("mail_attribute", was.mail_attribute != is.mail_attribute),
        (
            "membership_attribute",
            was.membership_attribute != is.membership_attribute,
        ),
        ("group_base_dn", was.group_base_dn != is.group_base_dn),
        ("group_filter", was.group_filter != is.group_filter),
        (
            "group_name_attribute",
            was.group_name_attribute != is.group_name_attribute,
        ),
        ("admin_group_dn", was.admin_group_dn != is.admin_group_dn),
        ("onboards", old.onboards != new.onboards),
        ("disabled", old.is_disabled != new.is_disabled),
    ];
    let changed = pairs.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name.to_owned()).collect()
}
