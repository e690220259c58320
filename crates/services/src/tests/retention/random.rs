//! Random repositories: what the preview says, the dry run counts, and the run does.

use super::{Clay, World, clay, digest, rule};
use keys::Random;
use keys::random::SeededRandom;
use metadata::RetentionState;
use model::retention::{RuleAction, RuleText, Template};
use std::collections::BTreeSet;

/// A number below `below`.
fn draw(random: &SeededRandom, below: usize) -> usize {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    usize::try_from(u32::from_le_bytes(bytes)).unwrap() % below.max(1)
}

/// Images, indexes, referrers and signatures, each about things that were there before.
fn random_repository(random: &SeededRandom, name: &str) -> Vec<Clay> {
    let count = 3 + draw(random, 12);
    let mut all: Vec<Clay> = Vec::new();
    for at in 0..count {
        let mut one = clay(
            &format!("{name} {at}"),
            &[],
            i64::try_from(draw(random, 400)).unwrap(),
        );
        if at > 0 && draw(random, 4) == 0 {
            one.subject = Some(digest(&all[draw(random, at)].text));
        }
        if at > 0 && draw(random, 3) == 0 {
            let children = (0..=draw(random, 2)).map(|_| digest(&all[draw(random, at)].text));
            one.children = children.collect::<BTreeSet<_>>().into_iter().collect();
        }
        if at > 0 && draw(random, 6) == 0 {
            let about = digest(&all[draw(random, at)].text)
                .to_string()
                .replace(':', "-");
            one.tags.push(format!("{about}.sig{at}"));
        }
        for _ in 0..draw(random, 3) {
            one.tags.push(format!(
                "{}{at}-{}",
                ["v", "dev-", "x"][draw(random, 3)],
                one.tags.len()
            ));
        }
        all.push(one);
    }
    all
}

fn random_rules(random: &SeededRandom) -> Vec<RuleText> {
    let actions = [
        RuleAction::Retain,
        RuleAction::Retain,
        RuleAction::Keep,
        RuleAction::Remove,
    ];
    let patterns = ["**", "v*", "dev-*", "x*"];
    let rules = (0..=draw(random, 3)).map(|at| {
        let template = Template::ALL[draw(random, Template::ALL.len())];
        let count = u32::try_from(draw(random, 4)).unwrap();
        let mut rule = rule(
            actions[draw(random, 4)],
            template,
            count,
            patterns[draw(random, 4)],
        );
        rule.tag_selectors[0].untagged = draw(random, 3) == 0;
        // No two are the same.
        rule.tag_selectors[0].pattern.push_str(&"{,}".repeat(at));
        rule
    });
    rules.collect()
}

/// What the preview says is what the dry run counts and what the run does.
#[tokio::test]
async fn a_run_does_what_preview_and_dry_run_said() {
    let random = SeededRandom::new(7);
    let world = World::start().await;
    for round in 0..25 {
        let name = format!("team/app{round}");
        let repository = world.repository(&name).await;
        world
            .make(&repository, random_repository(&random, &name))
            .await;
        world.set(random_rules(&random)).await;
        let preview = world.preview().await;
        let stays = |only: &str| -> BTreeSet<String> {
            let found = preview
                .repositories
                .iter()
                .find(|one| one.name == only)
                .expect("it");
            let stays = found.artifacts.iter().filter(|one| one.stays);
            stays.map(|one| one.artifact.digest.clone()).collect()
        };
        let before = world.digests(&repository).await;
        let dry = world.work(&world.start_run(true).await).await;
        assert_eq!(
            world.digests(&repository).await,
            before,
            "a dry run removes nothing"
        );
        let run = world.work(&world.start_run(false).await).await;
        assert_eq!(
            (run.state, run.total, run.retained, run.removed),
            (RetentionState::Done, dry.total, dry.retained, dry.removed),
            "{round}"
        );
        assert_eq!(world.digests(&repository).await, stays(&name), "{round}");
        assert_eq!(run.total - run.removed, run.retained);
        let again = world.work(&world.start_run(false).await).await;
        assert!(again.removed <= run.total, "{round}");
    }
}
