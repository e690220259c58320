//! Rules of immutability of a namespace: which tags do not change.

use super::reply::{Answered, Created, Done, List};
use super::{Call, Time};
use model::Page;
use model::selector::{Decoration, SelectorKind, SelectorText};
use serde::{Deserialize, Serialize};
use services::{ImmutabilityRef, ImmutabilitySelectors, ImmutabilityView, NamespaceRef};
use utoipa::ToSchema;

/// In which words a pattern is written.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PatternKind {
    /// `*`, `**`, `?`, `{a,b}`, `[a-z]`.
    Doublestar,
    /// A regular expression, which has to match all of the text.
    Regex,
}

/// What a rule is about: tags, or repositories by their names without the namespace.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImmutabilitySelector {
    kind: PatternKind,
    /// Whether what matches is excluded.
    #[serde(default)]
    excludes: bool,
    #[schema(max_length = 256)]
    pattern: String,
}

impl ImmutabilitySelector {
    fn text(self, [matches, excludes]: [Decoration; 2]) -> SelectorText {
        SelectorText {
            kind: match self.kind {
                PatternKind::Doublestar => SelectorKind::Doublestar,
                PatternKind::Regex => SelectorKind::Regex,
            },
            decoration: if self.excludes { excludes } else { matches },
            pattern: self.pattern,
            untagged: false,
        }
    }

    fn shown(text: SelectorText) -> Self {
        Self {
            kind: match text.kind {
                SelectorKind::Regex => PatternKind::Regex,
                _ => PatternKind::Doublestar,
            },
            excludes: matches!(
                text.decoration,
                Decoration::Excludes | Decoration::RepoExcludes
            ),
            pattern: text.pattern,
        }
    }
}

/// A rule as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImmutabilityRuleText {
    /// All of these have to select a repository.
    #[schema(min_items = 1, max_items = 10)]
    repositories: Vec<ImmutabilitySelector>,
    /// All of these have to select a tag.
    #[schema(min_items = 1, max_items = 10)]
    tags: Vec<ImmutabilitySelector>,
}

/// A rule as it is to be, and whether it is in effect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImmutabilityRuleChange {
    /// All of these have to select a repository; as they are without them and without `tags`.
    #[schema(min_items = 1, max_items = 10)]
    repositories: Option<Vec<ImmutabilitySelector>>,
    /// All of these have to select a tag.
    #[schema(min_items = 1, max_items = 10)]
    tags: Option<Vec<ImmutabilitySelector>>,
    is_enabled: bool,
}

/// A rule.
#[derive(Serialize, ToSchema)]
pub(super) struct ImmutabilityRuleShown {
    id: String,
    is_enabled: bool,
    repositories: Vec<ImmutabilitySelector>,
    tags: Vec<ImmutabilitySelector>,
    created_at: Time,
}

/// What was made.
#[derive(Serialize, ToSchema)]
pub(super) struct ImmutabilityRuleMade {
    id: String,
}

fn selectors(
    repositories: Vec<ImmutabilitySelector>,
    tags: Vec<ImmutabilitySelector>,
) -> ImmutabilitySelectors {
    let of_repositories = [Decoration::RepoMatches, Decoration::RepoExcludes];
    let of_tags = [Decoration::Matches, Decoration::Excludes];
    let texts = |all: Vec<ImmutabilitySelector>, by| {
        all.into_iter()
            .map(|selector| selector.text(by))
            .collect::<Vec<_>>()
    };
    ImmutabilitySelectors {
        repositories: texts(repositories, of_repositories),
        tags: texts(tags, of_tags),
    }
}

fn shown(view: ImmutabilityView) -> ImmutabilityRuleShown {
    let all = |texts: Vec<SelectorText>| {
        texts
            .into_iter()
            .map(ImmutabilitySelector::shown)
            .collect::<Vec<_>>()
    };
    ImmutabilityRuleShown {
        id: view.id,
        is_enabled: view.is_enabled,
        repositories: all(view.selectors.repositories),
        tags: all(view.selectors.tags),
        created_at: Time::from_ms(view.created_at_ms),
    }
}

fn namespace<'a>(call: &'a Call<'_>) -> NamespaceRef<'a> {
    NamespaceRef::Name(call.param("namespace"))
}

/// `listImmutabilityRules`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<ImmutabilityRuleShown>> {
    let by = call.account().await?;
    let rules = &call.services().immutability;
    let items = rules.list(&by, namespace(call)).await?;
    Ok(call.page(Page { items, next: None }, shown))
}

/// `createImmutabilityRule`.
pub(super) async fn create(
    call: &Call<'_>,
    wanted: ImmutabilityRuleText,
) -> Answered<Created<ImmutabilityRuleMade>> {
    let by = call.account().await?;
    let selectors = selectors(wanted.repositories, wanted.tags);
    let rules = &call.services().immutability;
    let (id, _) = rules.create(&by, namespace(call), selectors).await?;
    Ok(Created::at(call.location(&id), ImmutabilityRuleMade { id }))
}

/// `updateImmutabilityRule`.
pub(super) async fn update(call: &Call<'_>, wanted: ImmutabilityRuleChange) -> Answered<Done> {
    let by = call.account().await?;
    let selectors = match (wanted.repositories, wanted.tags) {
        (None, None) => None,
        (repositories, tags) => Some(selectors(
            repositories.unwrap_or_default(),
            tags.unwrap_or_default(),
        )),
    };
    let named = (namespace(call), ImmutabilityRef::Id(call.param("rule")));
    let rules = &call.services().immutability;
    rules
        .update(&by, named, selectors, wanted.is_enabled)
        .await?;
    Ok(Done)
}

/// `deleteImmutabilityRule`.
pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let named = (namespace(call), ImmutabilityRef::Id(call.param("rule")));
    call.services().immutability.delete(&by, named).await?;
    Ok(Done)
}
