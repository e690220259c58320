//! Rules by which workloads elsewhere are trusted.

use super::reply::{Answered, Created, Done, List, Shown};
use super::time::Time;
use super::{ApiError, Call};
use model::Action;
use serde::{Deserialize, Serialize};
use services::{NamedPermission, PermissionPlace, TrustRuleSpec, TrustRuleView};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Where a permission holds.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TrustedPlace {
    /// The account itself.
    Account,
    /// Every namespace of the account, now and later.
    EveryNamespace,
    /// The namespace that is named beside.
    Namespace,
}

/// Some actions somewhere.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustedPermission {
    /// Where.
    place: TrustedPlace,
    /// The namespace's name, with `namespace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    namespace: Option<String>,
    /// The actions by their names, such as `repository:pull` and `repository:push`.
    #[schema(min_items = 1, max_items = 200)]
    actions: Vec<String>,
}

/// A trust rule to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTrustRule {
    /// Its name: small letters and digits, with single `.`, `_` or `-` between them. It stands in the audit log.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    /// What people say of it.
    #[serde(default)]
    #[schema(max_length = 1024)]
    description: String,
    /// Whose tokens are believed: a URL, exactly as the tokens have it.
    #[schema(
        max_length = 512,
        example = "https://token.actions.githubusercontent.com"
    )]
    issuer: String,
    /// For whom they must be, and for nobody else.
    #[schema(min_length = 1, max_length = 255)]
    audience: String,
    /// What each of these claims has to be like, from its first letter to its last: one of its patterns. `*` is any run
    /// without `/`, `**` any run at all.
    claims: BTreeMap<String, Vec<String>>,
    /// What workloads may do by it. Nobody gives what it does not hold itself.
    #[schema(min_items = 1, max_items = 200)]
    permissions: Vec<TrustedPermission>,
    /// How long registry tokens live that are got by it; as long as others when nothing is said.
    #[schema(minimum = 60, maximum = 3600)]
    token_lifetime_secs: Option<i64>,
    /// Whether it believes nobody at present.
    #[serde(default)]
    disabled: bool,
}

/// What a trust rule is to become, all of it but the name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustRuleText {
    /// What people say of it.
    #[serde(default)]
    #[schema(max_length = 1024)]
    description: String,
    /// Whose tokens are believed.
    #[schema(max_length = 512)]
    issuer: String,
    /// For whom they must be.
    #[schema(min_length = 1, max_length = 255)]
    audience: String,
    /// What each of these claims has to be like.
    claims: BTreeMap<String, Vec<String>>,
    /// What workloads may do by it.
    #[schema(min_items = 1, max_items = 200)]
    permissions: Vec<TrustedPermission>,
    /// How long registry tokens live that are got by it.
    #[schema(minimum = 60, maximum = 3600)]
    token_lifetime_secs: Option<i64>,
    /// Whether it believes nobody at present.
    #[serde(default)]
    disabled: bool,
}

/// A trust rule.
#[derive(Serialize, ToSchema)]
pub(super) struct TrustRuleShown {
    /// Its name.
    name: String,
    /// What people say of it.
    description: String,
    /// Whose tokens are believed.
    issuer: String,
    /// For whom they must be.
    audience: String,
    /// What each of these claims has to be like.
    claims: BTreeMap<String, Vec<String>>,
    /// What workloads may do by it.
    permissions: Vec<TrustedPermission>,
    /// How long registry tokens live that are got by it.
    token_lifetime_secs: Option<i64>,
    /// Whether it believes nobody at present.
    disabled: bool,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
    /// When it was last used, to within some minutes.
    last_used_at: Option<Time>,
}

impl TrustedPermission {
    fn read(self) -> Result<NamedPermission, ApiError> {
        let place = match (self.place, self.namespace) {
            (TrustedPlace::Account, None) => PermissionPlace::Account,
            (TrustedPlace::EveryNamespace, None) => PermissionPlace::EveryNamespace,
            (TrustedPlace::Namespace, Some(name)) => PermissionPlace::Namespace(name),
            _ => {
                return Err(ApiError::invalid(
                    "a permission of place namespace names one, and no other does",
                ));
            }
        };
        let action = |name: &String| {
            Action::parse(name)
                .ok_or_else(|| ApiError::invalid(format!("there is no action {name}")))
        };
        Ok(NamedPermission {
            place,
            actions: self.actions.iter().map(action).collect::<Result<_, _>>()?,
        })
    }

    fn shown(permission: NamedPermission) -> Self {
        let (place, namespace) = match permission.place {
            PermissionPlace::Account => (TrustedPlace::Account, None),
            PermissionPlace::EveryNamespace => (TrustedPlace::EveryNamespace, None),
            PermissionPlace::Namespace(name) => (TrustedPlace::Namespace, Some(name)),
        };
        let actions = permission.actions.iter();
        Self {
            place,
            namespace,
            actions: actions.map(|action| action.as_str().to_owned()).collect(),
        }
    }
}

impl TrustRuleText {
    fn read(self) -> Result<TrustRuleSpec, ApiError> {
        let permissions = self.permissions.into_iter().map(TrustedPermission::read);
        Ok(TrustRuleSpec {
            description: self.description,
            issuer: self.issuer,
            audience: self.audience,
            claims: self.claims,
            permissions: permissions.collect::<Result<_, _>>()?,
            token_lifetime_secs: self.token_lifetime_secs,
            is_disabled: self.disabled,
        })
    }
}

fn shown(view: TrustRuleView) -> TrustRuleShown {
    let permissions = view.spec.permissions.into_iter();
    TrustRuleShown {
        name: view.name,
        description: view.spec.description,
        issuer: view.spec.issuer,
        audience: view.spec.audience,
        claims: view.spec.claims,
        permissions: permissions.map(TrustedPermission::shown).collect(),
        token_lifetime_secs: view.spec.token_lifetime_secs,
        disabled: view.spec.is_disabled,
        created_at: Time::from_ms(view.created_at_ms),
        updated_at: Time::from_ms(view.updated_at_ms),
        last_used_at: view.last_used_at_ms.map(Time::from_ms),
    }
}

pub(super) async fn list(call: &Call<'_>) -> Answered<List<TrustRuleShown>> {
    let by = call.account().await?;
    let query = call.list_query()?;
    let listed = call.services().trust_rules.list(&by, query).await?;
    call.counted(listed, shown)
}

pub(super) async fn create(
    call: &Call<'_>,
    new: NewTrustRule,
) -> Answered<Created<TrustRuleShown>> {
    let by = call.account().await?;
    let text = TrustRuleText {
        description: new.description,
        issuer: new.issuer,
        audience: new.audience,
        claims: new.claims,
        permissions: new.permissions,
        token_lifetime_secs: new.token_lifetime_secs,
        disabled: new.disabled,
    };
    let made = call
        .services()
        .trust_rules
        .create(&by, new.name, text.read()?);
    let made = made.await?;
    Ok(Created::at(call.location(&made.name), shown(made)))
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<TrustRuleShown>> {
    let by = call.account().await?;
    let view = call.services().trust_rules.get(&by, call.param("rule"));
    Ok(Shown(shown(view.await?)))
}

pub(super) async fn put(call: &Call<'_>, text: TrustRuleText) -> Answered<Shown<TrustRuleShown>> {
    let by = call.account().await?;
    let (rules, name) = (&call.services().trust_rules, call.param("rule"));
    Ok(Shown(shown(rules.update(&by, name, text.read()?).await?)))
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let deleted = call.services().trust_rules.delete(&by, call.param("rule"));
    deleted.await?;
    Ok(Done)
}
