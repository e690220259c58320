//! What Harbor calls the system's configuration: some of it the account decides, the rest is fixed.

use super::reply::Reply;
use super::{Call, HarborError};
use model::Action;
use model::robot::robot_prefix;
use serde_json::{Map, Value, json};
use services::{AccountSettings, AccountSettingsChange, DEFAULT_ACCOUNT};
use std::collections::BTreeMap;

const ROBOT_DURATION: &str = "robot_token_duration";
const PROJECT_CREATION: &str = "project_creation_restriction";
const BANNER: &str = "banner_message";
const STORAGE_PER_PROJECT: &str = "storage_per_project";
const PULL_COUNT_OFF: &str = "pull_count_update_disable";
const PULL_TIME_OFF: &str = "pull_time_update_disable";

/// Keys whose values are never shown. They can be "set" to what they are: nothing.
const SECRETS: &[&str] = &[
    "ldap_search_password",
    "oidc_client_secret",
    "uaa_client_secret",
];

/// Texts that are empty: what they are for is not there, or not decided here.
const EMPTY: &[&str] = &[
    "ldap_base_dn",
    "ldap_filter",
    "ldap_group_base_dn",
    "ldap_group_admin_dn",
    "ldap_group_attribute_name",
    "ldap_group_search_filter",
    "ldap_group_membership_attribute",
    "ldap_search_dn",
    "ldap_uid",
    "ldap_url",
    "uaa_client_id",
    "uaa_endpoint",
    "http_authproxy_endpoint",
    "http_authproxy_tokenreview_endpoint",
    "http_authproxy_admin_groups",
    "http_authproxy_admin_usernames",
    "http_authproxy_server_certificate",
    "oidc_name",
    "oidc_endpoint",
    "oidc_client_id",
    "oidc_groups_claim",
    "oidc_admin_group",
    "oidc_group_filter",
    "oidc_scope",
    "oidc_user_claim",
    "oidc_extra_redirect_parms",
    "audit_log_forward_endpoint",
    "disabled_audit_log_event_types",
];

/// Switches that are off.
const OFF: &[&str] = &[
    "primary_auth_mode",
    "self_registration",
    "read_only",
    "notification_enable",
    "skip_audit_log_database",
    "scanner_skip_update_pulltime",
    "ldap_group_attach_parallel",
    "http_authproxy_skip_search",
    "oidc_auto_onboard",
    "oidc_logout",
];

/// Switches that are on: certificates are always checked.
const ON: &[&str] = &[
    "quota_per_project_enable",
    "ldap_verify_cert",
    "uaa_verify_cert",
    "http_authproxy_verify_cert",
    "oidc_verify_cert",
];

/// Harbor's words for who may create projects.
pub(super) fn creation_restriction(settings: &AccountSettings) -> &'static str {
    if settings.members_create_namespaces {
        "everyone"
    } else {
        "adminonly"
    }
}

/// What cannot be changed here, with its values.
fn fixed(call: &Call<'_>) -> BTreeMap<&'static str, Value> {
    let settings = call.services().settings();
    let minutes = |ms: i64| json!(ms / 60_000);
    let account = call.by.account();
    let mut fixed: BTreeMap<&'static str, Value> = [
        ("auth_mode", json!("db_auth")),
        ("session_timeout", minutes(settings.session_lifetime_ms)),
        ("token_expiration", minutes(settings.token_lifetime_ms)),
        (
            "robot_name_prefix",
            json!(robot_prefix(&account.name, account.name == DEFAULT_ACCOUNT)),
        ),
        ("ldap_scope", json!(2)),
        ("ldap_group_search_scope", json!(2)),
        ("ldap_timeout", json!(5)),
    ]
    .into();
    fixed.extend(EMPTY.iter().map(|key| (*key, json!(""))));
    fixed.extend(OFF.iter().map(|key| (*key, json!(false))));
    fixed.extend(ON.iter().map(|key| (*key, json!(true))));
    fixed
}

/// `getConfigurations`, and `getInternalconfig`: there are no parts of this registry that would ask it for secrets.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let settings = call.services().account_settings.get(&call.by).await?;
    let item = |value: Value, editable: bool| json!({ "value": value, "editable": editable });
    let mut items: Map<String, Value> = fixed(call)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), item(value, false)))
        .collect();
    for (key, value) in [
        (ROBOT_DURATION, json!(settings.robot_duration_days)),
        (PROJECT_CREATION, json!(creation_restriction(&settings))),
        (BANNER, json!(settings.banner_message)),
        (STORAGE_PER_PROJECT, json!(settings.storage_per_namespace)),
        (PULL_COUNT_OFF, json!(!settings.counts_pulls)),
        (PULL_TIME_OFF, json!(!settings.keeps_pull_times)),
    ] {
        items.insert(key.to_owned(), item(value, true));
    }
    Ok(Reply::json(&Value::Object(items)))
}

/// `updateConfigurations`: everything that is given, or nothing. A fixed value may be sent back as it is; clients send all
/// that they know.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let services = call.services();
    services
        .authorizer
        .require(&call.by, Action::ConfigurationUpdate)
        .await?;
    let given: BTreeMap<String, Value> = call.json()?;
    let fixed = fixed(call);
    let mut change = AccountSettingsChange::default();
    for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            ROBOT_DURATION => {
                let days = value.as_i64().ok_or_else(|| wrong_type(key, "integer"))?;
                change.robot_duration_days = Some(days);
            }
            PROJECT_CREATION => {
                change.members_create_namespaces = Some(match value.as_str() {
                    Some("everyone") => true,
                    Some("adminonly") => false,
                    Some(_) => {
                        let text = format!("{key} is adminonly or everyone");
                        return Err(HarborError::bad_request(text));
                    }
                    None => return Err(wrong_type(key, "string")),
                });
            }
            BANNER => {
                let text = value.as_str().ok_or_else(|| wrong_type(key, "string"))?;
                change.banner_message = Some(text.to_owned());
            }
            STORAGE_PER_PROJECT => {
                let bytes = value.as_i64().ok_or_else(|| wrong_type(key, "integer"))?;
                change.storage_per_namespace = Some(bytes);
            }
            PULL_COUNT_OFF | PULL_TIME_OFF => {
                let is_off = value.as_bool().ok_or_else(|| wrong_type(key, "boolean"))?;
                if key == PULL_COUNT_OFF {
                    change.counts_pulls = Some(!is_off);
                } else {
                    change.keeps_pull_times = Some(!is_off);
                }
            }
            // Keys that Harbor does not have are passed over, as Harbor does.
            key => {
                let is_secret = SECRETS.contains(&key) && value.as_str() != Some("");
                if is_secret || fixed.get(key).is_some_and(|known| known != value) {
                    return Err(HarborError::forbidden(format!(
                        "{key} is fixed in this registry and cannot be changed here; nothing was changed"
                    )));
                }
            }
        }
    }
    services.account_settings.update(&call.by, change).await?;
    Ok(Reply::done())
}

fn wrong_type(key: &str, wanted: &str) -> HarborError {
    HarborError::unprocessable(format!("{key} in body must be of type {wanted}"))
}
