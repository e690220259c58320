//! Identity sources: issuers and directories by which people sign in.

use crate::frame::Frame;
use crate::links::Link;
use crate::texts::Texts;
use crate::values::Moment;
use askama::Template;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// An OpenID Connect issuer.
    Oidc,
    /// An LDAP directory.
    Ldap,
}

/// A line of text in a form.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What the form sends.
    pub name: &'static str,
    /// Characters at most.
    pub max: u32,
    /// Whether it cannot be empty.
    pub is_required: bool,
    /// What a new source has.
    pub usual: &'static str,
}

const fn field(name: &'static str, max: u32, is_required: bool, usual: &'static str) -> Field {
    Field {
        name,
        max,
        is_required,
        usual,
    }
}

const OIDC: &[Field] = &[
    field("issuer", 512, true, ""),
    field("client_id", 255, true, ""),
    field("scopes", 1024, false, "profile email"),
    field("name_claim", 255, true, "preferred_username"),
    field("groups_claim", 255, false, ""),
    field("admin_group", 255, false, ""),
    field("button_text", 255, false, ""),
];
const LDAP: &[Field] = &[
    field("url", 255, true, ""),
    field("bind_dn", 1024, false, ""),
    field("base_dn", 1024, true, ""),
    field("user_filter", 1024, true, "(objectClass=person)"),
    field("name_attribute", 255, true, "uid"),
    field("mail_attribute", 255, false, "mail"),
    field("membership_attribute", 255, false, "memberOf"),
    field("group_base_dn", 1024, false, ""),
    field("group_filter", 1024, false, ""),
    field("group_name_attribute", 255, false, "cn"),
    field("admin_group_dn", 1024, false, ""),
];

impl SourceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Oidc, Self::Ldap];

    /// Its word in forms and addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Ldap => "ldap",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The lines of text that its form has.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Oidc => OIDC,
            Self::Ldap => LDAP,
        }
    }

    fn words(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Oidc => t.settings.oidc,
            Self::Ldap => t.settings.ldap,
        }
    }
}

/// What a line of text is called, and what is to be known about it.
fn words(t: &'static Texts, name: &str) -> (&'static str, &'static str) {
    let s = t.settings;
    match name {
        "issuer" => (t.people.issuer, s.issuer_hint),
        "client_id" => (s.client_id, s.client_id_hint),
        "scopes" => (s.scopes, s.scopes_hint),
        "name_claim" => (s.name_claim, s.name_claim_hint),
        "groups_claim" => (s.groups_claim, s.empty_for_none),
        "admin_group" | "admin_group_dn" => (s.admin_group, s.admin_group_hint),
        "button_text" => (s.button_text, s.button_text_hint),
        "url" => (s.where_to, s.url_of_directory),
        "bind_dn" => (s.bind_dn, s.bind_dn_hint),
        "base_dn" => (s.base_dn, s.base_dn_hint),
        "user_filter" => (s.user_filter, s.user_filter_hint),
        "name_attribute" => (s.name_attribute, s.name_attribute_hint),
        "mail_attribute" => (s.mail_attribute, s.empty_for_none),
        "membership_attribute" => (s.membership_attribute, s.membership_attribute_hint),
        "group_base_dn" => (s.group_base_dn, s.group_base_dn_hint),
        "group_filter" => (s.group_filter, s.group_filter_hint),
        _ => (s.group_name_attribute, s.group_name_attribute_hint),
    }
}

/// The identity sources of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/identity_sources.html")]
pub struct IdentitySources {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Those that there are.
    pub sources: Vec<SourceLine>,
    /// Whether the reader may add others.
    pub may_create: bool,
    /// To add one, once its kind is chosen.
    pub form: Option<SourceForm>,
}

/// A source in the list.
#[derive(Clone, Debug)]
pub struct SourceLine {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Where it is.
    pub place: String,
    /// Whether nobody signs in by it at present.
    pub is_disabled: bool,
}

/// A source as it is to be.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of the form")]
pub struct SourceForm {
    /// What it is.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// What its lines of text say, in the order of [`SourceKind::fields`].
    pub values: Vec<String>,
    /// Of a directory: the authorities to believe.
    pub ca_certificates: String,
    /// Of a directory: how far below its base people are: `sub`, `one` or `base`.
    pub scope: String,
    /// Of a directory: whether a plain connection becomes one of TLS.
    pub starts_tls: bool,
    /// Of a directory: whether it may show any certificate.
    pub believes_anybody: bool,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody signs in by it at present.
    pub is_disabled: bool,
    /// Whether it is there already: its name, kind and issuer stay.
    pub is_there: bool,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl SourceForm {
    /// The form of a new one.
    pub fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            name: String::new(),
            values: kind
                .fields()
                .iter()
                .map(|field| field.usual.to_owned())
                .collect(),
            ca_certificates: String::new(),
            scope: "sub".to_owned(),
            starts_tls: true,
            believes_anybody: false,
            onboards: true,
            is_disabled: false,
            is_there: false,
            has_secret: false,
            failed: None,
        }
    }

    /// The lines of text: what is sent, what it is called, what is to be known, what it says.
    fn lines(&self, t: &'static Texts) -> Vec<(&'static Field, &'static str, &'static str, &str)> {
        let lines = self.kind.fields().iter().zip(&self.values);
        let lines = lines.filter(|(field, _)| !(self.is_there && field.name == "issuer"));
        lines
            .map(|(field, value)| {
                let (label, hint) = words(t, field.name);
                (field, label, hint, value.as_str())
            })
            .collect()
    }

    fn is_directory(&self) -> bool {
        self.kind == SourceKind::Ldap
    }

    /// How far below: the word, what it is called, whether it is so.
    fn scopes(&self, t: &'static Texts) -> [(&'static str, &'static str, bool); 3] {
        let s = t.settings;
        let scopes = [
            ("sub", s.scope_sub),
            ("one", s.scope_one),
            ("base", s.scope_base),
        ];
        scopes.map(|(word, text)| (word, text, self.scope == word))
    }
}

impl IdentitySources {
    fn link(&self, name: &str) -> String {
        Link::Under(&self.account, &["settings", "identity-sources", name]).to_string()
    }

    /// Where a kind is chosen, what it is called, whether it is chosen.
    fn kinds(&self) -> [(&'static str, &'static str, bool); 2] {
        let t = self.frame.t();
        let chosen = self.form.as_ref().map(|form| form.kind);
        SourceKind::ALL.map(|kind| (kind.word(), kind.words(t), chosen == Some(kind)))
    }

    fn kind_of(&self, line: &SourceLine) -> &'static str {
        line.kind.words(self.frame.t())
    }
}

/// An identity source.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/identity_source.html")]
pub struct IdentitySource {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The source.
    pub line: SourceLine,
    /// When it was made.
    pub created: Moment,
    /// When it was last changed.
    pub changed: Moment,
    /// To change it, for those who may.
    pub form: Option<SourceForm>,
    /// What came of a trial: `None` inside when people could sign in by it.
    pub trial: Option<Option<String>>,
    /// Whether the reader may try it.
    pub may_try: bool,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl IdentitySource {
    fn link(&self) -> String {
        let segments = ["settings", "identity-sources", &self.line.name];
        Link::Under(&self.account, &segments).to_string()
    }

    fn kind(&self) -> &'static str {
        self.line.kind.words(self.frame.t())
    }
}
