//! Directories by which people log in, as this face writes them.

use crate::account_api::time::Time;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use services::{LdapScope, LdapSettings, LdapSourceSpec, LdapSourceView, SecretString};
use utoipa::ToSchema;

/// How far below its base a search goes.
#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::account_api) enum DirectoryScope {
    /// The base itself.
    Base,
    /// What is directly below it.
    One,
    /// It, and everything below it.
    #[default]
    Sub,
}

fn yes() -> bool {
    true
}

fn people() -> String {
    "(objectClass=person)".to_owned()
}

fn uid() -> String {
    "uid".to_owned()
}

fn mail() -> String {
    "mail".to_owned()
}

fn member_of() -> String {
    "memberOf".to_owned()
}

fn cn() -> String {
    "cn".to_owned()
}

/// What a directory is to become, all of it but its name and home.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the body"
)]
pub(in crate::account_api) struct LdapSourceText {
    /// Where it is: `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    #[schema(max_length = 255, example = "ldaps://directory.example.com")]
    url: String,
    /// Whether an `ldap://` connection becomes one of TLS before anything is said on it. Without, the deployment has to list
    /// the directory as a destination.
    #[serde(default = "yes")]
    starts_tls: bool,
    /// Whether the server's certificate is looked at.
    #[serde(default = "yes")]
    verify_certificate: bool,
    /// The authorities to believe, in PEM; empty for the system's.
    #[serde(default)]
    #[schema(max_length = 65536)]
    ca_certificates: String,
    /// As whom the registry looks for people; empty for as nobody.
    #[serde(default)]
    #[schema(max_length = 1024, example = "cn=registry,dc=example,dc=com")]
    bind_dn: String,
    /// The password that goes with it. It is kept sealed and never shown. Left out, it stays; it has to be given again when
    /// where it is shown changes.
    #[schema(value_type = Option<String>, max_length = 1024)]
    bind_password: Option<SecretString>,
    /// Below which entry people are.
    #[schema(
        min_length = 1,
        max_length = 1024,
        example = "ou=people,dc=example,dc=com"
    )]
    base_dn: String,
    /// How far below.
    #[serde(default)]
    scope: DirectoryScope,
    /// What the entries of people are like; empty for any.
    #[serde(default = "people")]
    #[schema(max_length = 1024)]
    user_filter: String,
    /// The attribute that holds the name with which people log in.
    #[serde(default = "uid")]
    #[schema(max_length = 255)]
    name_attribute: String,
    /// The attribute that holds an address for mail; empty for none.
    #[serde(default = "mail")]
    #[schema(max_length = 255)]
    mail_attribute: String,
    /// The attribute of a person that lists its groups; empty when groups list their members instead.
    #[serde(default = "member_of")]
    #[schema(max_length = 255)]
    membership_attribute: String,
    /// Below which entry groups are; empty when groups do not matter.
    #[serde(default)]
    #[schema(max_length = 1024)]
    group_base_dn: String,
    /// What the entries of groups are like; empty for any.
    #[serde(default)]
    #[schema(max_length = 1024)]
    group_filter: String,
    /// The attribute that holds a group's name.
    #[serde(default = "cn")]
    #[schema(max_length = 255)]
    group_name_attribute: String,
    /// Whoever is in this group administers the account; empty for nobody.
    #[serde(default)]
    #[schema(max_length = 1024)]
    admin_group_dn: String,
    /// Whether whoever comes first becomes a user.
    #[serde(default = "yes")]
    onboards: bool,
    /// Whether nobody logs in by it at present.
    #[serde(default)]
    disabled: bool,
}

/// A directory to be made known.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "Map<String, Value>")]
pub(in crate::account_api) struct NewLdapSource {
    /// Its name: small letters and digits, with single `.`, `_` or `-` between them.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    /// The account that its people belong to first: for a source of the deployment only; `default` when nothing is said.
    #[schema(max_length = 63)]
    home_account: Option<String>,
    #[serde(flatten)]
    text: LdapSourceText,
}

/// A directory.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the body"
)]
pub(in crate::account_api) struct LdapSourceShown {
    /// Its name.
    name: String,
    /// The account that its people belong to first.
    home_account: String,
    /// Where it is.
    url: String,
    /// Whether an `ldap://` connection becomes one of TLS before anything is said on it.
    starts_tls: bool,
    /// Whether the server's certificate is looked at.
    verify_certificate: bool,
    /// The authorities to believe, in PEM.
    ca_certificates: String,
    /// As whom the registry looks for people.
    bind_dn: String,
    /// Whether the registry has a password there.
    has_bind_password: bool,
    /// Below which entry people are.
    base_dn: String,
    /// How far below.
    scope: DirectoryScope,
    /// What the entries of people are like.
    user_filter: String,
    /// The attribute that holds the name with which people log in.
    name_attribute: String,
    /// The attribute that holds an address for mail.
    mail_attribute: String,
    /// The attribute of a person that lists its groups.
    membership_attribute: String,
    /// Below which entry groups are.
    group_base_dn: String,
    /// What the entries of groups are like.
    group_filter: String,
    /// The attribute that holds a group's name.
    group_name_attribute: String,
    /// Whoever is in this group administers the account.
    admin_group_dn: String,
    /// Whether whoever comes first becomes a user.
    onboards: bool,
    /// Whether nobody logs in by it at present.
    disabled: bool,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl LdapSourceText {
    pub(super) fn read(self) -> LdapSourceSpec {
        LdapSourceSpec {
            settings: LdapSettings {
                url: self.url,
                starts_tls: self.starts_tls,
                verifies_certificate: self.verify_certificate,
                ca_certificates: self.ca_certificates,
                bind_dn: self.bind_dn,
                base_dn: self.base_dn,
                scope: match self.scope {
                    DirectoryScope::Base => LdapScope::Base,
                    DirectoryScope::One => LdapScope::One,
                    DirectoryScope::Sub => LdapScope::Sub,
                },
                user_filter: self.user_filter,
                name_attribute: self.name_attribute,
                mail_attribute: self.mail_attribute,
                membership_attribute: self.membership_attribute,
                group_base_dn: self.group_base_dn,
                group_filter: self.group_filter,
                group_name_attribute: self.group_name_attribute,
                admin_group_dn: self.admin_group_dn,
            },
            bind_password: self.bind_password,
            onboards: self.onboards,
            is_disabled: self.disabled,
        }
    }
}

impl TryFrom<Map<String, Value>> for NewLdapSource {
    type Error = serde_json::Error;

    /// What is flattened can say of no field that it is unknown; so the rest is read by itself.
    fn try_from(mut fields: Map<String, Value>) -> Result<Self, Self::Error> {
        let name = fields.remove("name");
        let name = name.ok_or_else(|| Self::Error::missing_field("name"))?;
        let home_account = fields.remove("home_account").unwrap_or_default();
        Ok(Self {
            name: String::deserialize(name)?,
            home_account: Option::deserialize(home_account)?,
            text: LdapSourceText::deserialize(Value::Object(fields))?,
        })
    }
}

impl NewLdapSource {
    pub(super) fn read(self) -> (String, Option<String>, LdapSourceSpec) {
        (self.name, self.home_account, self.text.read())
    }
}

pub(super) fn shown(view: LdapSourceView) -> LdapSourceShown {
    let settings = view.settings;
    LdapSourceShown {
        name: view.name,
        home_account: view.home_account,
        url: settings.url,
        starts_tls: settings.starts_tls,
        verify_certificate: settings.verifies_certificate,
        ca_certificates: settings.ca_certificates,
        bind_dn: settings.bind_dn,
        has_bind_password: view.has_bind_password,
        base_dn: settings.base_dn,
        scope: match settings.scope {
            LdapScope::Base => DirectoryScope::Base,
            LdapScope::One => DirectoryScope::One,
            LdapScope::Sub => DirectoryScope::Sub,
        },
        user_filter: settings.user_filter,
        name_attribute: settings.name_attribute,
        mail_attribute: settings.mail_attribute,
        membership_attribute: settings.membership_attribute,
        group_base_dn: settings.group_base_dn,
        group_filter: settings.group_filter,
        group_name_attribute: settings.group_name_attribute,
        admin_group_dn: settings.admin_group_dn,
        onboards: view.onboards,
        disabled: view.is_disabled,
        created_at: Time::from_ms(view.created_at_ms),
        updated_at: Time::from_ms(view.updated_at_ms),
    }
}
