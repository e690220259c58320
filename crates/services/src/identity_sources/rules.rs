//! What an identity source can be.

use super::IdentitySourceSpec;
use crate::trust_rules::{require_issuer, require_rule_name};
use crate::{Error, Result};
use metadata::OidcSourceRow;
use outbound::HttpClient;

const MAX_TEXT_BYTES: usize = 255;
const MAX_SECRET_BYTES: usize = 1024;
const MAX_SCOPES: usize = 20;

pub(super) fn require_name(name: &str) -> Result<()> {
    require_rule_name(name)
        .map_err(|_| Error::Invalid("the name of an identity source has 1 to 63 small letters and digits, with single '.', '_' or '-' between them".to_owned()))
}

pub(super) fn require_spec(
    client: &HttpClient,
    name: &str,
    spec: &IdentitySourceSpec,
) -> Result<()> {
    require_name(name)?;
    require_issuer(client, &spec.issuer)?;
    let texts = [
        ("client_id", &spec.client_id, 1),
        ("name_claim", &spec.name_claim, 1),
        ("groups_claim", &spec.groups_claim, 0),
        ("admin_group", &spec.admin_group, 0),
        ("button_text", &spec.button_text, 0),
    ];
    for (what, text, least) in texts {
        if !(least..=MAX_TEXT_BYTES).contains(&text.len()) || text.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "{what} has {least} to {MAX_TEXT_BYTES} bytes and no control characters"
            )));
        }
    }
    // Of RFC 6749, section 3.3.
    let is_scope = |scope: &String| {
        (1..=MAX_TEXT_BYTES).contains(&scope.len())
            && scope
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    if spec.scopes.len() > MAX_SCOPES || !spec.scopes.iter().all(is_scope) {
        return Err(Error::Invalid(format!(
            "there are {MAX_SCOPES} scopes at most, each a word such as profile"
        )));
    }
    let is_long = |secret: &keys::SecretString| secret.len() > MAX_SECRET_BYTES;
    if spec.client_secret.as_ref().is_some_and(is_long) {
        return Err(Error::Invalid(format!(
            "client_secret has {MAX_SECRET_BYTES} bytes at most"
        )));
    }
    if !spec.admin_group.is_empty() && spec.groups_claim.is_empty() {
        return Err(Error::Invalid(
            "admin_group needs groups_claim: the claim that says who is in which group".to_owned(),
        ));
    }
    Ok(())
}

/// Which settings are others now; never what they are.
pub(super) fn changed_settings(old: &OidcSourceRow, new: &OidcSourceRow) -> Vec<String> {
    let pairs = [
        ("client_id", old.client_id != new.client_id),
        (
            "client_secret",
            old.sealed_client_secret != new.sealed_client_secret,
        ),
        ("scopes", old.scopes != new.scopes),
        ("name_claim", old.name_claim != new.name_claim),
        ("groups_claim", old.groups_claim != new.groups_claim),
        ("admin_group", old.admin_group != new.admin_group),
        ("button_text", old.button_text != new.button_text),
        ("onboards", old.onboards != new.onboards),
        ("disabled", old.is_disabled != new.is_disabled),
    ];
    let changed = pairs.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name.to_owned()).collect()
}
