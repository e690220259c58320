//! Samples of the pages of `settings`.

use super::{Kind, NOW, frame};
use crate::settings::addresses::{
    Address, AddressForm, AddressLine, Addresses, Certificate, CertificateStanding, Claim,
};
use crate::settings::collections::{CollectionLine, Collections, Timing};
use crate::settings::identity_sources::{
    IdentitySource, IdentitySources, SourceForm, SourceKind, SourceLine,
};
use crate::settings::mail::{AddressStanding, Mail, MailAddress, MailForm, MailState};
use crate::settings::sinks::{KINDS, Sink, SinkForm, SinkLine, SinkStanding, Sinks};
use crate::settings::{Settings, Standing};
use crate::{Bytes, Language, Page, Section};

fn standings(kind: Kind) -> Vec<Standing> {
    let all = kind.count();
    let is_bad = kind == Kind::Huge;
    vec![
        Standing::Mail {
            told: all,
            others: all,
            is_failing: is_bad,
        },
        Standing::Sinks {
            all,
            failing: if is_bad { all } else { 0 },
        },
        Standing::IdentitySources { all },
        Standing::Addresses {
            own: all,
            claimed: all,
            is_ending: is_bad,
        },
        Standing::Collections {
            freed: Some(Bytes(all)).filter(|_| kind != Kind::Empty),
        },
    ]
}

fn mail(kind: Kind, language: Language, form: MailForm) -> Mail {
    Mail {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        kinds: vec![("job.failed", true), ("sink.paused", kind == Kind::Huge)],
        addresses: kind.few(|at| MailAddress {
            id: kind.name("01J"),
            address: kind.name("ops@example.com"),
            standing: match at % 4 {
                0 => AddressStanding::Told,
                1 => AddressStanding::Asked(None),
                2 => AddressStanding::Asked(Some(NOW)),
                _ => AddressStanding::Refused,
            },
            error: kind.failed(),
            creator: kind.name("dora"),
        }),
        state: MailState {
            is_paused: kind == Kind::Huge,
            error: kind.failed(),
            behind: kind.count(),
            sent: kind.count(),
            sent_at: Some(NOW).filter(|_| kind != Kind::Empty),
        },
        may_change: kind != Kind::Empty,
        may_remove: kind != Kind::Empty,
        typed: kind.name("ops@example.com"),
        failed: kind.failed().map(|why| (form, why)),
    }
}

fn sink_line(kind: Kind, at: usize) -> SinkLine {
    SinkLine {
        id: kind.name("01J"),
        name: kind.name("siem"),
        kind: KINDS[at % 4].to_owned(),
        receiver: kind.name("https://logs.example.com"),
        standing: match at % 5 {
            0 => SinkStanding::Off,
            1 => SinkStanding::CaughtUp,
            2 => SinkStanding::Behind(kind.count()),
            3 => SinkStanding::Failing(kind.name("it is not there"), kind.count()),
            _ => SinkStanding::Paused(kind.name("it is not there"), kind.count()),
        },
    }
}

fn sink_form(kind: Kind, at: usize) -> SinkForm {
    SinkForm {
        kind: KINDS[at % 4].to_owned(),
        name: kind.name("siem"),
        is_cadf: kind == Kind::Huge,
        region: kind.name("eu-1"),
        access_key_id: kind.name("key"),
        ca_certificates: kind.name("PEM"),
        pushes_metrics: kind == Kind::Huge,
        believes_anybody: kind == Kind::Huge,
        is_on: kind != Kind::Empty,
        is_there: kind != Kind::Usual,
        has_secret: kind != Kind::Usual,
        failed: kind.failed(),
    }
}

fn sinks(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let list = |form| Sinks {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        sinks: kind.lines(|at| sink_line(kind, at)),
        may_create: true,
        form,
    };
    let mut pages: Vec<Box<dyn Page>> = vec![Box::new(list(None))];
    for at in 0..5 {
        pages.push(Box::new(list(Some(sink_form(kind, at)))));
        pages.push(Box::new(Sink {
            frame: frame(kind, language, Section::Settings),
            account: kind.name("acme"),
            line: sink_line(kind, at),
            sent: kind.count(),
            sent_at: Some(NOW).filter(|_| at > 0),
            missed: kind.count(),
            metrics_error: kind.failed(),
            creator: kind.name("dora"),
            created: NOW,
            form: Some(sink_form(kind, at)),
            trial: Some(kind.failed()).filter(|_| at > 0),
            may_try: at > 0,
            may_delete: kind != Kind::Empty,
            not_resumed: kind.failed(),
            not_deleted: kind.failed(),
        }));
    }
    pages
}

fn source_line(kind: Kind, at: usize) -> SourceLine {
    SourceLine {
        name: kind.name("work"),
        kind: SourceKind::ALL[at % 2],
        place: kind.name("https://login.example.com"),
        is_disabled: at == 0,
    }
}

fn source_form(kind: Kind, of: SourceKind) -> SourceForm {
    let fields = of.fields().iter();
    SourceForm {
        name: kind.name("work"),
        values: fields.map(|field| kind.name(field.usual)).collect(),
        ca_certificates: kind.name("PEM"),
        believes_anybody: kind == Kind::Huge,
        is_disabled: kind == Kind::Huge,
        is_there: kind == Kind::Usual,
        has_secret: kind == Kind::Usual,
        failed: kind.failed(),
        ..SourceForm::new(of)
    }
}

fn sources(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let list = |form: Option<SourceForm>| IdentitySources {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        sources: kind.few(|at| source_line(kind, at)),
        may_create: true,
        form,
    };
    let mut pages: Vec<Box<dyn Page>> = vec![Box::new(list(None))];
    for (at, of) in SourceKind::ALL.into_iter().enumerate() {
        pages.push(Box::new(list(Some(source_form(kind, of)))));
        pages.push(Box::new(IdentitySource {
            frame: frame(kind, language, Section::Settings),
            account: kind.name("acme"),
            line: source_line(kind, at),
            created: NOW,
            changed: NOW,
            form: Some(source_form(kind, of)),
            trial: Some(kind.failed()).filter(|_| at > 0),
            may_try: true,
            may_delete: true,
            not_deleted: kind.failed(),
        }));
    }
    pages
}

fn address_line(kind: Kind, at: usize) -> AddressLine {
    let standings = [
        CertificateStanding::Good,
        CertificateStanding::Soon(kind.count()),
        CertificateStanding::Ended,
    ];
    let claim = Claim {
        record: kind.name("_roadstead-challenge.registry.example.com"),
        url: kind.name("http://registry.example.com/.well-known/x"),
        content: kind.name("0123456789abcdef"),
        until: NOW,
    };
    let certificate = Certificate {
        subject: kind.name("CN=registry"),
        issuer: kind.name("CN=authority"),
        names: kind.few(|_| kind.name("registry.example.com")),
        fingerprint: "ab".repeat(32),
        begins: NOW,
        ends: NOW,
        standing: standings[at % 3],
    };
    AddressLine {
        host: kind.name("registry.example.com"),
        is_automatic: at == 0,
        claim: Some(claim).filter(|_| at % 5 == 1),
        certificate: Some(certificate).filter(|_| at % 5 > 1),
    }
}

fn addresses(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let mut pages: Vec<Box<dyn Page>> = vec![Box::new(Addresses {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        addresses: kind.lines(|at| address_line(kind, at)),
        may_change: true,
        typed: kind.name("registry.example.com"),
        failed: kind.failed(),
    })];
    let forms = [
        AddressForm::Proof,
        AddressForm::Certificate,
        AddressForm::NoCertificate,
        AddressForm::Delete,
    ];
    for at in 0..6 {
        for form in forms {
            pages.push(Box::new(Address {
                frame: frame(kind, language, Section::Settings),
                account: kind.name("acme"),
                line: address_line(kind, at),
                may_change: kind != Kind::Empty,
                typed: kind.name("PEM"),
                failed: kind.failed().map(|why| (form, why)),
            }));
        }
    }
    pages
}

fn collections(kind: Kind, language: Language) -> Collections {
    let states = ["queued", "running", "done", "stopped", "failed"];
    let run = |at: usize| CollectionLine {
        number: kind.count(),
        created: NOW,
        is_dry: at == 0,
        takes_untagged: at == 1,
        is_scheduled: at == 2,
        is_going: at % 5 < 2,
        state: states[at % 5],
        why: kind.failed(),
        taken: Some((
            kind.count(),
            kind.count(),
            kind.count(),
            Bytes(kind.count()),
        ))
        .filter(|_| at > 0),
    };
    let timing = Timing {
        schedule: kind.name("daily"),
        takes_untagged: true,
        next: Some(NOW),
        may_change: true,
        failed: kind.failed(),
    };
    Collections {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        runs: kind.few(run),
        may_start: kind != Kind::Empty,
        may_stop: kind != Kind::Empty,
        failed: kind.failed(),
        timing: Some(timing).filter(|_| kind != Kind::Empty),
    }
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let forms = [
        MailForm::Kinds,
        MailForm::Address,
        MailForm::Code,
        MailForm::Line,
    ];
    let mut pages: Vec<Box<dyn Page>> = vec![Box::new(Settings {
        frame: frame(kind, language, Section::Settings),
        account: kind.name("acme"),
        parts: standings(kind),
    })];
    for form in forms {
        pages.push(Box::new(mail(kind, language, form)));
    }
    pages.extend(sinks(kind, language));
    pages.extend(sources(kind, language));
    pages.extend(addresses(kind, language));
    pages.push(Box::new(collections(kind, language)));
    pages
}
