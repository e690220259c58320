//! Samples of the first pages: signing in, accounts, lists, an artifact.

use super::{Kind, NOW, digest, frame};
use crate::account::{
    AccountLine, AccountUsage, Accounts, Concern, FirstPush, Overview, RecentRepository,
};
use crate::artifact::{
    Artifact, ArtifactChanges, ArtifactForm, Document, LabelLine, LayerLine, PartLine,
    ReferrerLine, TagLine,
};
use crate::artifacts::{ArtifactLine, Artifacts};
use crate::charts::{Chart, Style, Unit};
use crate::failure::Failure;
use crate::namespaces::{NamespaceForm, NamespaceLine, Namespaces};
use crate::repositories::{Repositories, RepositoryLine};
use crate::sign_in::{Password, SignIn};
use crate::{Bytes, Language, Page, Section};

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let mut pages = plain_pages(kind, language);
    pages.push(Box::new(overview(kind, language)));
    pages.extend(lists(kind, language));
    pages.push(Box::new(artifact(kind, language)));
    pages
}

fn plain_pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::None);
    vec![
        Box::new(SignIn {
            frame: frame(),
            next: kind.name("/console"),
            name: kind.name("admin"),
            failed: kind.failed(),
            elsewhere: kind.lines(|_| (kind.name("/c/oidc/login"), kind.name("Company"))),
        }),
        Box::new(Password {
            frame: frame(),
            name: kind.name("admin"),
            is_operator: kind == Kind::Huge,
            failed: kind.failed(),
        }),
        Box::new(Failure {
            frame: frame(),
            why: language.texts().failure_not_found,
            detail: kind.failed(),
        }),
        Box::new(Accounts {
            frame: frame(),
            accounts: kind.lines(|at| AccountLine {
                name: kind.name("acme"),
                plan: Some(kind.name("M")).filter(|_| at > 0),
                used: Bytes(kind.count()),
                limit: Some(Bytes(1 << 40)).filter(|_| at > 0),
            }),
            next: kind.next(),
        }),
    ]
}

pub(super) fn charts(kind: Kind, language: Language) -> Vec<Chart> {
    let t = language.texts();
    let chart = |style, unit, names: &[&'static str]| Chart {
        language,
        title: t.pulls_and_pushes,
        style,
        unit,
        names: names.to_vec(),
        columns: kind.few(|at| {
            (
                kind.name("2026-11-23"),
                vec![Some(kind.count()).filter(|_| at > 0); names.len()],
            )
        }),
        limit: Some((kind.count() * 2, t.storage_limit)),
    };
    vec![
        chart(Style::Bars, Unit::Count, &[t.pulls, t.pushes]),
        chart(Style::Line, Unit::Bytes, &[t.storage]),
    ]
}

fn overview(kind: Kind, language: Language) -> Overview {
    Overview {
        frame: frame(kind, language, Section::Overview),
        account: kind.name("acme"),
        namespaces: kind.count(),
        repositories: kind.count(),
        concerns: kind.few(|at| match at % 6 {
            0 => Concern::Storage(80),
            1 => Concern::Pulls(95),
            2 => Concern::RobotExpires(kind.name("ci"), NOW),
            3 => Concern::RobotExpired(kind.name("ci"), NOW),
            4 => Concern::FailedJobs(kind.count()),
            _ => Concern::SinkFails(kind.name("siem")),
        }),
        usage: Some(AccountUsage {
            plan: Some(kind.name("M")),
            used: Bytes(kind.count()),
            limit: Some(Bytes(1000)),
            full_in_days: Some(kind.count()),
            pulled: Bytes(kind.count()),
            pulls: kind.count(),
            pushes: kind.count(),
            charts: charts(kind, language),
        })
        .filter(|_| kind != Kind::Empty),
        first_push: Some(FirstPush {
            registry: kind.name("registry.example.com"),
            user: kind.name("admin"),
            namespace: kind.name("library"),
        })
        .filter(|_| matches!(kind, Kind::Empty | Kind::Hostile)),
        recent: kind.lines(|_| RecentRepository {
            name: kind.name("library/app"),
            artifacts: kind.count(),
            updated: NOW,
        }),
    }
}

fn lists(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Namespaces);
    let words = if kind == Kind::Usual {
        String::new()
    } else {
        kind.name("app")
    };
    vec![
        Box::new(Namespaces {
            frame: frame(),
            account: kind.name("acme"),
            words: words.clone(),
            namespaces: kind.lines(|at| NamespaceLine {
                name: kind.name("library"),
                is_public: at == 0,
                repositories: kind.count(),
            }),
            next: kind.next(),
            form: Some(NamespaceForm {
                name: kind.name("team"),
                failed: kind.failed(),
            }),
        }),
        Box::new(Repositories {
            frame: frame(),
            account: kind.name("acme"),
            namespace: kind.name("library"),
            words: words.clone(),
            repositories: kind.lines(|at| RepositoryLine {
                name: kind.name("library/app"),
                artifacts: kind.count(),
                pulls: kind.count(),
                last_pull: Some(NOW).filter(|_| at > 0),
                updated: NOW,
            }),
            next: kind.next(),
        }),
        Box::new(Artifacts {
            frame: frame(),
            account: kind.name("acme"),
            namespace: kind.name("library"),
            repository: kind.name("library/app"),
            description_html: "<p>Made safe by the service.</p>".to_owned(),
            description: Some(kind.name("What it is for.")).filter(|_| kind != Kind::Empty),
            words,
            kind: kind.name("IMAGE"),
            may_delete: kind != Kind::Empty,
            may_delete_all: kind != Kind::Empty,
            failed: kind.failed(),
            artifacts: kind.few(|at| ArtifactLine {
                digest: digest(at),
                kind: kind.name("IMAGE"),
                tags: (0..at.min(3)).map(|_| kind.name("v1")).collect(),
                more_tags: kind.count(),
                labels: (0..at.min(2)).map(|_| kind.name("checked")).collect(),
                size: Bytes(kind.count()),
                pushed: NOW,
                last_pull: Some(NOW).filter(|_| at > 0),
            }),
            next: kind.next(),
        }),
    ]
}

fn artifact(kind: Kind, language: Language) -> Artifact {
    let label = |at: usize| LabelLine {
        number: i64::try_from(at).unwrap_or(0),
        name: kind.name("checked"),
    };
    Artifact {
        frame: frame(kind, language, Section::Namespaces),
        account: kind.name("acme"),
        repository: kind.name("library/app"),
        digest: digest(1),
        kind: kind.name("IMAGE"),
        media_type: kind.name("application/vnd.oci.image.index.v1+json"),
        size: Bytes(kind.count()),
        pushed: NOW,
        last_pull: Some(NOW).filter(|_| kind != Kind::Empty),
        more_tags: kind.count(),
        tags: kind.some(12, |at| TagLine {
            name: kind.name("v1"),
            set: NOW,
            is_immutable: at == 0,
        }),
        labels: kind.few(label),
        is_locked: kind != Kind::Empty,
        documents: kind.some(3, |_| "values.yaml"),
        document: (kind != Kind::Empty).then(|| Document {
            name: "values.yaml",
            text: kind.name("replicas: 3"),
            is_html: false,
            is_cut: kind == Kind::Huge,
        }),
        may: ArtifactChanges {
            tag: true,
            lock: true,
            unlabel: true,
            labels: kind.few(label),
            copy: true,
            delete: true,
        },
        form: ArtifactForm {
            what: if kind == Kind::Huge { "copy" } else { "tag" }.to_owned(),
            text: kind.name("v2"),
            failed: kind.failed(),
        },
        parts: kind.few(|at| PartLine {
            digest: digest(at),
            platform: kind.name("linux/arm64/v8"),
            is_there: at == 0,
        }),
        layers: kind.lines(|at| LayerLine {
            digest: digest(at),
            size: Bytes(kind.count()),
            step: kind.name("RUN make"),
        }),
        facts: kind.few(|_| (kind.name("os"), kind.name("linux"))),
        annotations: kind.few(|_| (kind.name("org.example"), kind.name("value"))),
        referrers: kind.few(|at| ReferrerLine {
            digest: digest(at),
            kind: kind.name("application/spdx+json"),
            size: Bytes(kind.count()),
            // Two levels up and down.
            depth: at % 3,
        }),
        commands: vec![(
            "docker",
            kind.name("docker pull registry.example.com/library/app:v1"),
        )],
    }
}
