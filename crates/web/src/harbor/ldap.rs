//! The account's directory: whether it answers, and who and which groups are in it.

use super::reply::{Reply, omit_empty};
use super::{Call, HarborError};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{DirectoryGroup, LdapScope, LdapSettings, LdapSourceSpec, SecretString};

/// Harbor's number for groups of a directory.
pub(super) const GROUP_TYPE: i64 = 1;

fn usual_name() -> String {
    "uid".to_owned()
}

fn yes() -> bool {
    true
}

fn everything_below() -> i64 {
    2
}

/// A directory as Harbor describes one.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "Harbor's keys")]
struct LdapConf {
    #[serde(default)]
    ldap_url: String,
    #[serde(default)]
    ldap_search_dn: String,
    ldap_search_password: Option<SecretString>,
    #[serde(default)]
    ldap_base_dn: String,
    #[serde(default)]
    ldap_filter: String,
    #[serde(default = "usual_name")]
    ldap_uid: String,
    #[serde(default = "everything_below")]
    ldap_scope: i64,
    #[serde(default = "yes")]
    ldap_verify_cert: bool,
}

impl LdapConf {
    fn read(self) -> Result<LdapSourceSpec, HarborError> {
        let scope = match self.ldap_scope {
            0 => LdapScope::Base,
            1 => LdapScope::One,
            2 => LdapScope::Sub,
            _ => {
                return Err(HarborError::bad_request(
                    "ldap_scope has to be 0 (base), 1 (one level) or 2 (subtree)",
                ));
            }
        };
        let name_attribute = match self.ldap_uid.as_str() {
            "" => usual_name(),
            _ => self.ldap_uid,
        };
        Ok(LdapSourceSpec {
            settings: LdapSettings {
                url: self.ldap_url,
                // Harbor knows TLS from the first byte, or none.
                starts_tls: false,
                verifies_certificate: self.ldap_verify_cert,
                ca_certificates: String::new(),
                bind_dn: self.ldap_search_dn,
                base_dn: self.ldap_base_dn,
                scope,
                user_filter: self.ldap_filter,
                name_attribute,
                mail_attribute: String::new(),
                membership_attribute: String::new(),
                group_base_dn: String::new(),
                group_filter: String::new(),
                group_name_attribute: "cn".to_owned(),
                admin_group_dn: String::new(),
            },
            bind_password: self.ldap_search_password.filter(|one| !one.is_empty()),
            onboards: false,
            is_disabled: true,
        })
    }
}

/// `pingLdap`: of a directory as described, or of the account's own when nothing is said.
pub(super) async fn ping(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let spec = if call.body.is_empty() || call.body.trim_ascii() == b"{}" {
        None
    } else {
        Some(call.json::<LdapConf>()?.read()?)
    };
    let sources = &call.services().identity_sources;
    let trial = sources.ping_ldap(&call.by, spec).await?;
    Ok(Reply::json(&omit_empty(
        json!({ "success": trial.works, "message": trial.message }),
        &["success"],
    )))
}

/// `searchLdapUser`.
pub(super) async fn search_users(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let text = call.query.get("username").unwrap_or_default();
    let sources = &call.services().identity_sources;
    let found = sources.search_people(&call.by, text).await?;
    let found = found.into_iter().map(|person| {
        let shown = json!({
            "username": person.name,
            "realname": person.real_name,
            "email": person.email,
        });
        omit_empty(shown, &[])
    });
    Ok(Reply::json(&Value::Array(found.collect())))
}

#[derive(Deserialize)]
struct ImportRequest {
    #[serde(default)]
    ldap_uid_list: Vec<String>,
}

/// `importLdapUser`: 404 with those of whom nobody knows, as with Harbor; the others are users then.
pub(super) async fn import_users(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: ImportRequest = call.json()?;
    let sources = &call.services().identity_sources;
    let failed = sources
        .import_people(&call.by, request.ldap_uid_list)
        .await?;
    if failed.is_empty() {
        return Ok(Reply::done());
    }
    let failed = failed
        .into_iter()
        .map(|(uid, error)| json!({ "uid": uid, "error": error }));
    Ok(Reply::json(&Value::Array(failed.collect())).with_status(StatusCode::NOT_FOUND))
}

/// `searchLdapGroup`.
pub(super) async fn search_groups(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let text = call.query.get("groupname").unwrap_or_default();
    let entry = call.query.get("groupdn").filter(|entry| !entry.is_empty());
    let sources = &call.services().identity_sources;
    let found = sources.search_directory_groups(&call.by, text, entry);
    let found = found.await?;
    Ok(Reply::json(&Value::Array(
        found.iter().map(group).collect(),
    )))
}

fn group(group: &DirectoryGroup) -> Value {
    json!({
        "group_name": group.name,
        "group_type": GROUP_TYPE,
        "ldap_group_dn": group.entry,
    })
}
