//! Rules by which programs elsewhere are trusted.

use super::permissions::{permissions, ticked};
use super::robots::{boxes, is_simple, places, rights, typed};
use super::{mendable_name, parts};
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::people::parts::Part;
use pages::people::trust_rules::{TrustRule, TrustRuleForm, TrustRuleLine, TrustRules};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{AccountContext, Error, NamedPermission, Refused, TrustRuleSpec, TrustRuleView};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `GET /accounts/{account}/trust-rules`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let mut form = TrustRuleForm {
        audience: visit.registry_name().await,
        ..TrustRuleForm::default()
    };
    form.rights.actions = boxes(visit, &by, &[Action::RepositoryPush]).await?;
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: TrustRuleForm,
) -> Result<TrustRules, Failed> {
    let rules = &visit.services().trust_rules;
    let listed = rules.list(by, visit.list_by_name()).await?;
    let lines = listed.items.iter().map(line).collect();
    let (rules, next) = visit.page_of(lines, |rule: &TrustRuleLine| &rule.name);
    let may_create = visit.may(by, Action::TrustRuleCreate).await?;
    Ok(TrustRules {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        parts: parts(visit, by, Part::TrustRules).await?,
        rules,
        next,
        form: may_create.then_some(form),
    })
}

fn line(view: &TrustRuleView) -> TrustRuleLine {
    TrustRuleLine {
        name: view.name.clone(),
        issuer: view.spec.issuer.clone(),
        is_disabled: view.spec.is_disabled,
        last_used: view.last_used_at_ms.map(Moment),
    }
}

/// The rule that was typed. What its form does not decide stays as it was.
fn spec(visit: &Visit<'_>, before: Option<&TrustRuleSpec>) -> Result<TrustRuleSpec, Refused> {
    let text = |name| visit.form.get(name).trim().to_owned();
    let kept = before.filter(|before| !is_simple(&before.permissions));
    let permissions: Vec<NamedPermission> = match kept {
        Some(before) => before.permissions.clone(),
        None => permissions(visit, None),
    };
    Ok(TrustRuleSpec {
        description: text("description"),
        issuer: text("issuer"),
        audience: text("audience"),
        claims: claims(visit)?,
        permissions,
        token_lifetime_secs: before.and_then(|before| before.token_lifetime_secs),
        is_disabled: visit.form.is_on("disabled"),
    })
}

/// What was typed about claims: a name and a pattern on each line.
fn claims(visit: &Visit<'_>) -> Result<BTreeMap<String, Vec<String>>, Refused> {
    let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let lines = visit.form.get("claims").lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let Some((name, pattern)) = line.split_once('=') else {
            let text = visit.language.texts().people.no_claim;
            return Err(Error::Invalid(text.to_owned()).into());
        };
        let patterns = claims.entry(name.trim().to_owned()).or_default();
        patterns.push(pattern.trim().to_owned());
    }
    Ok(claims)
}

/// The form as it was sent, with what was wrong.
async fn sent(
    visit: &Visit<'_>,
    by: &AccountContext,
    failed: String,
) -> Result<TrustRuleForm, Failed> {
    let text = |name| visit.form.get(name).to_owned();
    let mut rights = typed(visit);
    rights.actions = boxes(visit, by, &ticked(visit)).await?;
    Ok(TrustRuleForm {
        name: text("name"),
        description: text("description"),
        issuer: text("issuer"),
        audience: text("audience"),
        claims: text("claims"),
        is_disabled: visit.form.is_on("disabled"),
        rights,
        failed: Some(failed),
    })
}

fn one(by: &AccountContext, name: &str) -> String {
    let link = Link::Under(&by.account().name, &["trust-rules", name]).to_string();
    format!("{link}?notice={}", Notice::Saved.word())
}

/// `POST /accounts/{account}/trust-rules`: makes one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let (rules, name) = (
        &visit.services().trust_rules,
        visit.form.get("name").trim().to_owned(),
    );
    let made = match spec(visit, None) {
        Ok(spec) => rules.create(&by, name, spec).await,
        Err(refused) => Err(refused),
    };
    match made {
        Ok(made) => Ok(Sent::to(&one(&by, &made.name))),
        Err(refused) => {
            let form = sent(visit, &by, mendable_name(refused)?).await?;
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<TrustRuleView, Failed> {
    let rules = &visit.services().trust_rules;
    Ok(rules.get(by, visit.param("rule")).await?)
}

/// `GET /accounts/{account}/trust-rules/{rule}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let page = rule(visit, &by, &view).await?;
    Ok(Sent::page(page.html()))
}

async fn rule(
    visit: &Visit<'_>,
    by: &AccountContext,
    view: &TrustRuleView,
) -> Result<TrustRule, Failed> {
    let mut claims = String::new();
    for (name, patterns) in &view.spec.claims {
        for pattern in patterns {
            _ = writeln!(claims, "{name} = {pattern}");
        }
    }
    let form = TrustRuleForm {
        name: view.name.clone(),
        description: view.spec.description.clone(),
        issuer: view.spec.issuer.clone(),
        audience: view.spec.audience.clone(),
        claims,
        is_disabled: view.spec.is_disabled,
        rights: rights(visit, by, &view.spec.permissions).await?,
        failed: None,
    };
    let may_change = visit.may(by, Action::TrustRuleUpdate).await?;
    Ok(TrustRule {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        line: line(view),
        created: Moment(view.created_at_ms),
        permissions: places(by, &view.spec.permissions),
        form: may_change.then_some(form),
        decides_rights: is_simple(&view.spec.permissions),
        may_delete: visit.may(by, Action::TrustRuleDelete).await?,
        not_deleted: None,
    })
}

/// `POST /accounts/{account}/trust-rules/{rule}`: changes it.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let rules = &visit.services().trust_rules;
    let changed = match spec(visit, Some(&view.spec)) {
        Ok(spec) => rules.update(&by, &view.name, spec).await,
        Err(refused) => Err(refused),
    };
    match changed {
        Ok(_) => Ok(Sent::to(&one(&by, &view.name))),
        Err(refused) => {
            let form = sent(visit, &by, mendable_name(refused)?).await?;
            let mut page = rule(visit, &by, &view).await?;
            page.form = Some(form);
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/trust-rules/{rule}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    if visit.form.get("confirm").trim() != view.name {
        let mut page = rule(visit, &by, &view).await?;
        page.not_deleted = Some(visit.language.texts().people.name_differs.to_owned());
        return Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let rules = &visit.services().trust_rules;
    rules.delete(&by, &view.name).await?;
    let link = Link::In(&by.account().name, "trust-rules");
    let notice = Notice::Deleted.word();
    Ok(Sent::to(&format!("{link}?notice={notice}")))
}
